"""Who trains, who validates, who is tested: folds, speaker groups, cross-corpus, official splits, leakage guard."""
