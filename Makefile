# Ortsnetz: `make demo` runs the first closed loop, `make test` checks everything, `make help` lists the rest.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DISTRIBUTIONS := common/base common/grid edge/agent edge/iec61850 cockpit/server hil
NETWORK ?= 1-LV-rural2--0-sw
KERNELS := $(wildcard common/grid/src/ortsnetz_grid/kernels/*.[ch]) common/grid/hatch_build.py
# matrices are small: one thread of linear algebra, and the kernels that it would choose by itself
QUIET_BLAS := env -u OPENBLAS_CORETYPE -u OPENBLAS_L2_SIZE OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1

.PHONY: scenarios help demo test pins format lint types contracts clean bench bench-hil bench-core bench-core-check bench-protocols soak-protocols study-estimation study-limiting web kernels wheels wheels-check bench-limiting study-optimum stress-61850 bench-61850

help: ## list the targets
	@grep -E '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

demo: $(VENV)/.runtime ## run the closed loop: make demo [SECONDS=120] [NETWORK=<simbench code>] [SEED=1]
	@exec $(BIN)/ortsnetz demo --network $(NETWORK) $(if $(SECONDS),--seconds $(SECONDS)) $(if $(SEED),--seed $(SEED)) $(DEMO_OPTIONS)

test: $(VENV)/.test ## format, lint, types, import contracts, unit, interop and end-to-end tests
	@$(BIN)/python tests/run.py

$(VENV)/.runtime: requirements/runtime.txt $(DISTRIBUTIONS:=/pyproject.toml) $(KERNELS)
	@PYTHON="$(PYTHON)" ./requirements/install.sh $(VENV) runtime $(DISTRIBUTIONS)

$(VENV)/.test: requirements/test.txt $(DISTRIBUTIONS:=/pyproject.toml) $(KERNELS)
	@PYTHON="$(PYTHON)" ./requirements/install.sh $(VENV) test $(DISTRIBUTIONS)

pins: $(VENV)/.test ## write the pinned requirement files anew
	@for f in edge runtime test; do \
	  $(BIN)/uv pip compile -q --universal --upgrade --generate-hashes --no-header --no-annotate \
	    --python-version 3.11 requirements/$$f.in -o requirements/$$f.txt || exit 1; done
	@$(BIN)/uv pip compile -q --upgrade --generate-hashes --no-header --no-annotate \
	  --python-version 3.10 requirements/opendnp3.in -o requirements/opendnp3.txt

kernels: ## compile the kernels in place after a change of their C sources
	@$(BIN)/python common/grid/hatch_build.py && $(BIN)/python -m ortsnetz_grid.kernels.native

wheels: $(VENV)/.test ## wheels of the grid's distribution for amd64 and arm64 in dist/
	@common/grid/scripts/wheels.sh $(BIN)/python dist

wheels-check: wheels ## run the arm64 wheel's kernel under qemu and compare it with this machine's
	@$(BIN)/ortsnetz network import $(NETWORK) -o dist/network.json >/dev/null
	@$(BIN)/python common/grid/scripts/arm64_check.py dist/ortsnetz_grid-*aarch64.whl dist/network.json

format: $(VENV)/.test ## format the code
	@$(BIN)/ruff format . && $(BIN)/ruff check --fix-only -q .

bench: $(VENV)/.test ## first figures: agent, cockpit, estimation
	@$(BIN)/python benchmarks/run.py

bench-hil: $(VENV)/.test ## the bench: steps a second, other solvers, servers in real time (4 minutes)
	@$(BIN)/python benchmarks/hil.py

bench-core: $(VENV)/.test ## power flow and state estimation beside all peers, one table (10 minutes)
	@$(QUIET_BLAS) PYTHONPATH=tests $(BIN)/python benchmarks/core.py -o run/bench-core.jsonl

bench-core-check: $(VENV)/.test ## fails where the core fell behind its peers since the committed figures
	@$(QUIET_BLAS) PYTHONPATH=tests $(BIN)/python benchmarks/core.py --check -o run/bench-core.jsonl

bench-protocols: $(VENV)/.test ## each driver beside a plain loop on its library, one table (2 minutes)
	@$(QUIET_BLAS) PYTHONPATH=tests $(BIN)/python benchmarks/protocols.py $(BENCH_OPTIONS)

bench-limiting: $(VENV)/.test ## time of a decision beside HiGHS, OSQP and Clarabel, one table (5 minutes)
	@$(QUIET_BLAS) PYTHONPATH=tests $(BIN)/python benchmarks/limiting.py -o run/bench-limiting.jsonl $(BENCH_OPTIONS)

study-optimum: $(VENV)/.test ## limiting beside the accurate optimum (IPOPT) and what others do [SEEDS=9] (5 minutes)
	@$(QUIET_BLAS) PYTHONPATH=tests $(BIN)/python -m studies.optimum_comparison --seeds $(or $(SEEDS),9) -o run/study-optimum.jsonl

soak-protocols: $(VENV)/.test ## random disconnects of every driver at once: what is left behind [MINUTES=5]
	@$(QUIET_BLAS) PYTHONPATH=tests $(BIN)/python -m soak --minutes $(or $(MINUTES),5)

bench-61850: $(VENV)/.test ## MMS, GOOSE and Sampled Values beside bare loops, one table (needs root for its network)
	@$(QUIET_BLAS) PYTHONPATH=tests $(BIN)/python benchmarks/iec61850_bench.py $(BENCH_OPTIONS)

stress-61850: $(VENV)/.test ## an IED under stress: reads, reports, operates, random cuts [SECONDS=3600]
	@$(QUIET_BLAS) PYTHONPATH=tests $(BIN)/python -m stress_61850 --seconds $(or $(SECONDS),3600) -o run/stress-61850

study-estimation: $(VENV)/.test ## state estimation on unknown networks beside power-grid-model [SEEDS=30] (15 min)
	@$(QUIET_BLAS) PYTHONPATH=tests $(BIN)/python -m studies.estimation --seeds $(or $(SEEDS),30) -o run/study-estimation.jsonl

study-limiting: $(VENV)/.test ## the closed loop of limiting on a thousand random evenings and noons [EVENINGS=1000] (1 h)
	@$(QUIET_BLAS) PYTHONPATH=tests $(BIN)/python -m studies.limiting --evenings $(or $(EVENINGS),1000) -o run/study-limiting.jsonl

scenarios: $(VENV)/.test ## play every scenario of the bench in full and prove that each can fail (15 min)
	@$(BIN)/python tests/play_scenarios.py

web: ## build the page (needs node and npm); the result is committed
	@cd cockpit/web && npm ci --no-audit --no-fund && npm run build

clean: ## remove the virtual environment and run directories
	rm -rf $(VENV) run
