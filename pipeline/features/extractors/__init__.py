"""One file per feature. A plugin has

    INPUT       "sound", or the name of the feature file that it reads ("mfcc39", "square100")
    Params      its settings
    ARRAYS      optional: which arrays of that file it reads; all of them otherwise
    Extractor   `Extractor(params, weights)`: `weights` is the folder of a pre-trained network, or None;
                attributes `meta` (a `FeatureMeta` without version); called with a `pipeline.media.audio_blocks.Audio`
                at `AUDIO_HZ`, or with its input's rows (`ClipFeatures` or `ClipReader`: `times`, `mask`,
                `blocks(rows)`), it yields `ClipFeatures`, consecutive rows, so that neither input nor result is ever
                in memory as a whole; raises `ClipError` for bad input, also in mid-clip. Where blocks begin depends on
                the clip alone. With a network: `source_speakers`, who it was trained on, for the guard. Optional:
                `source_files`, which files it was trained on, as `protocols.splits.check_disjoint_files` takes them,
                and `check_input(meta)`, which refuses a feature file that does not suit the weights

Plugins are leaves: none imports another.
"""
