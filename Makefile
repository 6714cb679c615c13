# Two commands: `make run` (set-up, then the main job on real input) and `make test` (set-up, then all tests).
.PHONY: run test build setup clean
JOBS ?= $(shell nproc)

setup:
	@tools/install.sh

build: setup
	@cmake --preset release > build-configure.tmp 2>&1 || { cat build-configure.tmp; exit 1; }; rm -f build-configure.tmp
	@cmake --build --preset release -j $(JOBS)

test: build
	@ctest --preset release -j $(JOBS)
