# The two commands: `make demo` (main job on the embedded data) and `make test`.
PYTHON ?= python3
VENV   ?= .venv
DEMO   ?= demo
BIN    := $(VENV)/bin
# Three workers for the two cores of the smallest machine that we support: browsers and servers make some of them wait.
# Each test file stays in one of them.
PYTEST := $(BIN)/python -m pytest -n 3 --dist loadfile
# The tests that draw random cases, a quarter of them in `make test`.
RANDOM := $(shell grep -lE "hypothesis|examples" tests/test_*.py)

.PHONY: help demo test test-slow test-all bench bench-roads bench-siting check dev links lock clean
.DEFAULT_GOAL := help

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | sort

demo: $(VENV)/.run  ## set up and run the main job on the embedded data into demo/
	$(BIN)/boai demo --workspace $(DEMO)

test: $(VENV)/.dev links  ## set up and run the tests (8 minutes on 2 cores; at first, when everything is compiled, up to 10)
	$(PYTEST) -m "not slow"

test-slow: $(VENV)/.dev links  ## run the heavy tests and all random cases that `make test` leaves out
	$(PYTEST) -m slow
	BOAI_EXAMPLES=full $(PYTEST) -m "not slow" $(RANDOM)

test-all: $(VENV)/.dev links  ## run every test, also the heavy ones, with all random cases
	BOAI_EXAMPLES=full $(PYTEST)

bench: bench-roads bench-siting  ## measure speed and memory, also against the named peers and on PostGIS where it is
	$(BIN)/python bench/bench_measures.py
	$(BIN)/python bench/bench_intake.py
	$(BIN)/python bench/bench_registry.py
	$(BIN)/boai init $(DEMO)
	$(BIN)/python bench/bench_scenarios.py $(DEMO)
	$(BIN)/python bench/bench_page.py $(DEMO)
	$(BIN)/python bench/bench_sheets.py $(DEMO)
	$(BIN)/python bench/bench_desk.py $(DEMO) --large
	$(BIN)/python bench/bench_desk_http.py

bench-roads: $(VENV)/.bench  ## measure the road network: import, travel times, snapping, against the peers
	$(BIN)/python bench/bench_osm.py
	$(BIN)/python bench/bench_roads.py

bench-siting: $(VENV)/.bench  ## measure siting at the size of a province, against PySAL spopt (an hour; ARGS="--quick": minutes)
	$(BIN)/python bench/bench_siting.py $(ARGS)

check: lint test  ## ruff, mypy strict and the tests

.PHONY: lint
lint: $(VENV)/.dev links
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

dev: $(VENV)/.dev links  ## set up for development

links:  ## lay the links by which mypy and pyright see the folders as boai.*
	@mkdir -p .links/boai
	@for folder in app coverage geodata maps scenarios; do ln -sfn ../../$$folder .links/boai/$$folder; done

lock: $(VENV)/.dev  ## write constraints.txt from what is installed and was tested
	@{ echo "# Versions that were tested together; installed with: pip install -c constraints.txt ."; \
	   $(BIN)/pip freeze --exclude-editable --exclude boai | grep -E '^[A-Za-z0-9_.-]+==' | LC_ALL=C sort -f; } > constraints.txt.new
	@mv constraints.txt.new constraints.txt

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "需要 Python 3.11 或更新版本 (make PYTHON=python3.11 demo 可指定)"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	@touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@ $(VENV)/.run

$(VENV)/.bench: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,bench]'
	@touch $@ $(VENV)/.dev $(VENV)/.run

clean:  ## remove what was made (the environment, the demo, caches)
	rm -rf $(VENV) $(DEMO) .links build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
