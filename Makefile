# A short front for Meson and the scripts. `make run` is the tour; `make test` runs all tests.
BUILD ?= build
PY := /usr/bin/python3
FUZZ_SECONDS ?= 20

.PHONY: build deps run test bench asan valgrind fuzz lint format clean

build: deps
	@scripts/configure $(BUILD)
	@ninja -C $(BUILD) --quiet

deps:
	@scripts/deps.sh

run:
	@scripts/deps.sh
	@echo "building ..."
	@scripts/configure $(BUILD)
	@ninja -C $(BUILD) --quiet
	@exec $(BUILD)/tollgate demo

test: build
	@$(PY) scripts/test --build $(BUILD)

bench: build
	@TG_BUILD=$(abspath $(BUILD)) $(PY) bench/run.py

# gcc's sanitizers; the instrumented module is loaded into the stock nginx.
asan: deps
	@scripts/configure build-asan -Db_sanitize=address,undefined -Db_lundef=false -Doptimization=1
	@ninja -C build-asan --quiet
	@$(PY) scripts/test --build build-asan --asan

valgrind: build
	@$(PY) scripts/test --build $(BUILD) --valgrind

fuzz: deps
	@CC=clang scripts/configure build-fuzz -Dfuzz=true -Dwerror=false
	@ninja -C build-fuzz --quiet
	@scripts/fuzz build-fuzz $(FUZZ_SECONDS)

lint: build
	@scripts/lint $(BUILD)

format:
	@scripts/c-files | xargs clang-format -i

clean:
	rm -rf build build-asan build-fuzz
