# `make` lists the targets.
.DEFAULT_GOAL := help

PORT ?= 5001
REGISTRY_PORT ?= 5000
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)

VENV := .venv
RUN := $(VENV)/bin

help:  ## list the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 30

run: $(VENV)/.runtime  ## start the token server and a stock registry, with a sample to try
	@$(RUN)/registry-auth quickstart --port $(PORT) --registry-port $(REGISTRY_PORT)

test: $(VENV)/.development  ## install what the tests need, then run them
	@scripts/install-test-peers
	@$(RUN)/pytest

lint: $(VENV)/.development  ## check style, types and the import contract
	$(RUN)/ruff format --check .
	$(RUN)/ruff check .
	$(RUN)/mypy
	$(RUN)/lint-imports

benchmark: $(VENV)/.development  ## measure what a token costs
	@scripts/install-test-peers
	@$(RUN)/python -m benchmarks.token_endpoint

benchmark-dependency-proxy: $(VENV)/.development  ## measure what the gate of the dependency proxy costs
	@scripts/install-test-peers
	@$(RUN)/python -m benchmarks.dependency_proxy

lock: $(VENV)/.development  ## write the lock files anew from pyproject.toml
	$(RUN)/pip install --quiet uv
	$(RUN)/uv pip compile pyproject.toml $(COMPILE) -o requirements.lock
	$(RUN)/uv pip compile pyproject.toml --group dev $(COMPILE) -o requirements-dev.lock
COMPILE := --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --upgrade

clean:  ## remove the virtual environment and all caches; keys and data stay
	rm -rf $(VENV) .tools .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed; name it with: make PYTHON=/path/to/python"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
		echo "A virtual environment could not be made; on Debian and Ubuntu: apt-get install python3-venv"; exit 1; }

$(VENV)/.runtime: $(VENV)/bin/python requirements.lock pyproject.toml
	@echo "Installing registry-auth into $(VENV)"
	@$(RUN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(RUN)/pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

$(VENV)/.development: $(VENV)/.runtime requirements-dev.lock
	@echo "Installing the tools of the tests into $(VENV)"
	@$(RUN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

.PHONY: help run test lint benchmark benchmark-dependency-proxy lock clean
