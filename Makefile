# make demo, make test: everything runs in .venv, made from setup.py and constraints.txt.

PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/installed
# What few commands need comes with the first of them.
DOCS_STAMP := .venv/installed-docs
RELEASE_STAMP := .venv/installed-release

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test test-all backends test-backends campaign lint format benchmark docs site \
    wheel clean

help:
	@echo "make demo       find a winning ticket (ARGS='...' adds flags)"
	@echo "make test       the fast test suite (ARGS='...' adds pytest flags)"
	@echo "make test-all   the slow tests too"
	@echo "make backends   install JAX and torch besides (1 GB and more)"
	@echo "make test-backends  the tests of Keras 3 on these two (a quarter of an hour)"
	@echo "make campaign   thousands of damaged files, odd flags and killed runs (20 minutes)"
	@echo "make lint       ruff and mypy"
	@echo "make format     rewrite the sources as ruff formats them"
	@echo "make benchmark  the measurements that docs/benchmarks.md quotes"
	@echo "make docs       the site into build/site, and every code block of its pages run"
	@echo "make site       the site alone"
	@echo "make wheel      build wheel and sdist into dist/, and check them"
	@echo "make clean      remove what these commands made, but not results"
	@echo "PYTHON=python3.12 names the interpreter (3.10 to 3.13) that .venv is made with."

# On 300 digits validation loss has a minimum within the iterations; on all of them it
# falls to the end, and early stopping says nothing.
DEMO := --validation_size=1138 --iterations=1200 --evaluate_every=25 --levels=12

demo: $(STAMP)
	$(BIN)/python examples/lottery_search.py $(DEMO) --export=on $(ARGS)

# A few processes, since most tests use one core; a file's tests share its fixtures.
PYTEST := $(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile \
	--no-loadscope-reorder

test: $(STAMP)
	$(PYTEST) -m "not slow" $(ARGS)

test-all: $(STAMP)
	$(PYTEST) $(ARGS)

# A torch that is there already, as one built for the CPU alone, is left as it is.
backends: $(STAMP)
	$(PIP_PINNED) install --quiet --use-pep517 --editable '.[dev,keras3-jax,keras3-torch]'

test-backends: backends
	$(PYTEST) -m backends $(ARGS)

campaign: $(STAMP)
	$(PYTEST) tests/campaigns --campaign $(ARGS)

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

benchmark: $(STAMP)
	@set -e; for program in $$(grep -l __main__ benchmarks/*.py); do \
	    echo "== $$program"; $(BIN)/python "$$program"; \
	done

# mkdocs-material announces the end of mkdocs on every build; what is pinned stays.
site: $(DOCS_STAMP)
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet
	@echo "build/site/index.html; with its search: python3 -m http.server -d build/site"

docs: site
	$(PYTEST) tests/house/blocks_test.py tests/house/notebooks_test.py $(ARGS)

# What an earlier build left in build/ would go into the wheel too. `build` makes the
# wheel from the sdist, in an environment of its own.
wheel: $(RELEASE_STAMP)
	rm -rf build dist
	$(PINNED) $(BIN)/python -m build
	$(BIN)/twine check --strict dist/*

clean:
	rm -rf .venv build dist lth_keras.egg-info .mypy_cache .pytest_cache .ruff_cache

# Constraints by environment, since that way they also hold in the builds of source
# packages; newer pip has a variable of its own for those.
PINNED := PIP_CONSTRAINT=$(CURDIR)/constraints.txt \
    PIP_BUILD_CONSTRAINT=$(CURDIR)/constraints.txt PIP_DISABLE_PIP_VERSION_CHECK=1
PIP_PINNED := $(PINNED) $(BIN)/python -m pip

# A PYTHON that somebody asked for by name replaces a .venv made with another version.
ifneq ($(origin PYTHON),file)
ifneq ($(shell $(PYTHON) -c 'import sys; print(sys.version)' 2>&1 | head -n 1),$(shell head -n 1 $(STAMP) 2>/dev/null))
.PHONY: $(STAMP)
endif
endif

# The stamp is written last, so an interrupted installation starts over.
$(STAMP): setup.py constraints.txt
	@command -v $(PYTHON) >/dev/null || { \
	    echo "$(PYTHON) is not there: install Python 3.10 to 3.13, or name one: make PYTHON=python3.12 ..." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))' || { \
	    echo "lth_keras needs Python 3.10 to 3.13, but $(PYTHON) is $$($(PYTHON) -V 2>&1): name another one: make PYTHON=python3.12 ..." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	    echo "$(PYTHON) cannot make virtual environments: sudo apt-get install python3-venv" >&2; exit 1; }
	@echo "Installing pinned packages into .venv: about 3 GB, a few minutes"
	rm -rf .venv
	$(PYTHON) -m venv .venv
	$(PIP_PINNED) install --quiet --use-pep517 --editable '.[dev]'
	$(PYTHON) -c 'import sys; print(sys.version)' >$@

$(DOCS_STAMP) $(RELEASE_STAMP): .venv/installed-%: $(STAMP)
	$(PIP_PINNED) install --quiet --use-pep517 --editable '.[$*]'
	touch $@
