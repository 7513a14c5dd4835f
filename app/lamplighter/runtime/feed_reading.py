"""Joins two rooms: feeds of pages and files read them through the pipeline's mappings."""

from __future__ import annotations

from collections.abc import Mapping as Map
from typing import Any

from lamplighter.pipeline import Mapping
from lamplighter.pipeline.careful import Fault
from lamplighter.pipeline.mapped import OUR_TIME, read_tree
from lamplighter.pipeline.tables import json_lines, parse_as
from lamplighter.sources.own_source import Point
from lamplighter.sources.reading import Found, Odd, Reader, Unreadable


def reader_of(mapping: Mapping) -> Reader:
    """A reader for pages and files of this mapping."""

    def read(payload: bytes, received_ms: int, names: Map[str, str]) -> Found | Unreadable:
        tree: Any
        bad: list[tuple[bytes, Fault]] = []
        if mapping.format == "jsonl":
            tree, bad = json_lines(payload)
        else:
            tree = parse_as(mapping, payload)
        if isinstance(tree, Fault):
            return Unreadable(tree.code, tree.what)
        reading = read_tree(mapping, dict(names), tree, received_ms)
        saved = reading.saved
        if not saved.points and tree not in ([], {}):
            return Unreadable("D-113", "the mapping finds no value in it")
        unread = set(saved.clock_unreadable)
        found = Found()
        for at, name in enumerate(saved.names):
            time: int | None = saved.times[at]
            if at in unread:
                time = None
            elif time == OUR_TIME:
                time = received_ms
                found.bare.add(at)
            found.points.append(Point(name, time, saved.values[at], saved.qualities[at]))
            if reading.units[at]:
                found.units[name] = reading.units[at]
        found.odd = [Odd(f.name, f.code, f.what, f.body) for f in saved.faults]
        found.odd += [Odd(mapping.name, fault.code, fault.what, line) for line, fault in bad]
        return found

    return read
