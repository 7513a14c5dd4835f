"""Where the real city data lies, or a skip with its reason: it is never part of the checkout.

`LAMPLIGHTER_TESTDATA_ROOT` may name a folder that is already unpacked; else the `unpack` program
beside the checkout (`../shared/data/unpack`) is asked.
"""

from __future__ import annotations

import functools
import os
import subprocess
from pathlib import Path
from typing import Final

import pytest

CHECKOUT: Final = Path(__file__).resolve().parents[2]
ROOT_VARIABLE: Final = "LAMPLIGHTER_TESTDATA_ROOT"


def data_root() -> Path:
    """The unpacked folder; skips the calling test when there is none."""
    root, why = _find(os.environ.get(ROOT_VARIABLE, ""))
    if root is None:
        pytest.skip(why)
    return root


def city_data(*parts: str) -> Path:
    """The folder of city data, or a path in it; skips the calling test when it is absent."""
    return _part("city", *parts)


def prognostics_data(*parts: str) -> Path:
    """The folder of prognostics data, or a path in it; skips when it is absent."""
    return _part("prognostics", *parts)


def _part(*parts: str) -> Path:
    path = data_root().joinpath(*parts)
    if not path.exists():
        pytest.skip(f"the test data has no {'/'.join(parts)}")
    return path


@functools.cache
def _find(given: str) -> tuple[Path | None, str]:
    if given:
        folder = Path(given)
        return (folder, "") if folder.is_dir() else (None, f"{ROOT_VARIABLE} names no folder")
    program = CHECKOUT.parent / "shared" / "data" / "unpack"
    if not program.is_file():
        return None, "the real test data is not beside this checkout"
    done = subprocess.run([str(program)], capture_output=True, text=True, timeout=110, check=False)
    folder = Path(done.stdout.strip())
    if done.returncode or not folder.is_dir():
        return None, f"the test data could not be unpacked: {done.stderr.strip()[:200]}"
    return folder, ""
