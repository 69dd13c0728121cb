# Every target makes its own virtual environment if there is none. `make` alone prints this help.
.DEFAULT_GOAL := help
SHELL := /bin/sh
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.PHONY: help
help: ## Print this help
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-17s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# See it

.PHONY: demo
demo: $(VENV)/local ## Play the main job on embedded servers: no tokens, no Docker
	@$(BIN)/python -m launch demo

.PHONY: play
play: $(VENV)/local ## Play with both chats and the bus between them, in a browser, until Ctrl-C; ARGS=--port=8090
	@$(BIN)/python -m launch play $(ARGS)

.PHONY: sandbox
sandbox: $(VENV)/local ## Run the same, and print all addresses; they are in .run/endpoints.json, too
	@$(BIN)/python -m launch sandbox

.PHONY: status
status: $(VENV)/local ## Show on one screen whether all is well, and what to do next; ARGS=--watch
	@$(BIN)/python -m launch operate status $(ARGS)

.PHONY: trace
trace: $(VENV)/local ## Print one event's life, from both servers and the logs: make trace KEY=tg_game_1001_7
	@$(BIN)/python -m launch operate trace -- "$$KEY"

.PHONY: doctor
doctor: $(VENV)/local ## Look at everything it stands on; say what is wrong and what mends it
	@$(BIN)/python -m launch operate doctor

.PHONY: audit
audit: $(VENV)/local ## Prove from the ledger that everything adds up
	@$(BIN)/python -m launch operate audit $(ARGS)

.PHONY: reconcile
reconcile: $(VENV)/local ## Compare both sides now: make reconcile ARGS=--dry-run
	@$(BIN)/python -m launch operate reconcile --now $(ARGS)

.PHONY: import-history
import-history: $(VENV)/local ## Import what a bot's own table held: make import-history ARGS="discord --dry-run"
	@$(BIN)/python -m launch operate import-history $(ARGS)

.PHONY: forget
forget: $(VENV)/local ## Forget a person: make forget ARGS=telegram:1001
	@$(BIN)/python -m launch operate forget $(ARGS)

.PHONY: export
export: $(VENV)/local ## Write what is stored about a person: make export ARGS=telegram:1001
	@$(BIN)/python -m launch operate export $(ARGS)

.PHONY: dead
dead: $(VENV)/local ## Look at what was buried: make dead ARGS="show 7"
	@$(BIN)/python -m launch operate dead $(or $(ARGS),list)

.PHONY: links
links: $(VENV)/local ## Look at links of accounts, and change them: make links ARGS="see telegram:1001"
	@$(BIN)/python -m launch operate links $(ARGS)

.PHONY: rebuild
rebuild: $(VENV)/local ## Publish all unfinished events again, after Redis lost data
	@$(BIN)/python -m launch operate rebuild

.PHONY: reread
reread: $(VENV)/local ## Settle again what is on the streams, after Postgres was restored: ARGS=--dry-run
	@$(BIN)/python -m launch operate reread $(ARGS)

.PHONY: redis
redis: $(VENV)/local ## Send one command to Redis: make redis ARGS="XINFO GROUPS sync:telegram"
	@$(BIN)/python -m launch redis -- "$$ARGS"

.PHONY: psql
psql: $(VENV)/local ## Ask Postgres in SQL: make psql ARGS="SELECT ...", or without ARGS to type
	@$(BIN)/python -m launch psql -- "$$ARGS"

# Run it

.PHONY: run
run: $(VENV)/local ## Run the bots and the consumers on the real platforms; tokens come from .env
	@$(BIN)/python -m launch run

.PHONY: migrate
migrate: $(VENV)/local ## Bring the database at DATABASE_URL to the newest schema
	@$(BIN)/python -m launch migrate

.PHONY: roles
roles: $(VENV)/local ## Make the roles of Postgres, one for each kind of process (docs/operate.md)
	@$(BIN)/python -m launch roles $(ARGS)

.PHONY: contract
contract: $(VENV)/local ## End the move from release 0.1, once none of its processes is left (docs/upgrade.md)
	@$(BIN)/python -m launch contract $(ARGS)

# Work on it

.PHONY: test
test: $(VENV)/dev ## Run all tests, three at a time
	@$(BIN)/pytest --numprocesses 3 --dist loadfile --max-worker-restart 3

.PHONY: postgres-test
postgres-test: $(VENV)/dev ## Run the tests of the database on one Postgres: VERSION=14 to 18; ARGS=tests/integration/db
	@programs=$$($(BIN)/python -m tests.support.postgres_programs $(or $(VERSION),14)) || exit; \
	if [ -n "$$programs" ]; then \
	    TWINSTREAM_TEST_POSTGRES=$$programs $(BIN)/pytest -m postgres --numprocesses 2 --dist loadfile $(ARGS); fi

.PHONY: engine-test
engine-test: $(VENV)/dev ## Run compose.yaml in a Docker Engine of its own, as root on Debian: ARGS="up play down"
	@$(BIN)/python -m tests.engine $(ARGS)

.PHONY: systemd-test
systemd-test: $(VENV)/dev ## Install on a Debian server with systemd as the pages say, as root on Debian: ARGS=settings
	@$(BIN)/python -m tests.systemd $(ARGS)

.PHONY: browser-test
browser-test: $(VENV)/browser ## Play in the sandbox's page with Chromium, which has to be installed
	@$(BIN)/python -m launch.chromium
	@$(BIN)/pytest -m "browser and not nightly" tests/browser $(ARGS)

# Measuring takes its time, and a few tests judge time: the report is made even if one fails.
.PHONY: coverage
coverage: $(VENV)/dev ## Run all tests, and show what they do not reach: .run/coverage/html/index.html
	@rm -rf .run/coverage
	-@$(BIN)/python -m coverage run -m pytest --numprocesses 2 --dist loadfile --timeout 1800 $(ARGS)
	@$(BIN)/python -m coverage combine --quiet
	@$(BIN)/python -m coverage html --quiet
	@echo "In total, and the files below 90 %:"
	@$(BIN)/python -m coverage report | awk '/^TOTAL/ || $$NF + 0 < 90'

.PHONY: chaos
chaos: $(VENV)/local ## Kill, cut and wipe everything under load, then audit; CHAOS_SECONDS=300 CHAOS_SEED=7
	@$(BIN)/python -m chaos $(ARGS)

.PHONY: simulate
simulate: $(VENV)/dev ## Run everything in virtual time under faults: SEEDS=1000, or SEED=17 to replay one
	@$(BIN)/python -m simulation $(if $(SEED),--seed $(SEED),--seeds $(or $(SEEDS),1000))

# In parts, because a hosted CI ends a job after some hours: .github/workflows/nightly.yml.
.PHONY: nightly
nightly: nightly-examples nightly-seeds nightly-tests nightly-servers ## Look longer: 2,500 histories, 1,000 seeds, each guard taken out, every Postgres from 14 on

.PHONY: nightly-examples
nightly-examples: $(VENV)/dev
	@$(BIN)/pytest tests/property tests/unit tests/sandbox tests/simulation/test_streams_model.py tests/integration/db/test_plain_payloads.py tests/integration/db/test_record_function.py --hypothesis-profile nightly

.PHONY: nightly-seeds
nightly-seeds: $(VENV)/dev
	@$(BIN)/python -m simulation --seeds 1000
	@$(BIN)/python -m simulation --seeds 1000 --guards

.PHONY: nightly-tests
nightly-tests: $(VENV)/dev
	@$(BIN)/pytest -m nightly --numprocesses 2 --dist loadfile

.PHONY: nightly-servers
nightly-servers: $(VENV)/dev
	@for version in 14 15 16 17 18; do $(MAKE) --no-print-directory postgres-test VERSION=$$version || exit; done
	@$(MAKE) --no-print-directory engine-test ARGS=
	@$(MAKE) --no-print-directory systemd-test ARGS=
	@if command -v promtool > /dev/null; then \
	    TWINSTREAM_TEST_PROMTOOL=promtool $(BIN)/pytest tests/integration/consumers/runtime/test_alerts.py; fi
	@if command -v redis-server > /dev/null; then \
	    TWINSTREAM_TEST_REDIS=redis-server $(BIN)/pytest tests/contract tests/integration/tls/test_redis_with_tls.py --numprocesses 2; fi

.PHONY: bench
bench: $(VENV)/bench ## Measure it beside what one would otherwise pick: ARGS="apply latency"
	@$(BIN)/python -m benchmarks $(ARGS)

.PHONY: bench-quick
bench-quick: $(VENV)/bench ## The same with few events, in a few minutes
	@$(BIN)/python -m benchmarks --quick $(ARGS)

.PHONY: bench-plots
bench-plots: $(VENV)/bench ## Draw docs/plots from the figures of `make bench`: RESULTS=benchmarks/results
	@$(BIN)/python -m benchmarks.plots $(or $(RESULTS),.run/benchmarks) docs/plots

.PHONY: lint
lint: $(VENV)/dev ## Check style, formatting and the language of comments and log events
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/python -m tests.language_checks

.PHONY: types
types: $(VENV)/dev ## Check types
	@$(BIN)/mypy

.PHONY: wheel
wheel: $(VENV)/dev ## Build the wheel that other bots install, into dist/
	@$(BIN)/python -m build --wheel --no-isolation --outdir dist . > /dev/null && ls dist/*.whl

.PHONY: docs
docs: $(VENV)/docs ## Build the pages of docs/ as a site, and check every link: build/site/index.html
	@$(BIN)/python -m docs.site

.PHONY: sbom
sbom: $(VENV)/audit ## List the packages of the image in the format of CycloneDX: build/sbom.cdx.json
	@mkdir -p build
	@$(BIN)/cyclonedx-py requirements requirements.txt --output-reproducible --output-file build/sbom.cdx.json
	@echo "The packages are in build/sbom.cdx.json"

.PHONY: scan
scan: $(VENV)/audit ## Ask PyPI whether a pinned package has a known weakness; needs the internet
	@$(BIN)/pip-audit --strict --no-deps --disable-pip --requirement requirements.txt

.PHONY: check
check: lint types test wheel ## Everything that CI checks

.PHONY: format
format: $(VENV)/dev ## Format the code
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

.PHONY: schema
schema: $(VENV)/local ## Write db/schema.sql anew from the migrations
	@$(BIN)/python -m launch schema

.PHONY: interface
interface: $(VENV)/local ## Write db/interface.toml anew: what bots may call and read
	@$(BIN)/python -m launch interface

.PHONY: pictures
pictures: $(VENV)/local ## Draw docs/pictures anew: what both bots say, and their cards
	@$(BIN)/python -m launch.pictures docs/pictures
	@$(BIN)/python -m launch.news_pictures docs/pictures
	@$(BIN)/python -m launch.card_pictures docs/pictures

.PHONY: play-pictures
play-pictures: $(VENV)/browser ## Take the pictures of `make play` anew, and its film, with Chromium
	@$(BIN)/python -m launch.play_pictures docs/pictures

.PHONY: configuration
configuration: $(VENV)/local ## Write docs/configuration.md anew, in both languages, from the settings
	@$(BIN)/python -m docs.site.configuration

.PHONY: release-fixtures
release-fixtures: $(VENV)/dev ## Keep of this release what tests of an upgrade from it will need
	@PYTHONPATH=. $(BIN)/python tests/releases/fixtures.py $(ARGS)

.PHONY: lock
lock: $(VENV)/dev ## Compile requirements*.txt anew, without an index's address in them
	@$(PIP) install uv
	@for file in requirements requirements-local requirements-dev requirements-bench \
	        requirements-docs requirements-browser requirements-audit; do \
	    $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --no-emit-index-url --no-annotate \
	        --generate-hashes \
	        --custom-compile-command "make lock" $(UPGRADE) $$file.in -o $$file.txt; done

.PHONY: clean
clean: ## Remove what was built and what the sandbox earned; .run/live stays
	@if [ -e $(VENV)/local ]; then $(BIN)/python -m launch clean; fi
	@rm -rf build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis

.PHONY: distclean
distclean: clean ## Remove the virtual environment too
	@rm -rf $(VENV)

# A stamp for each set of packages, so that nothing is installed twice.
$(VENV)/made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "twinstream needs Python 3.11 or newer; name one with PYTHON=")'
	@echo "Making a virtual environment in $(VENV) ..."
	@$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/local: $(VENV)/made requirements-local.txt
	@echo "Installing what it runs on ..."
	@$(PIP) install -r requirements-local.txt
	@touch $@

$(VENV)/bench: $(VENV)/local requirements-bench.txt
	@echo "Installing what it is measured beside ..."
	@$(PIP) install -r requirements-bench.txt
	@touch $@

$(VENV)/browser: $(VENV)/dev requirements-browser.txt
	@echo "Installing what drives a browser ..."
	@$(PIP) install -r requirements-browser.txt
	@touch $@

$(VENV)/docs: $(VENV)/made requirements-docs.txt
	@echo "Installing what builds the site ..."
	@$(PIP) install -r requirements-docs.txt
	@touch $@

$(VENV)/audit: $(VENV)/made requirements-audit.txt
	@echo "Installing what looks at packages ..."
	@$(PIP) install -r requirements-audit.txt
	@touch $@

$(VENV)/dev: $(VENV)/local requirements-dev.txt
	@echo "Installing what checks it ..."
	@$(PIP) install -r requirements-dev.txt
	@touch $@
