"""Source tasks that pre-train a network here. A plugin has

    Params      its settings
    speakers    `speakers(root) -> set of names`: who is heard or seen, for the guard
    train       `train(root, params) -> Trained`: `root` is the source corpus

Their speakers and faces never occur in an emotion corpus that the features are judged on (`pipeline.protocols`).
"""
