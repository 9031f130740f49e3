# `make run` and `make test` are the two commands a newcomer needs. The others do one part of their work.
#
# Everything is built in CARGO_TARGET_DIR, or in ./target when that is not set.

export CARGO_TARGET_DIR ?= target

.DEFAULT_GOAL := help
.PHONY: help run demo test lint docs py bench bench-health bench-fetch bench-install bench-snapshot bench-healing bench-python wheels fuzz soak chaos clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' Makefile

# The debug build: it is there in a fraction of the time of an optimised one, shares its parts with `make test`, and a demo of
# ten checks does not notice the difference. `cargo build --release -p stratheal-cli` builds what to deploy.
run: ## build, then keep a small web server running, watch it and this host, and heal them; Ctrl-C ends it
	cargo build --locked -p stratheal-cli
	@exec "$(CARGO_TARGET_DIR)/debug/stratheal" demo --up --folder "$(CARGO_TARGET_DIR)/demo"

demo: ## build, then break that web server in eight ways, and see it heal
	cargo build --locked -p stratheal-cli
	@exec "$(CARGO_TARGET_DIR)/debug/stratheal" demo

test: ## everything: format, lints, features, Rust, docs' examples, Python, end to end
	@scripts/test

lint: ## format and lints of Rust and shell, without running anything
	@scripts/test format shell clippy

docs: ## the API documentation, warnings denied
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --workspace --exclude stratheal-py --exclude stratheal-benches --all-features --no-deps

py: ## build the Python module and test it
	@scripts/test python

bench: ## all benchmarks
	cargo bench --locked -p stratheal-benches

bench-health: ## the health engine beside its peers, as one table
	cargo bench --locked -p stratheal-benches --bench health

bench-fetch: ## fetching beside its peers, under every fault, as tables
	cargo bench --locked -p stratheal-benches --bench fetch

bench-install: ## environments beside uv and pip, as a table
	cargo bench --locked -p stratheal-benches --bench install

bench-snapshot: ## snapshots and rollback beside cp, tar, restic and borg, as tables
	cargo bench --locked -p stratheal-benches --bench snapshot

bench-healing: ## services and healing beside supervisord and monit, as tables
	cargo bench --locked -p stratheal-benches --bench healing

bench-python: ## the Python module, as an installed wheel, beside its peers, as tables
	@scripts/bench-python

wheels: ## both optimised wheels, installed and tested with every CPython that is here
	@scripts/wheels

fuzz: ## every parser's "never panics" property with many cases
	@scripts/test fuzz

soak: ## the tests that take long, the Python module again and again, and twenty minutes of breaking the demo
	@scripts/test soak

chaos: ## every pair of network faults, and kills and failing calls by the thousand while environments change and go back
	@scripts/test chaos

clean: ## remove what was built, the Python environment included
	cargo clean
	rm -f stratheal-py/python/stratheal/_stratheal*.so
