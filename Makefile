# boxgrad. `make` builds the library, `make demo` shows it at work, `make test` proves it.

LIBRARY := build/lib/libboxgrad.so
VENV    := build/venv
PYTHON  := $(VENV)/bin/python

.PHONY: lib demo test check-swift venv clean
lib: $(LIBRARY)

SOURCES := Package.swift Makefile Sources/exports.map $(wildcard include/* Sources/Kernels/*.swift Sources/Boxgrad/*.swift Sources/CShims/*.c Sources/CShims/include/*.h)

# The compiled library is linked under its soname too, which is what programs that link it look for.
$(LIBRARY): $(SOURCES) | check-swift
	swift build --configuration release --product boxgrad
	mkdir -p build/lib build/include
	cp .build/release/libboxgrad.so $@
	ln -sf libboxgrad.so $@.1
	cp include/boxgrad.h build/include/

check-swift:
	@command -v swift >/dev/null || { echo "boxgrad is written in Swift, and 'swift' is not on the PATH: install Swift 6.2 or later from https://swift.org/install" >&2; exit 1; }

clean:
	rm -rf .build build
