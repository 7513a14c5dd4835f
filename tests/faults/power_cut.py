"""Power cuts, made from a recorded trace: what was acknowledged must be on the disk.

A child ingests under `strace`. From its writes and fsyncs crash images are built: at a random
moment every write that was not yet forced to disk is kept, lost, or torn at 512 bytes. Each
image is opened and checked. Files that were made stay in their folder; only what is in them is
at risk. A control run with `synchronous=NORMAL` must lose rows, or the test
proves nothing. (`kill -9` never shows this: the kernel keeps what a dead process wrote.)

Run it: `python tests/faults/power_cut.py --images 300 --json result.json`
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from lamplighter.store import WriteAccess

ROOT: Final = Path(__file__).resolve().parents[2]
SECTOR: Final = 512
COMMITS: Final = 150
CALLS: Final = "pwrite64,write,fsync,fdatasync,ftruncate,unlink,unlinkat,openat"
_LINE: Final = re.compile(r"^(\d+) +(\w+)\((.*)\) += (-?\d+)")
_TEXT: Final = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')
_PATH: Final = re.compile(r"^-?\w+<((?:\\x[0-9a-f]{2})*)>")


# ---------------------------------------------------------------- recording
def ingest(folder: Path, synchronous: str, commits: int) -> None:
    """What the traced child does: batches, settings, flushes and checkpoints; then it just ends."""
    from tests.unit.store.store_kit import names, simple

    from lamplighter.domain.clock import SystemClock
    from lamplighter.domain.observation import Committed
    from lamplighter.store import Store, folding, rollup, writer

    rollup.FLUSH_POINTS = 1_500  # type: ignore[misc]
    folding.OFTEN_S = 0.2  # type: ignore[misc]
    writer._IDLE_S = 0.02  # type: ignore[misc]
    store = Store.open(folder, write=True, clock=SystemClock(), synchronous=synchronous)
    log = os.open(folder / "acked", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def done(result: Committed | BaseException) -> None:
        assert isinstance(result, Committed), result
        os.write(log, b"".join(b"%d\n" % m.seq for m in result.messages))

    for seq in range(commits):
        rows = [(i % 9, 1000 * seq + i, i * 0.5) for i in range(100)]
        store.writer.submit(simple(seq, rows, **(names(9) if seq == 0 else {})), done)
        if seq % 10 == 9:
            store.writer.call(partial(_mark, seq)).result(20)
            os.write(log, b"s%d\n" % seq)
        if seq % 25 == 24:
            while store.writer.queue_points:
                time.sleep(0.01)
            time.sleep(0.3)
    while store.writer.queue_points:
        time.sleep(0.01)
    os._exit(0)


def _mark(seq: int, access: WriteAccess) -> None:
    access.put_setting(f"n{seq}", "x")


@dataclass(slots=True)
class Op:
    kind: str
    """write | sync | truncate | unlink"""
    path: str
    offset: int = 0
    data: bytes = b""


@dataclass(slots=True)
class Trace:
    """The files before the child ran, and everything it did to them, in order."""

    before: dict[str, bytes]
    ops: list[Op]


def record(folder: Path, synchronous: str, commits: int = COMMITS) -> Trace:
    """Make a project in `folder` and trace an ingest into it. Raises RuntimeError without trace."""
    from lamplighter.domain.clock import SystemClock
    from lamplighter.store import Store

    project, output = folder / "city", folder / "trace"
    Store.create(project, name="City", clock=SystemClock())
    before = {p.name: p.read_bytes() for p in _files(project)}
    path = os.pathsep.join([str(ROOT), str(ROOT / "app")])
    done = subprocess.run(
        ["strace", "-f", "-y", "-xx", "-s", "1000000", "-e", f"trace={CALLS}", "-o", str(output),
         sys.executable, __file__, "--child", str(project), synchronous, str(commits)],
        env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, timeout=300,
        check=False,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"the traced ingest failed: {done.stderr[-2000:]}")
    ops = list(_operations(output, project.resolve()))
    output.unlink()
    return Trace(before, ops)


def _files(project: Path) -> Iterator[Path]:
    return (p for p in project.iterdir() if p.is_file() and not p.name.endswith("-shm"))


def _operations(output: Path, project: Path) -> Iterator[Op]:
    unfinished: dict[str, str] = {}
    positions: dict[str, int] = {}
    with output.open(encoding="ascii", errors="replace") as lines:
        for raw in lines:
            line = raw.rstrip("\n")
            pid = line.split(" ", 1)[0]
            if line.endswith("<unfinished ...>"):
                unfinished[pid] = line[: -len("<unfinished ...>")].rstrip()
                continue
            if " resumed>" in line:
                line = unfinished.pop(pid) + line.split(" resumed>", 1)[1]
            op = _operation(line, project, positions)
            if op is not None:
                yield op


def _operation(line: str, project: Path, positions: dict[str, int]) -> Op | None:
    match = _LINE.match(line)
    if match is None or int(match[4]) < 0:
        return None
    call, rest, result = match[2], match[3], int(match[4])
    if call == "openat":
        return None
    if call.startswith("unlink"):
        found = _TEXT.search(rest)
        name = _inside(_bytes(found[1]).decode() if found else "", project)
        return Op("unlink", name) if name else None
    where = _PATH.match(rest)
    name = _inside(_bytes(where[1]).decode(), project) if where else None
    if not name:
        return None
    if call in ("fsync", "fdatasync"):
        return Op("sync", name)
    if call == "ftruncate":
        return Op("truncate", name, int(rest.rsplit(",", 1)[1]))
    text = _TEXT.search(rest)
    data = (_bytes(text[1]) if text else b"")[:result]
    if call == "pwrite64":
        return Op("write", name, int(rest.rsplit(",", 1)[1]), data)
    if name == "acked":
        positions[name] = positions.get(name, 0) + len(data)
        return Op("write", name, positions[name] - len(data), data)
    return Op("write", name, 0, data)


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.replace("\\x", ""))


def _inside(path: str, project: Path) -> str | None:
    found = Path(path)
    return found.name if found.parent == project and not path.endswith("-shm") else None


# ---------------------------------------------------------------- images
@dataclass(slots=True)
class Disk:
    """What is on the platter for sure, and what may or may not be."""

    sure: dict[str, bytearray] = field(default_factory=dict)
    loose: dict[str, list[Op]] = field(default_factory=dict)

    def apply(self, op: Op) -> None:
        if op.kind == "unlink":
            self.sure.pop(op.path, None)
            self.loose.pop(op.path, None)
        elif op.kind == "sync":
            target = self.sure.setdefault(op.path, bytearray())
            for loose in self.loose.pop(op.path, []):
                _put(target, loose)
        else:
            self.loose.setdefault(op.path, []).append(op)

    def crash(self, chance: random.Random, folder: Path) -> None:
        """Write one possible state after the power went away."""
        folder.mkdir()
        for name in self.sure.keys() | self.loose.keys():
            target = bytearray(self.sure.get(name, b""))
            for op in self.loose.get(name, ()):
                fate = chance.random()
                if fate < 0.4:
                    _put(target, op)
                elif fate < 0.6 and op.kind == "write":
                    _torn(target, op, chance)
            (folder / name).write_bytes(target)


def _put(target: bytearray, op: Op) -> None:
    if op.kind == "truncate":
        del target[op.offset :]
        target.extend(bytes(max(op.offset - len(target), 0)))
        return
    target.extend(bytes(max(op.offset - len(target), 0)))
    target[op.offset : op.offset + len(op.data)] = op.data


def _torn(target: bytearray, op: Op, chance: random.Random) -> None:
    """Each sector of the write for itself is kept or lost."""
    at = 0
    while at < len(op.data):
        end = min((op.offset + at) // SECTOR * SECTOR + SECTOR - op.offset, len(op.data))
        if chance.random() < 0.5:
            _put(target, Op("write", op.path, op.offset + at, op.data[at:end]))
        at = end


@dataclass(slots=True)
class Figures:
    images: int = 0
    corrupt: int = 0
    lost: int = 0
    """images in which acknowledged rows are missing"""
    worst: int = 0
    """most messages missing in one image"""
    events: int = 0
    seconds: float = 0.0
    first_fault: str = ""


def check(trace: Trace, images: int, seed: int, folder: Path) -> Figures:
    """Build and open `images` crash images spread over the trace."""
    chance = random.Random(seed)
    started = time.monotonic()
    figures = Figures(images, events=len(trace.ops))
    disk = Disk({name: bytearray(data) for name, data in trace.before.items()})
    first = next(i for i, op in enumerate(trace.ops) if op.path == "acked")
    moments = sorted(chance.randint(first, len(trace.ops)) for _ in range(images))
    acked = b""
    done = 0
    for number, moment in enumerate(moments):
        for op in trace.ops[done:moment]:
            if op.path == "acked":
                acked += op.data
            else:
                disk.apply(op)
        done = moment
        image = folder / f"image{number}"
        disk.crash(chance, image)
        _judge(image, acked.split(b"\n")[:-1], figures)
        shutil.rmtree(image)
    figures.seconds = round(time.monotonic() - started, 1)
    return figures


def _judge(image: Path, acked: list[bytes], figures: Figures) -> None:
    from lamplighter.domain.clock import SystemClock
    from lamplighter.store import Store

    try:
        store = Store.open(image, write=True, clock=SystemClock())
    except Exception as error:
        figures.corrupt += 1
        figures.first_fault = figures.first_fault or f"{image.name}: {error}"
        return
    try:
        report = store.verify()
        told = [f for f in report.findings if ": missing, up to " not in f]
        if told:
            figures.corrupt += 1
            figures.first_fault = figures.first_fault or f"{image.name}: {told[0]}"
        stored = {b"%d" % row.seq for row in store.export_rows()}
        stored |= {b"s" + key[1:].encode() for key in store.settings("n")}
        missing = len(set(acked) - stored)
        if missing or (report.findings and not told):
            figures.lost += 1
            figures.worst = max(figures.worst, missing)
    except Exception as error:
        figures.corrupt += 1
        figures.first_fault = figures.first_fault or f"{image.name}: {error!r}"
    finally:
        store.close(1)


def run(images: int, seed: int, commits: int = COMMITS) -> dict[str, Any]:
    """Both runs; `passed` says whether the promise held and the control run proved the test."""
    figures: dict[str, Figures] = {}
    for synchronous in ("FULL", "NORMAL"):
        with tempfile.TemporaryDirectory(prefix="power-cut-") as name:
            folder = Path(name)
            trace = record(folder, synchronous, commits)
            figures[synchronous] = check(trace, images, seed, folder)
    full, normal = figures["FULL"], figures["NORMAL"]
    passed = full.corrupt == 0 and full.lost == 0 and normal.lost > images / 2
    return {
        "seed": seed,
        "commits": commits,
        "passed": passed,
        **{name: {s: getattr(f, s) for s in Figures.__slots__} for name, f in figures.items()},
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=300)
    parser.add_argument("--seed", type=int, default=20261122)
    parser.add_argument("--commits", type=int, default=COMMITS)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--child", nargs=3, metavar=("FOLDER", "SYNCHRONOUS", "COMMITS"))
    given = parser.parse_args()
    if given.child:
        ingest(Path(given.child[0]), given.child[1], int(given.child[2]))
    result = run(given.images, given.seed, given.commits)
    for name in ("FULL", "NORMAL"):
        row = result[name]
        print(
            f"synchronous={name}: {row['images']} images of {row['events']} events, "
            f"{row['corrupt']} corrupt, {row['lost']} with acknowledged rows lost "
            f"(worst {row['worst']}), {row['seconds']} s"
        )
    print("passed" if result["passed"] else f"FAILED {result}")
    if given.json:
        given.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    return 0 if result["passed"] else 1


if __name__ == "__main__":
    for place in (ROOT, ROOT / "app"):
        sys.path.insert(0, str(place))
    sys.exit(main())
