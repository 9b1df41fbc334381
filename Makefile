# Thin front of CMake, CTest and the scripts; CMakePresets.json holds the build's settings.

# What a bare Debian 12 needs to build, test and show vipgate.
PACKAGES := \
  build-essential cmake ninja-build pkg-config ccache \
  libdpdk-dev libtbb-dev libyaml-cpp-dev libspdlog-dev libcli11-dev \
  libnl-3-dev libnl-route-3-dev libsystemd-dev \
  libcpprest-dev libboost-dev libssl-dev zlib1g-dev libsimdjson-dev libsqlite3-dev libzookeeper-mt-dev prometheus-cpp-dev \
  libgtest-dev libgmock-dev librapidcheck-dev libbenchmark-dev \
  clang clang-format clang-tidy libclang-rt-14-dev \
  dpdk-dev redis-server redis-tools bind9-dnsutils dnsperf unbound prometheus \
  nsd knot knot-dnsutils gdnsd ldnsutils python3-dnspython tshark \
  libzookeeper-java openjdk-17-jre-headless openssl sqlite3 \
  chromium $(if $(shell command -v npm),,nodejs npm) \
  iproute2 iputils-ping tcpdump procps curl socat zsh bird2 jq lua5.4 \
  python3 python3-grpcio python3-jsonschema python3-matplotlib python3-yaml valgrind

# Without a fixed layout of the address space the sanitizers of GCC 12 fail on kernels that draw it
# from more than 28 bits.
SETARCH := $(shell setarch -R true 2>/dev/null && echo setarch -R)

.PHONY: run help build deps test test-long deb deb-test lint format asan asan-all tsan fuzz perf bench bench-all pgo clean

run: build  ## the demo: the main job on real traffic between namespaces (ARGS=--keep leaves it)
	tests/netns/demo.sh $(ARGS)

help:  ## this list
	@sed -n 's/^\([a-z-]*\):.*  ## /\1\t/p' Makefile | expand -t 12

build: deps  ## compiles into build/
	@test -f build/build.ninja || cmake --preset release
	cmake --build --preset release

deps:  ## installs what is missing of PACKAGES (root)
	@missing=; for package in $(PACKAGES); do \
	  dpkg-query -W -f='$${Status}' $$package 2>/dev/null | grep -q '^install ok installed' || \
	    missing="$$missing $$package"; \
	done; \
	[ -z "$$missing" ] || { \
	  [ "$$(id -u)" = 0 ] || { echo "run as root, or install:$$missing" >&2; exit 1; }; \
	  export DEBIAN_FRONTEND=noninteractive; \
	  apt-get update -q && apt-get install -y -q --no-install-recommends $$missing; \
	}

test: build  ## every test but the long ones
	ctest --preset release

test-long: build  ## what takes too long for every change: more tests, and each benchmark once
	ctest --test-dir build --output-on-failure -L long
	$(MAKE) bench-all BENCH_ARGS=--benchmark_min_time=0

# What a package is made and judged with.
deb deb-test: PACKAGES += help2man
deb: build  ## the Debian package, in build/package
	cmake build >/dev/null
	cmake --build build --target package_documents
	rm -rf build/package
	cd build && cpack

deb-test: PACKAGES += lintian debootstrap
deb-test: deb  ## installs it in a clean Debian 12, runs it, purges it (root)
	tests/package/deb_test.sh build/package/*.deb

lint: deps  ## clang-format and clang-tidy
	.ci/lint

format:  ## lets clang-format change the sources
	git ls-files -z '*.cpp' '*.h' | xargs -0 clang-format -i

asan: deps  ## what reads hostile bytes, under AddressSanitizer and UndefinedBehaviorSanitizer
	@test -f build-asan/build.ninja || cmake --preset asan
	cmake --build --preset asan
	$(SETARCH) ctest --preset asan

asan-all: deps  ## all unit tests under them: longer than a change should wait
	@test -f build-asan/build.ninja || cmake --preset asan
	cmake --build --preset asan-all
	$(SETARCH) ctest --preset asan

tsan: deps  ## SnapshotCell, and workers with their rings, under ThreadSanitizer
	@test -f build-tsan/build.ninja || cmake --preset tsan
	cmake --build --preset tsan
	$(SETARCH) ctest --preset tsan

# Findings and new inputs stay in build-asan/.
FUZZ_S ?= 60
FUZZ ?= $(patsubst tests/fuzz/%_fuzz.cpp,%,$(wildcard tests/fuzz/*_fuzz.cpp))
fuzz: deps  ## every fuzz target (FUZZ=pipeline: that one) for FUZZ_S (60) seconds
	@test -f build-asan/build.ninja || cmake --preset asan
	cmake --build build-asan --target $(addprefix fuzz_,$(FUZZ))
	@set -e; cd build-asan; for name in $(FUZZ); do echo "== fuzz_$$name"; \
	  mkdir -p corpus/$$name; \
	  $(SETARCH) tests/fuzz/fuzz_$$name -max_total_time=$(FUZZ_S) -print_final_stats=1 \
	    corpus/$$name ../tests/fuzz/corpus/$$name; \
	done

perf: build  ## packet rate beside dpdk-testpmd (ARGS: see perf/README.md)
	perf/run $(ARGS)

bench: deps  ## a short form of perf/: a table, JSON and plots in build/bench (root, two minutes)
	@test -f build/build.ninja || cmake --preset release
	cmake --build --preset release --target vipgated short_benchmarks
	perf/short

bench-all: deps  ## every benchmark of perf/bench (BENCH_ARGS)
	@test -f build/build.ninja || cmake --preset release
	cmake --build --preset release --target benchmarks
	@set -e; for bench in build/perf/bench/bench_*; do echo "== $$bench"; $$bench $(BENCH_ARGS); done

# What the fast path is trained by: packets of known flows and of new ones, and questions.
PGO_BENCHES := bench_pipeline bench_dns_packets
PGO_CASES := (forward|return|new)/16384|(as_perf_dns|unlimited|cookies_within_the_limit)/4096
pgo: deps  ## vipgated in build-pgo/, its fast path compiled by what it did in benchmarks
	rm -rf build-pgo/dataplane
	cmake --preset release -B build-pgo -DVIPGATE_PGO=generate
	cmake --build build-pgo --target $(PGO_BENCHES)
	@set -e; for bench in $(PGO_BENCHES); do \
	  build-pgo/perf/bench/$$bench --benchmark_filter='$(PGO_CASES)' --benchmark_min_time=0.2; done
	cmake build-pgo -DVIPGATE_PGO=use
	cmake --build build-pgo --target vipgated $(PGO_BENCHES)

clean:  ## removes the build directories
	rm -rf build build-asan build-tsan build-lint build-pgo
