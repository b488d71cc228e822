# Every target makes its environment itself: Python 3.11 to 3.13 and this checkout are all it needs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# All targets and engines of the fuzzing together.
FUZZ_SECONDS ?= 3600

# Whatever this environment says: without bytecode each process of pytest compiles all tests anew, with what shows a
# failed assert. Of the 27 s of CPU that reading all tests takes on a busy machine it is 18 (2026-11-22).
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help install demo test e2e types layers bytecode prove bench docs lock clean

help: ## list the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

install: $(VENV)/installed ## make .venv from requirements.lock, bytecode compiled

$(VENV)/installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if (3, 11) <= sys.version_info < (3, 14) else "Python 3.11 to 3.13 is needed, this is " + sys.version.split()[0] + ": make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv --clear $(VENV)
	@# uv itself comes from the same lock, with its hashes; it installs the rest five times faster than pip (35 s for 165 s, 2026-11-21)
	awk '/^[^ #]/ {keep = /^uv==/} keep' requirements.lock > $(VENV)/uv.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes --requirement $(VENV)/uv.lock
	VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --no-deps --require-hashes --compile-bytecode --requirement requirements.lock
	VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --no-deps --no-build-isolation --editable .
	$(BIN)/python -m compileall -q elec_assets
	@touch $@

demo: install ## the main job on a sandbox, with Dagster's UI on http://127.0.0.1:3000; no account, no network
	$(BIN)/elec demo

test: install ## every check: format, lint, types, layers, tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	@# pytest reads all tests once: then it need not in each of its processes.
	$(MAKE) --no-print-directory --jobs 2 layers bytecode
	@# Not all in one run of four processes: it takes as long (2026-11-22), and tests of capture, which go by time, fail.
	@# In the order of the files: the long ones are not at the end, where one process would work alone.
	$(BIN)/pytest -m "not prove and not e2e" --hypothesis-profile quick --numprocesses 3 --dist loadfile --no-loadscope-reorder
	@# The end-to-end tests often wait for Dagster's daemon: a third of two cores. mypy takes 62 s of CPU (2026-11-22).
	$(MAKE) --no-print-directory --jobs 2 e2e types

e2e:
	$(BIN)/pytest elec_assets_tests/e2e elec_assets_tests/deploy -m "not prove and e2e" --numprocesses 2 --dist loadfile

types:
	$(BIN)/mypy

layers:
	$(BIN)/lint-imports

bytecode: # what is wrong with a test is told by the run itself
	-@$(BIN)/pytest --collect-only --quiet --quiet > /dev/null

prove: install ## the full counts, loads and soaks; all that uses a store on two S3 servers too
	$(BIN)/pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder
	$(BIN)/pytest -m "not prove" --store=moto
	$(BIN)/pytest -m "not prove" --store=ministack
	$(BIN)/python -m elec_assets_tests.fuzz --seconds $(FUZZ_SECONDS)

bench: install ## the comparisons, at sizes that take some 30 minutes; `python -m bench.NAME --help` tells more
	$(BIN)/python -m bench.rollup --size 100000
	$(BIN)/python -m bench.week --size 300000 --grow 3
	$(BIN)/python -m bench.gzip_bytes
	$(BIN)/python -m bench.hourly_run
	$(BIN)/python -m bench.calibration
	$(BIN)/python -m bench.sampling
	$(BIN)/python -m bench.recall --size 2
	$(BIN)/python -m bench.load --size 30
	$(BIN)/python -m bench.alerts --size 20
	$(BIN)/python -m bench.ui_load --seconds 60 --page 15
	$(BIN)/python -m bench.scale_out --weeks 1 --size 10
	$(BIN)/python -m bench.campaign --months 1.5 --elections 2 --whole-days 20 --keep-days 10

docs: install ## make .env.example, docs/data-dictionary.md and docs/bad-input.md anew from the code
	$(BIN)/python -m elec_assets.settings > .env.example
	$(BIN)/python -m elec_assets.transforms.dictionary > docs/data-dictionary.md
	$(BIN)/python -m elec_assets_tests.bad_input > docs/bad-input.md

lock: ## make requirements.lock anew from pyproject.toml
	$(BIN)/uv pip compile pyproject.toml --all-extras --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-header --quiet --upgrade --override requirements.overrides --output-file requirements.lock

clean: ## remove the environment and the demo
	rm -rf $(VENV) .elec-demo
