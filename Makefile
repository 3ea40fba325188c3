# boxgrad. `make` builds the library, `make install` and `make wheel` ship it, `make demo` shows it at work, `make test` proves it,
# `make check` tells in minutes whether a change broke it, `make bench` measures it.

# The processor that the library is for: this machine's, or on x86-64 `make ARCH=aarch64`, which leaves it in build/aarch64.
HOST    := $(shell uname -m)
ARCH    := $(HOST)
# The CPU tiers in it: `make TIERS=baseline` leaves a smaller library in build/baseline, for devices where every kilobyte counts.
TIERS   := all
BUILD   := build$(if $(filter-out $(HOST),$(ARCH)),/$(ARCH))$(if $(filter-out all,$(TIERS)),/$(TIERS))
LIBRARY := $(BUILD)/lib/libboxgrad.so
VENV    := build/venv
PYTHON  := $(VENV)/bin/python
BENCH   := build/venv-bench
WHEELS  := build/wheel
# Debian's own Python where there is one: the embedding test needs the interpreter whose headers are installed.
PYTHON3 ?= $(firstword $(wildcard /usr/bin/python3) python3)
CFLAGS  ?= -O2

# The library for NVIDIA GPUs, which is built where the other has all tiers of this machine.
CUDA    := build/lib/libboxgrad_cuda.so
BOTH    := $(LIBRARY) $(if $(filter $(HOST)/all,$(ARCH)/$(TIERS)),$(CUDA))

.PHONY: lib cuda ptx test-cuda calls install uninstall wheel sdist demo check test test-frameworks test-torchvision test-all bench bench-quick bench-compare growth clean accuracy abi abi-accept coverage fuzz fuzz-fix fuzz-read
lib: $(BOTH)

SOURCES := Package.swift Sources/exports.map $(wildcard include/boxgrad.h include/module.modulemap Sources/Kernels/*.swift Sources/Boxgrad/*.swift Sources/CShims/*.[ch] Sources/CShims/include/*.h)

# Swift brings its Embedded library for AArch64 without an operating system. That is all it needs: the system is in the C headers and in
# what is linked, which are those of Debian's cross compiler.
ifneq ($(filter-out all baseline,$(TIERS)),)
$(error TIERS may be all or baseline, and not $(TIERS))
endif
ifneq ($(ARCH),$(HOST))
ifneq ($(HOST) $(ARCH),x86_64 aarch64)
$(error ARCH may be aarch64 on x86_64, or this machine's own $(HOST), and not $(ARCH))
endif
ifeq ($(shell command -v aarch64-linux-gnu-gcc),)
$(error make ARCH=aarch64 needs gcc-aarch64-linux-gnu and libc6-dev-arm64-cross, which Tests/debian.sh arm64 installs)
endif
CROSS := --scratch-path .build/aarch64 --triple aarch64-none-none-elf $(addprefix -Xcc ,--target=aarch64-linux-gnu -fPIC) \
	$(addprefix -Xswiftc ,-Xclang-linker --target=aarch64-linux-gnu -use-ld=lld)
BUILT := .build/aarch64/release/libboxgrad.elf
export BOXGRAD_ARCH := aarch64
else ifeq ($(TIERS),baseline)
CROSS := --scratch-path .build/baseline
BUILT := .build/baseline/release/libboxgrad.so
export BOXGRAD_TIERS := baseline
else
BUILT := .build/release/libboxgrad.so
endif

# The library is also linked under its soname, which is what programs that link it look for. It is moved into place, because running
# programs may have the old one mapped.
$(LIBRARY): $(SOURCES)
	@command -v swift >/dev/null || { echo "boxgrad is written in Swift, and there is no 'swift' on the PATH:" \
		"install Swift 6.2 or later from https://swift.org/install" >&2; exit 1; }
	swift build --configuration release --product boxgrad $(CROSS)
	mkdir -p $(BUILD)/lib $(BUILD)/include
	cp include/boxgrad.h $(BUILD)/include/
	ln -sf libboxgrad.so $@.1
	cp $(BUILT) $@.new
	mv $@.new $@

# What is built is installed as it is: root needs no Swift. The header refers to accuracy.md. The header states the version, and the soname carries the ABI's.
# LIBDIR is relative to PREFIX; nothing installed knows PREFIX, so that the tree may be moved.
PREFIX  ?= /usr/local
LIBDIR  ?= lib
VERSION := $(shell sed -n 's/^.define BOXGRAD_VERSION_STRING "\(.*\)"/\1/p' include/boxgrad.h)
SONAME  := libboxgrad.so.$(shell sed -n 's/^.define BOXGRAD_ABI_VERSION //p' include/boxgrad.h)
FILE    := libboxgrad.so.$(VERSION)
DOC     := share/doc/boxgrad/accuracy.md
PACKAGE := pkgconfig/boxgrad.pc cmake/boxgrad/boxgrad-config.cmake cmake/boxgrad/boxgrad-config-version.cmake
ROOT     = $(DESTDIR)$(PREFIX)

CUDA_SONAME := libboxgrad_cuda.so.$(shell sed -n 's/^.define BOXGRAD_CUDA_ABI_VERSION //p' include/boxgrad_cuda.h)
CUDA_FILE   := libboxgrad_cuda.so.$(VERSION)
CUDA_PC     := pkgconfig/boxgrad_cuda.pc
INSTALLED   := include/boxgrad.h $(DOC) $(addprefix $(LIBDIR)/,$(FILE) $(SONAME) libboxgrad.so $(PACKAGE)) include/boxgrad_cuda.h \
	$(addprefix $(LIBDIR)/,$(CUDA_FILE) $(CUDA_SONAME) libboxgrad_cuda.so $(CUDA_PC))

install: $(BOTH)
	$(if $(filter /%,$(LIBDIR)),$(error LIBDIR is relative to PREFIX, as in LIBDIR=lib64, not $(LIBDIR)))
	install -D -m 644 include/boxgrad.h "$(ROOT)/include/boxgrad.h"
	install -D -m 644 docs/accuracy.md "$(ROOT)/$(DOC)"
	install -D -m 755 $(LIBRARY) "$(ROOT)/$(LIBDIR)/$(FILE)"
	ln -sf $(FILE) "$(ROOT)/$(LIBDIR)/$(SONAME)"
	ln -sf $(SONAME) "$(ROOT)/$(LIBDIR)/libboxgrad.so"
ifneq ($(filter $(CUDA),$(BOTH)),)
	install -D -m 644 include/boxgrad_cuda.h "$(ROOT)/include/boxgrad_cuda.h"
	install -D -m 755 $(CUDA) "$(ROOT)/$(LIBDIR)/$(CUDA_FILE)"
	ln -sf $(CUDA_FILE) "$(ROOT)/$(LIBDIR)/$(CUDA_SONAME)"
	ln -sf $(CUDA_SONAME) "$(ROOT)/$(LIBDIR)/libboxgrad_cuda.so"
endif
	for file in $(PACKAGE) $(if $(filter $(CUDA),$(BOTH)),$(CUDA_PC)); do \
		up=$$(realpath -ms --relative-to="/$(LIBDIR)/$$(dirname $$file)" /); \
		sed "s,@UP@,$$up,; s,@LIBDIR@,$(LIBDIR),; s,@VERSION@,$(VERSION),; s,@FILE@,$(FILE),; s,@CUDA_FILE@,$(CUDA_FILE)," \
			packaging/$$(basename $$file).in | install -D -m 644 /dev/stdin "$(ROOT)/$(LIBDIR)/$$file" || exit; \
	done

# Directories go if nothing else is in them.
uninstall:
	if cd "$(ROOT)" 2>/dev/null; then \
		rm -f $(INSTALLED); \
		rmdir --parents --ignore-fail-on-non-empty $(sort $(dir $(INSTALLED))) 2>/dev/null || true; \
	fi

# One virtual environment: what the wheel needs, what the demo needs, what the tests need on top of both.
$(PYTHON):
	$(PYTHON3) -m venv $(VENV) || { echo "Python's venv module is missing or incomplete: on Debian, install python3-venv" >&2; exit 1; }

$(VENV)/wheel: requirements/wheel.txt | $(PYTHON)
	$(PYTHON) -m pip install --quiet --disable-pip-version-check -r requirements/wheel.txt
	touch $@

$(VENV)/demo: requirements/demo.txt bindings/python/pyproject.toml | $(PYTHON)
	$(PYTHON) -m pip install --quiet --disable-pip-version-check -r requirements/demo.txt --editable 'bindings/python[cli]'
	touch $@

$(VENV)/test: $(VENV)/demo $(VENV)/wheel requirements/test.txt requirements/test-no-deps.txt
	Tests/debian.sh
	$(PYTHON) -m pip install --quiet --disable-pip-version-check -r requirements/test.txt
	$(PYTHON) -m pip install --quiet --disable-pip-version-check --no-deps -r requirements/test-no-deps.txt
	touch $@

# What calls the library from Python without ctypes. It is left out where the headers of Python 3.11 or later are missing. It names libc, of
# which it uses nothing, because auditwheel wants to know which one it is.
CALLS := bindings/python/boxgrad/_calls.abi3.so
%/_calls.abi3.so: %/_calls.c include/boxgrad.h Tests/vectors/calls.h
	include=$$($(PYTHON3) -c 'import sys, sysconfig; print(sysconfig.get_path("include") if sys.version_info >= (3, 11) else "")'); \
	if [ -e "$$include/Python.h" ]; then \
		$(CC) -std=gnu11 $(CFLAGS) -Wall -Wextra -Werror -shared -fPIC -Wl,--no-as-needed -Iinclude -ITests/vectors -I"$$include" $< -o $@; \
	else \
		echo "$@ is left out, because there is no Python.h of Python 3.11 or later: small calls from Python take longer" >&2; \
	fi
calls: $(CALLS)

# The wheel holds these libraries; auditwheel gives it the tag of the oldest systems that it runs on. The files' time is a constant, so that the
# same libraries make the same wheel.
wheel: export SOURCE_DATE_EPOCH ?= 1577836800
wheel: $(BOTH) $(VENV)/wheel $(CALLS)
	rm -rf $(WHEELS)/linux $(WHEELS)/*.whl
	BOXGRAD_LIBRARY="$(CURDIR)/$(LIBRARY)" $(PYTHON) -m build --no-isolation --wheel --outdir $(WHEELS)/linux bindings/python
	PATH="$(CURDIR)/$(VENV)/bin:$$PATH" auditwheel repair --wheel-dir $(WHEELS) $(WHEELS)/linux/*.whl

sdist: $(VENV)/wheel
	$(PYTHON) -m build --no-isolation --sdist --outdir $(WHEELS) bindings/python

demo: $(LIBRARY) $(VENV)/demo build/demo/detector build/demo/experiments build/demo/two_stage
	$(PYTHON) examples/demo.py --out build/demo
	$(VENV)/bin/boxgrad inspect examples/data/pnet_candidates_astronaut.csv --images examples/data/astronaut.png --augment rotate=45 \
		--keep-rule center-inside --html build/demo/inspect.html --fail-on not-finite --fail-on zero-width --fail-on zero-height --fail-on inverted

build/demo/%: examples/%.c examples/demo.h $(LIBRARY)
	mkdir -p build/demo
	$(CC) -std=c99 $(CFLAGS) -Wall -Wextra -Wpedantic -Werror -Ibuild/include $< -o $@ -Lbuild/lib -lboxgrad '-Wl,-rpath,$$ORIGIN/../lib' -lm

# The library for NVIDIA GPUs, of the same checks of arguments and of the PTX in Sources/CudaShims/ptx. It needs no CUDA, and finds the driver when it
# is first called. It is built without the package, because it shares no object with libboxgrad.so.
CUDA_SWIFT := $(wildcard Sources/BoxgradCUDA/*.swift) $(addprefix Sources/Boxgrad/,Arguments.swift Boxes.swift Clamp.swift Deltas.swift GradientArguments.swift Matching.swift \
	Overlap.swift Parallel.swift RotatedBoxes.swift RotatedOverlap.swift Scratch.swift SmoothL1.swift Suppression.swift) Sources/Kernels/Calls.swift Sources/KernelsCUDA/DeviceCalls.swift
CUDA_C     := Sources/CudaShims/driver.c Sources/CudaShims/api.c Sources/CShims/errors.c
cuda: $(CUDA)

$(CUDA): $(CUDA_SWIFT) $(CUDA_C) $(wildcard include/* Sources/CudaShims/* Sources/CudaShims/*/* Sources/CShims/*.h Sources/CShims/include/*)
	mkdir -p build/cuda build/lib build/include
	printf 'module %s { header "$(CURDIR)/%s" export * }\n' CBoxgrad include/boxgrad.h CBoxgradCUDA include/boxgrad_cuda.h \
		CShims Sources/CShims/include/shims.h CudaShims Sources/CudaShims/include/driver.h >build/cuda/host.modulemap
	swiftc -c -o build/cuda/host.o -parse-as-library -module-name BoxgradCUDA -enable-experimental-feature Embedded -wmo -O -no-allocations \
		-Xfrontend -function-sections -Xcc -Iinclude -Xcc -fmodule-map-file=build/cuda/host.modulemap -module-cache-path build/cuda/modules \
		$(CUDA_SWIFT)
	$(dir $(realpath $(shell command -v swiftc)))clang -shared -fPIC -std=gnu11 -O2 -Wall -Wextra -Werror -ffp-contract=off -Iinclude -ISources/CShims/include \
		-ISources/CudaShims/include -DBGC_PTX='"Sources/CudaShims/ptx/"' -o $@.new $(CUDA_C) build/cuda/host.o -Wl,--gc-sections -Wl,-z,defs \
		-Wl,-soname,$(CUDA_SONAME) -Wl,--version-script=Sources/exports_cuda.map -Wl,--strip-debug -pthread -ldl
	cp include/boxgrad_cuda.h build/include/
	ln -sf libboxgrad_cuda.so build/lib/$(CUDA_SONAME)
	mv $@.new $@

# The PTX, again, after a change of a kernel or of what makes it. It writes nothing if the sources give what is there.
$(VENV)-cuda/ptx: requirements/cuda.txt
	$(PYTHON3) -m venv $(VENV)-cuda || { echo "Python's venv module is missing or incomplete: on Debian, install python3-venv" >&2; exit 1; }
	$(VENV)-cuda/bin/python -m pip install --quiet --disable-pip-version-check -r requirements/cuda.txt
	touch $@

ptx: $(VENV)-cuda/ptx
	$(VENV)-cuda/bin/python tools/ptx.py

# The library for GPUs on a machine that needs none: every bit against the CPU library, the PTX, and the host's side. `make cuda` and Tests/cuda/gpu.py are
# for a machine that has one.
$(VENV)-cuda/test: $(VENV)-cuda/ptx requirements/cuda-test.txt requirements/cuda-ptxas.txt
	$(VENV)-cuda/bin/python -m pip install --quiet --disable-pip-version-check -r requirements/cuda-test.txt
	$(VENV)-cuda/bin/python -m pip install --quiet --disable-pip-version-check --no-deps -r requirements/cuda-ptxas.txt || echo "ptxas is left out"
	touch $@

test-cuda: $(LIBRARY) $(CUDA) $(VENV)-cuda/test
	Tests/cuda/run.sh $(VENV)-cuda/bin/python $(ARGUMENTS)

# Every suite, or some: make test SUITES='abi python'.
test: $(BOTH) $(VENV)/test $(CALLS)
	Tests/run.sh $(SUITES)

# What the recipes of docs/torch.md are for. What cannot be had here is left out, and its recipe is skipped.
build/frameworks/installed: requirements/frameworks.txt $(VENV)/test
	mkdir -p build/frameworks
	grep -v '^#' requirements/frameworks.txt | while read -r packages; do \
		$(PYTHON) -m pip install --quiet --disable-pip-version-check --no-deps --upgrade --target build/frameworks $$packages || echo "$$packages are left out"; \
	done
	touch $@

# boxgrad.torch in torch's graph, under its compiler and its transforms, and in other packages.
test-frameworks: $(LIBRARY) $(VENV)/test $(CALLS) build/frameworks/installed
	Tests/frameworks/run.sh $(PYTHON) $(ARGUMENTS)

# After a change of a kernel: the suites that need no emulator, no sanitizer and no campaign.
check: export BOXGRAD_TEST_QUICK := 1
check: SUITES := swift c accuracy abi types python documentation
check: test

# RoIAlign beside torchvision's compiled operator, which PyPI's build of torch loads (5 GB), and others, which a machine may prefer, do not.
$(VENV)-torchvision/installed: requirements/torchvision.txt
	$(PYTHON3) -m venv $(VENV)-torchvision || { echo "Python's venv module is missing or incomplete: on Debian, install python3-venv" >&2; exit 1; }
	env -u PIP_FIND_LINKS PIP_CONFIG_FILE=/dev/null $(VENV)-torchvision/bin/python -m pip install --quiet --disable-pip-version-check -r requirements/torchvision.txt
	touch $@

test-torchvision: export BOXGRAD_LIBRARY := $(CURDIR)/$(LIBRARY)
test-torchvision: $(LIBRARY) $(VENV)-torchvision/installed
	$(VENV)-torchvision/bin/python -m pytest -q Tests/torchvision $(ARGUMENTS)

# The same with the campaigns that take minutes each.
test-all: export BOXGRAD_TEST_ALL := 1
test-all: test test-frameworks test-torchvision

# The errors of every function against 40 digits, in some minutes; what it finds becomes docs/accuracy.md.
accuracy: $(LIBRARY) $(VENV)/test
	$(PYTHON) Tests/accuracy/accuracy.py --write $(ARGUMENTS)

# What differs from the golden files of the ABI, and its acceptance.
abi: $(LIBRARY)
	$(PYTHON3) Tests/abi/abi.py check

abi-accept: $(LIBRARY)
	$(PYTHON3) Tests/abi/abi.py accept $(ARGUMENTS)

# Which lines of Sources the tests run. Builds the library anew, with counters, in a folder of its own.
coverage:
	Tests/coverage.sh

# libFuzzer on the C interface, for a minute or as many seconds as SECONDS says; a case that is found stays in Tests/safety/corpus.
SECONDS ?= 60
fuzz:
	Tests/debian.sh
	Tests/safety/fuzz.sh $(SECONDS)

# Mutations of data sets that `boxgrad fix` repairs, judged by means of their own; SEED begins elsewhere. A seed that fails is printed.
SEED ?= 0
fuzz-fix: export BOXGRAD_LIBRARY := $(CURDIR)/$(LIBRARY)
fuzz-fix: $(LIBRARY) $(VENV)/test
	$(PYTHON) bindings/python/tests/datasets/fuzz_fix.py --seconds $(SECONDS) --seed $(SEED)

# Mutations of files of every format that `boxgrad` reads: no row may be lost or changed without a word.
fuzz-read: export BOXGRAD_LIBRARY := $(CURDIR)/$(LIBRARY)
fuzz-read: $(LIBRARY) $(VENV)/test
	$(PYTHON) bindings/python/tests/datasets/fuzz_read.py --seconds $(SECONDS) --seed $(SEED)

# Peers are installed one by one: what cannot be had here is left out, and the benchmark goes without it.
$(BENCH)/installed: requirements/bench.txt requirements/bench-peers.txt bindings/python/pyproject.toml
	$(PYTHON3) -m venv $(BENCH) || { echo "Python's venv module is missing or incomplete: on Debian, install python3-venv" >&2; exit 1; }
	$(BENCH)/bin/python -m pip install --quiet --disable-pip-version-check -r requirements/bench.txt --editable bindings/python
	grep -v '^#' requirements/bench-peers.txt | while read -r peer; do \
		$(BENCH)/bin/python -m pip install --quiet --disable-pip-version-check -c requirements/demo.txt $$peer || echo "$$peer is left out"; \
	done
	touch $@

build/bench/%: benchmarks/%.c $(LIBRARY)
	mkdir -p build/bench
	$(CC) -std=c11 -O3 -march=native -Wall -Wextra -Wpedantic -Werror -Ibuild/include $< -o $@ -Lbuild/lib -lboxgrad '-Wl,-rpath,$$ORIGIN/../lib' -lm -pthread

# All of it, about half an hour; `make bench ARGUMENTS=--write-docs` also puts the results into the documents.
bench: $(LIBRARY) $(BENCH)/installed $(CALLS) build/bench/kernels
	$(BENCH)/bin/python benchmarks/bench.py --kernels build/bench/kernels $(ARGUMENTS)

# A tenth of the sizes on one thread, without torch.compile, in two minutes.
bench-quick: ARGUMENTS += --quick
bench-quick: bench

# How time and memory of every function grow with the size, until a call takes two seconds: some five minutes. ARGUMENTS=--write-docs as above.
growth: $(LIBRARY) $(BENCH)/installed $(CALLS)
	$(BENCH)/bin/python benchmarks/growth.py $(ARGUMENTS)

# What the working tree makes slower or faster than a revision: `make bench-compare BASE=main ARGUMENTS='--only iou --fail-above 3'`. The
# revision is built below build/compare, and kept there.
bench-compare: $(LIBRARY) $(VENV)/test $(CALLS)
	$(if $(BASE),,$(error BASE is the revision to compare with, as in BASE=main))
	$(PYTHON) benchmarks/compare.py --base "$(BASE)" $(ARGUMENTS)

clean:
	rm -rf .build build
