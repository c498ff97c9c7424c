# make demo: a painting from a fresh clone; make test: the whole suite. Both use ./.venv.
# Paths are relative, so that a folder with spaces in its name works too.

PYTHON ?= python3
BIN := .venv/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

# A machine without bfloat16 or AVX-512 instructions, as most laptops are: for PyTorch's own kernels,
# for oneDNN's, and for us. Two threads, where the tests by themselves have one.
PLAIN := GRAMARYE_NO_BFLOAT16=1 ONEDNN_MAX_CPU_ISA=AVX2 ATEN_CPU_CAPABILITY=avx2 \
	OMP_NUM_THREADS=2 OMP_WAIT_POLICY=PASSIVE
# What computes nothing with the network, or what other tests have computed before.
NOT_NUMERICAL := cli jobs pictures samples studies tools training video test_benchmarks.py test_docs.py test_examples.py test_readme.py

.PHONY: demo test test-plain lint types bench samples gallery wheel fuzz clean help
.DEFAULT_GOAL := help

help:
	@echo "make demo   stylize the sample pictures into demo/"
	@echo "make test   run the test suite; make test-plain: its numbers as on a plain processor"
	@echo "make lint   check style and format (ruff)"
	@echo "make types  check types (mypy --strict)"
	@echo "make bench  measure speed, memory and time to quality"
	@echo "make fuzz   alter files and settings for MINUTES=60 and look what breaks"
	@echo "make samples  paint the sample pictures again (some minutes)"
	@echo "make gallery  paint the pictures of docs/gallery.md again (half an hour)"
	@echo "make wheel  build the wheel into dist/"
	@echo "make clean  remove .venv, demo/ and everything built"

demo: .venv/installed
	$(BIN)/gramarye demo --out demo

test: .venv/installed-dev
	$(BIN)/python -m pytest

test-plain: .venv/installed-dev
	$(PLAIN) $(BIN)/python -m pytest $(NOT_NUMERICAL:%=--ignore=tests/%)

lint: .venv/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/installed-dev
	$(BIN)/mypy

bench: .venv/installed-dev
	$(BIN)/python -m benchmarks

MINUTES ?= 60

fuzz: .venv/installed-dev
	$(BIN)/python -m tests.fuzz --minutes $(MINUTES) $(SEED:%=--seed %)

samples: .venv/installed-dev
	$(BIN)/python -m tools.paint_samples

gallery: .venv/installed-dev
	$(BIN)/python -m benchmarks.sheets --out docs/images

wheel: .venv/installed
	rm -rf dist
	$(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-deps -w dist .

.venv/created:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Gramarye needs Python 3.11 or later: make PYTHON=python3.11 ...")'
	$(PYTHON) -m venv .venv
	touch .venv/created

.venv/installed: .venv/created pyproject.toml constraints.txt
	@echo "installing into .venv (the first time takes a minute or more: PyTorch is large)"
	$(INSTALL) -e .
	touch .venv/installed

.venv/installed-dev: .venv/installed
	$(INSTALL) -e '.[dev]'
	touch .venv/installed-dev

clean:
	rm -rf .venv demo dist build .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find src tests tools benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +
