# One line each; what needs more is in a script it calls. 'make' alone lists the targets.
SHELL := /bin/sh
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help up signin token worker web test faults hostile control proxy lint format bench requirements clean

help: ## List the targets
	@grep -hE '^[a-z]+:.*##' Makefile | awk -F':.*## ' '{printf "  make %-13s %s\n", $$1, $$2}'

up: $(VENV)/runtime $(VENV)/assets ## Start the whole application and print a sign-in link
	@exec $(BIN)/python -m crewsite.local

signin: $(VENV)/runtime ## Print another single-use sign-in link
	@$(BIN)/python manage.py signin_link --absolute

token: $(VENV)/runtime ## Make an API token and print it
	@$(BIN)/python manage.py api_token

worker: $(VENV)/runtime ## Run one more worker (DATABASE_URL and BROKER_URL, or beside 'make up')
	@exec $(BIN)/python manage.py worker

test: $(VENV)/dev $(VENV)/assets $(VENV)/browser $(VENV)/brokers ## Run all tests but the slow fault tests
	@$(BIN)/python -m pytest -n 3 $(ARGS)

faults: $(VENV)/dev $(VENV)/assets $(VENV)/brokers ## Run all fault tests and the long random ones of the protocol
	@$(BIN)/python -m pytest -m "slow_fault or not slow_fault" tests/faults tests/runs/protocol/test_machine.py $(ARGS)

hostile: $(VENV)/dev ## Send pages, API and providers hostile and odd requests for long (EXAMPLES=500 of each kind)
	@HOSTILE_EXAMPLES=$(or $(EXAMPLES),500) $(BIN)/python -m pytest -n 2 tests/hostile tests/engine/providers/test_own_accord.py $(ARGS)

control: $(VENV)/dev ## Show that fault tests fail without leases and epochs
	@$(BIN)/python -m pytest -m "slow_fault or not slow_fault" tests/faults/test_control.py $(ARGS)

proxy: $(VENV)/dev ## Test against LiteLLM's own proxy, which gets an environment of its own
	@test -x $(VENV)-proxy/bin/litellm || { $(PYTHON) -m venv $(VENV)-proxy && $(VENV)-proxy/bin/pip install -q "litellm[proxy]==$$($(BIN)/python -c 'from importlib.metadata import version; print(version("litellm"))')"; }
	@LITELLM_PROXY=$(VENV)-proxy/bin/litellm $(BIN)/python -m pytest tests/litellm_proxy $(ARGS)

lint: $(VENV)/dev $(VENV)/assets ## Check style, types, import directions and templates
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	PYTHONPATH=client $(BIN)/lint-imports
	DATABASE_URL=postgresql://lint@127.0.0.1/lint SECRET_KEY=lint ENCRYPTION_KEYS=lint $(BIN)/mypy
	git ls-files -z -- 'templates/*.html' 'templates/**/*.html' | xargs -0r $(BIN)/djade --check --target-version 5.2

format: $(VENV)/dev ## Format code and templates
	$(BIN)/ruff check --fix . ; $(BIN)/ruff format . ; git ls-files -z -- 'templates/*.html' 'templates/**/*.html' | xargs -0r $(BIN)/djade --target-version 5.2

bench: $(VENV)/dev $(VENV)/assets ## Run the benchmarks
	@for bench in bench/*.py; do $(BIN)/python $$bench || exit 1; done

requirements: $(VENV)/dev ## Pin the newest versions that fit (requirements*.in)
	@$(BIN)/pip-compile -q -U --generate-hashes --no-emit-index-url --no-emit-find-links --strip-extras --no-header -o requirements.txt requirements.in
	@$(BIN)/pip-compile -q -U --generate-hashes --no-emit-index-url --no-emit-find-links --strip-extras --no-header --allow-unsafe -o requirements-dev.txt requirements-dev.in

clean: ## Remove what was installed; data in .crewsite stays
	rm -rf $(VENV) $(VENV)-proxy node_modules

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Crewsite needs Python 3.11 or newer; '$(PYTHON)' is older or missing. Try: make PYTHON=python3.11 up"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "Python's venv module is missing. On Debian and Ubuntu: apt-get install python3-venv"; rm -rf $(VENV); exit 1; }

$(VENV)/runtime: requirements.txt | $(VENV)/bin/python
	@echo "Installing Crewsite (once) ..."
	@$(BIN)/python -m pip install --quiet --require-hashes -r requirements.txt
	@touch $@

$(VENV)/dev: requirements-dev.txt client/pyproject.toml $(VENV)/runtime
	@echo "Installing what tests and checks need (once) ..."
	@$(BIN)/python -m pip install --quiet --require-hashes -r requirements-dev.txt
	@$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable ./client
	@touch $@

$(VENV)/assets: package-lock.json $(VENV)/runtime
	@sh bin/install-assets $(BIN)/python
	@touch $@

$(VENV)/browser: $(VENV)/dev
	@$(BIN)/python bin/install-browser
	@touch $@

$(VENV)/brokers: $(VENV)/dev
	@$(BIN)/python bin/install-brokers
	@touch $@

.DEFAULT:
	@echo "There is no target '$@'. These are the targets:" >&2; $(MAKE) --no-print-directory help >&2; exit 2
