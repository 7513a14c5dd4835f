"""An office and three laptops work apart, with clocks days apart, and meet in any order.

What must come of it is computed a second time here, from the definition alone (decision 0050):
every console is a set of edits it knows; heads, values, what was agreed and conflicts follow from
that by plain reading. Edits, observations, files and their origins are read back from the files of
the projects with sqlite3, not through the program. Every exchange is a real kit file.
"""

from __future__ import annotations

import hashlib
import random
import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import msgspec
from tests.kit.clocks import FakeClock
from tests.kit.field_town import chunk, orders

from lamplighter.domain.alarm import AlarmEvent, AlarmRecord, AlarmState
from lamplighter.domain.city import Asset
from lamplighter.domain.kit import KitWanted
from lamplighter.domain.problems import LamplighterError
from lamplighter.exchange.kit_file import KitFile
from lamplighter.governance.keys import public_hex, signing_key
from lamplighter.runtime import alarm_edits
from lamplighter.runtime.edits import EditDesk
from lamplighter.runtime.intake import StoreDoor
from lamplighter.runtime.kit_merge import Merger
from lamplighter.runtime.kit_take import take
from lamplighter.runtime.kit_trust import names_of
from lamplighter.store import Store

Row = dict[str, Any]
SHORT: Final = {"kit_histories": 6, "kit_edits": 40, "kit_large": 1, "kit_large_edits": 120}
LONG: Final = {"kit_histories": 500, "kit_edits": 40, "kit_large": 1, "kit_large_edits": 500}
TIER: Final = "N1"
DAY_MS: Final = 86_400_000
ALARMS: Final = 3
RAISED_MS: Final = 1_795_305_000_000
SAFE_WORDS: Final = {"isolation", "safety", "permit", "signature", "shelved", "suppressed",
                     "out_of_service"}  # fmt: skip
"""what is about safety, written down a second time"""
FIELDS: Final = {
    "order": ("note", "crew", "due_ms", "step.a.done", "step.b.reading", "isolation", "signature",
              "title"),
    "note": ("text", "asset", "safety.valve"),
    "plan": ("crew 2",),
}  # fmt: skip


@dataclass(frozen=True)
class Known:
    """One edit as it was accepted, with what its author knew."""

    id: str
    object: str
    field: str
    value: Any
    seen: frozenset[str]
    origin: str
    made_ms: int
    author: str


@dataclass
class Truth:
    """Everything that was accepted, and who knows what of it."""

    edits: dict[str, Known] = field(default_factory=dict)
    knows: dict[str, set[str]] = field(default_factory=dict)
    observed: dict[tuple[str, int, int], tuple[str, str, float]] = field(default_factory=dict)
    """(source, epoch, seq) -> (store it was recorded on first, datastream, value)"""
    holds: dict[str, set[tuple[str, int, int]]] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)

    # ---------------------------------------------------------------- by definition
    def of(self, place: str, object: str, name: str) -> list[Known]:
        known = (self.edits[i] for i in self.knows[place])
        return [e for e in known if (e.object, e.field) == (object, name)]

    def fields(self, place: str) -> set[tuple[str, str]]:
        return {(self.edits[i].object, self.edits[i].field) for i in self.knows[place]}

    @staticmethod
    def heads(edits: Iterable[Known]) -> list[Known]:
        edits = list(edits)
        seen = {i for e in edits for i in e.seen}
        return [e for e in edits if e.id not in seen]

    def past(self, edit: Known) -> set[str]:
        found: set[str] = set()
        ahead = [edit.id]
        while ahead:
            one = ahead.pop()
            if one in self.edits and one not in found:
                found.add(one)
                ahead += self.edits[one].seen
        return found

    def agreed(self, heads: list[Known]) -> Any:
        common = set.intersection(*(self.past(h) for h in heads))
        last = self.heads(self.edits[i] for i in common)
        if not last:
            return None
        return last[0].value if len({repr(e.value) for e in last}) == 1 else self.agreed(last)

    def value(self, place: str, object: str, name: str) -> Any:
        edits = self.of(place, object, name)
        first = name.split(".")[0]
        if first == "acknowledged":
            return any(e.value for e in edits)
        heads = self.heads(edits)
        if len({repr(h.value) for h in heads}) <= 1:
            return heads[0].value if heads else None
        if first in SAFE_WORDS:
            return self.agreed(heads)
        return max(heads, key=lambda h: (h.made_ms, h.id)).value

    def conflicts(self, place: str) -> set[tuple[str, str]]:
        return {
            (o, f)
            for o, f in self.fields(place)
            if not f.startswith("acknowledged")
            and len({repr(h.value) for h in self.heads(self.of(place, o, f))}) > 1
        }


class Place:
    """One console: a project open for writing, with a clock of its own."""

    def __init__(self, name: str, folder: Path, skew_ms: int) -> None:
        self.name, self.folder = name, folder
        self.clock = FakeClock(RAISED_MS + 3_600_000 + skew_ms)
        self.seq = 0
        self.merged = False
        """whether the last thing that happened here was a merge"""

    def open(self) -> None:
        self.store = Store.open(self.folder, write=True, clock=self.clock, synchronous="OFF")
        self.key = signing_key(self.folder / "keys")
        self.desk = EditDesk(self.store, author=f"{self.name}'s", now_ms=self.clock.wall_ms)

    @property
    def id(self) -> str:
        return self.store.store_id

    def take(self, file: Path, wanted: KitWanted) -> None:
        take(
            self.store, self.key, file, wanted, "", lambda *step: None,
            now_ms=self.clock.wall_ms(), author=self.name,
        )  # fmt: skip

    def merge(self, file: Path, *, begin: bool = False, trust: str = "") -> Any:
        with KitFile(file) as kit:
            merged = Merger(
                self.store, self.desk, StoreDoor(self.store), kit, own_key=public_hex(self.key),
                now_ms=self.clock.wall_ms(), steps=lambda *step: None,
            ).run(begin=begin, trust=trust)  # fmt: skip
        alarm_edits.settle_alone(self.store, self.desk, names_of(self.store), self.clock.wall_ms())
        return merged.report


class World:
    """One history."""

    def __init__(self, seed: int, edits: int, folder: Path) -> None:
        self.rng = random.Random(seed)
        self.folder, self.each = folder, edits
        self.truth = Truth()
        self.merges = self.kits = 0
        self.places: list[Place] = []

    # ---------------------------------------------------------------- the beginning
    def begin(self) -> None:
        office = Place("office", self.folder / "office", self._skew())
        Store.create(office.folder, name="office", clock=office.clock)
        office.open()
        self.places.append(office)

        def put(access: Any) -> None:
            access.put_assets(Asset(f"A-{n}", "Pump", f"Pump {n}", "water") for n in range(3))
            for order in orders(3):
                access.put_work_order(order)
            access.put_alarm_events([_raised(n) for n in range(ALARMS)])

        office.store.writer.call(put).result(30)
        self._know_first(office)
        for n in range(3):
            file = self.folder / f"start-{n}.kit"
            office.take(file, KitWanted(everything=True))
            laptop = Place(f"laptop {n}", self.folder / f"laptop-{n}", self._skew())
            Store.create(laptop.folder, name=laptop.name, clock=laptop.clock)
            laptop.open()
            laptop.merge(file, begin=True)
            self.places.append(laptop)
            self.truth.knows[laptop.name] = set(self.truth.knows["office"])
            self.truth.holds[laptop.name] = set()

    def _skew(self) -> int:
        return self.rng.randrange(-5 * DAY_MS, 5 * DAY_MS)

    def _know_first(self, office: Place) -> None:
        """The first states of the orders: what the orders said before anybody edited them."""
        office.desk.baseline([o.id for o in orders(3)])
        self.truth.knows["office"] = set()
        self.truth.holds["office"] = set()
        for edit in office.store.edits():
            self._accept("office", edit)

    def _accept(self, place: str, edit: Any) -> None:
        known = Known(
            edit.id, edit.object, edit.field, edit.value, frozenset(edit.seen), edit.origin,
            edit.made_ms, edit.author,
        )  # fmt: skip
        self.truth.edits[edit.id] = known
        self.truth.knows[place].add(edit.id)

    # ---------------------------------------------------------------- work
    def work(self, place: Place) -> None:
        """One thing somebody does."""
        place.merged = False
        place.clock.advance(self.rng.randrange(1, 600_000))
        roll = self.rng.random()
        if roll < 0.08:
            self._observe(place)
        elif roll < 0.12:
            self._attach(place)
        elif roll < 0.27:
            self._alarm(place)
        else:
            kind = self.rng.choice(("order", "order", "order", "note", "note", "plan"))
            object = f"{kind}/{self._name(kind)}"
            name = self.rng.choice(FIELDS[kind])
            self._edit(place, object, name, self._value(name))

    def _name(self, kind: str) -> str:
        return f"WO-{self.rng.randrange(3)}" if kind == "order" else f"n{self.rng.randrange(4)}"

    def _value(self, name: str) -> Any:
        if name in ("due_ms", "step.b.reading"):
            return self.rng.randrange(6)
        if name == "step.a.done":
            return self.rng.random() < 0.6
        return f"says {self.rng.randrange(6)}"

    def _edit(self, place: Place, object: str, name: str, value: Any) -> None:
        truth = self.truth
        heads = {h.id for h in truth.heads(truth.of(place.name, object, name))}
        stale: dict[str, tuple[str, ...]] = {}
        if heads and self.rng.random() < 0.15:  # the author looked at it before the others came
            older = self.rng.choice(truth.of(place.name, object, name))
            stale = {name: (older.id,)}
        for edit in place.desk.change(object, {name: value}, reason="work", seen=stale):
            right = set(stale.get(name, heads))
            if set(edit.seen) != right or edit.origin != place.id or edit.value != value:
                truth.wrong.append(f"{object} {name}: an edit is not as its author made it")
            self._accept(place.name, edit)

    def _alarm(self, place: Place) -> None:
        n = self.rng.randrange(ALARMS)
        key = _record(n).key
        if self.rng.random() < 0.5:
            value = self.rng.random() < 0.8  # now and then somebody says it was not
            self._edit(place, f"alarm/{key}", f"acknowledged.{RAISED_MS + n}", value)
        else:
            field_ = self.rng.choice(("shelved", "out_of_service"))
            self._edit(place, f"alarm/{key}", field_, self.rng.randrange(3))

    def _observe(self, place: Place) -> None:
        source, seq = f"probe {place.name}", place.seq
        place.seq += 1
        value = float(self.rng.randrange(1000))
        StoreDoor(place.store).take(chunk(source, 5, seq, [("v", place.clock.wall_ms(), value)]))
        self.truth.observed[source, 5, seq] = (place.id, "v", value)
        self.truth.holds[place.name].add((source, 5, seq))

    def _attach(self, place: Place) -> None:
        content = self.rng.randbytes(300)
        name = hashlib.sha256(content).hexdigest() + ".bin"
        (place.folder / "media" / name).write_bytes(content)
        self.truth.files[name] = content
        self._edit(place, f"attachment/{name[:12]}", "file", name)

    # ---------------------------------------------------------------- meeting
    def meet(self, source: Place, target: Place, *, everything: bool) -> None:
        """One kit from one to the other, merged once or twice."""
        self.kits += 1
        file = self.folder / "way.kit"
        wanted = KitWanted(everything=True) if everything else KitWanted(changes=True)
        source.take(file, wanted)
        home = "office" in (source.name, target.name)
        trust = "" if home else public_hex(source.key)
        truth = self.truth
        moved = self._moved(source, everything)
        for _ in range(self.rng.choice((1, 1, 2))):
            before = len(truth.knows[target.name])
            report = target.merge(file, trust=trust)
            self.merges += 1
            target.merged = True
            truth.knows[target.name] |= moved
            grown = len(truth.knows[target.name]) - before
            if report.counts.get("edits", 0) != grown:
                truth.wrong.append(f"{target.name}: {report.counts} new, {grown} expected")
        own = {k for k, v in truth.observed.items() if v[0] == source.id}
        office = everything and source.name == "office"
        truth.holds[target.name] |= truth.holds[source.name] if office else own
        self.look(target, {(c.object, c.field) for c in report.conflicts})

    def _moved(self, source: Place, everything: bool) -> set[str]:
        known = self.truth.knows[source.name]
        if everything:
            return set(known)
        mine = {
            self.truth.edits[i].object for i in known if self.truth.edits[i].origin == source.id
        }
        return {i for i in known if self.truth.edits[i].object in mine}

    # ---------------------------------------------------------------- judging
    def look(self, place: Place, told: set[tuple[str, str]] | None = None) -> None:
        """Shown values, conflicts, acknowledgements and safety of one console."""
        truth, name = self.truth, place.name
        for object, field_ in truth.fields(name):
            shown, right = place.desk.edits.value(object, field_), truth.value(name, object, field_)
            if repr(shown) != repr(right) and not (shown is None and right is False):
                truth.wrong.append(f"{name}: {object} {field_} shows {shown!r}, not {right!r}")
        right_conflicts = truth.conflicts(name)
        listed = {(c.object, c.field) for c in place.desk.conflicts()}
        for found in (listed, told if told is not None else listed):
            if found != right_conflicts:
                truth.wrong.append(f"{name}: conflicts {sorted(found ^ right_conflicts)[:2]}")
        self._look_at_alarms(place)

    def _look_at_alarms(self, place: Place) -> None:
        standing = {r.key: r for r in place.store.alarms()}
        for n in range(ALARMS):
            key = _record(n).key
            acknowledged = any(
                e.value
                for e in self.truth.of(place.name, f"alarm/{key}", f"acknowledged.{RAISED_MS + n}")
            )
            state = standing[key].state
            if state is AlarmState.SHELVED or state is AlarmState.OUT_OF_SERVICE:
                self.truth.wrong.append(f"{place.name}: a merge set {key} aside")
            if acknowledged and place.merged and state is AlarmState.UNACK:
                self.truth.wrong.append(f"{place.name}: {key} asks again after its acknowledgement")

    def settle(self) -> None:
        """Everybody comes home and everybody gets the news, in any order."""
        office, *laptops = self.places
        self.rng.shuffle(laptops)
        for laptop in laptops:
            self.meet(laptop, office, everything=self.rng.random() < 0.5)
        for laptop in laptops:
            self.meet(office, laptop, everything=True)

    def judge(self) -> None:
        """What lies in the files of all projects, read without the program."""
        truth = self.truth
        right = {
            e.id: (e.object, e.field, e.value, e.seen, e.origin, e.made_ms, e.author)
            for e in truth.edits.values()
        }
        for place in self.places:
            self.look(place)
            if _edits_of(place.folder) != right:
                truth.wrong.append(f"{place.name}: its edits are not those that were made")
            kept = {
                k: v for k, v in _observed_in(place.folder, place.id).items() if "probe" in k[0]
            }
            if kept != truth.observed:
                truth.wrong.append(f"{place.name}: its observations are not those that were made")
            for name, content in truth.files.items():
                path = place.folder / "media" / name
                if not path.is_file() or path.read_bytes() != content:
                    truth.wrong.append(f"{place.name}: a file is missing")
            for order in place.store.work_orders():
                said = truth.value(place.name, f"order/{order.id}", "note")
                if order.note != (said or ""):
                    truth.wrong.append(f"{place.name}: the kept order {order.id} differs")


def _record(n: int) -> AlarmRecord:
    return AlarmRecord(
        f"rule-{n}", f"A-{n}", -1, AlarmState.UNACK, 2, "high", True, RAISED_MS + n, RAISED_MS + n,
        unacked_ms=RAISED_MS + n,
    )  # fmt: skip


def _raised(n: int) -> AlarmEvent:
    return AlarmEvent(
        f"rule-{n}", f"A-{n}", 0, RAISED_MS + n, "raised", AlarmState.NORM, AlarmState.UNACK,
        _record(n),
    )  # fmt: skip


def _edits_of(folder: Path) -> dict[str, tuple[Any, ...]]:
    with sqlite3.connect(f"file:{folder / 'city.db'}?mode=ro", uri=True) as sql:
        bodies = [msgspec.msgpack.decode(r[0]) for r in
                  sql.execute("SELECT body FROM fact WHERE kind = 'edit'")]  # fmt: skip
    return {
        b["id"]: (b["object"], b["field"], b["value"], frozenset(b["seen"]), b["origin"],
                  b["made_ms"], b["author"])
        for b in bodies
    }  # fmt: skip


def _observed_in(folder: Path, here: str) -> dict[tuple[str, int, int], tuple[str, str, float]]:
    """(source, epoch, seq) -> (where it was recorded first, datastream, value), from the tables."""
    from lamplighter.store import blob

    found: dict[tuple[str, int, int], tuple[str, str, float]] = {}
    with sqlite3.connect(f"file:{folder / 'history.db'}?mode=ro", uri=True) as sql:
        sources = dict(sql.execute("SELECT id, name FROM source"))
        streams = dict(sql.execute("SELECT id, name FROM datastream"))
        ids = sql.execute("SELECT id, source, epoch, seq FROM message ORDER BY id").fetchall()
        for number, body in sql.execute("SELECT number, points FROM body"):
            points = blob.decode(body)
            wall = sql.execute("SELECT messages FROM batch WHERE number=?", (number,)).fetchone()
            first = number * _per_batch()
            keys = {i - first: (sources[s], e, q) for i, s, e, q in ids
                    if first <= i < first + max(wall[0], 1)}  # fmt: skip
            origins = sql.execute(
                "SELECT first, last, store FROM origin WHERE batch=?", (number,)
            ).fetchall()
            for at in range(len(points)):
                place = int(points.message[at])
                maker = next((s for low, high, s in origins if low <= place <= high), here)
                if keys[place] in found:
                    found[("twice", number, at)] = ("", "", 0.0)
                found[keys[place]] = (
                    maker, streams[int(points.datastream[at])], float(points.value[at]),
                )  # fmt: skip
    return found


def _per_batch() -> int:
    from lamplighter.store.commit import MESSAGES_PER_BATCH

    return MESSAGES_PER_BATCH


def history(seed: int, edits: int, folder: Path) -> World:
    """One whole history; `truth.wrong` says what did not hold."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    world = World(seed, edits, folder)
    try:
        world.begin()
        for _ in range(edits * len(world.places)):
            world.work(world.rng.choice(world.places))
            if world.rng.random() < 1.5 / edits:
                source, target = world.rng.sample(world.places, 2)
                world.meet(source, target, everything=world.rng.random() < 0.5)
        world.settle()
        world.judge()
    except LamplighterError as error:
        world.truth.wrong.append(str(error))
    finally:
        for place in world.places:
            place.store.close()
    return world


def merging(size: dict[str, int], folder: Path) -> Row:
    """Many short histories and one of full length."""
    wrong: list[str] = []
    edits = merges = conflicts = 0
    sizes = [size["kit_edits"]] * size["kit_histories"]
    sizes += [size["kit_large_edits"]] * size["kit_large"]
    for seed, each in enumerate(sizes):
        world = history(seed, each, folder / "world")
        wrong += [f"history {seed}: {w}" for w in world.truth.wrong[:3]]
        edits += len(world.truth.edits)
        merges += world.merges
        conflicts += len(world.truth.conflicts("office"))
    return {
        "promise": "Work of several consoles apart comes together without a lost update",
        "trials": f"{len(sizes)} histories of an office and three laptops, up to {max(sizes)} "
        f"edits each, clocks up to ten days apart, {merges} merges of kit files in any order",
        "result": f"{edits:,} edits, the same on every console with their origin; {conflicts} "
        f"conflicts at the end, all listed; {len(wrong)} deviations from the model",
        "not_shown": "edits forged by somebody who holds a trusted key",
        "bound": "",
        "passed": not wrong,
        "figures": {
            "histories": len(sizes), "edits": edits, "merges": merges, "conflicts": conflicts,
            "wrong": len(wrong), "first_wrong": wrong[:3],
        },
    }  # fmt: skip


PARTS: Final[dict[str, Callable[[dict[str, int], Path], Row]]] = {"kit": merging}

if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        counts = {"kit_histories": int(sys.argv[1]), "kit_edits": int(sys.argv[2]),
                  "kit_large": 0, "kit_large_edits": 0}  # fmt: skip
        print(merging(counts, Path(place)))
