"""Training and testing of one model over all folds: classifiers on features, networks end to end."""
