"""CSV and JSON lines as the tree a JSON message is, so that one mapping grammar reads them all."""

from __future__ import annotations

import csv
import io
import re
from typing import Any, Final

from lamplighter.pipeline.careful import Fault, parse
from lamplighter.pipeline.mapping import Mapping

MOST_ROWS: Final = 200_000
_COMMA_NUMBER: Final = re.compile(r"[+-]?\d+,\d+([eE][+-]?\d+)?", re.ASCII)
_POINT_NUMBER: Final = re.compile(r"[+-]?\d{1,3}(\.\d{3})+(,\d+)?", re.ASCII)


def parse_as(mapping: Mapping, payload: bytes) -> Any | Fault:
    """The payload as JSON values in the mapping's format. Never raises."""
    if mapping.format == "csv":
        return _csv(mapping, payload)
    if mapping.format == "jsonl":
        return json_lines(payload)[0]
    return parse(payload)


def json_lines(payload: bytes) -> tuple[list[Any], list[tuple[bytes, Fault]]]:
    """(rows, lines that are none with the reason): one bad line spoils no other. Never raises."""
    rows: list[Any] = []
    bad: list[tuple[bytes, Fault]] = []
    for at, line in enumerate(payload.splitlines(), 1):
        if not line.strip():
            continue
        row = parse(line)
        if isinstance(row, Fault):
            bad.append((line, Fault(row.code, f"line {at}: {row.what}")))
        else:
            rows.append(row)
    return rows, bad


def _csv(mapping: Mapping, payload: bytes) -> list[dict[str, str]] | Fault:
    try:
        text = payload.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = payload.decode("cp1252", "replace")
    text = text.replace("\x00", "")
    first = text.split("\n", 1)[0]
    separator = mapping.separator[:1] or max(";,\t|", key=first.count)
    rows: list[dict[str, str]] = []
    names = list(mapping.columns)
    try:
        for cells in csv.reader(io.StringIO(text, newline=""), delimiter=separator):
            if not any(cell.strip() for cell in cells):
                continue
            if not names:
                names = [cell.strip() for cell in cells]
                continue
            if len(rows) >= MOST_ROWS:
                return Fault("D-113", f"more than {MOST_ROWS:,} rows")
            rows.append(_row(names, cells, mapping.decimal))
    except csv.Error as error:
        return Fault("D-113", f"no CSV: {str(error)[:80]}")
    return rows


def _row(names: list[str], cells: list[str], decimal: str) -> dict[str, str]:
    found = {}
    for name, cell in zip(names, cells, strict=False):
        text = cell.strip()
        if text and decimal == ",":
            if _POINT_NUMBER.fullmatch(text):
                text = text.replace(".", "")
            if _COMMA_NUMBER.fullmatch(text):
                text = text.replace(",", ".")
        if text:
            found[name] = text
    return found
