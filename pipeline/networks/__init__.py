"""Torch modules and nothing else: no files, no settings, no training."""
