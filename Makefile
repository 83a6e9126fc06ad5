# `make demo` needs git, make, curl and Python 3.11, and nothing else. All that runs keeps its state in .drivetrain/.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PYTHON ?= python3.11
UV_VERSION := 0.13.9
BIN := .venv/bin
PLATFORM := $(BIN)/python -m standins
export DRIVETRAIN_STARTED_AT := $(shell date +%s.%N)

# A virtual environment is made again when what it was made from has changed.
hash = $(shell cat $(1) 2>/dev/null | cksum | tr ' ' '-')
STAMP := .venv/.made-$(call hash,requirements.txt requirements-dev.txt pyproject.toml sdk/triton/pyproject.toml)
STANDINS_STAMP := .venv-standins/.made-$(call hash,requirements-standins.txt)
FEAST_STAMP := .venv-feast/.made-$(call hash,requirements-feast.txt)
BIGQUERY_STAMP := .venv-bigquery/.made-$(call hash,requirements-bigquery.txt)
SPEECH_STAMP := .venv-speech/.made-$(call hash,requirements-speech.txt)
TRITON_STAMP := .venv-triton/.made-$(call hash,requirements-triton.txt sdk/triton/pyproject.toml)
TRITONSERVER_STAMP := .venv-tritonserver/.made-$(call hash,requirements-tritonserver.txt pyproject.toml)

.PHONY: help
help: ## show this list
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 16

.PHONY: venv
venv: $(STAMP) $(STANDINS_STAMP) ## install everything into .venv and .venv-standins

$(STAMP):
	@command -v $(PYTHON) >/dev/null || { echo "error: $(PYTHON) is missing: install Python 3.11, or name it with PYTHON=<path>." >&2; exit 1; }
	@echo "Installing the platform into .venv"
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	@$(BIN)/uv pip sync --quiet --python $(BIN)/python requirements.txt requirements-dev.txt
	@$(BIN)/uv pip install --quiet --no-deps --python $(BIN)/python --editable . --editable sdk/triton
	@rm -rf plugins/*.egg-info # left by the build: Airflow would find our plugin twice, and say so on its home page
	@rm -f .venv/.made-* && touch $@

# Each of these has packages that do not fit beside the platform's.
define sync
	@test -x $(1)/bin/python || $(PYTHON) -m venv $(1)
	@$(BIN)/uv pip sync --quiet --require-hashes --python $(1)/bin/python $(2)
	@rm -f $(1)/.made-* && touch $@
endef

$(STANDINS_STAMP): | $(STAMP)
	@echo "Installing the emulators into .venv-standins"
	$(call sync,.venv-standins,requirements-standins.txt)

.PHONY: venv-feast
venv-feast: $(FEAST_STAMP) ## install Feast into .venv-feast: for definitions, tests and comparisons

$(FEAST_STAMP): | $(STAMP)
	@echo "Installing Feast into .venv-feast"
	$(call sync,.venv-feast,requirements-feast.txt)

.PHONY: venv-triton
venv-triton: $(TRITON_STAMP) ## install the Triton SDK alone into .venv-triton: for its tests

$(TRITON_STAMP): | $(STAMP)
	@echo "Installing the Triton SDK into .venv-triton"
	$(call sync,.venv-triton,requirements-triton.txt)
	@$(BIN)/uv pip install --quiet --no-deps --python .venv-triton/bin/python --editable sdk/triton

.PHONY: venv-tritonserver
venv-tritonserver: $(TRITONSERVER_STAMP) ## install a real Triton and a real KServe into .venv-tritonserver: for tests

$(TRITONSERVER_STAMP): | $(STAMP)
	@echo "Installing Triton and KServe into .venv-tritonserver"
	$(call sync,.venv-tritonserver,requirements-tritonserver.txt)
	@$(BIN)/uv pip install --quiet --no-deps --python .venv-tritonserver/bin/python --editable .
	@rm -rf plugins/*.egg-info

.PHONY: venv-bigquery
venv-bigquery: $(BIGQUERY_STAMP) ## install the BigQuery emulator into .venv-bigquery: for tests and comparisons

$(BIGQUERY_STAMP): | $(STAMP)
	@echo "Installing the BigQuery emulator into .venv-bigquery"
	$(call sync,.venv-bigquery,requirements-bigquery.txt)

.PHONY: venv-speech
venv-speech: $(SPEECH_STAMP) ## install speech models and a voice into .venv-speech: for local runs, tests and comparisons

$(SPEECH_STAMP): | $(STAMP)
	@echo "Installing speech models into .venv-speech"
	$(call sync,.venv-speech,requirements-speech.txt)

.PHONY: demo
demo: venv ## from nothing to synced sheets: start everything, run every sync once (ARGS=--check compares cell for cell)
	@$(PLATFORM) demo $(ARGS)

.PHONY: demo-features
demo-features: venv venv-feast venv-bigquery ## the same for features: a feature store beside it, every view brought into Redis and served
	@$(PLATFORM) demo-features $(ARGS)

.PHONY: up
up: venv ## start everything and run nothing
	@$(PLATFORM) up $(ARGS)

.PHONY: down
down: ## stop what was started, and only that
	@if compgen -G ".venv/.made-*" >/dev/null; then $(PLATFORM) down; else echo "Down: nothing was installed."; fi

.PHONY: status
status: venv ## show what runs
	@$(PLATFORM) status || test $$? -eq 3

.PHONY: logs
logs: venv ## follow the services' logs (ARGS=<name> for one of them)
	@$(PLATFORM) logs -f $(ARGS)

.PHONY: push
push: venv ## check dags/, and publish them with include/ to the running Airflow (M="message", FORCE=1: unchecked)
	@$(if $(FORCE),,$(BIN)/drivetrain dags check)
	@$(PLATFORM) push -m "$(or $(M),Push)"

.PHONY: test
test: lint venv-feast venv-bigquery venv-speech venv-tritonserver ## lint, then every test, two at a time (ARGS="-n 0 tests/dags" for some, one by one)
	@$(BIN)/pytest -n 2 $(ARGS)
	@$(if $(filter-out --ignore=%,$(ARGS)),,$(MAKE) test-sdk)

.PHONY: test-sdk
test-sdk: venv-triton venv-tritonserver ## the tests of the Triton SDK, in its own environment
	@.venv-triton/bin/pytest -n 2 --rootdir . tests/sdk $(ARGS)

.PHONY: test-fast
test-fast: venv ## the tests that need neither minutes nor the whole platform
	@$(BIN)/pytest -n 2 -m "not slow and not e2e" $(ARGS)

.PHONY: test-fuzz
test-fuzz: venv ## the property tests with 300 examples each, other ones each time
	@DRIVETRAIN_FUZZ_EXAMPLES=300 $(BIN)/pytest -n 2 tests/plugins/drivetrain $(ARGS)

.PHONY: k8s-up
k8s-up: venv ## build Kubernetes once and start it (root, Debian 12)
	@$(BIN)/python -m standins.kubernetes build
	@$(BIN)/python -m standins.kubernetes up

.PHONY: k8s-test
k8s-test: venv venv-feast ## the tests on a real Kubernetes, which is started and stopped unless it runs (ARGS="-k pod" for some)
	@$(BIN)/python -m standins.kubernetes build
	@$(BIN)/pytest tests/k8s --durations=10 --durations-min=20 $(ARGS)

.PHONY: k8s-image
k8s-image: venv ## make the platform's images without a registry, and load them into the Kubernetes that runs
	@$(BIN)/python -m standins.kubernetes image

.PHONY: k8s-platform
k8s-platform: k8s-up venv-feast ## run the whole platform on Kubernetes, each task in a pod, as the working tree has it
	@$(BIN)/python -m standins.kubernetes deploy

.PHONY: k8s-down
k8s-down: ## stop Kubernetes and remove all that it left
	@if test -x $(BIN)/python; then $(BIN)/python -m standins.kubernetes down; else echo "Down: nothing was installed."; fi

.PHONY: lint
lint: venv venv-triton ## ruff, mypy, import contracts
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@.venv-triton/bin/mypy --config-file sdk/triton/pyproject.toml
	@$(BIN)/lint-imports

.PHONY: format
format: venv ## let ruff rewrite what it can
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

.PHONY: lock
lock: venv ## resolve requirements*.in into requirements*.txt anew
	@$(BIN)/uv pip compile --quiet --python-version 3.11 requirements.in -o requirements.txt
	@$(BIN)/uv pip compile --quiet --python-version 3.11 requirements-dev.in -o requirements-dev.txt
	@$(BIN)/uv pip compile --quiet --python-version 3.11 --generate-hashes requirements-feature-server.in -o requirements-feature-server.txt
	@$(BIN)/uv pip compile --quiet --python-version 3.11 --generate-hashes requirements-standins.in -o requirements-standins.txt
	@$(BIN)/uv pip compile --quiet --python-version 3.11 --generate-hashes requirements-feast.in -o requirements-feast.txt
	@$(BIN)/uv pip compile --quiet --python-version 3.11 --generate-hashes requirements-bigquery.in -o requirements-bigquery.txt
	@$(BIN)/uv pip compile --quiet --python-version 3.11 --generate-hashes requirements-triton.in -o requirements-triton.txt
	@$(BIN)/uv pip compile --quiet --python-version 3.11 --generate-hashes requirements-tritonserver.in -o requirements-tritonserver.txt
	@$(BIN)/uv pip compile --quiet --python-version 3.11 --generate-hashes requirements-speech.in -o requirements-speech.txt

.PHONY: schemas
schemas: venv ## write the JSON Schemas of the specs
	@$(BIN)/drivetrain schemas write

.PHONY: docs
docs: venv ## write the generated pages of the documentation
	@$(BIN)/drivetrain docs write
	@$(BIN)/drivetrain rbac matrix --write

.PHONY: dashboards
dashboards: venv ## write Grafana's dashboards (k8s/monitoring/dashboards)
	@$(BIN)/python k8s/monitoring/dashboards/generate.py

.PHONY: bench-sheets
bench-sheets: venv ## measure the sheet sync
	@$(BIN)/python -m benchmarks.sheets $(ARGS)

.PHONY: bench-sheets-history
bench-sheets-history: venv ## measure the dispatch decision with a year of history
	@$(BIN)/python -m benchmarks.sheets_history $(ARGS)

.PHONY: bench-sheets-day
bench-sheets-day: venv ## play a day of 2,500 sheets and 15,000 jobs in minutes
	@$(BIN)/python -m benchmarks.sheets_day $(ARGS)

.PHONY: bench-sheets-burst
bench-sheets-burst: venv ## 2,500 syncs due at once, against the quota's own bound
	@$(BIN)/python -m benchmarks.sheets_burst $(ARGS)

.PHONY: bench-sheets-chaos
bench-sheets-chaos: venv ## kill and fail everything that can be, and compare every sheet with its query
	@$(BIN)/python -m benchmarks.sheets_chaos $(ARGS)

.PHONY: bench-sheets-throughput
bench-sheets-throughput: venv ## measure jobs a second with the quotas off, against one Airflow task a job
	@$(BIN)/python -m benchmarks.sheets_throughput $(ARGS)

.PHONY: bench-platform
bench-platform: venv ## play a day of 75 DAGs, 1,000 runs and 3,800 tasks, then again with 3,000,000 task instances (two hours)
	@$(BIN)/python -m benchmarks.platform_day $(ARGS)

.PHONY: bench-platform-parse
bench-platform-parse: venv ## measure what 75 DAGs and 2,500 specs take to parse
	@$(BIN)/python -m benchmarks.platform_parse $(ARGS)

.PHONY: bench-cleanup
bench-cleanup: venv ## clean 3,000,000 task instances out of Airflow's database while its scheduler goes on (half an hour)
	@$(BIN)/python -m benchmarks.cleanup_metadata $(ARGS)

.PHONY: bench-platform-push
bench-platform-push: venv ## measure push-to-parsed and push-to-first-run, with stock settings and ours
	@$(BIN)/python -m benchmarks.platform_push $(ARGS)

.PHONY: bench-platform-kubernetes
bench-platform-kubernetes: venv ## measure pods a second on a real Kubernetes, and take pods, watch and API away meanwhile
	@$(BIN)/python -m standins.kubernetes build
	@$(BIN)/python -m benchmarks.platform_kubernetes $(ARGS)

.PHONY: bench-calls-pii
bench-calls-pii: venv ## measure how much personal data is found in spoken sentences, and how much else is taken for it
	@$(BIN)/python -m benchmarks.calls_pii --write $(ARGS)

.PHONY: bench-triton-sdk
bench-triton-sdk: venv venv-tritonserver ## measure what the Triton SDK adds to a call, and what becomes of calls in trouble, against others
	@$(BIN)/python -m benchmarks.triton_sdk $(ARGS)

.PHONY: bench-features-materialize
bench-features-materialize: venv venv-feast ## write 1,000,000 entities of 20 features into Redis, against Feast
	@$(BIN)/python -m benchmarks.features_materialize $(ARGS)

.PHONY: bench-features-materialize-bigquery
bench-features-materialize-bigquery: venv venv-feast venv-bigquery ## the same from BigQuery's emulator
	@$(BIN)/python -m benchmarks.features_materialize --source bigquery $(ARGS)

.PHONY: bench-features-landing
bench-features-landing: venv venv-feast venv-bigquery ## from a file in a bucket to its value being served, how many seconds
	@$(BIN)/python -m benchmarks.features_landing $(ARGS)

.PHONY: bench-features-serve
bench-features-serve: venv venv-feast ## ask the feature server and Feast's, at a fixed rate and as fast as it goes
	@$(BIN)/python -m benchmarks.features_serve $(ARGS)

.PHONY: bench-report
bench-report: venv ## make docs/BENCHMARKS.md and its plots from the benchmarks' results
	@$(BIN)/python -m benchmarks.report

.PHONY: clean
clean: down ## stop everything and remove its state; the virtual environments stay
	@rm -rf .drivetrain .mypy_cache .ruff_cache .import_linter_cache .hypothesis
