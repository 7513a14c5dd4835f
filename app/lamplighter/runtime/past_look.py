"""Looking at a file of the past before it is brought in: its first rows, and what they become.

The same reader and the same mapping as the import itself read the rows, so what is shown is what
would be stored. Only the first rows are read, whatever the size of the file; nothing is stored.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from msgspec.structs import replace

from lamplighter.domain import wire
from lamplighter.domain.city import Asset, Datastream
from lamplighter.domain.past_draft import PastDraft, to_toml, trouble
from lamplighter.domain.problems import LamplighterError
from lamplighter.pipeline import OWN_EXPORT, PastMapping, PastTable, read_past_mapping
from lamplighter.pipeline.past_mapping import EXPORT_HEAD
from lamplighter.pipeline.past_propose import propose_past
from lamplighter.runtime.asset_names import AssetNames
from lamplighter.runtime.past_import import read_orders
from lamplighter.runtime.preview_row import Seen, preview_row
from lamplighter.sources import PastFile, Piece

LOOKED_AT: Final = 2_000
"""rows"""
SHOWN_ROWS: Final = 60
SHOWN_VALUES: Final = 400
SHOWN_CELL: Final = 200
_SAMPLE: Final = 65_536


class Known(NamedTuple):
    """What the project has already."""

    assets: Mapping[str, Asset]
    streams: Sequence[Datastream]
    names: AssetNames


def look_at_past(ask: wire.LookAtPast, known: Known) -> wire.PastLook:
    """The first rows, a proposal and what they become. Raises LamplighterError (I-507, I-503,
    I-510) for a file that is no table, and nothing for a mapping that cannot be used.
    """
    path = Path(ask.path)
    given, problem = _given(ask.mapping)
    encoding = given.encoding if given is not None else _encoding(path)
    file = PastFile(path, delimiter=given.delimiter if given else "", encoding=encoding)
    piece = next(file.pieces(LOOKED_AT), Piece((), (), (), 0))
    own = given is None and not problem and not ask.kind and set(EXPORT_HEAD) <= set(file.columns)
    draft: PastDraft | None = None
    mapping, text = given, ask.mapping
    if own:
        mapping = OWN_EXPORT
    elif given is None and not problem:
        draft = propose_past(path.stem, file.columns, piece.rows, ask.kind)
        draft = replace(draft, encoding=encoding)
        text = to_toml(draft)
        mapping, problem = (None, trouble(draft)) if trouble(draft) else _given(text)
    values: tuple[wire.PreviewRow, ...] = ()
    aside: tuple[tuple[str, int], ...] = ()
    if mapping is not None:
        try:
            values, aside = _become(mapping, file, piece, known)
        except LamplighterError as error:
            problem = str(error)
    return wire.PastLook(
        path=ask.path,
        size=_size(path),
        columns=file.columns,
        rows=tuple(tuple(c[:SHOWN_CELL] for c in row) for row in piece.rows[:SHOWN_ROWS]),
        looked_at=len(piece.rows) + len(piece.broken),
        kind=mapping.kind if mapping is not None else draft.kind if draft is not None else "",
        own=own,
        draft=draft,
        mapping=text,
        values=values,
        set_aside=aside,
        problem=problem,
    )


def _given(text: str) -> tuple[PastMapping | None, str]:
    """The mapping of a text, or why it cannot be used."""
    if not text:
        return None, ""
    try:
        return read_past_mapping(text, "mapping"), ""
    except LamplighterError as error:
        return None, str(error)


def _encoding(path: Path) -> str:
    """UTF-8 where the beginning of the file is, else the usual one of older programs."""
    try:
        with path.open("rb") as data:
            sample = data.read(_SAMPLE)
    except OSError:
        return "utf-8"  # whoever opens it next says why
    try:
        sample[: sample.rfind(b"\n") + 1].decode("utf-8")
    except UnicodeDecodeError:
        return "utf-8" if sample[:4] == b"PAR1" else "cp1252"
    return "utf-8"


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _become(
    mapping: PastMapping, file: PastFile, piece: Piece, known: Known
) -> tuple[tuple[wire.PreviewRow, ...], tuple[tuple[str, int], ...]]:
    if mapping.kind == "observations":
        return _observations(mapping, file, piece, known)
    orders, aside = read_orders(piece, file.columns, mapping)
    rows = []
    for order in orders[:SHOWN_VALUES]:
        here = order.asset in known.assets
        near = ("", "") if here else known.names.nearest(f"past/{order.asset}")
        like = f", is it {near[0]}?" if near[0] else ""
        how = "" if here else f"there is no asset {order.asset} yet{like}"
        what = order.finding or order.title
        asset = order.asset if here else ""
        rows.append(wire.PreviewRow(f"past/{order.id}", "", what, order.created_ms, "good", 1,
                                    asset=asset, how=how))  # fmt: skip
    return tuple(rows), _counted(a.why for a in aside)


def _observations(
    mapping: PastMapping, file: PastFile, piece: Piece, known: Known
) -> tuple[tuple[wire.PreviewRow, ...], tuple[tuple[str, int], ...]]:
    units = {(d.source, d.name): d.unit for d in known.streams if d.unit}
    found = PastTable(mapping, file.columns, units).read(piece.rows, piece.lines)
    bound = {s.key: s.asset for s in known.streams if s.asset}
    points, rows = found.points, []
    for number, stream in enumerate(found.streams[:SHOWN_VALUES]):
        mine = np.flatnonzero(points.stream == number)
        if not len(mine):
            continue
        key = f"{stream.source}/{stream.name}"
        place = (bound[key], "bound already") if key in bound else known.names.nearest(key)
        seen = Seen(points.time_ms[mine], points.value[mine], points.quality[mine])
        word = found.words.__getitem__ if stream.text else None
        rows.append(preview_row(key, stream.unit, seen, place, word))
    reasons = [a.why for a in found.aside] + [why for _, _, why in piece.broken]
    return tuple(rows), _counted(reasons)


def _counted(reasons: Iterable[str]) -> tuple[tuple[str, int], ...]:
    return tuple(Counter(reasons).most_common(20))
