# Everything runs in .venv, which is made from pyproject.toml when it is missing or older than that.
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
INTEGRATIONS := $(VENV)/.integrations
SARIF_MULTITOOL := @microsoft/sarif-multitool@5.7.0
# The first of these that is new enough; name another one with `make … PYTHON=/path/to/python`.
PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)

.DEFAULT_GOAL := help
.PHONY: help demo test lint types unit integration-tools test-integrations docs bench wheel clean

help: ## Show what can be made
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1	\2/p' Makefile

demo: $(READY) ## Audit the example application in fixtures/demo
	@$(BIN)/kube-audit check fixtures/demo || [ $$? -eq 1 ]

test: lint types unit ## Everything that a change has to pass

lint: $(READY) ## Style and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY) ## Types
	$(BIN)/mypy

unit: $(READY) ## Tests
	$(BIN)/pytest

integration-tools: $(INTEGRATIONS) ## Install what the next one needs into .venv; Chromium has to be there

test-integrations: $(INTEGRATIONS) ## Tests with other programs: the SARIF validator, a browser
	$(BIN)/pytest tests/integrations

docs: $(READY) ## Write the pages and the picture that are made by scripts
	$(BIN)/python scripts/generate_rule_docs.py
	$(BIN)/python scripts/make_screenshot.py

bench: $(READY) ## Print how fast it is
	$(BIN)/python benchmarks/speed.py
	$(BIN)/python benchmarks/pre_commit.py

wheel: $(READY) ## Build dist/: source archive and wheel
	$(BIN)/python -m build --no-isolation

clean: ## Remove everything that was made, .venv included
	rm -rf $(VENV) dist build .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(READY): pyproject.toml
	@'$(PYTHON)' -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo 'kube-audit needs Python 3.11 or newer. Say where it is: make PYTHON=/path/to/python3.11 …' >&2; exit 1; }
	'$(PYTHON)' -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

$(INTEGRATIONS): $(READY) Makefile
	@command -v npm > /dev/null || { echo 'The SARIF validator is installed by npm, which is not here.' >&2; exit 1; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev,integrations]'
	npm install --prefix $(VENV)/node --no-save --no-package-lock --no-audit --no-fund --loglevel=error $(SARIF_MULTITOOL)
	@touch $@

.NOTPARALLEL:
