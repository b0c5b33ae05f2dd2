"""Classifiers of clips. A plugin has

    Params      its settings; a field of type `Tried[...]` takes a value or candidates, and `Classifier` gets settings
                of one value each (`pipeline/classification/candidates.py`); `refit` and `seeds` where it can do so
    Classifier  `Classifier(params, classes)`; `fit(train, val)` returns a history, one row per epoch or candidate, of
                numbers, and of text that names what a row is about;
                `predict(data)` returns posteriors (N, C), rows that sum to 1; `save(path)` writes what was learned,
                `load(path)` reads it into a new `Classifier` of the same params: no pickles (`_files.py`);
                optional: `scores(data)`, class scores (N, C) of any range, -inf for a class that training lacked;
                `validated`, posteriors and class scores (or None) of the validation clips after `fit`, each by the
                candidate or epoch that the other validation speakers choose; `out_of_fold`, the same of the training
                clips, each by a model that has not met its speaker, NaN where there is none; `refit(data)`, which
                learns anew from training and validation clips by what `fit` has chosen; `chooses_within`, true where
                `fit` can do without `val`
    row         optional: `row(params, sequence)` returns one row (K,) of a clip's sequence (T, D), whatever the fold;
                it is made once per clip, and `Dataset.rows` has them in place of `sequences`
    WEIGHTS     optional: true where it begins with a pre-trained network; then `Classifier(params, classes, weights)`,
                the folder of that network as third argument, and `check_input(meta, weights)`, which refuses a feature
                file that does not suit the weights; `check_layer(meta, weights, params)` likewise, by the settings
    check_feature
                optional: `check_feature(meta, params, place)` refuses a feature file that does not suit the settings,
                by a SettingsError that begins with `place`, their key of params.yaml
    JOINED      optional: true where it takes features side by side (`pipeline/core/joined_view.py`): rows with NaN in
                the columns of the other features, and clips that lack some of them; `Dataset.widths`, `layers` and
                `modalities` are those of the features. With `timed`, an attribute of `Classifier`, it gets
                `Dataset.times`
    LIGHT       whether training takes time by the size of the feature file alone, so that a small one needs no
                processes

Everything that is learned (scaling included) is learned from `train`, or by `refit` from both; `val` chooses among
candidates. What judges a clip has not learned from it.
Files that begin with `_` are shared parts.
"""
