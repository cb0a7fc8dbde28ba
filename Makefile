# make app   creates the environment and starts the dashboard (PORT=8501, HEADLESS=1 opens no browser)
# make test  creates the environment and runs the checks and the tests that a change needs
# make test-all  the same, and then the thorough ones: every page in a browser, faults, fuzzing, clusters

.DEFAULT_GOAL := app
.PHONY: app env dev lint test test-rest test-all demo-runs bench docs clean

# The first Python that runs, is 3.11-3.13 and can make environments; a version manager's stand-in may exist
# and still fail, so each one is tried.
ifndef PYTHON
PYTHON := $(shell for need in ensurepip sys; do \
	for p in python3 python3.13 python3.12 python3.11 python "$$HOME"/.pyenv/versions/3.1[123]*/bin/python; do \
	"$$p" -c "import sys, $$need; sys.exit(sys.version_info[:2] not in ((3, 11), (3, 12), (3, 13)))" \
	>/dev/null 2>&1 && { echo "$$p"; exit; }; done; done)
endif

BOOTSTRAP = @command -v "$(PYTHON)" >/dev/null 2>&1 || { \
	echo "Unlearnscope needs Python 3.11, 3.12 or 3.13, and none was found that runs." >&2; \
	echo "Install one (python.org, your package manager), or name it: make $@ PYTHON=/path/to/python3.12" >&2; \
	exit 1; }; "$(PYTHON)" tools/bootstrap.py
RUN = .venv/bin/python
JOBS ?= 2

app:
	$(BOOTSTRAP) --app

env:
	$(BOOTSTRAP)

dev:
	$(BOOTSTRAP) --dev

lint: dev
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy

PYTEST = $(RUN) -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder

test: lint
	$(PYTEST) -m "not thorough"

test-rest: dev
	$(PYTEST) -m thorough

test-all: test test-rest

demo-runs: env
	$(RUN) -m tools.make_demo_runs
	$(RUN) -m tools.make_lesson_runs

bench: env
	$(RUN) -m benchmarks.snapshot_cost

docs: env
	$(RUN) -m tools.make_docs
	$(RUN) -m tools.make_inputs

clean:
	rm -rf .venv .bootstrap.lock .pytest_cache .mypy_cache .ruff_cache .hypothesis build *.egg-info
	find . -name __pycache__ -type d -not -path './.unlearnscope/*' -prune -exec rm -rf {} +
