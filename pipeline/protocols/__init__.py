"""Training, validation and test speakers: folds, speaker groups, cross-corpus, official splits, leakage guard."""
