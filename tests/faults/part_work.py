"""A program that changes work orders and attaches files is killed at random moments.

What it said was kept must be there: every edit, and every file behind its record, byte for byte as
its hash says. An order must say what its edits say. `hurried` is the planted bug: it says kept
before it is.
"""

from __future__ import annotations

import hashlib
import json
import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from tests.kit import photos

from lamplighter.domain import wire
from lamplighter.domain.attachments import media_place
from lamplighter.domain.city import Asset
from lamplighter.domain.edits import Edits
from lamplighter.domain.maintenance import Step, WorkOrder
from lamplighter.domain.order_fields import object_of, order_from
from lamplighter.runtime import project as projects
from lamplighter.runtime.attachments import stored
from lamplighter.runtime.records_alone import Alone

Row = dict[str, Any]
ORDERS: Final = 3
LONGEST_S: Final = 1.2
HURRY_S: Final = 0.2
"""how much too early the planted bug speaks"""


def prepare(project: Path) -> None:
    """A pump and some orders on it."""
    projects.create(project)
    with projects.opened(project, write=True) as store:
        pump = Asset("P-1", "Pump", "Pump 1", "water")
        store.writer.call(lambda access: access.put_assets([pump])).result()
        desks = Alone(store)
        for number in range(ORDERS):
            steps = (Step("r", "Vibration", reads=True),)
            desks.answer(wire.PutWorkOrder(WorkOrder(f"WO-{number}", "P-1", "Look", steps=steps)))


def work(project: Path, seed: int, hurried: bool) -> None:
    """Changes and attaches until it is killed; one line of JSON for each thing that is kept."""
    rng, photo = random.Random(seed), project.parent / f"photo-{seed}.jpg"

    def say(**kept: object) -> None:
        sys.stdout.write(json.dumps(kept) + "\n")
        sys.stdout.flush()

    with projects.opened(project, write=True) as store:
        desks = Alone(store)
        say(ready=True)
        number = 0
        while True:
            number += 1
            order = f"WO-{rng.randrange(ORDERS)}"
            if rng.random() < 0.3:
                data = photos.jpeg().replace(b"\x12\x34", rng.randbytes(8).replace(b"\xff", b"\0"))
                photo.write_bytes(data)
                caption = f"{seed}-{number}"
                if hurried:
                    say(caption=caption)
                    time.sleep(HURRY_S)
                desks.answer(wire.AttachFile(str(photo), "P-1", order, caption=caption))
                if not hurried:
                    say(caption=caption)
            else:
                fields: dict[str, Any] = {
                    "step.r.reading": rng.random(),
                    "note": f"{seed}-{number}",
                }
                if hurried:
                    say(order=order, fields=fields)
                    time.sleep(HURRY_S)
                desks.answer(wire.EditFields(object_of(order), fields, "round"))
                if not hurried:
                    say(order=order, fields=fields)


def run(
    kills: int, folder: Path, *, hurried: bool = False, seed: int = 1, longest_s: float = LONGEST_S
) -> dict[str, Any]:
    """Kill it so often; what was lost, broken or unequal afterwards."""
    project = folder / "town"
    prepare(project)
    rng = random.Random(seed)
    kept: list[dict[str, Any]] = []
    for number in range(kills):
        command = [sys.executable, "-m", "tests.faults.part_work", str(project), str(seed + number)]
        child = subprocess.Popen([*command, *(["hurried"] if hurried else [])],
                                 stdout=subprocess.PIPE, text=True)  # fmt: skip
        assert child.stdout is not None
        child.stdout.readline()
        try:
            child.wait(rng.uniform(0.02, longest_s))
        except subprocess.TimeoutExpired:
            child.kill()
        for line in child.communicate()[0].splitlines():
            try:
                kept.append(json.loads(line))
            except json.JSONDecodeError:
                continue  # the line it was killed in
    return {"kills": kills, "kept": len(kept), **look(project, kept)}


def look(project: Path, kept: list[dict[str, Any]]) -> dict[str, Any]:
    """Read everything back and compare."""
    with projects.opened(project) as store:
        edits = Edits(store.edits())
        orders = {o.id: o for o in store.work_orders()}
        whole = store.verify().ok
    said = {(e.object, e.field, e.value) for e in edits.all()}
    files = stored(edits)
    captions = {f.caption for f in files}
    lost = sum(
        one["caption"] not in captions
        if "caption" in one
        else any((object_of(one["order"]), f, v) not in said for f, v in one["fields"].items())
        for one in kept
    )
    broken = 0
    for item in files:
        place = project.joinpath(*media_place(item.file))
        digest = hashlib.blake2b(place.read_bytes() if place.is_file() else b"", digest_size=20)
        broken += item.file != f"{digest.hexdigest()}.jpg"
    unequal = sum(
        order_from(o, edits.record(object_of(o))) != orders.get(o)
        for o in (f"WO-{n}" for n in range(ORDERS))
    )
    return {"lost": lost, "broken": broken, "unequal": unequal, "files": len(files),
            "verified": whole}  # fmt: skip


def part(size: dict[str, int], folder: Path) -> Row:
    found = run(size["work_kills"], folder)
    return {
        "promise": "Killing what changes work orders and attaches files loses nothing it said was "
        "kept",
        "trials": f"{found['kills']} kills at random moments, {found['kept']:,} things kept",
        "result": f"{found['lost']} lost, {found['broken']} of {found['files']} records without "
        f"their file, {found['unequal']} orders that differ from their edits",
        "not_shown": "kill -9 is not power loss",
        "bound": "",
        "passed": found["kept"] > 0 and found["verified"]
        and not (found["lost"] or found["broken"] or found["unequal"]),
        "figures": found,
    }  # fmt: skip


PARTS: Final[dict[str, Callable[[dict[str, int], Path], Row]]] = {"work": part}
SHORT: Final[dict[str, int]] = {"work_kills": 12}
LONG: Final[dict[str, int]] = {"work_kills": 300}
TIER: Final = "N1"

if __name__ == "__main__":
    work(Path(sys.argv[1]), int(sys.argv[2]), "hurried" in sys.argv[3:])
