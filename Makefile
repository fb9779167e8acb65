# The front door. `make demo` and `make test` set everything up by themselves.
PYTHON ?= python3
BIN := .venv/bin
MUTANTS := .venv-mutants
PEERS := .venv-bench
SITE := .venv-site
DAGSTER := .venv-dagster
JOBS ?= 2

.PHONY: setup demo page test quick torture fuzz lint types unit golden docs site mutants bench fleet audit lock clean

setup: .venv/.ready

.venv/.ready: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; $(PYTHON) is older. Try: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@if command -v uv >/dev/null 2>&1; then \
		uv venv --quiet --clear --python $(PYTHON) .venv && \
		uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements.lock && \
		uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .; \
	else \
		$(PYTHON) -m venv .venv && \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock && \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .; \
	fi
	@touch $@

demo: setup
	@$(BIN)/centra-myogo demo

# The sandbox and the pages of its channel, for a browser on this machine.
page: setup
	@$(BIN)/centra-myogo serve --demo

test: setup lint types unit

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: setup
	$(BIN)/mypy

unit: setup
	$(BIN)/pytest -n 2

# The rooms, the properties and the house: seconds instead of minutes, while you edit.
ROOMS := config core engine flows schemas state transforms web webhooks house
quick: setup
	$(BIN)/pytest $(wildcard $(addprefix tests/,$(ROOMS)))

# Every fault at every request, a kill at every step, long random stories, every form of a secret: an hour and a half.
# Writes docs/torture.md, each table once all its cells held; `make torture CELLS=rest` goes on with those that have not yet.
torture: setup
	TORTURE=1 CELLS=$(CELLS) $(BIN)/pytest -n 2 --timeout=600 tests/torture tests/end_to_end/model tests/security tests/transforms/test_stock_properties.py

# The parsers of the systems' answers, with many more examples than `make unit` takes.
FUZZ_EXAMPLES ?= 500
fuzz: setup
	FUZZ_EXAMPLES=$(FUZZ_EXAMPLES) $(BIN)/pytest -n 2 --timeout=0 tests/*/test_*_fuzz.py

# Rewrites what the queries of docs/ print of the sample; look at the diff like at code.
golden: setup
	GOLDEN=1 $(BIN)/pytest tests/end_to_end/test_readme_queries.py || $(BIN)/pytest tests/end_to_end/test_readme_queries.py

docs: setup
	$(BIN)/python -m pipelines.reports.error_reference
	$(BIN)/python docs/rooms.py

# The pages of docs/ as a web site in build/site. A warning, such as a link that leads nowhere, is an error.
site: $(SITE)/.ready
	$(SITE)/bin/sphinx-build -W --keep-going --quiet --fresh-env -d build/site-cache docs build/site
	@echo "build/site/index.html"

$(SITE)/.ready: requirements-site.lock
	$(PYTHON) -m venv $(SITE)
	$(SITE)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-site.lock
	@touch $@

# Changes transforms, the plan and the limits bit by bit to see whether the tests notice; about ten minutes.
mutants: $(MUTANTS)/.ready
	rm -rf mutants
	$(MUTANTS)/bin/mutmut run --max-children $(JOBS)
	$(MUTANTS)/bin/python -m tests.support.mutants

$(MUTANTS)/.ready: requirements.lock requirements-mutants.lock
	$(PYTHON) -m venv $(MUTANTS)
	$(MUTANTS)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes \
		-r requirements.lock -r requirements-mutants.lock
	@touch $@

# Speed, memory and requests and what people would use instead; best on a machine that does nothing else.
# `make bench BENCH="--sizes 1000000 --only stage plan"` for the largest; benchmarks/README.md explains the figures.
BENCH ?=
bench: setup $(PEERS)/.ready
	$(BIN)/python -m benchmarks $(BENCH)

$(PEERS)/.ready: requirements-bench.lock
	$(PYTHON) -m venv $(PEERS)
	$(PEERS)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-bench.lock
	@touch $@

# Six channels on two machines under Dagster, of which one is killed in mid-push; needs PostgreSQL, takes a few minutes.
fleet: setup $(DAGSTER)/.ready
	@$(BIN)/python -m tests.fleet_demo $(DAGSTER)/bin $(BIN)/centra-myogo

$(DAGSTER)/.ready: deploy/dagster/requirements.lock
	$(PYTHON) -m venv $(DAGSTER)
	$(DAGSTER)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes \
		-r deploy/dagster/requirements.lock
	@touch $@

# Known vulnerabilities in the lock; needs a network, and says so where there is none.
audit:
	@$(PYTHON) .ci/audit.py

# Needs uv on the PATH. The lock names no index, and its hashes make it the same from any.
lock:
	uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes \
		--no-header --quiet --output-file requirements.lock
	uv pip compile pyproject.toml --constraint requirements.lock --universal --python-version 3.11 --generate-hashes \
		--no-header --quiet --output-file requirements-runtime.lock
	uv pip compile --group mutation --constraint requirements.lock --universal --python-version 3.11 --generate-hashes \
		--no-header --quiet --output-file requirements-mutants.lock
	uv pip compile --group bench --universal --python-version 3.11 --generate-hashes \
		--no-header --quiet --output-file requirements-bench.lock
	uv pip compile --group site --universal --python-version 3.11 --generate-hashes \
		--no-header --quiet --output-file requirements-site.lock
	uv pip compile deploy/dagster/requirements.in --no-strip-extras --universal --python-version 3.11 --generate-hashes \
		--no-header --quiet --output-file deploy/dagster/requirements.lock

clean:
	rm -rf .venv $(MUTANTS) $(PEERS) $(SITE) $(DAGSTER) .venv-audit build mutants .pytest_cache .mypy_cache .ruff_cache .hypothesis
