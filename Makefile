# One line each; what needs more is in a script it calls. `make` alone lists the targets.
SHELL := /bin/sh
BIN := .venv/bin
PYTHON ?=
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help up signin token web worker test lint format bench requirements clean

help: ## List the targets
	@grep -hE '^[a-z]+:.*##' Makefile | awk -F':.*## ' '{printf "  make %-13s %s\n", $$1, $$2}'

up: .venv/runtime .venv/assets ## Start the whole application and print a sign-in link
	@exec $(BIN)/python -m crewsite.local

signin: .venv/runtime ## Print another single-use sign-in link
	@$(BIN)/python manage.py signin_link --absolute

token: .venv/runtime ## Make an API token and print it
	@$(BIN)/python manage.py api_token

web: .venv/runtime ## Run the web server alone (a server's settings in the environment: .env.example)
	@exec $(BIN)/python -m crewsite.web

worker: .venv/runtime ## Run one more worker, beside `make up` or with a server's settings
	@exec $(BIN)/python manage.py worker

test: .venv/dev .venv/assets .venv/browser ## Run all tests; ARGS="tests/engine -k plan" chooses
	@$(BIN)/python -m pytest $(ARGS)

lint: .venv/dev .venv/assets ## Check style, types, import directions and templates
	@sh bin/lint

format: .venv/dev ## Format code and templates
	@$(BIN)/ruff check --fix --quiet . ; $(BIN)/ruff format . ; $(BIN)/djade --target-version 5.2 $$(git ls-files '*.html')

bench: .venv/dev .venv/assets ## Run the benchmarks
	@for bench in bench/*.py; do echo "== $$bench" && $(BIN)/python $$bench || exit 1; done

requirements: .venv/dev ## Pin the newest versions that fit (requirements*.in)
	@for list in requirements requirements-dev requirements-node; do $(BIN)/pip-compile --quiet --upgrade --generate-hashes --allow-unsafe --no-emit-index-url --no-emit-find-links --strip-extras --no-header --output-file $$list.txt $$list.in || exit 1; done

clean: ## Remove what was installed; the data in .crewsite stays
	rm -rf .venv node_modules

$(BIN)/python:
	@PYTHON="$(PYTHON)" sh bin/make-venv

.venv/runtime: requirements.txt $(BIN)/python
	@echo "Installing Crewsite into .venv (once) ..."
	@sh bin/install requirements.txt
	@touch $@

.venv/dev: requirements-dev.txt .venv/runtime
	@echo "Installing what tests and checks need (once) ..."
	@sh bin/install requirements-dev.txt
	@touch $@

.venv/assets: package-lock.json .venv/runtime bin/install-assets
	@sh bin/install-assets
	@touch $@

.venv/browser: .venv/dev bin/install-browser
	@$(BIN)/python bin/install-browser
	@touch $@

.DEFAULT:
	@echo "There is no target '$@'. These are the targets:" >&2; $(MAKE) --no-print-directory help >&2; exit 2
