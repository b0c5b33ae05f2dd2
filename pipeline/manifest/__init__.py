"""A corpus folder becomes `manifest.csv` and `corpus.json`: read by its adapter, checked, hashed, described."""
