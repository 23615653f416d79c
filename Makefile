# Absurd. `make` alone lists what can be made.
SHELL := /bin/bash
PEER_PYTHON := $(abspath .build/venv/bin/python)
BENCHES :=
FAULTS :=
-include Benchmarks/*.mk Tests/*/*.mk

.DEFAULT_GOAL := help
.PHONY: help setup build demo test bench tidy faults deb docs clean venv programs

help: ## list these targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | awk -F'\t' '{ printf "  make %-14s %s\n", $$1, $$2 }'

setup: ## install the Debian packages that are missing
	@deploy/setup.sh

build: setup ## the programs, optimised, in .build/release
	swift build -c release

demo: build ## simulate an observation, run the pipeline on it, show the image and the source table
	@.build/release/absurd demo $(DEMO_ARGUMENTS)

venv: setup ## the peers that tests compare with (pyuvdata, python-casacore), in .build/venv
	@Tests/Peers/venv.sh

test: setup venv tidy check-deploy ## style, then every test against the real parts
	swift build --build-tests
	ABSURD_PEER_PYTHON=$${ABSURD_PEER_PYTHON:-$(PEER_PYTHON)} swift test --skip-build
	@Tests/Deploy/docs.sh .build/debug

tidy: ## style as a test: format, sizes, names, layering, SQL in its place
	@Tests/Tidy/tidy.sh

bench: build $(BENCHES) ## every benchmark, as ratios to a floor or a named peer
faults: build $(FAULTS) ## kill things at random and check that nothing was lost

deb: build ## a Debian package of the programs, their libraries, units, man pages and completions, in .build/deb
	@deploy/debian/build.sh

docs: build ## the reference pages, from the programs' own tables
	@docs/reference.sh

clean: ## remove what was built
	rm -rf .build Benchmarks/.build
