# Everything that a newcomer, a developer and CI need; `make help` lists it.
#
#   VENV=/x            where the Python environment lives (default .venv; relative or absolute)
#   PYTHON=/x          the interpreter to make it with (default: the first Python >= 3.11 found)
#   TORCH=cpu|cuda     which build of torch (default: cuda where there is an NVIDIA driver, else cpu)
#   TORCH_INDEX=URL    where to get that build when the default place cannot be reached
#   WORKERS=N          processes that run the tests (default 2)
#   PYTEST_ARGS='...'  passed on to pytest

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

VENV ?= .venv
TORCH ?=
TORCH_INDEX ?=
WORKERS ?= 2
PYTEST_ARGS ?=
BIN := $(VENV)/bin

ifndef PYTHON
PYTHON := $(shell for p in python3.11 python3 python3.12 python3.13; do \
  "$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && { command -v "$$p"; break; }; done)
endif

.PHONY: help setup demo demo-real test lint types imports bench bench-full bench-figures bench-peers pictures package clean

help:  ## list these targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 22
	@sed -n 's/^#   \([A-Z_]*=.*\)/  \1/p' Makefile

setup:  ## install everything into $(VENV); does nothing when nothing changed
	@if [ -z "$(PYTHON)" ]; then \
	  echo "Python 3.11 or newer was not found. Debian: apt-get install -y python3 python3-venv" >&2; \
	  echo "or name one: make setup PYTHON=/path/to/python3.11" >&2; exit 1; fi
	@"$(PYTHON)" packaging/setup_env.py --venv "$(VENV)" --torch "$(TORCH)" --torch-index "$(TORCH_INDEX)"
	@"$(BIN)/python" -m compileall -q gmic_core viewer  # starts faster where PYTHONDONTWRITEBYTECODE is set

demo: setup  ## open a simulated exam with AI results (without a display: write PNGs)
	@"$(BIN)/gmic-viewer" demo

demo-real: setup  ## the same with two real mammography exams (CBIS-DDSM)
	@"$(BIN)/gmic-viewer" demo --real

test: setup  ## run all tests
	@QT_QPA_PLATFORM=offscreen "$(BIN)/python" -m pytest -n $(WORKERS) $(PYTEST_ARGS)

lint: setup  ## check style
	@"$(BIN)/ruff" check .

types: setup  ## check types
	@"$(BIN)/mypy"

imports: setup  ## check which package imports which
	@"$(BIN)/lint-imports" --no-cache

bench: setup  ## measure speed and memory (< 10 minutes); table here, figures in build/bench.json
	@"$(BIN)/python" packaging/bench

bench-full: setup  ## the same, runs repeated; layers, scaling, papers' tables, napari (< 30 minutes); build/performance.md
	@"$(BIN)/python" packaging/bench --full

bench-figures:  ## put the figures that bench-full drew into docs/images
	@cp build/performance-*.png docs/images/

bench-peers: setup  ## install napari for bench-full, in build/peers: nothing of it touches $(VENV)
	@"$(BIN)/python" packaging/bench --install-peers

pictures: demo  ## take the pictures of docs/images anew, on the exam of the demo
	@"$(BIN)/python" packaging/pictures.py

package: setup  ## build a folder that runs without Python: dist/gmic-viewer
	@"$(BIN)/python" -m pip install --quiet -c constraints.txt -e ".[package]" --no-build-isolation
	@"$(BIN)/python" -m PyInstaller --noconfirm --log-level WARN packaging/installer/gmic-viewer.spec

clean:  ## remove what was built, but not $(VENV)
	@rm -rf build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
