"""One file per fusion rule. A plugin has

    Params      its settings
    fit         `fit(params, scores, labels) -> state`: scores (M, N, C) and labels (N,) of validation clips; the state is
                plain JSON, so that anyone can read what was learned
    fuse        `fuse(scores, state) -> (N, C)`: rows that sum to 1

Modality 0 is the visual one: it wins ties. A modality that a clip lacks is a row of NaN; a clip that lacks all of
them stays NaN and counts against the coverage.
"""
