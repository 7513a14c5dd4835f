#!/usr/bin/env bash
# Runs a command with a screen: the one there is, else a virtual one, and says so.
set -euo pipefail
if [ -n "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ]; then
    exec "$@"
fi
export XDG_RUNTIME_DIR=${XDG_RUNTIME_DIR:-$(mktemp -d)}
printf 'lamplighter: no screen here; using a virtual one (1600x1000). The run ends by itself.\n' >&2
export LAMPLIGHTER_VIRTUAL_SCREEN=1
exec xvfb-run -a -s "-screen 0 1600x1000x24" "$@"
