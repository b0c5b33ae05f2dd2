"""Networks on the sixteen aligned faces of a clip, Ouyang et al. 2017, sections 3.2 and 6.2. A plugin has

    Params      its settings, such as the size of the pictures that the network sees; the defaults are the paper's
    WINDOW      height and width of what it sees, as shares of the square (`pipeline.features.aligned.network_crop`)
    LAYERS      names of the layers that are features
    HEAD        "lstm": LAYERS give a row per frame, and an LSTM on each of them follows; "linear": a row per clip, and
                dropout (`dropout` of Params) and softmax follow
    network     `network(params, config) -> module` for the `network` block of the weights' configuration, without
                weights. Its `layers(inputs) -> list of (B, T, *shape)` in the order of LAYERS, T = 16 or 1; it may have
                `renewed` and `unused` as in `pipeline.features.pretrained`
    prepare     `prepare(params, faces) -> inputs` of `layers`, for faces (B, 16, h, w, 3) uint8 of the window at any
                size; no randomness. Where HEAD is "lstm" any number of frames will do

Plugins are leaves: none imports another.
"""
