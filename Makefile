# make demo: an hour at a simulated site; make test: everything that is checked; make lint, make unit: its quick
# parts
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
SOURCES := agent drivers inventory tests benchmarks

.PHONY: demo test test-openwrt lint unit crash-matrix fault-matrix million-events soak fuzz lock sbom guest peers \
	regdb drivers safety lock sbom clean
demo: $(VENV)/.runtime
	@$(BIN)/rrmd demo

# The virtual machines are built, which takes minutes once, while others are at work; and they wait most of the
# time, for a radar check or a verdict: the longest of their tests run beside the others, those with two machines
# last. Each rerun is told at the end of its part: look at it.
LONGEST := tests/vm/test_one_change.py tests/vm/test_systemd.py tests/vm/test_power_cut.py
test: peers
	@mkdir -p build
	@{ $(MAKE) --no-print-directory guest && \
	$(BIN)/pytest -m vm $(LONGEST) --reruns 1 -p no:cacheprovider; } >build/guest.log 2>&1 & longest=$$!; \
	$(MAKE) --no-print-directory lint; lint=$$?; \
	$(BIN)/pytest -m "not vm" -n 2 --dist worksteal --reruns 1; host=$$?; \
	$(MAKE) --no-print-directory guest && \
	$(BIN)/pytest -m vm $(addprefix --ignore=,$(LONGEST)) --reruns 1; guest=$$?; \
	echo "waiting for the other virtual machines: build/guest.log"; \
	wait $$longest; code=$$?; cat build/guest.log; exit $$((lint || host || guest || code))

lint: $(VENV)/.installed
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/mypy $(SOURCES)

unit: $(VENV)/.installed
	$(BIN)/pytest tests/unit tests/structure

# Every fault of docs/safety.md, tried; the last line says how many went as stated. FAULTS=radar: only those whose
# names have that word.
fault-matrix: $(VENV)/.installed
	@PYTHONPATH=tests $(BIN)/python -m faults.run $(FAULTS)

# Site files, the control socket and the trap listener under fire, one after the other, FUZZ_S seconds each.
# A crash or a hang ends it with the seed and the number of the input; RRMD_FUZZ_SEED sets the seed.
FUZZ_S ?= 600
fuzz: $(VENV)/.installed
	@for target in site-yaml control-socket trap-listener; do \
	PYTHONPATH=tests $(BIN)/python -m fuzz.campaign $$target --seconds $(FUZZ_S) || exit 1; done

# Dies at every point of every story and starts again: docs/crashes.md. CRASH="held --ways killed": only these.
crash-matrix: $(VENV)/.installed
	@PYTHONPATH=tests $(BIN)/python -m crash $(CRASH)

# A simulated fortnight of a site: memory, files, budgets and changes. make soak SOAK="--days 3 --aps 20"
soak: $(VENV)/.installed
	$(BIN)/python -m benchmarks.soak $(SOAK)

# What the service is installed with: each package at one version, known by its hashes, for each Python and
# machine that we support. Says nothing of where it came from.
LOCK := systemd/requirements.lock
lock: $(VENV)/.installed
	$(BIN)/uv pip compile pyproject.toml --extra postgresql --universal --python-version 3.11 --upgrade \
	--generate-hashes --no-header --no-annotate --no-emit-index-url --quiet --output-file $(LOCK)

# The bill of materials of what is locked (CycloneDX), from the metadata of the packages themselves.
sbom: $(VENV)/.installed
	rm -rf build/sbom
	$(PYTHON) -m venv build/sbom
	build/sbom/bin/python -m pip install --quiet --require-hashes --only-binary :all: -r $(LOCK)
	$(BIN)/python -m agent.make_sbom $(LOCK) build/sbom >systemd/sbom.cdx.json

# The virtual machines of tests/vm: built once, kept outside the repository. Where packages can't be
# installed one line says what is left out.
guest: $(VENV)/.installed
	PYTHONPATH=tests $(BIN)/python -m vm.build_guest --install

# The OpenWrt driver against an image of your own: x86-64, with kmod-mac80211-hwsim, hostapd (wpad), rpcd,
# rpcd-mod-iwinfo, rpcd-mod-file and uhttpd-mod-ubus. OPENWRT_IMAGE=path make test-openwrt
test-openwrt: $(VENV)/.installed
	$(BIN)/pytest tests/vm/test_openwrt.py

# A million simulated events with faults, one to ten minutes of two cores; SEED=2 for other sites. tests/storm says
# what is counted.
EVENTS ?= 1000000
SEED ?= 1
million-events: $(VENV)/.installed
	@PYTHONPATH=tests $(BIN)/python -m storm --events $(EVENTS) --seed $(SEED)

# The servers that the tests talk to on loopback: snmpd, netconfd, sshd, PostgreSQL.
peers: $(VENV)/.installed
	PYTHONPATH=tests $(BIN)/python -m peers --install

# The README's table of drivers, from what they declare.
drivers: $(VENV)/.installed
	$(BIN)/python -m agent.make_driver_table

# The tables of docs/safety.md, from the cases of tests/faults.
safety: $(VENV)/.installed
	@PYTHONPATH=tests $(BIN)/python -m faults.make_safety

regdb: $(VENV)/.installed
	$(BIN)/python inventory/make_regdb.py

# What runs rrmd, and what builds and tests it besides.
$(VENV)/.runtime: pyproject.toml
	@echo "rrmd and what it needs go into $(VENV), once"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

$(VENV)/.installed: $(VENV)/.runtime
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	touch $@

clean:
	rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
