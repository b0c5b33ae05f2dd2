"""Thin entry points: one file per stage of dvc.yaml. This file is imported before any of them."""

import sys

import pipeline.core.numeric  # noqa: F401 - in force before any numeric library comes in
from pipeline.core.console import mute_interrupts

if sys.argv[0] == "-m":  # Python is about to run a stage of this package, and looks for it
    mute_interrupts()
