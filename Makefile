# Every verb installs what it needs the first time. `make` alone lists them.
.DEFAULT_GOAL := help
.PHONY: help run start stop status demo check test soak bench docs lock nacos secrets reset
MAKEFLAGS += --no-print-directory

PYTHON := .venv/bin/python
# One process sees all three services where imports and documents are judged (each has its own `config`).
export PYTHONPATH := .:order-service:payment-service:notification-service
ALONE := env -u PYTHONPATH
# `make run DISCOVERY=nacos` (also start): with a real Nacos, which needs its agent's packages and the server itself.
EMBEDDED := scripts/install $(if $(filter nacos,$(DISCOVERY)),nacos && scripts/nacos install,embedded)

help: ## list the verbs
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: ## the whole system on this machine, in the foreground; Ctrl-C stops it
	@$(EMBEDDED)
	@$(ALONE) $(PYTHON) -m scripts.stack run

start: ## the same in the background; returns when all is ready
	@$(EMBEDDED)
	@$(ALONE) $(PYTHON) -m scripts.stack start

stop: ## stop it; returns when every process is gone
	@[ ! -x $(PYTHON) ] || $(ALONE) $(PYTHON) -m scripts.stack stop

status: ## each process and its state
	@scripts/install embedded
	@$(ALONE) $(PYTHON) -m scripts.stack status

demo: ## the golden journey and its three sister stories, narrated (needs `make start`)
	@scripts/install embedded
	@$(ALONE) $(PYTHON) -m scripts.demo

check: ## the quick gate: lint, types, import rules, documents, every suite on SQLite
	@scripts/check

test: ## everything: the quick gate, MariaDB, races, crashes, the gateway, the journey
	@scripts/test

soak: ## what is too long for `test`: far more examples, Nacos away for long, everything killed again and again
	@scripts/install test
	@scripts/nacos install || true
	@$(ALONE) $(PYTHON) -m scripts.gate soak

bench: ## the golden mix through the gateway, with ratios, then an audit
	@scripts/install test
	@$(ALONE) $(PYTHON) -m bench.run $(if $(record),--record)

docs: ## write the generated pages of docs/ anew
	@scripts/install test
	@$(PYTHON) -m scripts.generate_docs

lock: ## lock requirements/*.in again, with hashes and without any index address
	@scripts/install test
	@scripts/lock

nacos: ## a real Nacos on this machine, with its console; `scripts/nacos stop` stops it
	@scripts/nacos install
	@scripts/nacos start

secrets: ## keys and passwords for `docker compose up` on this machine, in deploy/secrets
	@scripts/install embedded
	@$(ALONE) $(PYTHON) -m scripts.make_secrets

reset: ## stop, and forget every database, secret and log of this machine
	@[ ! -x scripts/mariadb ] || scripts/mariadb stop
	@[ ! -x $(PYTHON) ] || $(ALONE) $(PYTHON) -m scripts.stack reset
