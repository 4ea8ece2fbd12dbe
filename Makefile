# Everything a developer runs. `make` alone lists the targets.
#
#   make setup PYTHON=/usr/bin/python3.12    another interpreter (3.11 or newer)
#   make test ARGS="tests/plan -x"           a part of the suite
#   make test JOBS=1                         in one process after the other

VENV   ?= .venv
PYTHON ?=
ARGS   ?=
JOBS   ?= 2
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
VENV2  ?= .venv-airflow2
STAMP2 := $(VENV2)/.installed
VENVC  ?= .venv-cluster
STAMPC := $(VENVC)/.installed

.DEFAULT_GOAL := help
.PHONY: help setup setup-airflow2 setup-cluster demo pictures test cluster check format-check lint types imports sizes format bench clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  make \1 - \2/p' Makefile

setup: $(STAMP) ## virtual environment with everything, exact versions (quick when nothing changed)

$(STAMP): pyproject.toml constraints.txt tools/setup.sh
	@VENV="$(VENV)" PYTHON="$(PYTHON)" tools/setup.sh
	@touch $@

setup-airflow2: $(STAMP2) ## another environment, with Airflow 2, for the tests that run there

$(STAMP2): pyproject.toml constraints-airflow2.txt tools/setup.sh
	@VENV="$(VENV2)" PYTHON="$(PYTHON)" BELOW=3.13 EXTRAS=airflow2,zstd CONSTRAINTS=constraints-airflow2.txt tools/setup.sh
	@touch $@

setup-cluster: $(STAMPC) ## another environment, with Celery, Dask and Ray, for make cluster

$(STAMPC): pyproject.toml constraints-cluster.txt tools/setup.sh
	@VENV="$(VENVC)" PYTHON="$(PYTHON)" BELOW=3.13 EXTRAS=cluster CONSTRAINTS=constraints-cluster.txt tools/setup.sh
	@touch $@

demo: $(STAMP) ## export examples/web_logs to Airflow and run it there
	@$(BIN)/python -m examples.demo $(ARGS)

pictures: $(STAMP) ## take docs/pictures anew, of the real user interfaces
	@$(BIN)/python -m tools.pictures $(ARGS)

test: $(STAMP) $(STAMP2) ## the test suite
	@VENV2="$(VENV2)" $(BIN)/python -m pytest -n $(JOBS) --dist loadscope $(ARGS)

cluster: $(STAMPC) ## real clusters that lose a worker: Celery, Dask, Ray (minutes)
	@$(VENVC)/bin/python -m pytest -m cluster tests/cluster $(ARGS)

check: format-check lint types imports sizes ## format, lint, types, import rules, file sizes

format-check: $(STAMP)
	@$(BIN)/ruff format --check .

lint: $(STAMP)
	@$(BIN)/ruff check .

types: $(STAMP)
	@$(BIN)/mypy

imports: $(STAMP)
	@$(BIN)/lint-imports

sizes: $(STAMP)
	@$(BIN)/python tools/check_sizes.py

format: $(STAMP) ## format the code and apply the safe fixes
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format .

bench: $(STAMP) ## measure; prints a table and writes benchmarks/results.md
	@$(BIN)/python -m benchmarks $(ARGS)

clean: ## remove what the targets above made
	rm -rf $(VENV) $(VENV2) $(VENVC) .demo build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache .grimp_cache
