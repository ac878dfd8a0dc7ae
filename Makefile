# One environment for everything: .venv, made when it is missing or the pinned versions changed.
# pip's own environment variables (PIP_INDEX_URL, PIP_FIND_LINKS, ...) are honoured.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
DEV_READY := $(VENV)/.dev-ready
INSTALL := $(BIN)/pip install --disable-pip-version-check --constraint constraints.txt --editable

.PHONY: demo test test-gpu check soak bench dist format clean

demo: $(READY)
	$(BIN)/charrnn train builtin:docs --max-time 2m
	$(BIN)/charrnn sample --prompt 'The function ' --length 500 --temperature 0.7
	@for temperature in 0.3 0.7 1.1; do \
	  printf '\n\nThe same beginning at temperature %s:\n' $$temperature; \
	  $(BIN)/charrnn sample --prompt 'The function ' --length 150 --temperature $$temperature || exit; \
	done
	@echo
	@echo 'What to try next (after ". $(BIN)/activate", plain "charrnn" is enough):'
	@echo '  $(BIN)/charrnn sample --prompt "A class " --temperature 0.7'
	@echo '  $(BIN)/charrnn train novel.txt --max-time 10m   # a text of your own'
	@echo '  $(BIN)/charrnn plot'
	@echo '  $(BIN)/charrnn export page.html                   # then open page.html in a browser: it writes there'

# One process for each core, with one thread each; a few files are tested sooner without: python -m pytest FILE.
test: $(DEV_READY)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses auto --maxprocesses 8 --dist worksteal

# The tests that train, on an NVIDIA GPU instead of the processor, with real graphs.
test-gpu: $(DEV_READY)
	CHARRNN_TEST_DEVICE=cuda $(BIN)/python -m pytest

check: $(DEV_READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# The slow tests: every generated case, at full size; each prints what it counted.
soak: $(DEV_READY)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m slow -rP --numprocesses auto --maxprocesses 8 --dist worksteal

bench: $(DEV_READY)
	$(BIN)/python -m benchmarks.corpus
	$(BIN)/python -m benchmarks.train
	$(BIN)/python -m benchmarks.sample
	$(BIN)/python -m benchmarks.evaluate

# A wheel that pip installs anywhere, without this repository.
dist: | $(BIN)/pip
	$(BIN)/pip wheel --disable-pip-version-check --no-deps --wheel-dir dist .

format: $(DEV_READY)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis

# What runs; what the tests and checks need comes on top of it.
$(READY): pyproject.toml constraints.txt | $(BIN)/pip
	@echo 'Setting up $(VENV) with PyTorch and its dependencies. This takes minutes, and about 1 GB on disk; several'
	@echo 'GB on Linux if pip picks the build for NVIDIA GPUs (docs/installation.md has the CPU-only one).'
	$(INSTALL) .
	touch $@

$(DEV_READY): $(READY)
	@echo 'Adding the packages for tests and checks to $(VENV): about 0.2 GB.'
	$(INSTALL) '.[dev]'
	touch $@

$(BIN)/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "charrnn needs Python 3.11 or newer; this is $$($(PYTHON) --version). Try: make PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv $(VENV)
