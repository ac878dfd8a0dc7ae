# One environment for everything: .venv, made when it is missing or the pinned versions changed.
# pip's own environment variables (PIP_INDEX_URL, PIP_FIND_LINKS, ...) are honoured.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: demo test check soak bench format clean

demo: $(READY)
	$(BIN)/charrnn train builtin:python --max-time 2m
	$(BIN)/charrnn sample --length 500

test: $(READY)
	$(BIN)/python -m pytest

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# The long ones: every generated case, at full size; each prints what it counted.
soak: $(READY)
	$(BIN)/python -m pytest -m slow --capture=no

bench: $(READY)
	$(BIN)/python -m benchmarks.corpus
	$(BIN)/python -m benchmarks.train
	$(BIN)/python -m benchmarks.sample
	$(BIN)/python -m benchmarks.evaluate

format: $(READY)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "charrnn needs Python 3.11 or newer; this is $$($(PYTHON) --version). Try: make PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@
