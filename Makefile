# The commands of this project. Each makes .venv by itself; nothing else has to be set up.

PYTHON ?= $(shell command -v python3.11 || echo python3)
BACKENDS ?= numpy,torch,tensorflow,mxnet
JOBS ?= 2
SEED ?= 2026
COUNT ?= 300
ONE_IN ?= 1
ACTIVATIONS ?= relu leaky_relu gelu mish tanh hard_sigmoid

ifeq ($(BACKENDS),numpy)
RUN_ENV := .venv-numpy
else
RUN_ENV := .venv
endif
IN_RUN_ENV := $(RUN_ENV)/bin
BIN := .venv/bin
QUIET := TF_CPP_MIN_LOG_LEVEL=3
CACHES := UNIFIED_ACT_ORACLE_CACHE=$(CURDIR)/.cache/oracle UNIFIED_ACT_KERNEL_CACHE=$(CURDIR)/.cache/kernels \
	JAX_COMPILATION_CACHE_DIR=$(CURDIR)/.cache/jax \
	JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS=0 JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES=-1
MKDOCS := $(QUIET) $(CACHES) NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs
PYTEST := $(QUIET) $(CACHES) $(BIN)/python -m pytest -n $(JOBS) --dist worksteal

.PHONY: run sweep test test-all test-environments mutants check format bench docs site serve build clean help

help:  ## show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-17s %s\n", $$1, $$2}'

run: $(RUN_ENV)/.ready  ## recognise digits on every framework, then swap frameworks (BACKENDS=…)
	@$(QUIET) $(IN_RUN_ENV)/python -m examples.digits --backends $(BACKENDS)

sweep: BACKENDS = torch
sweep: .venv/.ready  ## train with several activations and draw what happens (ACTIVATIONS="…" BACKENDS=…)
	@$(QUIET) $(BIN)/python -m examples.digits --backends $(BACKENDS) $(foreach name,$(ACTIVATIONS),--activation '$(name)')

test: .venv/.ready  ## test everything once, in minutes
	$(PYTEST) -m 'not exhaustive'

test-all: .venv/.ready  ## test what `make test` leaves out: all combinations of everything (ONE_IN=4: a quarter of them)
	$(PYTEST) -m exhaustive --one-in $(ONE_IN)

test-environments: build  ## try the wheel on other versions of Python, NumPy and the frameworks
	$(BIN)/python -m nox

mutants: .venv/.ready  ## ask the conformance suite about faults that a machine plants in the sources (SEED= COUNT=)
	$(QUIET) $(CACHES) $(BIN)/python -m unified_act_conformance.mutants --seed $(SEED) --count $(COUNT) --jobs $(JOBS)

check: .venv/.ready  ## ruff, mypy, and which way imports may point
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

format: .venv/.ready  ## let ruff format and repair
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: .venv/.ready  ## time everything against what a user would write (BACKEND= ACTIVATION= DTYPE= DEVICE= choose a part)
ifeq ($(BACKEND)$(ACTIVATION)$(DTYPE)$(DEVICE),)
	$(QUIET) $(BIN)/python -m benchmarks.call_overhead
endif
	$(QUIET) $(CACHES) $(BIN)/python -m benchmarks.compare $(if $(BACKEND),--backend $(BACKEND)) \
		$(if $(ACTIVATION),--activation $(ACTIVATION)) $(if $(DTYPE),--dtype $(DTYPE)) $(if $(DEVICE),--device $(DEVICE))
	@$(QUIET) $(BIN)/python -m docs.generate

docs: .venv/.ready  ## generate the tables of docs/ from the specifications, and build the site
	$(QUIET) $(BIN)/python -m docs.generate
	$(QUIET) $(BIN)/python -m tests.frameworks.page
	@$(MAKE) --no-print-directory site

site: .venv/.ready  ## build the documentation into site/, with its pictures, and check every link
	$(MKDOCS) build --strict

serve: .venv/.ready  ## show the documentation at http://127.0.0.1:8000, and build again what changes
	$(MKDOCS) serve

build: .venv/.ready  ## make the source distribution and the wheel, and try the wheel by itself
	rm -rf dist
	$(BIN)/python -m build
	$(BIN)/python -m twine check --strict dist/*
	$(BIN)/python -m nox --session wheel

clean:  ## remove the environments and everything generated
	rm -rf .venv .venv-numpy .cache .pytest_cache .mypy_cache .ruff_cache .hypothesis .nox dist build site sweep.png
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/.ready: pyproject.toml constraints.txt
	@echo "Making .venv and installing the project with all backends (some minutes, once) …"
	@$(PYTHON) -m venv .venv
	@$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@# Keras 2 asks for tensorflow by that name; tensorflow-cpu is the same. tf2onnx finds all here.
	@$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt --no-deps tf_keras tf2onnx
	@# timm asks for torchvision, which would bring another PyTorch. tests/models imports both as they are.
	@$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt --no-deps timm torchvision
	@touch $@

.venv-numpy/.ready: pyproject.toml constraints.txt
	@echo "Making .venv-numpy and installing the project with NumPy alone …"
	@$(PYTHON) -m venv .venv-numpy
	@$(IN_RUN_ENV)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[examples]'
	@touch $@
