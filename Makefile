# constellation: `make help` says what there is.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

# One set of flags for everything, so that nothing is compiled twice.
export CGO_ENABLED := 0
export GOFLAGS := -trimpath
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS := -s -w -X github.com/cosmostat/constellation/pkg/version.Version=$(VERSION)

STAGES := $(notdir $(wildcard tasks/*))
# Few executables hold all stages, so that what they share is not there as often
# as there are stages; by what they link, so that none starts what it doesn't need:
# the command those that link Iceberg, as it does itself.
CATALOG_STAGES := assemble-catalog check-catalog compact-catalog select-tiles validate-catalog
PARQUET_STAGES := fan-out-tiles index-observations infer-subtile merge-footprints prepare-tile read-footprints
PYTHON ?= python3
VENV := .venv
REST := .iceberg-rest
DEMO ?= demo

.PHONY: help
help: ## Say what each target does
	@awk -F':.*## ' '/^[a-z][a-z-]*:.*## /{printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: ## Build the command, the stages and what starts and serves them into bin/
	@mkdir -p bin
	@deploy/progress.sh go build -ldflags "$(LDFLAGS)" -o bin/ ./cmd/constellation ./cmd/loader ./cmd/serve-s3 ./cmd/stages ./cmd/parquet-stages
	@for s in $(CATALOG_STAGES); do ln -sf constellation bin/$$s; done
	@for s in $(PARQUET_STAGES); do ln -sf parquet-stages bin/$$s; done
	@for s in $(filter-out $(CATALOG_STAGES) $(PARQUET_STAGES),$(STAGES)); do ln -sf stages bin/$$s; done

# Where `make package` and `make register` put things; see docs/register.md.
PROJECT ?=
DOMAIN ?= development
PACKAGE ?= constellation.tgz
PACKAGE_FLAGS ?=

.PHONY: package-arguments
package-arguments: # before the build, which takes a while
	@[ -n "$(IMAGE)" ] && [ -n "$(SHINE_IMAGE)" ] && [ -n "$(PROJECT)" ] || { echo "say which: make $(firstword $(MAKECMDGOALS)) PROJECT=... IMAGE=...@sha256:... SHINE_IMAGE=...@sha256:..." >&2; exit 2; }

.PHONY: package
package: package-arguments build ## Write what flytectl registers (IMAGE, SHINE_IMAGE, PROJECT, DOMAIN; PACKAGE_FLAGS for more, e.g. --fast s3://bucket/code)
	@bin/constellation package -o $(PACKAGE) -p $(PROJECT) -d $(DOMAIN) --image $(IMAGE) --shine-image $(SHINE_IMAGE) $(PACKAGE_FLAGS)

.PHONY: register
register: ## The same, and register it with flytectl
	@command -v flytectl >/dev/null || { echo "flytectl is not in PATH: take the release flytectl of https://github.com/flyteorg/flyte that belongs to your Flyte (1.16), and give it your cluster's configuration (FLYTECTL_CONFIG)" >&2; exit 127; }
	@$(MAKE) --no-print-directory package
	@sh $(patsubst %.tgz,%,$(PACKAGE)).register.sh

.PHONY: demo
demo: build ## Simulate a small survey, serve it over S3, run the whole pipeline on it
	@bin/constellation demo --dir $(DEMO)

.PHONY: demo-short
demo-short: build ## The same with the smallest survey (seconds)
	@bin/constellation demo --dir $(DEMO)-short --preset tiny

.PHONY: test
test: venv rest build ## Run every test, with the independent readers that some need, and list what was skipped
	@deploy/progress.sh go vet ./...
	cd deploy/shine && $(CURDIR)/$(VENV)/bin/python -m pytest -q -p no:cacheprovider
	CONSTELLATION_PYTHON=$(CURDIR)/$(VENV)/bin/python CONSTELLATION_BIN=$(CURDIR)/bin CONSTELLATION_ICEBERG_REST=$$([ ! -e $(REST)/.ready ] || echo $(CURDIR)/$(REST)) \
	  go tool -modfile=deploy/tools/go.mod gotestsum --format pkgname --format-hide-empty-pkg -- -timeout 30m ./...

.PHONY: lint
lint: ## Look at the code without running it: gofmt, go mod tidy, go vet, staticcheck, errcheck
	@deploy/lint.sh

.PHONY: test-race
test-race: ## Run the tests of what starts goroutines under the race detector (RACE="./pkg/a ./pkg/b" for others); needs a C compiler
	@deploy/race.sh $(RACE)

.PHONY: hooks
hooks: ## Have git look at what you commit (deploy/hooks)
	git config core.hooksPath deploy/hooks

.PHONY: release
release: ## Make the files of a tagged release and their checksums in dist/ (VERSION=v1.2.3); see docs/release.md
	@deploy/release.sh $(VERSION)

.PHONY: fuzz
fuzz: ## Fuzz each target for a short while (FUZZTIME, 20s), and say at the end which failed
	@failed=; for p in $$(grep -rlE '^func Fuzz' --include='*_test.go' . | xargs -n1 dirname | sort -u); do \
	  for f in $$(grep -hoE '^func Fuzz[A-Za-z0-9_]*' $$p/*_test.go | cut -c6-); do \
	    echo "== $$p $$f"; go test $$p -run '^$$' -fuzz "^$$f$$" -fuzztime $${FUZZTIME:-20s} -fuzzminimizetime 10x || failed="$$failed $$p:$$f"; done; done; \
	  test -z "$$failed" || { echo "failed:$$failed" >&2; exit 1; }

.PHONY: bench
bench: build ## Measure header reads, extraction, start-up and size
	CONSTELLATION_BIN=$(CURDIR)/bin go test ./internal/bench -run '^$$' -bench 'Executables|Footprints|HTTPS|Tile' -benchtime 1x -timeout 30m

.PHONY: bench-shear
bench-shear: ## Measure the reference engine's shear bias on pairs of simulated galaxies (BENCH_SHEAR_GALAXIES, 20000)
	BENCH_SHEAR_GALAXIES=$${BENCH_SHEAR_GALAXIES:-20000} go test ./internal/bench -run '^TestShearBias$$' -v -count=1 -timeout 6h

.PHONY: bench-io
bench-io: .venv-bench/.ready ## Compare headers and extraction with astropy and boto3 doing the same, and with s5cmd
	CONSTELLATION_BENCH_PYTHON=$(CURDIR)/.venv-bench/bin/python go test ./internal/bench -run '^$$' -bench '^BenchmarkIO$$' -benchtime 1x -timeout 60m
.venv-bench/.ready: internal/bench/testdata/requirements.txt
	@$(PYTHON) -m venv .venv-bench
	@.venv-bench/bin/pip install --quiet --disable-pip-version-check -r $<
	@touch $@

.PHONY: bench-index
bench-index: ## Build and query the quadrant index of a whole survey: 28.8 million footprints, six minutes
	go test ./internal/bench -run '^$$' -bench Index -benchtime 1x -timeout 60m

.PHONY: bench-catalog
bench-catalog: .venv-bench-catalog/.ready ## Compare assembly with PyIceberg; replace tiles, compact, verify and read tables of 60,000 tiles (internal/bench/catalog_test.go: sizes)
	CONSTELLATION_BENCH_PYTHON=$(CURDIR)/.venv-bench-catalog/bin/python go test ./internal/bench -run '^$$' -bench '^BenchmarkCatalog$$' -benchtime 1x -timeout 60m
.venv-bench-catalog/.ready: internal/bench/testdata/catalog-requirements.txt
	@$(PYTHON) -m venv .venv-bench-catalog
	@.venv-bench-catalog/bin/pip install --quiet --disable-pip-version-check -r $<
	@touch $@

.PHONY: soak
soak: build ## Kill whole runs at 200 random points, and compare the bytes they end with
	CONSTELLATION_BIN=$(CURDIR)/bin CONSTELLATION_KILLS=200 go test -v ./internal/faults -run TestKill -count=1 -timeout 60m

.PHONY: golden
golden: ## Rewrite the golden renderings of the specs
	go test ./workflows -run Golden -update

.PHONY: schema
schema: build ## Rewrite the JSON Schema of the configuration
	bin/constellation config schema > configs/schema.json

.PHONY: rest
rest: $(REST)/.ready ## Get the jars of Iceberg's REST catalogue, which tests use (needs Java and Maven; says so without)
$(REST)/.ready: internal/testing/catalogtest/pom.xml internal/testing/catalogtest/rest.sh
	@internal/testing/catalogtest/rest.sh fetch $(REST)

.PHONY: venv
venv: $(VENV)/.ready ## Install the independent readers that tests use (pinned)
$(VENV)/.ready: deploy/test-requirements.txt
	@echo "installing the tests' independent readers into $(VENV)"
	@$(PYTHON) -m venv $(VENV)
	@$(VENV)/bin/pip install --quiet --disable-pip-version-check -r $<
	@touch $@

.PHONY: clean
clean: ## Remove what was built
	rm -rf bin dist $(VENV) .venv-bench .venv-bench-catalog $(DEMO) $(DEMO)-short
