# Everything a person or a machine does with this checkout. Each target prepares what it needs.
.PHONY: run test check bench faults package shots lock setup setup-dev clean
PY := .venv/bin/python
# a machine may forbid it for everything: the program would then be compiled anew at every start
unexport PYTHONDONTWRITEBYTECODE
SCREEN := packaging/with-screen.sh

setup:
	@packaging/setup.sh core

setup-dev:
	@packaging/setup.sh dev

run: setup
	@$(SCREEN) $(PY) -m lamplighter run --demo $(ARGS)

test: setup-dev
	@packaging/test.sh

check: setup-dev
	@.venv/bin/ruff format -q app plugins tests packaging && .venv/bin/ruff check -q app plugins tests packaging
	@.venv/bin/mypy --no-error-summary app/lamplighter && .venv/bin/lint-imports --no-cache | tail -3

bench: setup-dev
	@$(PY) -m tests.perf.conformance --out resources/docs/results
	@$(PY) -m tests.perf.import_everything --out resources/docs/results
	@$(SCREEN) $(PY) -m tests.perf.run_all --out resources/docs/results

faults: setup-dev
	@TIER=$(TIER) $(PY) -m tests.faults.run_all --out resources/docs/results $(if $(SIZE),--size $(SIZE)) $(if $(ONLY),--only $(ONLY))

package: setup-dev
	@packaging/build.sh

shots: setup-dev
	@$(SCREEN) $(PY) -m tests.e2e.make_shots

lock:
	@packaging/lock/compile.sh

clean:
	rm -rf .venv .make build dist
