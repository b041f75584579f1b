# The two commands are `make run` and `make test`; deploy/README.md says how to host Kith for years.
# A variable in the environment goes before a default here: make run KITH_DOMAIN=localhost:8080 …

.PHONY: help run test quick short install demo bench requirements clean asked

# Another Python, in an environment of its own: make test PYTHON=python3.13 VENV=build/python3.13
export VENV ?= .venv

help:
	@echo 'make run           an instance for trying things out, at http://localhost:8000'
	@echo 'make test          format, lint, types, import rules and all tests'
	@echo 'make quick         format, lint and the tests that matter for what changed, in a minute'
	@echo 'make short         the tests that show soonest whether another Python will do'
	@echo 'make install       everything for running and for development, into .venv'
	@echo 'make demo          two communities that follow and answer each other'
	@echo 'make bench         what it costs: requests, memory, time (QUICK=1: under two minutes)'
	@echo 'make requirements  pins the newest versions of what we need, with hashes'
	@echo 'make clean         takes away what can be made again; data/ stays'

run: export KITH_DATA_DIR ?= ./data
run: export KITH_DOMAIN ?= localhost:8000
run: export KITH_LISTEN ?= 127.0.0.1:8000
run: export KITH_DEVELOPMENT ?= true
run: $(VENV)/.runtime
	@exec $(VENV)/bin/kith serve

test: $(VENV)/.development
	@$(VENV)/bin/python -m tests

quick: $(VENV)/.development
	@$(VENV)/bin/python -m tests --quick

short: $(VENV)/.development
	@$(VENV)/bin/python -m tests --short

install: $(VENV)/.development

demo: $(VENV)/.runtime
	@exec $(VENV)/bin/python -m server.demo.run

bench: $(VENV)/.development
	@$(VENV)/bin/python -m tests.benchmarks $(if $(QUICK),--quick,--storage)

requirements:
	@sh deploy/environment.sh pins

clean:
	rm -rf .venv build kith.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find server federation storage tests -name __pycache__ -type d -prune -exec rm -rf {} +

# One stamp for each set of packages. Development contains runtime, so it renews both.
$(VENV)/.runtime: deploy/requirements.txt pyproject.toml
	@sh deploy/environment.sh runtime

$(VENV)/.development: deploy/requirements.txt deploy/requirements-dev.txt pyproject.toml
	@sh deploy/environment.sh development

# Whether the environment is of the Python that was asked for cannot be seen from a stamp.
ifdef PYTHON
$(VENV)/.runtime $(VENV)/.development: asked
endif
