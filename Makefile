# make demo          install into .venv and open the program on a sample workspace
# make test          all checks: ruff, mypy, import rules, pytest
# make test-matrix   what is too long for make test: every trainer with every tune mode, with one
#                    and two processes, FSDP on the CPU; then pytest under every Python from 3.11 on
# make constraints   pin anew what an install resolves to today
# make clean         remove what these made

PYTHON ?= python3
VENV ?= .venv
WORKERS ?= 2
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --disable-pip-version-check
TORCH := $(shell grep -E '^torch==' constraints.txt)

.PHONY: demo test test-matrix constraints clean install

demo: $(VENV)/.installed
	@$(BIN)/rlhf-tui demo

install: $(VENV)/.installed

# A stamp per kind of install: a second `make` resolves nothing and starts at once.
$(VENV)/.installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "rlhf-tui needs Python 3.11 or newer; name one with: make $(MAKECMDGOALS) PYTHON=python3.11")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing into $(VENV) (PyTorch is large; this happens once) ..."
	@# PyTorch by itself first: a resolver that sees all at once tries many of its builds.
	@$(PIP) '$(TORCH)'
	@$(PIP) -c constraints.txt -e .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	@$(PIP) -c constraints.txt -e '.[dev]'
	@touch $@

test: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest -q -n $(WORKERS) --dist worksteal

test-matrix: $(VENV)/.installed-dev
	$(BIN)/pytest -q -m matrix -n $(WORKERS) --dist worksteal
	@for version in 3.11 3.12 3.13 3.14; do \
	    python$$version -c '' 2>/dev/null || { echo "python$$version: not installed"; continue; }; \
	    $(MAKE) --no-print-directory VENV=.venv-$$version PYTHON=python$$version .venv-$$version/.installed-dev \
	        && echo "python$$version:" && .venv-$$version/bin/pytest -q -n $(WORKERS) --dist worksteal || exit 1; \
	done

constraints:
	@rm -rf .venv-constraints && $(PYTHON) -m venv .venv-constraints
	@.venv-constraints/bin/python -m pip install --quiet '$(TORCH)'
	@.venv-constraints/bin/python -m pip install --quiet -e '.[dev]'
	@{ sed -n '/^#/p' constraints.txt; \
	   .venv-constraints/bin/python -m pip freeze --all --exclude-editable \
       | sed -e 's/+cpu$$//' -e '/^pip==/d'; } > constraints.new
	@mv constraints.new constraints.txt && rm -rf .venv-constraints

clean:
	rm -rf .venv .venv-* build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
