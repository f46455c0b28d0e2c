# Orderwright. `make` lists what there is.
PYTHON ?= python3
ARGS ?=
CORPUS ?=

VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

# Both installs are editable and end in the same folder, so neither undoes the other and `make run` always
# serves the code of this tree. The stamps keep a second call from installing again.
CREATED := $(VENV)/.created
READY := $(VENV)/.ready
READY_DEV := $(VENV)/.ready-dev
READY_MUTANTS := $(VENV)/.ready-mutants

# One more than there are cores: many tests wait for other processes.
AT_ONCE = $(shell $(BIN)/python -c 'import os; print((os.cpu_count() or 1) + 1)')

.DEFAULT_GOAL := help
.PHONY: help run quick test check lint format mutants clean

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

run: $(READY) ## install if needed and serve orders; the first lines say where and what to try
	@exec $(BIN)/orderwright serve $(ARGS)

# What neither starts the service nor a database: enough while writing, not enough to hand in.
quick: $(READY_DEV) ## run the tests of a minute: domain, architecture, documents, and the scenarios in memory
	@$(BIN)/python -m pytest -n $(AT_ONCE) --dist worksteal -m "not service" \
	  -k "not (scenarios and (sqlite or postgres or tuned))" \
	  tests/domain tests/architecture tests/docs tests/scenarios $(ARGS)

test: $(READY_DEV) ## run all tests, several at a time (ARGS="-k saga" picks some; CORPUS=FOLDER tries harvested events alone)
	@$(BIN)/python -m pytest -n $(AT_ONCE) --dist worksteal \
	  $(if $(CORPUS),tests/history/test_corpus.py --corpus "$(CORPUS)") $(ARGS)

check: lint test ## everything: format, lint, types, import contracts, tests

lint: $(READY_DEV) ## check format, style, types and import contracts without running tests
	@$(BIN)/ruff format --check --quiet . || { echo "Some files are not formatted: run make format" >&2; exit 1; }
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

format: $(READY_DEV) ## format the code and apply safe fixes
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format .

# Runs for an hour or so, so it stands aside. `make check` does not need it.
mutants: $(READY_MUTANTS) ## change the code spot by spot and list what no test notices (ARGS="domain.orders*" picks some)
	@nice $(BIN)/python -m tests.mutants $(ARGS)

clean: ## remove the virtual environment, caches and build leftovers (never the data in var/)
	@rm -rf $(VENV) mutants build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(CREATED):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	  { echo "Orderwright needs Python 3.11 or newer, and $(PYTHON) is not that." \
	    "Name another one: make $(or $(MAKECMDGOALS),run) PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	  { echo "$(PYTHON) cannot create virtual environments: its venv module is missing" \
	    "(Debian and Ubuntu: apt install python3-venv)." >&2; exit 1; }
	@$(PYTHON) -m venv --clear $(VENV)
	@touch $@

$(READY): $(CREATED) pyproject.toml constraints.txt
	@echo "Installing Orderwright into $(VENV) ..." >&2
	@$(INSTALL) --editable .
	@touch $@

$(READY_DEV): $(CREATED) pyproject.toml constraints.txt
	@echo "Installing Orderwright and its development tools into $(VENV) ..." >&2
	@$(INSTALL) --editable '.[dev]'
	@touch $(READY) $@

$(READY_MUTANTS): $(CREATED) pyproject.toml constraints.txt
	@echo "Installing Orderwright, its development tools and the mutation check into $(VENV) ..." >&2
	@$(INSTALL) --editable '.[dev,mutants]'
	@touch $(READY) $(READY_DEV) $@
