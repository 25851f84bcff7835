# make book    executes the chapters and builds the site
# make test    everything that CI runs
# make serve   shows the built site in a browser
# make clean   removes what was made here
# make pdf     prints the site as one file
# make publish-as URL=https://github.com/OWNER/NAME   sets the address of the repository everywhere
.DELETE_ON_ERROR:
.PHONY: book test serve clean env lint unit notebooks site-test browser publish-as changed links wheel as-reader \
  pdf colab oldest

PYTHON ?= python3
PORT ?= 8000
JOBS ?= 2
BIN := .venv/bin
SITE := _build/html
ENV := .venv/ready

# Paths of this checkout only: a machine without a writable home is enough.
export MPLCONFIGDIR := $(CURDIR)/.venv/matplotlib

# JOBS chapters run at once, each on one thread: faster than one after the other on two threads.
book notebooks: export OMP_NUM_THREADS := 1

# --- what the others need ---------------------------------------------------------------------

env: $(ENV)

$(ENV): requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "The book needs Python 3.11 or newer: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -m venv .venv || { \
	  echo "Could not make .venv: does Python have its venv module? (Debian: python3-venv)"; exit 1; }
	$(BIN)/python -m pip install -q -r requirements.txt
	$(BIN)/python -m pip install -q --no-deps -e .
	@# Matplotlib's font cache now: built later, its notice would land in a chapter.
	@$(BIN)/python -c 'import matplotlib.pyplot'
	@touch $@

browser: $(ENV)
	@$(BIN)/python tests/book/conftest.py || \
	{ [ "$$(id -u)" = 0 ] && command -v apt-get && apt-get update -q && apt-get install -qy chromium; \
	  $(BIN)/python tests/book/conftest.py; } || \
	{ $(BIN)/python -m playwright install $$([ "$$(id -u)" != 0 ] || echo --with-deps) chromium; \
	  $(BIN)/python tests/book/conftest.py; } || \
	{ echo "No Chromium found or installed. Install one, or set BROWSER=/path/to/chromium"; exit 1; }

# --- the site ---------------------------------------------------------------------------------

# MyST-NB runs a chapter again when its text changes, but not when flowlib does: when the content
# of anything that the chapters read has changed, start anew. Checksums, because a checkout touches
# every date.
INPUTS = find flowlib $(wildcard book/results) pyproject.toml requirements.txt -type f \
  ! -path '*/__pycache__/*' -exec cksum {} + | LC_ALL=C sort

# All pages every time (seconds): else a second build hides the warnings of the first, and misses
# a changed style sheet. Chapters that have run are taken from the cache.
book: $(ENV)
	@$(INPUTS) | cmp -s - _build/inputs || { rm -rf _build; mkdir _build; $(INPUTS) > _build/inputs; }
	$(BIN)/python book/execute.py $(JOBS)
	$(BIN)/jupyter-book build --all -q -W -n --keep-going .
	@# A widget carries its data in its HTML; its state for html-manager would carry it once more.
	@find $(SITE)/chapters -name '*.html' -exec perl -ni -e \
	  'print unless m{<script type="application/vnd.jupyter.widget-state.json">}' {} +
	@echo "The book is at $(CURDIR)/$(SITE)/index.html  (make serve shows it)"

serve:
	@[ -f $(SITE)/index.html ] || $(MAKE) book
	@echo "http://127.0.0.1:$(PORT)/  (Ctrl-C ends)"
	@$(PYTHON) -m http.server $(PORT) --bind 127.0.0.1 --directory $(SITE)

pdf: browser book
	$(BIN)/python book/pdf.py "$$($(BIN)/python tests/book/conftest.py)" _build/flow-equivariance.pdf

publish-as:
	$(PYTHON) book/publish.py "$(URL)"

changed: $(ENV)
	$(BIN)/python book/changed.py "$(BASE)"

# Every link of every page is followed: wants a connection, and patience.
links: $(ENV)
	$(BIN)/jupyter-book build --builder linkcheck -q .

wheel: $(ENV)
	rm -rf dist && $(BIN)/python -m build

# The chapters with a Python that has nothing of ours, as in Colab: the first cell installs the rest.
as-reader:
	cd chapters && for chapter in *.ipynb; do echo $$chapter; FLOWLIB_ADDRESS=$(CURDIR) \
	  $(PYTHON) -m nbconvert --to notebook --execute --stdout $$chapter > /dev/null || exit 1; done

# Every import and widget with the versions that Colab has. Its torch brings CUDA along, some 5 GB.
colab: $(ENV)
	[ -e build/colab/ready ] || { $(BIN)/uv venv -q --clear --python 3.12 build/colab && \
	  $(BIN)/uv pip install -q --python build/colab -r tests/book/colab.txt && touch build/colab/ready; }
	$(BIN)/pytest -q -m colab

# The library's tests with the oldest versions that pyproject.toml allows.
oldest: $(ENV)
	$(BIN)/uv venv -q --clear --python 3.11 build/oldest
	$(BIN)/uv pip install -q --python build/oldest --resolution lowest-direct -e '.[cluster,book]' \
	  $$(grep -E '^(pytest|hypothesis|beartype)==' requirements.txt)
	build/oldest/bin/python -m pytest -q --ignore=tests/book

# --- the tests, cheap ones first --------------------------------------------------------------

test:
	$(MAKE) lint
	$(MAKE) unit
	$(MAKE) notebooks
	$(MAKE) site-test

lint: $(ENV)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python book/first_cell.py --check
	$(BIN)/check-jsonschema -q --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(BIN)/zizmor --offline -q .github

unit: $(ENV)
	$(BIN)/pytest -q -n $(JOBS)

notebooks: $(ENV)
	$(BIN)/pytest -q --nbval-lax --nbval-current-env -n $(JOBS) --dist loadscope chapters

site-test: browser book
	$(BIN)/pytest -q -m "browser or slow"

clean:
	rm -rf _build .venv build dist *.egg-info .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
