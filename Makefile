# A short front for Meson and the scripts. `make run` is the tour; `make test` runs all tests.
BUILD ?= build
PY := /usr/bin/python3
FUZZ_SECONDS ?= 20
CHAOS_SECONDS ?= 270
SOAK_SECONDS ?= 3600

.PHONY: build deps run test bench asan valgrind fuzz chaos soak lint format clean deb image packages-test

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

# Both values of jwtWhenFeedLost, CHAOS_SECONDS each; CHAOS_SEED replays.
chaos: build
	@TG_BUILD=$(abspath $(BUILD)) $(PY) tests/chaos/run.py --seconds $(CHAOS_SECONDS) $(if $(CHAOS_SEED),--seed $(CHAOS_SEED)) \
		$(if $(CHAOS_UPGRADE),--upgrade $(CHAOS_UPGRADE))

soak: build
	@TG_BUILD=$(abspath $(BUILD)) $(PY) tests/chaos/run.py --seconds $(SOAK_SECONDS) --calm --gauge --when-lost accept --rate 200 $(if $(CHAOS_SEED),--seed $(CHAOS_SEED))

lint: build
	@scripts/lint $(BUILD)

format:
	@scripts/c-files | xargs clang-format -i

# Debian packages in dist/, built as any other package is.
deb: deps
	@scripts/deb dist

# Installs them into a Debian 12 of their own and tries them; as root, with debootstrap. Minutes.
packages-test: deb
	@scripts/packages-test dist

# IMAGE_TOOL: docker, podman or buildah; BASE_IMAGE, RUN_IMAGE: other images of Debian 12.
IMAGE_TOOL ?= $(firstword $(notdir $(wildcard /usr/bin/podman /usr/bin/buildah /usr/bin/docker)) docker)
image:
	@for plane in manager gateway; do $(IMAGE_TOOL) build -t tollgate-$$plane:0.1.0 -f deploy/container/Containerfile.$$plane \
	    $(if $(BASE_IMAGE),--build-arg BASE_IMAGE=$(BASE_IMAGE)) $(if $(RUN_IMAGE),--build-arg RUN_IMAGE=$(RUN_IMAGE)) . || exit 1; done

clean:
	rm -rf build build-asan build-fuzz
