"""The trained system on new clips: the stages' own jobs and clip cache, every fold's models and fusions, their mean.

    clips       which files are clips
    steps       dvc.lock as the stages' command lines: which feature is made of what, which model of which feature
    jobs        the per-clip jobs of these stages, and a fold's fusion networks
    features    the features of new clips in a scratch folder; what a fold does with them (selection, fine-tuned
                networks)
    models      the trained models of a system
    fold_model  one of them in one fold
    choice      which models and fusions are asked
    course      windows over a clip; the table and the picture of what is said of them
    judging     what they say of clips, or of windows of them, in every fold, and the mean
    ledgers     what happened to each clip
    results     the files and the lines of the terminal
    submission  the files that EmotiW asks for
    predict     all of it

There is one trained system per fold, since test speakers differ. A new clip is judged by each fold's system as if it
were one of that fold's test clips: its column selection, its fine-tuned networks, its classifiers, what its fusions
learned. The prediction is the mean of their posteriors. Nothing is learned, and nothing of the corpus is written to.
"""
