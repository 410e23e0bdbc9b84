# Everything that a person or CI runs. `make help` lists it.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
PYTHON ?= python3
BIN := .venv/bin
export CHRONO_DATA ?= $(abspath ../shared/data)
export CARGO_TERM_COLOR ?= auto

CORE_SOURCES := $(shell find chrono_core/src chrono_core/python -name '*.rs' -o -name '*.py' -o -name '*.pyi' -o -name py.typed) chrono_core/Cargo.toml chrono_core/pyproject.toml Cargo.toml Cargo.lock

.PHONY: help setup run test check lint types arrows rust coverage bench load truth faults fuzz chain sim docs lock clean test-tools node-tools

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

run: setup ## set up what is missing and start `chrono dev`
	@exec $(BIN)/chrono dev

setup: .venv/.chrono-ready ## the pinned environment and the Rust core, without starting anything

.venv/.bootstrap: requirements/bootstrap.txt scripts/need
	@scripts/need $(PYTHON) cargo
	@test -x $(BIN)/python || { echo "making .venv with $$($(PYTHON) --version)"; $(PYTHON) -m venv .venv; }
	@echo "installing uv"; $(BIN)/python -m pip install --quiet --require-hashes -r requirements/bootstrap.txt
	@touch $@

.venv/.dependencies: .venv/.bootstrap requirements/dev.txt
	@echo "installing the pinned environment"; VIRTUAL_ENV=.venv $(BIN)/uv pip install --require-hashes -r requirements/dev.txt
	@touch $@

.venv/.core: .venv/.dependencies $(CORE_SOURCES)
	@echo "building chrono_core (a minute or two the first time)"
	@VIRTUAL_ENV=$(CURDIR)/.venv $(BIN)/maturin develop --release --locked --uv --manifest-path chrono_core/Cargo.toml
	@touch $@

.venv/.chrono-ready: .venv/.core pyproject.toml
	@VIRTUAL_ENV=.venv $(BIN)/uv pip install --quiet --no-deps --no-build-isolation --editable .
	@$(BIN)/python -c "import chrono_core; assert chrono_core.median([3.0, 1.0, 2.0]) == 2.0"
	@touch $@

test-tools: ## what some tests need beside Python: Redis, promtool (Debian packages, when root)
	@scripts/test-tools

node-tools: tests/chain/node_modules/.ready ## what the tests need of npm: anvil and solc, for the local chain

tests/chain/node_modules/.ready: tests/chain/package-lock.json scripts/local-chain
	@scripts/need $(PYTHON) node npm
	@scripts/local-chain
	@$(PYTHON) -m tests.chain.building
	@touch $@

test: setup test-tools node-tools rust coverage ## every test, Rust and Python

coverage: setup node-tools ## the Python tests; `.venv/bin/coverage report` then lists what they do not reach
	@scripts/data-notice
	@rm -f .coverage .coverage.*
	$(BIN)/python -m pytest -n 2 --dist loadgroup --cov=chrono --cov-branch --cov-report=

rust: setup
	cargo test --locked --workspace

lint: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	cargo fmt --check
	cargo clippy --locked --workspace --all-targets --all-features -- -D warnings

types: setup
	$(BIN)/mypy
	$(BIN)/python -m mypy.stubtest chrono_core

arrows: setup
	$(BIN)/lint-imports

check: lint types arrows test ## format, lint, types, arrows and all tests: what CI runs

bench: setup ## the figures of docs/measurements.md: estimators, protocol, ingest, reads, streams (about 7 minutes)
	$(BIN)/python -m tests.bench.core
	$(BIN)/python -m tests.bench.flare
	$(BIN)/python -m tests.bench.spans
	$(BIN)/python -m tests.bench.venues
	$(BIN)/python -m tests.load

truth: setup ## the consensus against recorded history, into docs/truth.md (about 8 minutes)
	@scripts/data-notice
	$(BIN)/python -m tests.truth

faults: setup node-tools ## long fault runs: 200 kills of Chrono, 200 more while it votes, 20 of PostgreSQL, a minute without it
	CHRONO_FAULTS=long $(BIN)/python -m pytest tests/faults tests/chain/test_kills.py -p no:randomly -q --timeout 3600

chain: setup node-tools ## 200 rounds on a local chain, judged; CONTRACTS=DIR for others than ours (about 36 minutes)
	$(BIN)/python -m tests.chain $(if $(CONTRACTS),--contracts $(CONTRACTS))

fuzz: setup ## long fuzzing of the API, the protocol and the core
	CHRONO_FUZZ=long $(BIN)/python -m pytest tests/fuzz tests/property -q --timeout 7200
	PROPTEST_CASES=200000 CHRONO_CORE_FUZZ=3000000 cargo test --locked --release --workspace

sim: setup ## the whole provider on a simulated Flare: 20,000 rounds with faults, every crash point, three bad nodes
	$(BIN)/python -m tests.sim --trio 1000
	$(BIN)/python -m tests.sim --crash-points
	$(BIN)/python -m tests.sim --rounds 20000

docs: setup ## rewrite the generated pages under docs/generated
	$(BIN)/python -m docs.generate

lock: .venv/.bootstrap ## resolve the dependencies anew into requirements/*.txt
	@scripts/lock

clean: ## remove the environment and build products
	rm -rf .venv target tests/chain/node_modules .coverage .coverage.* .pytest_cache .mypy_cache .ruff_cache
