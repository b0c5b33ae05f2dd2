"""Selection of feature columns by random forest importance, per fold (Huang et al. 2017, section 3.2)."""
