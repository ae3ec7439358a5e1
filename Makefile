# Every command a developer needs. `make test` is the README's own: it needs
# root on Debian 12 and Go 1.26, and installs the peers that it tests against.
SHELL := /bin/bash
GO    ?= go
UNIT  := $(shell $(GO) list ./... 2>/dev/null | grep -v -e /interop -e /bench)

# Of these two run at once: they wait more than they compute.
WAITING := $(shell $(GO) list ./interop/... ./bench/... 2>/dev/null | grep -v -e /interop$$)

.PHONY: build test test-full test-unit check generate fuzz bench bench-tribes bench-sessions peers

build: ## a static bin/catflap
	CGO_ENABLED=0 $(GO) build -trimpath -o bin/catflap ./cmd/catflap

test: peers check ## everything, the long suites as a seeded sample
	$(GO) test -count=1 -timeout 9m ./interop
	$(GO) test -count=1 -timeout 9m -p 2 $(WAITING)

test-full: peers check ## everything, the long suites whole
	CATFLAP_FULL=1 $(GO) test -count=1 -timeout 40m -p 1 ./interop/... ./bench/...

test-unit: ## what needs neither root nor peers
	$(GO) test -race -shuffle=on $(UNIT)

check: ## the quick one, before every commit
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { echo "gofmt would change:"; gofmt -l $$(git ls-files '*.go'); exit 1; }
	$(GO) vet ./...
	$(GO) tool staticcheck ./...
	$(GO) test -race -shuffle=on $(UNIT)

generate: ## docs that come from the code
	$(GO) generate ./...

FUZZTIME ?= 30s
fuzz: ## every fuzz target for FUZZTIME
	@set -e; for file in $$(git ls-files '*_test.go' | xargs grep -l '^func Fuzz'); do \
	  for target in $$(sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\).*/\1/p' $$file); do \
	    echo "== $$(dirname $$file) $$target"; \
	    $(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) ./$$(dirname $$file); \
	  done; done

bench: peers build ## beside httpd with mod_jk and HAProxy, before the same Tomcat
	$(GO) run ./bench

peers:
	@interop/install-peers.sh

bench-tribes: peers ## package tribes beside Tomcat's own library, members on this machine
	$(GO) run ./bench/tribes

bench-sessions: peers ## Go nodes that share sessions beside Tomcats that do, on this machine
	$(GO) run ./bench/sessions
