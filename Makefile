# `make run` and `make test` build what they need: a virtual environment in .venv, from pyproject.toml.

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/ready
UV := $(shell uv --version 2>/dev/null)
INSTALL := $(if $(UV),uv pip install --compile-bytecode --python $(BIN)/python,$(BIN)/python -m pip install)
HINT := name a Python 3.11 or newer, as in make PYTHON=python3.12

.PHONY: help run test lab full notebooks clean

help:
	@echo "make run        execute every notebook in the fast profile: proves that the workbook runs"
	@echo "make test       style, unit tests, and the notebooks' outputs against what they show"
	@echo "make lab        open the workbook in JupyterLab"
	@echo "make full       execute what is missing of the full profile, one seed: minutes for each notebook, an hour for 01"
	@echo "make notebooks  execute the notebooks in place, after a change that is meant"
	@echo "make clean      remove .venv and caches; records stay"

run: $(READY)
	$(BIN)/workbook run --force

test: $(READY)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/python -m pytest
	@echo "The notebooks, executed and compared with their saved outputs, one for each core:"
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadscope \
		--nbval-lax --nbval-current-env notebooks

lab: $(READY)
	$(BIN)/jupyter lab notebooks/00_start_here.ipynb

full: $(READY)
	$(BIN)/workbook run --profile full

notebooks: $(READY)
	$(BIN)/jupyter nbconvert --to notebook --inplace --execute --ExecutePreprocessor.record_timing=False \
		--ExecutePreprocessor.extra_arguments=--log-level=ERROR notebooks/*.ipynb

# Touched last: an installation that failed half-way is begun again.
$(READY): pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON): not there; $(HINT)" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "$(PYTHON): %d.%d; $(HINT)" % sys.version_info[:2])'
	@echo "Installing into .venv: one to five minutes and 6 GB, once"
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear .venv
	@$(INSTALL) --quiet --editable ".[test]"
	@touch $@

clean:
	rm -rf .venv *.egg-info .pytest_cache .ruff_cache .hypothesis
	find helpers notebooks tests -name __pycache__ -prune -exec rm -rf {} +
