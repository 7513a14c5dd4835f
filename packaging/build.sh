#!/usr/bin/env bash
# Builds the one-folder program in dist/lamplighter from the pinned environment and tries it out.
# LAMPLIGHTER_PACKAGE=whole builds it without trimming; `build.sh quick` leaves out the trial.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
python="$root/.venv/bin/python"
begin=$SECONDS
"$python" packaging/stage.py
"$python" -m PyInstaller --noconfirm --log-level "${LAMPLIGHTER_BUILD_LOG:-WARN}" \
    --distpath dist --workpath build/package/work packaging/lamplighter.spec
if [ "${LAMPLIGHTER_PACKAGE:-}" = whole ]; then
    du -s --apparent-size --block-size=MB dist/lamplighter | tr -dc '0-9\t' | cut -f1 >build/package/whole.txt
else
    "$python" packaging/trim.py dist/lamplighter
fi
printf 'built dist/lamplighter in %d s\n' "$((SECONDS - begin))"
[ "${1:-}" = quick ] && exit 0
exec "$python" packaging/smoke.py --build-seconds "$((SECONDS - begin))"
