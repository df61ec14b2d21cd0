# Two commands do everything: `make demo` and `make test`. Both set up what they need, once.
#
#   PYTHON=...      the Python 3.11 or 3.12 to use (found by itself otherwise)
#   PROCESSES=1     let the tests run one after another
#   SERVE=no        let the demo end without serving its project to a browser
#   MOMENTS=300     how many faults `make sweep-faults` tries
#   PIP_OPTIONS=... further options for pip, such as an index that holds PyTorch for your machine

PYTHON ?= $(shell for python in python3 python3.11 python3.12; do \
	$$python -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))' 2>/dev/null \
	&& echo $$python && break; done)
# Two: what the tests hold in memory, and the threads of PyTorch, fit a small machine.
PROCESSES ?= 2
MOMENTS ?= 300
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
BANDIT := $(BIN)/bandit --quiet --configfile pyproject.toml --recursive ActiveSeedLib ActiveSeed

.PHONY: demo test test-slicer sweeps sweep-inputs sweep-faults lint audit setup benchmark results clean

demo: setup
	@$(BIN)/activeseed demo --out demo-out $(if $(filter no,$(SERVE)),--no-serve)

test: setup lint
	@$(BIN)/python -m pytest --numprocesses $(PROCESSES) --dist loadfile

# In a real 3D Slicer: make test-slicer SLICER=/path/to/Slicer (see Testing/README.md).
test-slicer:
	@test -n "$(PYTHON)" || { echo "This needs Python 3.11 or 3.12: name it, as in: make test-slicer PYTHON=/path/to/python3.12 SLICER=..."; exit 1; }
	@$(PYTHON) Testing/slicer/run.py "$(SLICER)"

# Both sweeps, with their tables: inputs and faults.
sweeps: sweep-inputs sweep-faults

# Every kind of odd or broken input, and files damaged at random (see Testing/README.md).
sweep-inputs: setup
	@$(BIN)/python -m Testing.sweeps.inputs
	@$(BIN)/python -m Testing.sweeps.inputs.together
	@$(BIN)/python -m Testing.sweeps.fuzz --seconds 60

lint: setup
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BANDIT)

# What lint knows of weaknesses, and what an advisory service knows of the installed packages.
audit: setup
	@$(BANDIT)
	@.ci/audit $(VENV)

setup: $(READY)

$(READY): pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "ActiveSeed needs Python 3.11 or 3.12: install one, or name it, as in: make demo PYTHON=/path/to/python3.12"; exit 1; }
	@echo "Setting up $(VENV) with $$($(PYTHON) --version) (once; some minutes, mostly PyTorch)."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install -qq --disable-pip-version-check $(PIP_OPTIONS) --constraint constraints.txt torch
	@$(BIN)/python -m pip install -qq --disable-pip-version-check $(PIP_OPTIONS) --constraint constraints.txt --editable ".[dev]"
	@touch $(READY)

# Slow: seconds and ratios of everything that is meant to be fast.
benchmark: setup
	@for script in Testing/benchmarks/bench_*.py; do echo "== $$script"; $(BIN)/python $$script || exit 1; done

# Slower still, most of a day on two cores: the comparison in the README's results section.
results: setup
	@$(BIN)/activeseed benchmark three-small-sets --data "$${ACTIVESEED_DATA:-../shared}/data" \
	  --out results --parallel $(PROCESSES)

# Ten minutes or so: faults at many moments of the loop (see Testing/README.md). Needs a C compiler.
sweep-faults: setup
	@$(BIN)/python -m Testing.sweeps.faults --moments $(MOMENTS) --seed 0

clean:
	rm -rf $(VENV) demo-out slicer-out build dist *.egg-info
