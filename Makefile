# The checks of a change. `make check` takes under a minute; .ci/run and .pre-commit-config.yaml call the same targets.
BIN ?= $(if $(wildcard .venv/bin),.venv/bin/,)

.PHONY: check lint format types unit test slow floors reference docs

check: lint format types unit

lint:
	$(BIN)ruff check .

format:
	$(BIN)ruff format --check .

types:
	$(BIN)mypy

unit: # What needs neither Ray nor a browser.
	$(BIN)pytest -n 2 tests/unit

test: # Everything but what takes long.
	$(BIN)pytest -n 2

slow: # What takes long: servers and actors that are killed, downloads that break, requests that are made up.
	$(BIN)pytest -n 2 -m slow

floors: # The lowest versions of what raypipe needs; takes minutes. PYTHON=python3.13 chooses the Python.
	.ci/floors

reference: # Writes docs/reference/ again from the code.
	$(BIN)python docs/reference.py

docs: # Builds the site into build/site; needs the extra `docs`.
	$(BIN)mkdocs build --strict
