"""Ratios and bounds, each measured in one run: `python -m benchmarks.<name>`; what was found stands in README.md."""

import stages  # noqa: F401 - its numeric settings, here since they have to be in force before a module imports numpy
