# Taskyard's commands. `make` lists them.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c

# The environment to work on: a folder below inventory/.
ENV := local
PYTHON ?= python3
VENV := .venv
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
# Ansible is started some hundred times: in half the time when Python may keep what it compiled.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help venv up down status smoke scan audit bench bench-check bench-options bench-cluster bench-up capacity cost provision relocate test attacks advisories fuzz mutants check-cache lint docs molecule dev e2e real-hosts lock clean

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

venv: ## make .venv from the locked pins (every other command does it when it has to)
	@tools/venv.sh $(VENV) $(PYTHON)

# --- the cluster on this computer ---

up: ## start the cluster, set everything up, try it out; again: repair and finish
	@INSTALL=yes tools/venv.sh $(VENV) $(PYTHON)
	@python -m tools.cluster up --env $(ENV)

down: venv ## remove the cluster: machines, data, secrets and networks
	@python -m tools.cluster down --env $(ENV)

status: venv ## show machines and networks, those of other checkouts too
	@python -m tools.cluster status --env $(ENV)

smoke: venv ## walk through the running cluster as an outside client
	@python -m tools.smoke --env $(ENV)

scan: venv ## ask every port of every machine from every other and from here: is it as the inventory implies?
	@python -m tools.scan --env $(ENV)

ROUNDS := 3
cost: venv ## what TLS and the sandbox cost the running cluster: writes docs/cost-of-security.md (ROUNDS=3, about ten minutes)
	@python -m tests.cost --env $(ENV) --rounds $(ROUNDS)

audit: venv ## audit the running cluster with tools that others wrote: one table (ONLY="tls scores" for a part)
	@python -m tests.audit --env $(ENV) $(addprefix --only ,$(ONLY))

provision: venv ## run playbooks/site.yml again
	@ansible-playbook -i inventory/$(ENV) playbooks/site.yml

relocate: venv ## move the cluster's addresses to a free network
	@python -m tools.cluster relocate --env $(ENV)

# --- the code ---

dev: venv ## run the application here, without machines, restarting on changes (CORS_ORIGINS=http://localhost:5173)
	@python -m tools.dev $(addprefix --cors-origin=,$(CORS_ORIGINS))

test: venv ## lint, then unit and API tests against real servers (no root, no machines)
	@$(MAKE) --no-print-directory lint
	@python -m pytest tests/unit tests/templates tests/api -n 3 --dist loadgroup --cov --cov-report=term

attacks: venv ## attack the API: every answer as docs/attacks.md promises, which is made anew
	@python -m tests.attacks
	@python -m pytest tests/attacks

advisories: venv ## do the pins have holes that are known? (asks PyPI)
	@python -m tools.advisories

fuzz: venv ## ask the API what its documents allow, and more (MAX_EXAMPLES=100 an operation)
	@python -m pytest tests/fuzz --capture=no

mutants: venv ## change the tokens' and the cache's code in a thousand ways: does a test notice each?
	@rm -rf mutants
	@mkdir -p .cache mutants && ln -s ../.cache mutants/.cache  # the copy under test finds the servers that are here
	@mutmut run
	@python -m tools.mutants

OPERATIONS := 1000000
check-cache: venv ## a million operations with faults: does a cached list ever lie?
	@python -m tests.history --operations $(OPERATIONS)

bench: venv ## how fast the product is here, beside what users would have otherwise: writes docs/performance.md (no root, no machines)
	@python -m tests.bench

bench-check: venv ## is anything much slower, beside what it is compared with, than in docs/performance.md? (three minutes)
	@python -m tests.bench --check --rounds 5

bench-options: venv ## what each option of the gateway, the server and the drivers is worth: writes docs/performance-options.md (four minutes)
	@python -m tests.bench.options

bench-cluster: venv ## how fast the running cluster is, and site.yml on it: writes docs/performance-cluster.md (ROUNDS=3)
	@python -m tests.bench.cluster --env $(ENV) --rounds $(ROUNDS)

bench-up: venv ## how long a first make up takes, beside a bare script with the same work: writes docs/performance-up.md (machines of its own)
	@python -m tests.bench.first_up

PEOPLE := 1000000
capacity: venv ## what a number of people needs, from what the last report measured (PEOPLE=1000000): docs/capacity.md
	@python -m tools.capacity --write
	@python -m tools.capacity --people $(PEOPLE)

PYTHON_CODE := app roles playbooks tests tools
# The slowest first: it goes on beside all the others.
LINTERS := lint-ansible lint-types lint-holes lint-style lint-docs lint-yaml lint-excuses
.PHONY: $(LINTERS)
lint: venv ## ruff, mypy, bandit, yamllint, ansible-lint; are the documents that are made up to date?
	@$(MAKE) --no-print-directory --keep-going --jobs=2 --output-sync=target $(LINTERS)

lint-ansible:
	@ansible-lint -q

lint-types:
	@mypy $(PYTHON_CODE)

lint-style:
	@ruff check --quiet $(PYTHON_CODE)
	@ruff format --quiet --check $(PYTHON_CODE) || { echo "Not formatted as agreed; mend it with: .venv/bin/ruff format $(PYTHON_CODE)"; exit 1; }

lint-holes:
	@bandit --quiet --configfile pyproject.toml --recursive app tools roles

lint-docs:
	@python -m tools.role_docs --check
	@python -m tests.attacks --check
	@python -m tools.capacity --check

lint-yaml:
	@yamllint --strict .

lint-excuses:
	@if grep -rnE --include='*.py' --include='*.yml' 'noqa|type: ignore|nosec|pragma: no|yamllint disable' $(PYTHON_CODE) inventory \
	    | grep -vE '(noqa: [A-Za-z0-9-]+(, ?[A-Za-z0-9-]+)* - |type: ignore\[[a-z, -]+\] # |nosec B[0-9]+(, ?B[0-9]+)* # )[^ ]'; then \
	  echo "These lines excuse themselves from a rule without saying why: noqa: RULE - reason; type: ignore[rule] # reason; nosec B000 # reason"; exit 1; fi

docs: venv ## make the roles' defaults and option tables from their argument specs
	@python -m tools.role_docs

molecule: venv ## test each role on machines of its own (ROLE=nginx, SCENARIO=default, SYSTEM=debian-13, SINCE=main, JOBS=2)
	@python -m tools.molecule $(foreach option,role scenario system since jobs,$(addprefix --$(option)=,$($(shell echo $(option) | tr a-z A-Z))))

real-hosts: venv ## type docs/real-hosts.md on bare servers made for it (podman, root; WALK=one_server, three_app_servers or closed_network)
	@python -m pytest $(addprefix tests/real_hosts/test_,$(addsuffix .py,$(or $(WALK),one_server three_app_servers closed_network))) --exitfirst --capture=no

e2e: venv ## a cluster of its own: up, smoke, idempotence, faults, reboot, down
	@python -m pytest tests/e2e --exitfirst --capture=no

lock: venv ## resolve requirements/*.in into hash-locked requirements/*.txt
	@for name in uv app admin dev audit bench mongod; do \
	  echo "requirements/$$name.txt"; \
	  uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url \
	    $$([ $$name != mongod ] || echo --no-deps) --output-file requirements/$$name.txt $(LOCK) requirements/$$name.in; \
	done

clean: ## remove .venv, caches and the box
	@if [ -x $(VENV)/bin/python ]; then python -m tools.cluster clean; fi
	@rm -rf $(VENV) .cache .mypy_cache .pytest_cache .ruff_cache .ansible mutants
