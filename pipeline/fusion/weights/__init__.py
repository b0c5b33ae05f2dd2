"""Weights per class for the weighted sum: their search, and the feedback loop (Ouyang et al. 2017, section 5)."""
