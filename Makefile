# `make help` lists what there is to make.
PYTHON ?= python3
VENV   ?= .venv
PORT   ?= 5000
HOST   ?= 127.0.0.1
PEOPLE ?= 2000
KILLS  ?= 200
FAILOVERS ?= 5
BIN    := $(VENV)/bin
# One more than there are cores: many tests wait for processes of their own.
PROCESSES ?= $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)
# Another program with libraries of its own, in versions that are not ours to choose.
PATRONI ?= .patroni

# What Python has compiled is kept, also where the environment says otherwise: all processes of the
# tests import the same.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help run example test random fuzz crossing storm failover check format bench bench-short translations screenshots diagrams lock clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 14

run: $(VENV)/run.stamp ## Serve a site with demo content on http://$(HOST):$(PORT)
	@$(BIN)/timapp db upgrade
	@$(BIN)/timapp demo
	@exec $(BIN)/timapp run --host $(HOST) --port $(PORT)

example: $(VENV)/dev.stamp ## Run an example on demo accounts: make example NAME=flask PORT=8000
	@exec $(BIN)/python examples/run.py "$(NAME)" "$(PORT)"

test: $(VENV)/dev.stamp tests/oidc/node_modules ## Run all tests, on SQLite and on PostgreSQL
	@$(BIN)/python -m pytest --numprocesses $(PROCESSES) --dist worksteal

random: $(VENV)/dev.stamp ## Try twenty times as many random lives and orders as the tests do (long)
	@$(BIN)/python -m pytest --hypothesis-profile long --numprocesses $(PROCESSES) \
		tests/guard/test_rules_random.py tests/guard/test_order.py

fuzz: $(VENV)/dev.stamp ## Try what strangers may write, and all that the API may be asked, into docs/security.md (long)
	@$(BIN)/python -m tests.fuzz --write

crossing: $(VENV)/dev.stamp ## Let changes of PEOPLE people cross on the way to five servers (long)
	@$(BIN)/python -m tests.crossing $(PEOPLE)

storm: $(VENV)/dev.stamp ## Kill what there is to kill KILLS times each under load, into docs/faults.md (long)
	@$(BIN)/python -m tests.storm --kills $(KILLS) --write

failover: $(VENV)/dev.stamp $(PATRONI)/failover.stamp ## Kill the leader of two PostgreSQL nodes FAILOVERS times (needs etcd)
	@$(BIN)/python -m tests.failover --failovers $(FAILOVERS) --patroni $(PATRONI)/bin/patroni --write

check: $(VENV)/dev.stamp ## Check style, types, layers and the OpenAPI document
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/flask --app timApp.openapi:create_described_app openapi print \
		| $(BIN)/python -m openapi_spec_validator -

format: $(VENV)/dev.stamp ## Format the code
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format

bench: $(VENV)/bench.stamp ## Measure everything against its floor and its peers, into bench/RESULTS.md
	@$(BIN)/python -m bench

bench-short: $(VENV)/bench.stamp ## The same, roughly, in about a minute; nothing is written down
	@$(BIN)/python -m bench --short

# The first argument of an error is a sentence that pages show, and so one to translate.
ERRORS := AccessDenied AccountClosed BadInput Busy Conflict ExamBrowserRequired ExpiredLink ForgedLink \
	ForgedReceipt ForgedSeat HeaderRefused InvalidToken LaunchRefused LoginRequired NobodyWaits \
	NotFound NotLinked Overtaken PasskeyCopied PasskeyNeeded PasskeyOwed PasskeyRefused \
	PasswordChanged ProofRequired ProviderRefused SamlRefused SpentLink Stale TooManyFailures \
	TooManyLogins UnknownPoller WrongCredentials WrongHeader WrongLink WrongLogoutToken

translations: $(VENV)/dev.stamp ## Collect the texts for the translators, and compile what they wrote
	@$(BIN)/pybabel -q extract -F babel.cfg -k lazy_gettext $(ERRORS:%=-k %) --no-location --sort-output -o messages.pot .
	@$(BIN)/pybabel -q update --no-fuzzy-matching --ignore-pot-creation-date --width 100 \
		-i messages.pot -d timApp/translations
	@rm messages.pot
	@sed -i -E '/^"(Report-Msgid-Bugs-To|POT-Creation-Date|PO-Revision-Date|Last-Translator|Language-Team|Generated-By):/d' \
		timApp/translations/*/LC_MESSAGES/messages.po
	@$(BIN)/pybabel -q compile -d timApp/translations

screenshots: $(VENV)/dev.stamp ## Take the pictures of the pages for the docs (needs Chromium)
	@$(BIN)/python -m tests.screenshots docs/pictures

diagrams: $(VENV)/dev.stamp ## Draw the docs' diagram of a session's life, and who may open what
	@$(BIN)/python -m tests.diagrams
	@$(BIN)/python -m tests.access_table

LOCK := uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--no-emit-find-links --no-annotate --custom-compile-command "make lock" --quiet --upgrade

lock: ## Lock the newest versions that pyproject.toml allows (needs uv)
	$(LOCK) pyproject.toml --group build --output-file requirements.txt
	$(LOCK) pyproject.toml --group build --group dev --constraint requirements.txt \
		--output-file requirements-dev.txt
	$(LOCK) pyproject.toml --group build --group dev --group bench \
		--constraint requirements-dev.txt --output-file requirements-bench.txt
	$(LOCK) --group failover --output-file requirements-failover.txt

clean: ## Remove the virtual environments and caches, but no data
	rm -rf $(VENV) $(PATRONI) .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis *.egg-info

# An environment that is only to run has nothing in it but what running takes.
$(VENV)/run.stamp: requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else \
		"timApp needs Python 3.11 or newer, this is %d.%d" % sys.version_info[:2])'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing timApp into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps -e .
	@touch $@

$(VENV)/dev.stamp: $(VENV)/run.stamp requirements-dev.txt
	@echo "Installing what tests and checks need into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch $@

# The provider by which the tests log in; without Node they are skipped, and told at the end.
tests/oidc/node_modules: tests/oidc/package-lock.json
	@if command -v npm > /dev/null; then npm ci --silent --prefix tests/oidc; fi

$(VENV)/bench.stamp: $(VENV)/dev.stamp requirements-bench.txt
	@echo "Installing what timApp is measured against into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-bench.txt
	@touch $@

$(PATRONI)/failover.stamp: requirements-failover.txt
	@test -x $(PATRONI)/bin/python || $(PYTHON) -m venv $(PATRONI)
	@echo "Installing Patroni into $(PATRONI) ..."
	@$(PATRONI)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@
