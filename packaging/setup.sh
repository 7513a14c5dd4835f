#!/usr/bin/env bash
# Prepares this machine: `setup.sh core` for running, `setup.sh dev` for tests and building too,
# `setup.sh cluster` for training on a Dask cluster.
# Installs the Debian packages of debian-packages.txt (and debian-packages-dev.txt) and a virtual environment from the hashed locks.
# Does nothing that is already done: a stamp in .venv names the exact list or lock it was made from.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
venv="$root/.venv"
say() { printf 'lamplighter: %s\n' "$*" >&2; }
stamp() { cat "$@" | sha256sum | cut -c1-16; }

python=""
for candidate in python3.11 python3.12 python3.13 python3; do
    if command -v "$candidate" >/dev/null && "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        python=$candidate
        break
    fi
done
[ -n "$python" ] || { say "Python 3.11 or newer was not found. Nothing was changed. Install the package python3.11. [U-804]"; exit 3; }

as_root=""
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null && as_root="sudo"
fi

lists=("$root/packaging/debian-packages.txt")
[ "${1:-core}" = dev ] && lists+=("$root/packaging/debian-packages-dev.txt")
debian_stamp="$root/.make/debian-$(stamp "${lists[@]}")"
if [ ! -e "$debian_stamp" ]; then
    mkdir -p "$root/.make"
    missing=()
    while read -r name; do
        dpkg-query -W -f='${Status}' "$name" 2>/dev/null | grep -q 'ok installed' || missing+=("$name")
    done < <(cat "${lists[@]}")
    "$python" -c 'import ensurepip, venv' 2>/dev/null || missing+=("python3-venv")
    if [ "${#missing[@]}" -gt 0 ]; then
        if [ -z "$as_root" ] && [ "$(id -u)" -ne 0 ]; then
            say "These Debian packages are missing and need root: ${missing[*]}. Nothing was changed. Install them and run this again. [U-804]"
            exit 3
        fi
        say "installing Debian packages: ${missing[*]}"
        $as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq
        # The system's own broker service stays off: ours is a child process on its own port.
        $as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
    fi
    touch "$debian_stamp"
fi

install_lock() {
    local name=$1 lock="$root/packaging/lock/$1.txt" mark
    mark="$venv/.lock-$name-$(stamp "$lock")"
    [ -e "$mark" ] && return 0
    if [ ! -x "$venv/bin/python" ]; then
        say "creating the environment"
        "$python" -m venv "$venv"
    fi
    say "installing the locked packages ($name)"
    "$venv/bin/python" -m pip install -q --disable-pip-version-check --require-hashes -r "$lock"
    printf '%s\n' "$root/app" >"$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/lamplighter-checkout.pth"
    rm -f "$venv/.lock-$name-"*
    touch "$mark"
}
install_lock core
install_lock formats
[ "${1:-core}" = dev ] && install_lock dev && install_lock cluster
[ "${1:-core}" = cluster ] && install_lock cluster
exit 0
