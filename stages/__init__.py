"""Thin entry points: one file per stage of dvc.yaml."""
