# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Builds everything into build/. `make help` lists the targets; V=1 shows the commands.

CC := gcc
# The newest installed of the compilers with which the matrix has passed.
CLANG_PASSED := $(shell cat scripts/clang-passed)
CLANG ?= $(or $(lastword $(foreach n,$(CLANG_PASSED),$(notdir $(shell command -v clang-$(n))))),clang)
# Debian's own choice is the one that has its runtime.
FUZZ_CLANG ?= clang
BPFTOOL ?= bpftool
PREFIX ?= /usr/local
BUILD := build

# bpftool lives in a directory that only root's PATH has.
export PATH := $(PATH):/usr/sbin:/sbin

WARNINGS := -Wall -Wextra -Werror
CFLAGS ?= -O2 -g
USER_DIRS := $(patsubst %/,%,$(wildcard user/*/))
CFLAGS_USER := -std=gnu11 $(WARNINGS) -D_GNU_SOURCE $(USER_DIRS:%=-iquote %) -Iinclude -I$(BUILD) -MMD -MP
LIBS := -lbpf -lelf -lz -lyaml -ljansson -lmicrohttpd -lsystemd -lncursesw -ltinfo -lm
# Asked for when a recipe runs: on a fresh machine `make test` only then has a compiler.
MULTIARCH = $(shell $(CC) -dumpmachine)
# BPF_PROG() gives every program a parameter `ctx`, used or not.
CFLAGS_BPF = -target bpf -mcpu=v3 -O2 -g -fno-strict-aliasing $(WARNINGS) -Wno-unused-parameter -Iinclude -Ivmlinux -iquote bpf \
	-I/usr/include/$(MULTIARCH)
SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer

ifeq ($(V),1)
Q :=
msg =
else
Q := @
msg = @printf '  %-8s %s\n' "$(1)" "$(patsubst $(BUILD)/%,%,$(2))"
MAKEFLAGS += --no-print-directory
endif

USER := $(basename $(wildcard user/*.c user/*/*.c))
LIBRARY := $(filter-out user/main,$(USER))
UNIT := $(basename $(wildcard tests/unit/test_*.c))
FUZZ := $(basename $(wildcard tests/fuzz/fuzz_*.c))
PACKET := $(basename $(wildcard tests/packet/test_*.c tests/packet/fuzz_*.c))
PACKET_SHARED := $(filter-out $(PACKET),$(basename $(wildcard tests/packet/*.c)))
ATTACKS := $(basename $(wildcard tests/attacks/*.c))
PEER := $(basename $(wildcard tests/e2e/*.c))
MATRIX := $(filter-out %.bpf,$(basename $(wildcard tests/matrix/*.c)))
BENCH_BPF := $(basename $(wildcard tests/bench/*.bpf.c))
BENCH := $(filter-out $(BENCH_BPF),$(basename $(wildcard tests/bench/*.c)))

SKELETON := $(BUILD)/flowsplit.skel.h
UNIT_PROGRAMS := $(UNIT:%=$(BUILD)/%)
FUZZ_PROGRAMS := $(FUZZ:%=$(BUILD)/%)
PACKET_PROGRAMS := $(PACKET:%=$(BUILD)/%)
ATTACKER := $(if $(ATTACKS),$(BUILD)/tests/attacks/attacker)
PRELOADS := $(patsubst %.c,$(BUILD)/%.so,$(wildcard tests/e2e/preload/*.c))
PEER_PROGRAM := $(if $(PEER),$(BUILD)/tests/e2e/peer)
MATRIX_PROGRAM := $(BUILD)/tests/matrix/bpf_check
BENCH_PROGRAM := $(if $(BENCH),$(BUILD)/tests/bench/bench)

.DELETE_ON_ERROR:
.SUFFIXES:
.SECONDARY:

.PHONY: all
all: $(BUILD)/flowsplit ## build build/flowsplit; needs no root (the default)

# --- the data path

define compile_bpf
$(call msg,BPF,$@)
@mkdir -p $(@D)
$(Q)$(1) $(CFLAGS_BPF) -MMD -MP -MF $(@:.o=.d) -MT $@ -c $< -o $(@:.bpf.o=.tmp.bpf.o)
$(Q)$(BPFTOOL) gen object $@ $(@:.bpf.o=.tmp.bpf.o)
endef

$(BUILD)/flowsplit.bpf.o: bpf/flowsplit.bpf.c Makefile scripts/clang-passed
	$(call compile_bpf,$(CLANG))

$(BUILD)/tests/bench/%.bpf.o: tests/bench/%.bpf.c Makefile
	$(call compile_bpf,$(CLANG))

$(BUILD)/%.skel.h: $(BUILD)/%.bpf.o
	$(call msg,SKEL,$@)
	$(Q)$(BPFTOOL) gen skeleton $< >$@

# --- the same by every compiler, which bpf_check loads. One of them only: make bpf-check CLANGS=clang-16

CLANGS ?= $(or $(sort $(notdir $(wildcard $(addsuffix /clang-[0-9]*,$(subst :, ,$(PATH)))))),clang)
# `make test` has these, where Debian has them.
TEST_CLANGS := clang-14 clang-19
check_objects = $(1:%=$(BUILD)/check/%/flowsplit.bpf.o)

$(BUILD)/check/%/flowsplit.bpf.o: bpf/flowsplit.bpf.c Makefile
	$(call compile_bpf,$*)

$(BUILD)/tests/matrix/%.bpf.o: tests/matrix/%.bpf.c Makefile
	$(call compile_bpf,$(CLANG))

# --- the command line, and as a library for tests; twice more with sanitizers

define compile
$(call msg,CC,$@)
@mkdir -p $(@D)
$(Q)$(1) $(CFLAGS_USER) $(CFLAGS) $(2) -c $< -o $@
endef

define archive
$(call msg,AR,$@)
@rm -f $@
$(Q)ar rcs $@ $^
endef

define link
$(call msg,LINK,$@)
@mkdir -p $(@D)
$(Q)$(1) $(CFLAGS) $(2) $(LDFLAGS) $^ -Wl,--as-needed $(3) $(LIBS) -o $@
endef

$(BUILD)/user/%.o: user/%.c Makefile | $(SKELETON)
	$(call compile,$(CC))

$(BUILD)/asan/%.o: %.c Makefile | $(SKELETON)
	$(call compile,$(CC),$(SANITIZE))

$(BUILD)/fuzz/%.o: %.c Makefile | $(SKELETON)
	$(call compile,$(FUZZ_CLANG),$(SANITIZE) -fsanitize=fuzzer-no-link)

$(BUILD)/libflowsplit.a: $(LIBRARY:%=$(BUILD)/%.o)
	$(archive)

$(BUILD)/asan/libflowsplit.a: $(LIBRARY:%=$(BUILD)/asan/%.o)
	$(archive)

$(BUILD)/fuzz/libflowsplit.a: $(LIBRARY:%=$(BUILD)/fuzz/%.o)
	$(archive)

$(BUILD)/flowsplit: $(USER:%=$(BUILD)/%.o)
	$(call link,$(CC))

# --- programs for tests

BENCH_SKELETONS := $(BENCH_BPF:%.bpf=$(BUILD)/%.skel.h)
$(BENCH:%=$(BUILD)/%.o): CFLAGS_USER += -I$(BUILD)/tests/bench
$(BENCH:%=$(BUILD)/%.o): | $(BENCH_SKELETONS)

$(PACKET:%=$(BUILD)/%.o) $(PACKET_SHARED:%=$(BUILD)/%.o): | $(SKELETON)

# It meets the data path as the packet tests do.
$(ATTACKS:%=$(BUILD)/%.o): CFLAGS_USER += -iquote tests/packet

$(BUILD)/tests/%.o: tests/%.c Makefile
	$(call compile,$(CC))

# Some compile the data path's headers for this machine, whose casts are BPF's.
$(UNIT:%=$(BUILD)/asan/%.o): CFLAGS_USER += -fno-strict-aliasing

$(UNIT_PROGRAMS): $(BUILD)/%: $(BUILD)/asan/%.o $(BUILD)/asan/libflowsplit.a
	$(call link,$(CC),$(SANITIZE),-lcmocka -lm)

$(FUZZ_PROGRAMS): $(BUILD)/%: $(BUILD)/fuzz/%.o $(BUILD)/fuzz/libflowsplit.a
	$(call link,$(FUZZ_CLANG),$(SANITIZE) -fsanitize=fuzzer)

$(PACKET_PROGRAMS): $(BUILD)/%: $(BUILD)/%.o $(PACKET_SHARED:%=$(BUILD)/%.o) $(BUILD)/libflowsplit.a
	$(call link,$(CC),,-lcmocka)

$(ATTACKER): $(ATTACKS:%=$(BUILD)/%.o) $(PACKET_SHARED:%=$(BUILD)/%.o) $(BUILD)/libflowsplit.a
	$(call link,$(CC))

# Static: it is started thousands of times, on emulated CPUs, too, where linking takes most of a short life.
$(PEER_PROGRAM): $(PEER:%=$(BUILD)/%.o)
	$(call msg,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -static $^ -o $@

$(MATRIX_PROGRAM): $(MATRIX:%=$(BUILD)/%.o)
	$(call link,$(CC))

# Libraries that tests preload, to be a world that is against the product.
$(BUILD)/tests/e2e/preload/%.so: tests/e2e/preload/%.c Makefile
	$(call msg,SO,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) -std=gnu11 $(WARNINGS) -D_GNU_SOURCE $(CFLAGS) -fPIC -shared $< -o $@ -ldl

$(BENCH_PROGRAM): $(BENCH:%=$(BUILD)/%.o) $(BUILD)/libflowsplit.a
	$(call link,$(CC))

.PHONY: programs programs-unit programs-fuzz programs-packet programs-attacks programs-e2e programs-matrix programs-vm programs-bench
programs-unit: $(UNIT_PROGRAMS)
programs-fuzz: $(FUZZ_PROGRAMS)
programs-packet: all $(PACKET_PROGRAMS)
programs-attacks: all $(ATTACKER)
programs-e2e: all $(PEER_PROGRAM) $(PRELOADS)
programs-matrix: $(MATRIX_PROGRAM) $(BUILD)/tests/matrix/limits.bpf.o \
	$(call check_objects,$(filter $(CLANGS),$(TEST_CLANGS)))
programs-vm: programs-packet programs-e2e programs-matrix
programs-bench: all $(BENCH_PROGRAM)
programs: all programs-unit programs-fuzz programs-packet programs-attacks programs-e2e programs-matrix programs-bench ## build all, programs for tests too

# --- what people run. First what must be installed, and only then a make that builds: on a fresh machine the
# compilers come with the former.

BUILD_FIRST = +$(Q)$(MAKE) $(if $(filter -j% --jobserver%,$(MAKEFLAGS)),,-j$(shell nproc))

.PHONY: deps
deps: ## install Debian's packages for building and testing (root)
	$(Q)scripts/deps.sh

.PHONY: test
test: deps ## install what is missing, build, run all tests (root)
	$(BUILD_FIRST) programs
	$(Q)FS_VM_BRIEF=1 FS_CLANGS="$(TEST_CLANGS)" tests/run lint unit fuzz matrix packet attacks e2e vm

.PHONY: unit packet attacks e2e
unit packet attacks e2e: deps ## run one layer of tests, or those of it that match ONLY=... (root, but for unit)
	$(BUILD_FIRST) programs-$@
	$(Q)tests/run $@$(ONLY:%=/%)

.PHONY: vmtest
vmtest: deps ## run matrix, and all of packet and e2e that VMs are for, under other kernels; one of them: KERNEL=6.1
	$(BUILD_FIRST) programs-vm
	$(Q)KERNEL="$(KERNEL)" tests/run vm

.PHONY: bpf-check matrix
bpf-check: ## load the programs of each clang installed into this kernel: table of costs, limits (root)
	$(BUILD_FIRST) $(MATRIX_PROGRAM) $(call check_objects,$(CLANGS))
	$(Q)$(MATRIX_PROGRAM) $(foreach clang,$(CLANGS),$(clang)=$(call check_objects,$(clang)))

matrix: deps ## the same in VMs; one of them: KERNEL=6.1; some compilers: CLANGS="clang-14 clang-19"
	$(BUILD_FIRST) programs-matrix $(call check_objects,$(CLANGS))
	$(Q)KERNEL="$(KERNEL)" LAYERS=matrix FS_CLANGS="$(CLANGS)" tests/matrix/tables tests/run vm

.PHONY: fuzz
fuzz: deps ## fuzz the parsers and attack the data path for FUZZ_SECONDS each (600), and try 10^8 packets, or so long (root)
	$(BUILD_FIRST) programs-fuzz programs-attacks programs-packet
	$(Q)FUZZ_SECONDS=$(or $(FUZZ_SECONDS),600) tests/run fuzz attacks
	$(Q)$(if $(FUZZ_SECONDS),FUZZ_SECONDS=$(FUZZ_SECONDS),FUZZ_PACKETS=100000000) tests/run packet/fuzz_packet

.PHONY: floods
floods: deps ## flood live connections with forged packets of all kinds, in either mode for 60 s (root)
	$(BUILD_FIRST) programs-e2e
	$(Q)FLOODS_CONNECTIONS=10000 FLOODS_SECONDS=60 tests/run e2e/floods

.PHONY: lint
lint: deps ## check format and static analysis
	$(Q)tests/run lint

.PHONY: bench
bench: deps ## measure ns per packet; JSON goes to build/bench.json (root)
	$(BUILD_FIRST) programs-bench
	$(Q)$(BENCH_PROGRAM) --json $(BUILD)/bench.json $(BENCH_ARGS)

.PHONY: demo
demo: ## show a split, live, in network namespaces (root)
	$(Q)scripts/deps.sh build demo
	$(BUILD_FIRST) programs-e2e
	$(Q)scripts/demo.sh

.PHONY: install
install: all ## install to PREFIX (/usr/local), below DESTDIR
	$(call msg,INSTALL,$(DESTDIR)$(PREFIX)/bin/flowsplit)
	$(Q)install -D -m 755 $(BUILD)/flowsplit $(DESTDIR)$(PREFIX)/bin/flowsplit

.PHONY: clean
clean: ## remove build/
	$(call msg,CLEAN,$(BUILD))
	$(Q)rm -rf $(BUILD)

.PHONY: help
help: ## this list
	@sed -n 's/^\([a-z][a-z0-9 -]*\):.*## \(.*\)/\1\t\2/p' Makefile | \
		while IFS='	' read -r targets text; do printf '  %-18s %s\n' "$$targets" "$$text"; done

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
