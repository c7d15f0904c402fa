# Needs make and a Python >= 3.11. Everything else is brought into .tools/ and .venv/ when it is first needed.
.DEFAULT_GOAL := help
.PHONY: help setup demo test lint types contracts dependencies tests bench format clean

UV := ./tools/uv
RUN := $(UV) run --frozen
CODE := $(wildcard src tests examples benchmarks)

ifdef PYTHON
export PYTHON
endif

help: ## Show these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' Makefile

setup: ## Make or update the environment (.venv) from the lock
	@$(UV) sync --frozen --quiet

demo: ## File the sample's conversations with the embedded model: no account, no key
	@mkdir -p build && rm -f build/demo.jsonl
	@$(RUN) pointsman folders assign samples/conversations.jsonl --profile local --out build/demo.jsonl

test: lint types contracts dependencies tests ## Everything that has to hold: all of the parts below
	@echo "Everything holds."

lint: ## Style: ruff's rules and its formatting
	@$(RUN) ruff check --quiet .
	@$(RUN) ruff format --check --quiet .

types: ## Types: mypy, strict
	@$(RUN) mypy $(CODE)

contracts: ## Architecture: who may import whom
	@$(RUN) lint-imports --no-logo --no-cache

dependencies: ## Requirements: none unused, none undeclared
	@$(RUN) deptry --no-ansi src

tests: ## The test suite, with the README's examples and the coverage floor
	@$(RUN) pytest --quiet --cov

bench: ## Measure the layer's own cost against the bare SDKs
	@$(RUN) python -m benchmarks

format: ## Rewrite the code the way lint wants it
	@$(RUN) ruff check --fix --quiet .
	@$(RUN) ruff format --quiet .

clean: ## Remove what the targets above made, but for .tools/ and .venv/
	@rm -rf build dist .coverage .mypy_cache .ruff_cache .pytest_cache .hypothesis .benchmarks
