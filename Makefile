# The two commands are `make run` and `make test`; deploy/README.md says how to host Kith for years.
# A variable in the environment goes before a default here: make run KITH_DOMAIN=localhost:8080 …

.PHONY: help run test install demo bench requirements clean

help:
	@echo 'make run           an instance for trying things out, at http://localhost:8000'
	@echo 'make test          format, lint, types, import rules and all tests'
	@echo 'make install       everything for running and for development, into .venv'
	@echo 'make demo          two communities that follow and answer each other'
	@echo 'make bench         what it costs: requests, memory, time'
	@echo 'make requirements  pins the newest versions of what we need, with hashes'
	@echo 'make clean         takes away what can be made again; data/ stays'

run: export KITH_DATA_DIR ?= ./data
run: export KITH_DOMAIN ?= localhost:8000
run: export KITH_LISTEN ?= 127.0.0.1:8000
run: export KITH_DEVELOPMENT ?= true
run: .venv/.runtime
	@exec .venv/bin/kith serve

test: .venv/.development
	@.venv/bin/python -m tests

install: .venv/.development

demo: .venv/.runtime
	@exec .venv/bin/python -m server.demo

bench: .venv/.development
	@.venv/bin/python -m tests.benchmarks --storage

requirements:
	@sh deploy/environment.sh pins

clean:
	rm -rf .venv build kith.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find server federation storage tests -name __pycache__ -type d -prune -exec rm -rf {} +

# One stamp for each set of packages. Development contains runtime, so it renews both.
.venv/.runtime: deploy/requirements.txt pyproject.toml
	@sh deploy/environment.sh runtime

.venv/.development: deploy/requirements.txt deploy/requirements-dev.txt pyproject.toml
	@sh deploy/environment.sh development
