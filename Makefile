# The commands of irm_bench. Each sets up .venv first, once, from requirements.lock.
PYTHON ?= python3
VENV   ?= .venv
CORES  ?= all
CONFIG ?=
BASELINE ?=
BOOK   ?= notebook
SITE   ?= results/site
# The build of PyTorch that a set-up takes: cpu, or cuda where PyPI has it.
TORCH  ?= cpu
PLUGINS ?=

BIN       := $(VENV)/bin
READY     := $(VENV)/.ready
# The shell says where we are: the folder's name may hold what is special to make or to a shell.
SNAKEMAKE := PATH="$$(cd "$(BIN)" && pwd):$$PATH" $(BIN)/python -m snakemake --cores $(CORES)
ASKED     := $(if $(CONFIG),"$(CONFIG)") $(if $(PLUGINS),--plugins "$(PLUGINS)")
OVERRIDE  := --config book="$(BOOK)" $(if $(BASELINE),baseline="$(BASELINE)") \
             $(if $(PLUGINS),plugins="$(PLUGINS)") $(if $(CONFIG),--configfile "$(CONFIG)")

# Results that ask for more seeds until their claims are decided end in status 75.
AGAIN     = $(MAKE) --no-print-directory report

# Of the environment's settings this one costs ten seconds of every process: uv leaves packages without
# bytecode, and Python would compile two thousand modules at each start.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: report check check-results test test-page test-cluster lint format benchmark site publish verify docs lock setup \
        clean distclean
.DEFAULT_GOAL := report

report: $(READY)
	@$(BIN)/python -m irm_bench.config "$(BOOK)" $(ASKED)
	@$(SNAKEMAKE) $(OVERRIDE)
	@$(BIN)/python -m irm_bench.running.chain "$(BOOK)" --asked $(ASKED) || { [ $$? -eq 75 ] && $(AGAIN); }

# On all cores: tests of a file stay together, as they share its fixtures.
test: $(READY)
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(if $(filter all,$(CORES)),logical,$(CORES)) \
		--dist loadscope --no-loadscope-reorder

# The page in a real browser: needs Chromium, Java and npm.
test-page: $(READY) node_modules/.ready
	@$(BIN)/python -m pytest tests/page

node_modules/.ready: package-lock.json
	@npm ci --silent
	@touch $@

# The pipeline on a real Slurm: needs its packages, and root to start them.
test-cluster: $(READY)
	@$(BIN)/python -m pytest tests/cluster

benchmark: $(READY)
	@$(BIN)/python benchmarks/speed.py
	@$(BIN)/python benchmarks/matrix.py
	@$(BIN)/python benchmarks/unit_tests.py
	@$(BIN)/python benchmarks/icp.py

lint: $(READY)
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/snakefmt --check Snakefile workflow
	@$(BIN)/mypy
	@$(BIN)/python tests/snakemake_lint.py

format: $(READY)
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .
	@$(BIN)/snakefmt Snakefile workflow

# Whether the plugins that a book can use keep their contracts.
check: $(READY)
	@$(BIN)/python -m irm_bench.check "$(BOOK)"

# Whether the results of a book are as they were made.
check-results: $(READY)
	@$(BIN)/python -m irm_bench.running.chain "$(BOOK)"

# A folder that any static host serves as it is: all books that have results.
site: report
	@$(BIN)/python -m irm_bench.publishing.site $(SITE)

# Keep this run's small tables as the published ones; compare a run with them.
publish: report
	@$(BIN)/python -m irm_bench.publishing.publish "$(BOOK)"

verify: report
	@$(BIN)/python -m irm_bench.publishing.verify "$(BOOK)"

# results/README.md from the contracts of columns, the end of config/README.md from the schema, what
# runs cost in README.md and docs/cluster.md from the published runs.
docs: $(READY)
	@$(BIN)/python -m irm_bench.publishing.docs "$(BOOK)"

setup: $(READY)

# The stamp comes last: a set-up that was interrupted is taken up again.
$(READY): requirements.lock $(wildcard requirements.hashes) pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "irm_bench needs Python 3.11 or newer, this is " + sys.version.split()[0])'
	@test -x $(BIN)/pip || $(PYTHON) -m venv --clear $(VENV)
	@echo "Setting up $(VENV) ..."
	@$(BIN)/python scripts/set_up.py $(TORCH)
	@touch $@

# Resolve pyproject.toml afresh. torch is pinned without its local build tag, and has no hashes.
lock:
	@rm -rf .cache/lock && $(PYTHON) -m venv .cache/lock
	@.cache/lock/bin/python -m pip install --quiet --disable-pip-version-check torch==2.13.0 '.[dev,cluster]'
	@.cache/lock/bin/python -m pip freeze --all --exclude pip --exclude irm-bench | sed 's/+cpu$$//' > requirements.lock
	@.cache/lock/bin/python -m pip install --quiet --disable-pip-version-check uv
	@.cache/lock/bin/python -m uv pip compile requirements.lock --quiet --no-deps --generate-hashes \
		--no-annotate --no-header --no-emit-package torch --output-file requirements.hashes

clean:
	@find results -mindepth 1 -maxdepth 1 ! -name README.md ! -name published -exec rm -rf {} +
	@rm -rf .snakemake

distclean: clean
	@rm -rf $(VENV) .cache *.egg-info
