# Everything happens in .venv, which is made on first use and brought up to date when pyproject.toml or native/ change.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SOURCES := pyproject.toml $(shell find native -type f -not -name '*.md')
CONTRACT := $(wildcard ../shared/contract)
CPP := $(shell find native tests -name '*.h' -o -name '*.cpp' -o -name '*.inl')
PYTEST := $(BIN)/python -m pytest -n 2 --dist worksteal

.DEFAULT_GOAL := help
.PHONY: help demo test test-slow test-threads sanitize lint format bench docs clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## /\1\t/' | expand -t 15

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'

# One stamp for each set of dependencies: the demo needs fewer than the tests.
$(VENV)/.demo: $(SOURCES) | $(BIN)/python
	$(BIN)/python -m pip install --quiet --group build --group demo
	$(BIN)/python -m pip install --quiet --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.demo
	$(BIN)/python -m pip install --quiet --group dev
	@touch $@

demo: $(VENV)/.demo  ## build, install, and run the main job: records in, features and maps out
	$(BIN)/python examples/01_start/main.py

test: $(VENV)/.dev  ## run the test suite, and the contract where it is present
	$(PYTEST) tests $(CONTRACT)

test-slow: $(VENV)/.dev  ## run the tests that take longer, too
	CELLWISE_SLOW=1 $(PYTEST) tests $(CONTRACT)

# The numpy backend holds the lock of the interpreter: threads would only make it slow. Of the instruction sets the first
# and the last will do.
test-threads: $(VENV)/.dev  ## run each test of native code in eight threads at once
	$(BIN)/python -m pip install --quiet --group threads
	$(BIN)/python -m pytest -q --parallel-threads 8 \
	  -m "not both_backends" -k "not numpy and not v2 and not avx2" tests --ignore tests/plot --ignore tests/features \
	  --ignore tests/test_documents.py --ignore tests/test_cli.py --ignore tests/test_house.py

sanitize: $(VENV)/.dev  ## run the suite on native code built with ASan and UBSan
	./scripts/sanitize $(BIN)/python tests

lint: $(VENV)/.dev  ## check style, imports, docstrings and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/clang-format --dry-run -Werror $(CPP)
	./scripts/tidy $(BIN)/python

format: $(VENV)/.dev  ## bring the code into style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/clang-format -i $(CPP)

bench: $(VENV)/.dev  ## measure against the peers, as ratios
	$(BIN)/python -m pip install --quiet --group bench
	$(BIN)/python benchmarks/run.py

docs: $(VENV)/.dev  ## build the site into build/docs
	$(BIN)/python -m pip install --quiet --group docs
	$(BIN)/python -m sphinx -W --keep-going -q -b html docs build/docs
	@echo build/docs/index.html

clean:  ## remove what was built
	rm -rf $(VENV) build out dist .pytest_cache .ruff_cache .mypy_cache .hypothesis
