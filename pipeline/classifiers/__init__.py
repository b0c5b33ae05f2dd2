"""Classifiers of clips. A plugin has

    Params      its settings
    Classifier  `Classifier(params, classes)`; `fit(train, val)` returns a history, one row per epoch or candidate;
                `predict(data)` returns posteriors (N, C), rows that sum to 1; `save(path)` writes what was learned

Everything that is learned (scaling included) is learned from `train`; `val` only chooses among candidates.
"""
