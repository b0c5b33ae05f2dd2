# Everything runs through two targets, `make repro` and `make test`; both make the environment first if it is missing.
#
# PYTHON       the Python (3.11 or newer) that makes the environment
# VENV         the folder of the environment
# TORCH_INDEX  package index to take torch and torchvision from, and nothing else. Empty: pip's own index, where
#              torch is the CUDA build (several GB). Without a GPU, give the address that stands behind --index-url
#              in the CPU command on PyTorch's install page:  make repro TORCH_INDEX=<that address>
#              It is read when the environment is made; to change it later, run `make clean` first.
# JOBS         stages that `make repro` runs at a time; 1 is plain `dvc repro`, which shows progress bars
# TARGETS      stages for `make repro` (default: all)
# PYTEST_ARGS  arguments of pytest in `make test`
#
# pip's own settings (PIP_INDEX_URL, PIP_FIND_LINKS, PIP_CERT, ...) are honoured.

PYTHON ?= python3
VENV ?= .venv
TORCH_INDEX ?=
JOBS ?= 2
TARGETS ?=
PYTEST_ARGS ?= -n 3 --dist loadgroup

SHELL := /bin/sh
.DEFAULT_GOAL := help

export PYTHONHASHSEED := 0
# Bytecode is kept, even where the shell forbids it: without it each of some hundred processes compiles every module.
export PYTHONDONTWRITEBYTECODE :=
export DVC_NO_ANALYTICS := 1

# Puts $(VENV)/bin first in PATH, so that `python` is the environment's in every stage.
activate = . "$(VENV)/bin/activate"

# DVC takes the project to be a git repository unless told otherwise: tell it in an unpacked archive, and only there.
set_scm = if [ ! -e .git ]; then grep -qs 'no_scm = true' .dvc/config.local || dvc config --local core.no_scm true; \
	elif grep -qs no_scm .dvc/config.local; then dvc config --quiet --local --unset core.no_scm; fi

.PHONY: help venv repro test check bench clean

help: ## list the targets
	@awk -F ':[^#]*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' Makefile

venv: # the environment; costs nothing when it is up to date
	@command -v "$(PYTHON)" >/dev/null || { \
		echo "set-up: there is no $(PYTHON) here; name a Python 3.11 or newer: make repro PYTHON=/path/to/python3.11" >&2; \
		exit 1; }
	@"$(PYTHON)" scripts/bootstrap.py --venv "$(VENV)" --torch-index "$(TORCH_INDEX)"

repro: venv ## make all results: set up, run the stages that are out of date, show the scores
	@$(activate) && $(set_scm)
	@$(activate) && python -m pipeline check
	$(activate) && python scripts/repro.py --jobs $(JOBS) $(TARGETS)
	@if ls reports/*/*/metrics.json >/dev/null 2>&1; then $(activate) && python -m pipeline results; fi

test: venv ## set up and run every test
	$(activate) && python -m pytest $(PYTEST_ARGS)

check: venv ## set up and run the linters, the type checker and the quick tests
	$(activate) && ruff check .
	$(activate) && mypy
	$(activate) && lint-imports
	$(activate) && python -m pytest -m "not slow and not long" -n 2 --dist loadgroup -q

bench: venv ## run the benchmarks, on the artifacts of `make repro`
	$(activate) && python -m benchmarks

clean: ## delete the environment and the caches of tools and clips; data, models, reports and DVC's cache stay
	@if [ -f "$(VENV)/.made-by-make" ]; then rm -rf "$(VENV)" "$(VENV).lock"; fi
	rm -rf .cache .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -not -path './.dvc/*' -prune -exec rm -rf {} +
