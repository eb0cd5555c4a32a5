# Run `make help` for the list of targets.

PYTHON ?= python3
VENV ?= .venv
# Arguments for pytest (make test PYTEST_ARGS="-k timers -x"), and the legs to run (make test LEGS=3.11-compiled).
PYTEST_ARGS ?=
LEGS ?=
# How long to soak, and more arguments for it (make soak SOAK_SECONDS=60 SOAK_ARGS="--only tls udp").
SOAK_SECONDS ?= 600
SOAK_ARGS ?=
# How often to run the tests by Hypothesis, with other examples each time.
FUZZ_ROUNDS ?= 10
# Arguments for CPython's tests (make conformance CONFORMANCE_ARGS="--series 3.13 --only test_locks").
CONFORMANCE_ARGS ?=
# Arguments for the benchmarks (make bench BENCH_ARGS=--quick).
BENCH_ARGS ?=
# Not every contender of the benchmarks runs on every Python.
BENCH_PYTHON ?= $(shell $(PYTHON) tools/pythons.py 3.13 3.12)

DEV := .venvs/dev
BENCH := .venvs/bench
SOURCES := pyproject.toml setup.py $(shell find src -name '*.py' -o -name '*.pxd' -o -name '*.pyi')

.DEFAULT_GOAL := help
.PHONY: help demo test test-quick ecosystem conformance fuzz soak memcheck bench bench-check build lint news clean check-python

help:  ## show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

demo: $(VENV)/.installed  ## serve an unmodified aiohttp application on the standard loop and on tulipa, and compare
	$(VENV)/bin/python -m demo

test: check-python  ## run the whole suite on every Python found, compiled and interpreted
	$(PYTHON) tools/legs.py --legs '$(LEGS)' -- $(PYTEST_ARGS)

test-quick: check-python  ## run the suite on the main Python only, without building packages
	$(PYTHON) tools/legs.py --quick --legs '$(LEGS)' -- $(PYTEST_ARGS)

ecosystem: check-python  ## run aiohttp, uvicorn, asyncpg and others on tulipa, in each of its modes; prints a table
	$(PYTHON) tools/legs.py --ecosystem -- $(PYTEST_ARGS)

fuzz: build  ## run the tests by Hypothesis FUZZ_ROUNDS times (ten), with new examples each time
	@for round in $$(seq $(FUZZ_ROUNDS)); do echo "round $$round of $(FUZZ_ROUNDS)"; \
		HYPOTHESIS_PROFILE=fuzz $(DEV)/bin/python -m pytest -q -n auto --dist loadgroup -m hypothesis $(PYTEST_ARGS) || exit 1; \
	done

soak: build  ## run load with faults for SOAK_SECONDS (ten minutes), and check that nothing grows
	$(DEV)/bin/python -m soak --seconds $(SOAK_SECONDS) $(SOAK_ARGS)

memcheck: check-python  ## run the suite with the compiled modules under the sanitizers of addresses and behaviour
	$(PYTHON) tools/memcheck.py -- $(PYTEST_ARGS)

conformance: check-python  ## run CPython's own tests of asyncio, on every Python found, with tulipa in its place
	$(PYTHON) -m conformance $(CONFORMANCE_ARGS)

bench: $(BENCH)/.installed  ## measure tulipa against the other event loops, in 50 minutes, and draw the chart
	$(BENCH)/bin/python -m bench $(BENCH_ARGS)

bench-check: check-python  ## count instructions with valgrind and compare them with the table; UPDATE=1 renews it
	$(PYTHON) tools/bench_check.py $(if $(UPDATE),--update)

build: $(DEV)/.installed  ## compile the hot modules in place, beside their sources, for development
	TULIPA_REQUIRE_COMPILED=1 $(DEV)/bin/python setup.py --quiet build_ext --inplace

lint: $(DEV)/.installed  ## check style and types
	$(DEV)/bin/ruff check .
	$(DEV)/bin/mypy

news: $(DEV)/.installed  ## show the changelog's entry for the next release
	$(DEV)/bin/towncrier build --draft

clean:  ## remove all that was built, stale compiled modules included; environments stay
	rm -rf build dist src/*.egg-info .mypy_cache .pytest_cache .ruff_cache
	find src \( -name '*.so' -o -name '*.pyd' -o -name '*.c' -o -name '*.html' \) -exec rm -f {} +
	find . -name '.?*' -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +

check-python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo 'tulipa needs Python 3.11 or later, and $(PYTHON) is not (or does not run).' >&2; \
		echo 'Name another one: make $(or $(MAKECMDGOALS),test) PYTHON=python3.12' >&2; \
		exit 1; }

# An environment is made anew when what tulipa is built from has changed.
define install
	@echo "installing tulipa into $(@D) (a minute or two; output in $(@D)/install.log)"
	@$(1) -m venv --clear $(@D)
	@$(@D)/bin/python -m pip install $(2) > $(@D)/install.log 2>&1 \
		|| { tail -n 40 $(@D)/install.log; echo "it failed; all of its output: $(@D)/install.log" >&2; exit 1; }
	@touch $@
endef

$(VENV)/.installed: $(SOURCES) | check-python
	$(call install,$(PYTHON),'.[demo]')
	@$(@D)/bin/python -m tulipa --version

$(BENCH)/.installed: export TULIPA_REQUIRE_COMPILED = 1
$(BENCH)/.installed: $(SOURCES) | check-python
	$(call install,$(BENCH_PYTHON),'.[bench]')

$(DEV)/.installed: export TULIPA_PURE = 1
$(DEV)/.installed: pyproject.toml | check-python
	$(call install,$(PYTHON),--editable '.[dev]')
