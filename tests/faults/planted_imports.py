"""Imports with a bug put in on purpose; loaded by path inside workers, never imported here."""

from __future__ import annotations

import os
from typing import Any

import msgspec

from lamplighter.domain.importing import FileReport, ImportedFile
from lamplighter.spatial import citygml, reader, task, xml_guard


def _import(order: dict[str, Any]) -> dict[str, Any]:
    task.import_files(msgspec.convert(order, task.ImportOrder), lambda *_: None)
    return {}


def keeps_silent(order: dict[str, Any]) -> dict[str, Any]:
    """What cannot be read is passed over without a word."""

    def said_nothing(path: Any, code: str, what: str) -> ImportedFile:
        return ImportedFile(report=FileReport(file=str(path)))

    reader._failed = said_nothing  # type: ignore[assignment]
    return _import(order)


def lets_declarations_in(order: dict[str, Any]) -> dict[str, Any]:
    """The prolog is not looked at; entities of a file are believed."""
    found = "http://www.opengis.net/citygml/2.0 CityModel"

    def believes(path: Any) -> str:
        try:
            return xml_guard.root_of(path)
        except Exception:
            return found

    citygml.root_of = believes
    return _import(order)


def falls_over(order: dict[str, Any]) -> dict[str, Any]:
    """A damaged file ends the process."""

    def ends(path: Any, code: str, what: str) -> ImportedFile:
        os.abort()

    reader._failed = ends  # type: ignore[assignment]
    return _import(order)
