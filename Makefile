# Two commands: `make run` (set-up, then the main job on real input) and `make test` (set-up, then all tests).
.PHONY: run test build setup models models-large sanitizers fuzz bench synth tinytpu-soak rtl-soak mutants figures format tidy clean
JOBS ?= $(shell nproc)
FUZZ_SECONDS ?= 60
PYTHON := /usr/bin/python3

setup:
	@tools/install.sh
	@tools/install_npm.sh

# configure PRESET, quietly unless it fails
define configure
	@mkdir -p build && cmake --preset $(1) > build/$(1)-configure.log 2>&1 || { cat build/$(1)-configure.log; exit 1; }
endef

build: setup
	$(call configure,release)
	@cmake --build --preset release -j $(JOBS)

# The program alone, for those who only run it.
program: setup
	$(call configure,release)
	@cmake --build --preset release -j $(JOBS) --target systole

run: program
	@$(PYTHON) examples/ocr/run.py
	@$(PYTHON) examples/waves/run.py

test: build
	@ctest --preset release -j $(JOBS)

models: setup
	@$(PYTHON) models/build.py

models-large: program models
	@$(PYTHON) tests/models/run_models.py --large

# Everything that reads a user's input, under AddressSanitizer and UndefinedBehaviorSanitizer.
sanitizers: setup
	$(call configure,asan-ubsan)
	@cmake --build --preset asan-ubsan -j $(JOBS)
	@ctest --preset asan-ubsan -j $(JOBS) -E '^(models_|install_|Ort|rtl)'

fuzz: setup
	$(call configure,fuzz)
	@cmake --build --preset fuzz -j $(JOBS) --target fuzzers
	@tools/fuzz.sh build/fuzz $(FUZZ_SECONDS)

bench: setup
	$(call configure,release)
	@cmake --build --preset release -j $(JOBS)
	@tools/bench.sh build/release

# TinyTPU's hardware, each option by itself, on many random programs.
tinytpu-soak: build
	@ninja -C build/release tinytpu_soak
	@build/release/tinytpu_soak $(or $(PROGRAMS),1000)

# The three engines on PROGRAMS random and compiled programs over many chips: a table, and rtl-soak.json. Minutes for all 10,000
# once the models are built.
rtl-soak: build
	@ninja -C build/release rtl_soak
	@build/release/rtl_soak $(or $(PROGRAMS),10000) $(or $(SEED),1) build/release/rtl-soak.json $(JOBS)

# Whole chips as gates and on an FPGA, and the original TinyTPU's netlist against its RTL: tens of minutes.
synth: build
	@tools/synth.sh build/release/systole
	@ninja -C build/release gate_level_whole
	@build/release/gate_level_whole

# Faults planted in one engine at a time: do the comparisons notice? Hours for many; MUTANTS=N.
mutants: setup
	@$(PYTHON) tests/mutation/mutate.py --mutants $(or $(MUTANTS),150)

# The figures of docs/, by the program itself.
figures: build
	@$(PYTHON) docs/figures/make.py

format:
	@tools/install.sh clang-format-16
	@git ls-files '*.h' '*.cpp' | xargs clang-format-16 -i

tidy: build
	@tools/install.sh clang-tidy-16
	@git ls-files 'src/*.cpp' | xargs -P $(JOBS) -n 4 clang-tidy-16 -p build/release --quiet

clean:
	@rm -rf build out
