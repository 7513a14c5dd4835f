"""A power cut at any moment loses nothing that was acknowledged (short form of `power_cut.py`)."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
from pathlib import Path

import pytest
from tests.faults import power_cut
from tests.faults.power_cut import Disk, Op

pytestmark = pytest.mark.faults


def _no_strace() -> str:
    if shutil.which("strace") is None:
        return "strace is not installed"
    done = subprocess.run(["strace", "-o", "/dev/null", "true"], capture_output=True, check=False)
    return "" if done.returncode == 0 else "strace may not trace here"


def test_nothing_acknowledged_is_lost_and_the_weaker_setting_proves_the_test(
    tmp_path: Path,
) -> None:
    why = _no_strace()
    if why:
        pytest.skip(why)
    result = power_cut.run(24, seed=7, commits=100)
    (tmp_path / "power_cut.json").write_text(json.dumps(result))
    print(json.dumps(result, indent=2))
    full, normal = result["FULL"], result["NORMAL"]
    assert (full["corrupt"], full["lost"]) == (0, 0), full
    assert normal["corrupt"] == 0, normal
    assert normal["lost"] > 12, "the control run loses nothing: the test proves nothing"


def test_what_was_forced_to_disk_survives_and_the_rest_may_tear(tmp_path: Path) -> None:
    disk = Disk({"a": bytearray(b"old!")})
    disk.apply(Op("write", "a", 0, b"new!"))
    disk.apply(Op("sync", "a"))
    disk.apply(Op("write", "a", 4, b"x" * 2048))
    seen = set()
    for seed in range(40):
        folder = tmp_path / str(seed)
        disk.crash(random.Random(seed), folder)
        found = (folder / "a").read_bytes()
        assert found.startswith(b"new!")
        seen.add(found)
    assert len(seen) > 4
    assert {len(f) for f in seen} >= {4, 2052}
