PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# Two copies of the tests may run on one machine: each picks its own ports and lock folder.
WORKERS ?= 4

# A process starts half a second sooner where what was compiled is kept.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test storm soak check bench pictures lock dist clean
.DELETE_ON_ERROR:

$(STAMP): requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed: make PYTHON=python3.11")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

demo: $(STAMP)
	$(BIN)/python -m niffler_ops.demo

test: $(STAMP)
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal $(PYTEST_ARGS)

storm: $(STAMP)
	NIFFLER_STORM_KILLS=200 NIFFLER_STORM_SEED=$$(date +%s) $(BIN)/python -m pytest -s tests/acceptance/test_storm.py

soak: $(STAMP)
	SOAK_MINUTES=$${SOAK_MINUTES:-10} $(BIN)/python -m pytest -s -o tmp_path_retention_policy=failed tests/acceptance/test_soak.py

check: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m docs.generate --check

bench: $(STAMP)
	$(BIN)/python -m benchmarks

pictures: $(STAMP)
	$(BIN)/python -m docs.pictures

lock: $(STAMP)
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --extra dev pyproject.toml -o requirements.lock

dist: $(STAMP)
	$(BIN)/python -m hatchling build

clean:
	rm -rf $(VENV) dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
