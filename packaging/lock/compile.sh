#!/usr/bin/env bash
# Makes the hashed locks anew from *.in; needs `uv` on PATH. Index addresses are never written.
set -euo pipefail
cd "$(dirname "$0")"
for name in core formats dev cluster; do
    uv pip compile -q --python-version 3.11 --generate-hashes --no-emit-index-url --no-header "$name.in" -o "$name.txt"
done
