# make test    all tests; installs the mail servers they start, where that can be done, and builds the typesetter
# make lint    format and clippy; warnings are errors
# make audit   licences, sources and bans of the dependencies; advisories where a tool and its database are here
# make pictures  takes the pictures of the guide anew
# make bench   speed and memory beside public tools, as a table

CARGO ?= cargo
.PHONY: all test servers lint audit bench pictures
all: lint test

# Postfix starts only as root. Where we are not root and sudo asks no password, cargo builds as the caller and starts the
# finished test programs through sudo. The typesetter is slow to build: WITHOUT_TYPESETTER=1 leaves its tests out, and says so.
test: servers
	@if [ "$$(id -u)" != 0 ] && { [ -z "$$WITHOUT_SERVERS" ] || [ "$$WITHOUT_SERVERS" = 0 ]; }; then \
	  echo "the test programs run through sudo, because Postfix starts only as root"; \
	  runner="--config target.'cfg(unix)'.runner=['sudo','-n','-E']"; fi; \
	if [ -z "$$WITHOUT_TYPESETTER" ] || [ "$$WITHOUT_TYPESETTER" = 0 ]; then \
	  export WITH_TYPESETTER=1; set -x; \
	  $(CARGO) build --locked -p letter-pdf && $(CARGO) test --locked -p letter-pdf || exit; \
	else echo "WITHOUT_TYPESETTER is set. Left out: every test that needs letter-pdf, unless it is built"; set -x; fi; \
	$(CARGO) $$runner test --locked --no-fail-fast

servers:
	@tests/install-servers.sh

lint:
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --all-targets -- -D warnings
	$(CARGO) clippy --locked -p letter-pdf --all-targets -- -D warnings

audit:
	$(CARGO) test --locked --test dependencies
	@if $(CARGO) deny --version >/dev/null 2>&1; then \
	  set -x; $(CARGO) deny --locked check bans licenses sources; else \
	  echo "cargo-deny is not installed; licences, sources and bans were checked by tests/dependencies.rs alone"; fi
	@db="$${CARGO_HOME:-$$HOME/.cargo}"; \
	if $(CARGO) deny --version >/dev/null 2>&1 && [ -n "$$(ls -A "$$db/advisory-dbs" 2>/dev/null)" ]; then \
	  set -x; $(CARGO) deny --locked --offline check advisories; \
	elif $(CARGO) audit --version >/dev/null 2>&1 && [ -d "$$db/advisory-db" ]; then \
	  set -x; $(CARGO) audit --no-fetch --stale; \
	else echo "ADVISORIES WERE NOT CHECKED: neither cargo-deny nor cargo-audit is here with its database"; fi

bench:
	benches/run

pictures:
	mkdir -p docs/guide/pictures/nl docs/guide/pictures/en
	POSTDUIF_GUIDE_PICTURES=1 $(CARGO) test --locked --test page as_the_guide_shows_it
