"""Ratios and bounds, each measured in one run: `python -m benchmarks.<name>`; what was found stands in README.md."""
