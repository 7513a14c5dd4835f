#!/usr/bin/env bash
# All checks of `make test`, in the order in which they fail fastest.
set -uo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
bin="$root/.venv/bin"
# hundreds of processes start in these tests: each would compile the whole program anew
unset PYTHONDONTWRITEBYTECODE
export QT_API=pyside6 PYQTGRAPH_QT_LIB=PySide6
export XDG_RUNTIME_DIR=${XDG_RUNTIME_DIR:-$(mktemp -d)}
failed=()
step() {
    local name=$1
    shift
    printf '\n== %s\n' "$name"
    local begin=$SECONDS
    "$@" || failed+=("$name")
    printf -- '-- %s: %d s\n' "$name" "$((SECONDS - begin))"
}
beside=$(mktemp -d)
trap 'rm -rf "$beside"' EXIT
begin() { # a step that runs beside others until `gather`
    local name=$1
    shift
    {
        failed=()
        step "$name" "$@"
        [ "${#failed[@]}" -eq 0 ] || touch "$beside/$name.failed"
    } >"$beside/$name.out" 2>&1 &
    begun+=("$name")
}
gather() {
    local name
    wait
    for name in "${begun[@]}"; do
        cat "$beside/$name.out"
        [ ! -e "$beside/$name.failed" ] || failed+=("$name")
    done
    begun=()
}
begun=()
compiled() { # what the test processes would each do anew: the bytecode of the program and the tests
    "$bin/python" -m compileall -q app
    env -u DISPLAY QT_QPA_PLATFORM=offscreen "$bin/pytest" -q --collect-only tests plugins >/dev/null
}
types() {
    "$bin/mypy" --no-error-summary app/lamplighter && plugin_types
}
plugin_types() {
    local folder status=0
    for folder in plugins/*/; do
        compgen -G "$folder*.py" >/dev/null || continue
        "$bin/mypy" --no-error-summary "$folder"*.py || status=1
    done
    return $status
}
begin "types" types
step "format" "$bin/ruff" format --check -q app plugins tests packaging
step "lint" "$bin/ruff" check -q app plugins tests packaging
step "import contract" "$bin/lint-imports" --no-cache
step "collecting" compiled
gather
step "tests without a screen" env -u DISPLAY QT_QPA_PLATFORM=offscreen "$bin/pytest" -q -n 3 --dist worksteal -m "not gl and not e2e" tests plugins
step "tests with 3D" xvfb-run -a -s "-screen 0 1600x1000x24" "$bin/pytest" -q -m "gl and not e2e" tests
step "end to end" xvfb-run -a -s "-screen 0 1600x1000x24" "$bin/pytest" -q -n 2 --dist worksteal -m "e2e" tests
printf '\n'
if [ "${#failed[@]}" -gt 0 ]; then
    printf 'failed: %s\n' "${failed[*]}"
    exit 1
fi
printf 'all checks passed in %d s\n' "$SECONDS"
