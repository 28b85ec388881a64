# Each of run, test, proof and check does all of its set-up itself. PYTHON=python3.12 make run chooses another interpreter.
PYTHON ?= python3
PORT ?= 8000
STATE_DIR ?= .state
ARGS ?=
export PORT STATE_DIR

PY = .venv/bin/python
# `exec`: a signal to make reaches the program, with no shell between the two.
EMBEDDED = $(PY) -m config.embedded
THROWAWAY = exec env "STATE_DIR=$(STATE_DIR)/$@" $(EMBEDDED) --throwaway
PACKAGES = config workorders intake dispatch evaluation archive
LOCK = .state/uv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-annotate --no-header

.PHONY: run test proof check checks messages lock screens drawing setup

run: setup
	@$(PY) -m config.run --preflight
	@exec $(EMBEDDED) --apart $(PY) -m config.run

test: setup
	@$(THROWAWAY) $(PY) -m pytest $(ARGS)

# What takes longer than a suite that is run many times a day may: the same rules by more cases, and real processes.
proof: setup
	@exec env "STATE_DIR=$(STATE_DIR)/test" $(EMBEDDED) --throwaway $(PY) -m pytest -m proof $(ARGS)

check: setup
	@$(THROWAWAY) $(MAKE) --no-print-directory checks

checks:
	$(PY) -m ruff format --check .
	$(PY) -m ruff check .
	$(PY) -m mypy $(PACKAGES) tests
	$(PY) -m djlint --check --quiet $(wildcard templates */templates)
	$(PY) -m djlint --lint --quiet $(wildcard templates */templates)
	.venv/bin/lint-imports
	$(PY) manage.py makemigrations --check --dry-run
	$(PY) manage.py catalogues check
	$(PY) manage.py openapi --check

messages: setup
	@$(THROWAWAY) $(PY) manage.py catalogues update

# requirements/*.in → requirements/*.txt; newer versions by ARGS=--upgrade
lock: setup
	test -x .state/uv/bin/uv || ($(PYTHON) -m venv .state/uv && .state/uv/bin/python -m pip install --quiet uv)
	cd requirements && for name in run dev node; do ../$(LOCK) $(ARGS) $$name.in -o $$name.txt || exit 1; done
	npm install --package-lock-only

setup:
	@$(PYTHON) config/bootstrap.py

# Pictures for docs/, from the demo that `make run` serves on the same PORT in another terminal.
screens: setup
	@$(PY) docs/screenshots.py $(ARGS)

drawing: setup
	@env STATE_DIR=$(STATE_DIR)/check $(EMBEDDED) --throwaway $(PY) manage.py graph_transitions workorders.WorkOrder \
		--exclude note,reveal,withdraw,urge --output docs/lifecycle.svg
	@rm -f docs/lifecycle # what it was drawn from
