# SPDX-License-Identifier: MIT
#
# A thin door: everything is built by CMake. `make help` lists what there is.
BUILD ?= build
PREFIX ?= /usr/local
JOBS ?= $(shell nproc 2>/dev/null || echo 2)
CTEST = ctest --test-dir $(BUILD) --output-on-failure

MAKEFLAGS += --no-print-directory

.PHONY: all product build setup-% run test soak bench baseline lint amalgamation install clean help

all: setup-build product

# setup-PURPOSE installs what PURPOSE needs and is missing.
setup-%:
	@scripts/setup.sh $*

# All that a user needs.
product:
	@cmake -S . -B $(BUILD) -DCMAKE_BUILD_TYPE=RelWithDebInfo >$(BUILD).log 2>&1 || { cat $(BUILD).log; exit 1; }
	@grep 'HeapTracker:' $(BUILD).log || true
	@rm -f $(BUILD).log
	+@cmake --build $(BUILD) -j $(JOBS) --target heaptracker_product

# And what the tests and the bench need.
build: product
	+@cmake --build $(BUILD) -j $(JOBS)

run: setup-run product
	@BUILD=$(BUILD) scripts/run.sh

# Built while what only the tests need is fetched, and then with it.
test: setup-build
	+@scripts/setup.sh test $(MAKE) build
	@$(CTEST) -j2 -LE '^soak$$'

soak: setup-soak build
	@$(CTEST) -L '^soak$$'

bench: setup-bench build
	@BUILD=$(BUILD) QUICK=$(QUICK) DOCS=$(DOCS) bench/run.py

baseline: setup-test build
	@bench/instructions.py update $(BUILD)

lint: setup-lint build
	@BUILD=$(BUILD) scripts/lint.sh

amalgamation: all
	@echo $(BUILD)/amalgamation/

install: all
	@cmake --install $(BUILD) --prefix $(PREFIX)

clean:
	rm -rf $(BUILD)

help:
	@echo 'make            install what is missing, and build into $(BUILD)/'
	@echo 'make build      and what the tests and the bench need'
	@echo 'make run        track the sample application and a real program'
	@echo 'make test       all tests but the long ones'
	@echo 'make soak       the long ones'
	@echo 'make bench      measure the cost and renew docs/results.md (QUICK=1: in short)'
	@echo 'make baseline   store the instruction counts that make test holds us to'
	@echo 'make lint       format, static analysis, layers, tests that cannot fail'
	@echo 'make amalgamation  the tracker in two files to copy, in $(BUILD)/amalgamation/'
	@echo 'make install    into PREFIX=$(PREFIX), below DESTDIR where that is given'
	@echo 'make clean      remove $(BUILD)/'
