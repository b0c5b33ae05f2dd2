"""Thin entry points: one file per stage of dvc.yaml. This file is imported before any of them."""

import pipeline.runner.bootstrap  # noqa: F401 - in force before any numeric library comes in
