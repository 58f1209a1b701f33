# make demo: watch Sirocco work.   make test: build and run all tests.   The rest serves these two.
SIROCCO := .build/release/sirocco
VENV := .venv
PYTHON := $(VENV)/bin/python

.PHONY: demo test build dependencies lint format unit acceptance fuzz races eval clean

demo: build $(VENV)/ready
	@$(PYTHON) examples/demo.py $(SIROCCO)

test: lint build unit acceptance

dependencies:
	@test "$(DEPENDENCIES)" = installed || scripts/install-dependencies

build: dependencies
	swift build -c release --static-swift-stdlib --product sirocco

unit: dependencies
	swift build --build-tests --explicit-target-dependency-import-check error
	# Conversations between processes have deadlines: they run by themselves, before the busy ones.
	swift test --skip-build --filter MCPTests
	swift test --skip-build --filter AgentTests
	swift test --skip-build --skip 'MCPTests|AgentTests'

acceptance: build $(VENV)/ready
	$(PYTHON) -m unittest discover -v -s Tests/Acceptance

eval: build
	python3 Benchmarks/eval.py --sirocco $(SIROCCO) ../shared/models/breeze/eval.jsonl

lint:
	swift format lint --strict --recursive Sources Tests Fuzz Package.swift

format:
	swift format --in-place --recursive Sources Tests Fuzz Package.swift

fuzz: dependencies
	Fuzz/run

# The tests of MCP, where most things run beside each other, under the thread sanitizer.
races: dependencies
	SIROCCO_ONLY=MCP TSAN_OPTIONS=suppressions=$(CURDIR)/Tests/thread-sanitizer.txt \
		swift test --sanitize thread --scratch-path .build/races

# The official MCP SDK: the other side of the demo and of the acceptance tests.
$(VENV)/ready: examples/requirements.txt | dependencies
	python3 -m venv $(VENV)
	$(PYTHON) -m pip install --quiet --disable-pip-version-check -r examples/requirements.txt
	@touch $@

clean:
	rm -rf .build $(VENV)
