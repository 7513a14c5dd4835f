"""Something that was set aside, as people look at it, retry it, export it or delete it."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping

from msgspec import Struct

from lamplighter.domain.clock import iso
from lamplighter.domain.spreadsheet import safe_cell


class AsideRow(Struct, frozen=True):
    """One kept row of the quarantine."""

    number: int
    source: int
    """-1 when the sender is not known"""
    topic: str
    received_ms: int
    code: str
    reason: str
    points: int
    body: bytes
    """empty when more than the kept number of its kind had come"""


def as_json_lines(rows: Iterable[AsideRow], names: Mapping[int, str]) -> str:
    """One JSON object a row; a body that is no UTF-8 stands in hex."""
    lines = []
    for row in rows:
        body, form = _text(row.body)
        lines.append(
            json.dumps(
                {
                    "n": row.number,
                    "source": names.get(row.source, ""),
                    "topic": row.topic,
                    "received": iso(row.received_ms),
                    "code": row.code,
                    "reason": row.reason,
                    "points": row.points,
                    form: body,
                },
                ensure_ascii=False,
            )
        )
    return "".join(line + "\n" for line in lines)


def as_csv(rows: Iterable[AsideRow], names: Mapping[int, str]) -> str:
    """A table that no spreadsheet runs."""
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\n")
    table.writerow(("n", "source", "topic", "received", "code", "reason", "points", "body"))
    for row in rows:
        cells = (
            str(row.number), names.get(row.source, ""), row.topic, iso(row.received_ms), row.code,
            row.reason, str(row.points), _text(row.body)[0],
        )  # fmt: skip
        table.writerow([safe_cell(cell) for cell in cells])
    return out.getvalue()


def _text(body: bytes) -> tuple[str, str]:
    try:
        return body.decode("utf-8"), "body"
    except UnicodeDecodeError:
        return body.hex(), "body_hex"
