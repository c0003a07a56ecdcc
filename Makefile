# Two commands do everything: `make demo` shows the product, `make test` proves it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ANVIL := $(VENV)/node/node_modules/.bin/anvil
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

HAS_VENV = @$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "Python's venv module is missing (Debian package: python3-venv)"; exit 1; }

.PHONY: demo test test-index chaos sim fuzz mutants audit check systemd bench pictures recordings docs reference format install clean

demo: $(if $(findstring --cluster,$(ARGS)),$(VENV)/.cluster,$(VENV)/.runtime)
	$(BIN)/watcher demo $(ARGS)

test: $(VENV)/.dev $(VENV)/.anvil
	@command -v systemd-analyze >/dev/null || echo "skipping the checks of the systemd unit: systemd-analyze is not installed (Debian package: systemd)"
	@command -v chromium >/dev/null || echo "skipping the page in a browser: chromium is not installed (Debian package: chromium)"
	@command -v promtool >/dev/null || echo "skipping Prometheus' own look at docs/monitoring: promtool is not installed (Debian package: prometheus)"
	@command -v rabbitmq-server >/dev/null || echo "skipping TEOS' events by a real broker: rabbitmq-server is not installed (Debian package: rabbitmq-server)"
	@command -v initdb >/dev/null || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || echo "skipping the store of many machines: PostgreSQL is not installed (Debian package: postgresql)"
	@command -v pgbouncer >/dev/null || echo "skipping what is said of a pooler before PostgreSQL: pgbouncer is not installed (Debian package: pgbouncer)"
	@command -v nginx >/dev/null || echo "skipping the page behind a proxy: nginx is not installed (Debian package: nginx-light)"
	@test -x $(ANVIL) || command -v anvil >/dev/null || echo "skipping hints of a real EVM node: anvil is not installed; npm does that, where it is installed (Debian package: npm) and reaches its registry"
	$(BIN)/python -m pytest -n 4 --dist worksteal $(ARGS)

# Each test file, room by room, in one sentence; and which files are about a type of rule.
test-index: $(VENV)/.python
	@$(BIN)/python -m tests.index

# Faults by the hundred on the real daemon; a bounded share of them is in `make test`.
chaos: $(VENV)/.dev
	$(BIN)/python -m tests.chaos.run $(ARGS)

# Whole worlds on virtual time, each by a seed, of one to five members: kills, lies, outages, partitions and
# clocks that step, and what must hold meanwhile. A broken one is shown with its seed; some are in `make test`.
# ARGS="--seed 7 --days 30 --minutes 60"; --members 3; --postgresql: the statements of members on a real one.
sim: $(VENV)/.dev
	$(BIN)/python -m tests.simulation.run $(ARGS)

# Random answers, files and templates for every parser; a bounded look at the same ones is in `make test`.
FUZZ ?= 20000
fuzz: $(VENV)/.dev
	FUZZ=$(FUZZ) $(BIN)/python -m pytest tests/fuzz -v $(ARGS)

# One small mistake at a time in watcher/domain, and which of them no test sees: a sample that a quarter of an
# hour holds, or ARGS="--only trust,credits --all --minutes 60"; the survivors are for people to read.
mutants: $(VENV)/.dev
	$(BIN)/python -m tests.mutants.run $(ARGS)

# What is known to be wrong with the libraries that are installed; asks the registry.
audit: $(VENV)/.dev
	$(BIN)/python -m pip --disable-pip-version-check --quiet install pip-audit
	$(BIN)/pip-audit --disable-pip --no-deps -r constraints.txt

check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/bandit -q -r -c pyproject.toml watcher
	$(BIN)/python -m pytest tests/test_architecture.py tests/systemd/test_unit_file.py
	$(BIN)/watcher test rules/tests/*.yaml rules/cookbook/tests/*.yaml

# The unit under a real systemd, in a container over this machine's own system; needs root and systemd-nspawn.
systemd: $(VENV)/.dev
	$(BIN)/python -m tests.systemd.boot

bench: $(VENV)/.dev
	$(BIN)/python -m benchmarks.run $(ARGS)

# The pictures of the README, drawn from the demo, or with ARGS=messages those of mails; needs Chromium.
pictures: $(VENV)/.dev
	$(BIN)/python docs/pictures/$(or $(ARGS),draw).py

# What users and scripts see, written down anew; `make test` compares with it. ARGS="story" for one part.
recordings: $(VENV)/.dev
	$(BIN)/python -m tests.recordings.record $(ARGS)
	$(BIN)/python -m tests.reference

# The documentation as a site in site/, strict: each link leads somewhere, and nothing is loaded from elsewhere.
docs: $(VENV)/.docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet
	$(BIN)/python -m tests.site

# What is made of docs/reference, and what pages show of rules, written down anew; `make test` compares with it.
# Part of `make recordings`.
reference: $(VENV)/.dev
	$(BIN)/python -m tests.reference
	$(BIN)/python -m tests.docs.shown

format: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.PHONY: dist lock deb ways
# Wheel and sdist of the last commit in dist/, the same bytes on every machine, and their sums.
dist: $(VENV)/.dev
	@$(BIN)/python -m release.dist

# requirements.lock anew from constraints.txt: what `pip install --require-hashes` takes; asks the registry.
lock: $(VENV)/.dev
	@$(PIP) install uv==0.13.8
	@$(BIN)/python -m release.lock

# A Debian package in dist/, with all libraries in it, for the Python of this Debian and this architecture.
deb: $(VENV)/.dev
	@$(BIN)/python -m release.deb

# Each way of docs/start/install.md from nothing, in a bare Debian root; needs root, systemd-nspawn and debootstrap.
ways: $(VENV)/.dev
	@$(BIN)/python -m tests.ways.run $(ARGS)

PREFIX ?= /opt/watcher
install:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "watcher needs Python 3.11 or newer"; exit 1; }
	$(HAS_VENV)
	@$(PYTHON) -m venv "$(PREFIX)" || { echo "$(PREFIX) cannot be made by this user; as root: sudo make install PREFIX=$(PREFIX)"; exit 1; }
	@# Built from a copy: what a build leaves behind would be root's, in somebody's checkout.
	@# -L: watcher/packs is a link to rules/.
	@copy=$$(mktemp -d) && trap 'rm -rf "$$copy"' EXIT && \
	  cp -RL pyproject.toml constraints.txt README.md LICENSE watcher "$$copy" && \
	  "$(PREFIX)/bin/python" -m pip --disable-pip-version-check --quiet install -c constraints.txt "$$copy"
	@install -D -m 644 -t "$(PREFIX)/share/doc/watcher" README.md CHANGELOG.md
	@echo "installed $(PREFIX)/bin/watcher"

clean:
	rm -rf $(VENV) build dist site *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(VENV)/.python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "watcher needs Python 3.11 or newer; $(PYTHON) is older. Name another one: make PYTHON=python3.12 ..."; exit 1; }
	$(HAS_VENV)
	@$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.runtime: $(VENV)/.python pyproject.toml constraints.txt
	@echo "installing into $(VENV) ..."
	@$(PIP) install -c constraints.txt -e .
	@touch $@

$(VENV)/.cluster: $(VENV)/.runtime
	@echo "installing what several machines need ..."
	@$(PIP) install -c constraints.txt -e '.[cluster]'
	@touch $@

$(VENV)/.dev: $(VENV)/.runtime
	@echo "installing what the tests need ..."
	@$(PIP) install -c constraints.txt -e '.[dev]'
	@touch $@

$(VENV)/.docs: $(VENV)/.dev
	@echo "installing what builds the documentation ..."
	@$(PIP) install -c constraints.txt -e '.[docs]'
	@touch $@

# An EVM node for the tests: one binary out of the npm registry, and nothing of the package is run as it comes.
NPM := npm install --no-save --no-audit --no-fund --no-update-notifier --ignore-scripts --fetch-retries 0
$(VENV)/.anvil: $(VENV)/.python
	@if ! command -v anvil >/dev/null && command -v npm >/dev/null; then \
	  echo "installing anvil ..."; \
	  $(NPM) --loglevel error --prefix $(VENV)/node @foundry-rs/anvil@1.7.1 >/dev/null && touch $@ || true; fi
