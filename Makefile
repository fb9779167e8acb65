# The front door. `make demo` and `make test` set everything up by themselves.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: setup demo test lint types unit golden docs audit lock clean

setup: .venv/.ready

.venv/.ready: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; $(PYTHON) is older. Try: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

demo: setup
	@$(BIN)/python -m pipelines.sandbox.demo

test: setup lint types unit

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: setup
	$(BIN)/mypy

unit: setup
	$(BIN)/pytest -n 2

# Rewrites what README prints of the sample; look at the diff like at code.
golden: setup
	GOLDEN=1 $(BIN)/pytest tests/test_readme_queries.py || $(BIN)/pytest tests/test_readme_queries.py

docs: setup
	$(BIN)/python -m pipelines.catalogue

# Known vulnerabilities in the lock; needs a network, and says so where there is none.
audit:
	@$(PYTHON) .ci/audit.py

# Needs uv on the PATH. The lock names no index, and its hashes make it the same from any.
lock:
	uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes \
		--no-header --quiet --output-file requirements.lock

clean:
	rm -rf .venv .venv-audit .pytest_cache .mypy_cache .ruff_cache .hypothesis
