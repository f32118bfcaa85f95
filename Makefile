# The palette of commands. Everything is built under build/.
build   := build
prefix  := $(CURDIR)/$(build)/local
enclave := $(prefix)/bin/enclave
zone    := $(build)/zone

# Raising a zone makes network namespaces, so these need root: as another user they say so and use sudo.
as_root := $(if $(filter 0,$(shell id -u)),,sudo -E env PATH="$$PATH")

.PHONY: help run stop test check bench fuzz sim format clean install

help:
	@echo 'make run     build, raise the local zone with a served application, leave it running'
	@echo 'make stop    take it down; no process, namespace, mount or interface stays'
	@echo 'make test    unit tests and the end-to-end story (ONLY=word runs those whose name holds it)'
	@echo 'make check   unit tests and localaws under ASan and UBSan, layers, static analysis'
	@echo 'make bench   measure; prints a table, writes build/bench.json'
	@echo 'make fuzz    run each fuzz target for SECONDS=60'
	@echo 'make sim     weeks of a zone in simulated time, from seeds (SEEDS=1-200 DAYS=7)'
	@echo 'make format  clang-format and terraform fmt'
	@echo 'make clean   remove what was built'

install:
	@scripts/install-packages
	@test -f $(build)/build.ninja || meson setup $(build) >$(build)-setup.log 2>&1 || { cat $(build)-setup.log; exit 1; }
	@rm -f $(build)-setup.log
	@test -f $(build)/.prefix || meson configure $(build) -Dprefix=$(prefix) -Dlibdir=lib && touch $(build)/.prefix
	@ninja -C $(build) --quiet
	@meson install -C $(build) --quiet --no-rebuild --only-changed

run: install
	@$(if $(as_root),echo 'make run raises network namespaces and machines: that needs root and so sudo',:)
	@$(as_root) $(enclave) zone up --directory $(zone)

stop:
	@if [ -x $(enclave) ]; then $(as_root) $(enclave) zone down --directory $(zone); fi

test: install
	@$(as_root) scripts/test "$(ONLY)"

check:
	@scripts/install-packages
	@scripts/check

bench: install
	@$(as_root) bench/run $(build)/bench.json

fuzz:
	@scripts/fuzz $(or $(SECONDS),60)

sim: install
	@$(build)/src/configserver/simulator/enclave-sim --seeds $(or $(SEEDS),1-200) --days $(or $(DAYS),7)

format:
	@git ls-files '*.c' '*.h' | xargs clang-format -i
	@terraform fmt -recursive terraform

clean: stop
	@$(as_root) rm -rf $(build) $(build)-asan $(build)-fuzz
