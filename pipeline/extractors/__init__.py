"""One file per feature. A plugin has

    INPUT       "sound", or the name of the feature file that it reads ("mfcc39", "faces")
    Params      its settings
    Extractor   `Extractor(params, weights)`: `weights` is the folder of a pre-trained network, or None;
                attributes `meta` (a `FeatureMeta` without version); called with samples (N,) at `SOUND_HZ`, or with
                the `ClipFeatures` of its input, it returns `ClipFeatures`; raises `ClipError` for bad input.
                With a network: `source_speakers`, who it was trained on, for the guard. Optional: `check_input(meta)`,
                which refuses a feature file that does not suit the weights

Plugins are leaves: none imports another.
"""
