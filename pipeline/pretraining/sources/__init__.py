"""Source tasks that pre-train a network here. A plugin has

    Params      its settings; `loop` among them is a `pipeline.training.task.LoopParams`
                or a `pipeline.training.cntk_schedule.AdjustedRate`
    speakers    `speakers(root, params) -> set of names`: who is heard or seen, for the guard
    train       `train(root, params, run) -> Trained`: `root` is the source corpus; before it trains it hands its ledger
                to `run.on_ledger`, with `run.stage` as the entries' stage; raises CorpusError for a corpus that cannot
                be learned from, such as too few classes or speakers, and SettingsError where the device is not there.
                The configuration may have `files`, as `protocols.splits.check_disjoint_files` takes them

Bad input costs the utterance or the picture that it is, and stands in the ledger. Their speakers and faces never occur
in an emotion corpus that the features are judged on (`pipeline.protocols.splits`). The folder `_shared` holds what
several of them use.
"""
