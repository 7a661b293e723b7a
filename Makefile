LISTEN ?= localhost:8080

.PHONY: help run test build package release helm vulncheck bundle fmt lint chart migration outage screenshots commands man fuzz faults pace proxies soak clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: build ## the demo: two boards of one application, no Redis
	@bin/nudge demo --listen $(LISTEN)

test: ## check and test everything; offers to install what is missing
	@.ci/install
	@.ci/check
	@.ci/test

build: ## bin/nudge
	@test -e bin/nudge || echo 'Building bin/nudge. The first time takes a minute or two.'
	@CGO_ENABLED=0 go build -trimpath -o bin/nudge ./cmd/nudge

package: ## the npm package for pages, in bin
	@mkdir -p bin && cd web && npm pack --silent --pack-destination ../bin

release: ## bin/release: archives, Debian packages, container image, SBOMs, checksums, all tried; TWICE=1 builds again elsewhere and compares
	@go -C .ci/tools run ./release $(if $(TWICE),-twice)

helm: ## check deploy/helm and deploy/compose.yaml with the libraries of helm and compose; two minutes the first time
	@go -C .ci/deploy run .

vulncheck: ## known vulnerabilities in what Nudge calls; DB=URL of a copy of the database
	@DB=$(DB) .ci/vulncheck

bundle: ## web/dist from web/src, and what docs/browser.md says of it
	@[ web/node_modules/.package-lock.json -nt web/package-lock.json ] || npm --prefix web ci --silent --ignore-scripts
	@go -C .ci/tools run ./bundle
	@go -C .ci/tools run ./bundle -types

fmt: ## format all Go code
	@go -C .ci/tools tool gofumpt -w $(CURDIR)

lint: ## formatting, vet, staticcheck, types, bundle
	@.ci/check

chart: ## docs/capacity.svg from docs/capacity/*.json
	@go -C .ci/tools run ./chart $(CURDIR)/docs/capacity/*.json

migration: ## docs/migrate.svg: docs/migrate.md as a run of two minutes
	@NUDGE_TEST_REQUIRE=1 NUDGE_TEST_MIGRATION=$(CURDIR)/docs/migrate.json go test -count=1 -timeout 10m -run '^TestMigrationChart$$' ./cmd/nudge
	@go -C .ci/tools run ./chart -migration $(CURDIR)/docs/migrate.json

outage: build ## what the demo's chart shows: a run of nudge simulate
	@bin/nudge simulate --script redis --hours 0.2 --json > web/demo/page/outage.json

screenshots: ## docs/demo-light.png, docs/demo.gif and docs/status-*.png, from the real thing in Chromium
	@NUDGE_TEST_REQUIRE=1 NUDGE_TEST_SCREENSHOTS=$(CURDIR)/docs go test -count=1 -timeout 20m -run '^(TestScreenshots|TestMovingPicture|TestStatusScreenshots)$$' ./cmd/nudge

commands: ## docs/commands.md, from the commands
	@UPDATE=1 go test -count=1 -run '^TestCommandsPage$$' ./cmd/nudge

man: ## bin/man: manual pages, from the commands
	@NUDGE_TEST_MAN=$(CURDIR)/bin/man go test -count=1 -run '^TestManPages$$' ./cmd/nudge

fuzz: ## 30 s for each fuzz test; another time: FOR=5m
	@.ci/fuzz $(FOR)

faults: ## what Redis can do to a gateway, with real servers; a part in half a minute: SHORT=1
	@.ci/faults

pace: ## nudge simulate against real gateways and 2,000 pages, side by side: a minute and a half
	@.ci/pace

proxies: ## streams through nginx, HAProxy, Apache, Varnish and Caddy as docs/proxies.md has them, with 90 s of silence: three minutes
	@NUDGE_TEST_REQUIRE=1 NUDGE_TEST_PROXIES=1 go test -race -count=1 -parallel 32 -timeout 15m -v -run '^TestProxies$$' ./gateway

soak: ## 100,000 random lives of the poll loop, and ten minutes of random faults between pages and gateways, in Chromium and Firefox; another time: FOR=1h
	@NUDGE_TEST_LIVES=100000 go test -count=1 -timeout 0 -v -run '^TestEngines$$' ./web
	@NUDGE_TEST_SOAK=$(or $(FOR),10m) go test -race -count=1 -timeout 0 -v -run '^TestSoak$$' ./web

clean: ## remove what the other targets have made
	@rm -rf bin web/node_modules
