# picloud. `make` prints what there is to make; everything installs what it needs.

SHELL   := bash
GO      ?= go
BIN     := bin/picloud
# The race detector needs a C compiler; without one the tests run without it.
CC_FOUND := $(shell command -v $${CC:-cc} 2>/dev/null)
RACE    := $(if $(CC_FOUND),-race,)
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unversioned)
# How many triples engines are compared on.
PEERS   ?= 100000,1000000
LDFLAGS := -s -w -X main.version=$(VERSION)
# Packages whose goroutines meet; the race detector triples the time of the others for nothing.
RACING  := ./runtime/eventlog/... ./runtime/consensus/... ./runtime/state/... ./runtime/command/... \
           ./runtime/projection/... ./runtime/reconcile/... ./runtime/rdf/... ./runtime/node/... ./runtime/sparql/desk \
           ./runtime/peer ./runtime/membership ./runtime/iam ./runtime/enroll ./runtime/catchup ./runtime/backup
# Of the edge only the tests whose requests meet: each of the others starts a node of its own.
MEETING := AtOnce|Stream|Leave|Slow|Bounded|Waits|Protocols

.DEFAULT_GOAL := help
.PHONY: help build cross demo test test-long sim soak torture upgrade check generate bench bench-graph bench-cluster diff-graph clients fuzz where clean

help: ## print this list
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## the one binary, static, in bin/
	@CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o $(BIN) ./cmd/picloud

cross: ## the same for every kind of machine that a node runs on, as bin/picloud-linux-{amd64,arm64}
	@for kind in amd64 arm64; do GOARCH=$$kind CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o $(BIN)-linux-$$kind ./cmd/picloud || exit 1; done

demo: build ## apply the photo-app on one of three real nodes and ask another about it
	@./cmd/picloud/demo.sh $(BIN)

test: ## every promise, in a few minutes
	@$(if $(RACE),,echo "no C compiler found: the race detector is left out")
	@$(GO) test -timeout 30m $$($(GO) list ./... | grep -vxF -f <($(GO) list $(RACING))); plain=$$?; \
	  $(GO) test -timeout 30m $(RACE) $(RACING) && $(if $(RACE),$(GO) test -timeout 30m $(RACE) -run '$(MEETING)' ./runtime/http &&) exit $$plain

test-long: ## the same with long random runs, more crashes and more seeds
	PICLOUD_LONG=1 $(GO) test -timeout 40m ./...

sim: ## whole clusters under faults on virtual time: SEEDS=500 of them, or one SEED=n, REPEAT=50 times (TRACE=1 for all that was logged)
	PICLOUD_SIM_SEED=$(or $(SEED),1) PICLOUD_SIM_SEEDS=$(or $(SEEDS),$(if $(SEED),1,500)) PICLOUD_SIM_REPEAT=$(or $(REPEAT),1) PICLOUD_SIM_TRACE=$(TRACE) \
	  $(GO) test -count 1 -run '^TestSeeds$$' -v -timeout 0 ./runtime/simtest

soak: ## readers, writers and hostile queries at one node for ten minutes (SOAK=5m), with the curve of its heap
	PICLOUD_SOAK=$(or $(SOAK),10m) $(GO) test -count 1 -run '^TestSoak$$' -v -timeout 0 ./cmd/picloud

torture: ## real nodes on a network that is broken under them for TORTURE=5m (SEED=n, NODES=3), with a recorder of all requests
	PICLOUD_TORTURE=$(or $(TORTURE),5m) PICLOUD_SEED=$(SEED) PICLOUD_NODES=$(NODES) $(GO) test -count 1 -run '^TestTorture$$' -v -timeout 0 ./cmd/picloud/torture

upgrade: ## three nodes go from an older release to this one with another kind, one by one under load (builds both)
	PICLOUD_UPGRADE=1 $(GO) test -count 1 -run '^TestClusterIsUpgradedNodeByNode$$' -v -timeout 20m ./cmd/picloud

check: ## static only: format, vet, staticcheck, the repository's own law, stale output
	@bad=$$(git ls-files '*.go' | xargs gofmt -l); if [ -n "$$bad" ]; then echo "gofmt differs; run: gofmt -w $$bad"; exit 1; fi
	$(GO) vet ./...
	@for kind in linux/arm64 darwin/arm64 windows/amd64; do GOOS=$${kind%/*} GOARCH=$${kind#*/} CGO_ENABLED=0 $(GO) build -o /dev/null ./cmd/picloud || exit 1; done
	$(GO) tool staticcheck ./...
	$(GO) test ./gen/tidy
	$(GO) run ./cmd/picloud-gen --check

generate: ## everything under generated/ from the ontology
	$(GO) generate ./gen

bench: ## figures and ratios of commits, start, memory and the generator; nothing is asserted
	@for package in ./runtime/consensus ./runtime/node ./runtime/http ./cmd/picloud ./gen; do \
	  $(GO) test -run '^$$' -bench . -benchtime 1s -timeout 30m $$package | grep -E '^(Benchmark|pkg)' || exit 1; done

bench-graph: ## quad store, SPARQL, live queries, reasoning, each goal beside its figure; then other engines (PEERS="100000,1000000" triples, none without)
	@uptime
	@figures() { $(GO) test -run '^$$' -timeout 30m "$$@" | awk -f runtime/sparql/peers/goals.awk; }; set -o pipefail; \
	  figures -bench . -benchtime 1s ./runtime/rdf && figures -bench . -benchtime 1s ./runtime/sparql && figures -bench . -benchtime 1s ./runtime/shacl && \
	  figures -bench . -benchtime 1s ./runtime/live && figures -bench LiveDelta -benchtime 100x ./runtime/http && \
	  figures -bench StartWithDataset -benchtime 1x ./runtime/node && figures -bench . -benchtime 1s ./runtime/reasoning && \
	  PICLOUD_BENCH=1 figures -run '^TestFigures$$' -v ./runtime/reasoning
	PICLOUD_PEERS='$(PEERS)' $(GO) test -count 1 -run '^TestPeers$$' -v -timeout 90m ./runtime/sparql/peers
	@uptime

bench-cluster: ## three servers beside three members of etcd, each goal beside its figure (REST=10m at rest, EVENTS=1000000 to catch up with, PART=commits for one part)
	PICLOUD_BENCH_CLUSTER=1 PICLOUD_REST='$(REST)' PICLOUD_EVENTS='$(EVENTS)' PICLOUD_KILLS='$(KILLS)' \
	  $(GO) test -count 1 -run '^TestFigures$$$(if $(PART),/^$(PART)$$)' -v -timeout 0 ./cmd/picloud/clusterbench

diff-graph: ## answers beside those of other engines, on DIFF=2000 random queries and the W3C's (installs them)
	PICLOUD_DIFF=$(or $(DIFF),2000) $(GO) test -count 1 -run '^TestDifferences$$' -v -timeout 30m ./runtime/sparql/peers

clients: ## stock SPARQL clients of Python and JavaScript read and write a store over TLS (installs them)
	PICLOUD_CLIENTS=$${PICLOUD_CLIENTS:-$$(mktemp -d)} $(GO) test -run '^TestStockClients$$' -v ./cmd/picloud

fuzz: ## every fuzz target for 30 seconds
	@for target in $$(grep -rhoE --include='*_test.go' 'func (Fuzz[A-Za-z0-9]+)' . | awk '{print $$2}' | sort -u); do \
	  package=$$(grep -rlE --include='*_test.go' "func $$target\\(" . | head -1 | xargs dirname); \
	  echo "$$package $$target"; $(GO) test -run '^$$' -fuzz "^$$target$$" -fuzztime 30s "$$package" || exit 1; done

where: ## KIND=volume: every file that knows the kind
	@git ls-files | grep -iE '(^|/)$(subst -,[-_]?,$(KIND))s?[._]' ; grep -rnE 'pm:word +"$(KIND)"' ontology

clean: ## remove what make built
	rm -rf bin .demo
