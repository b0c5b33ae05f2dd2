"""Metrics, confidence intervals, significance, calibration, and results per group of speakers."""
