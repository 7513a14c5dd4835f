"""Rules, suppressions, works and ways to call as TOML, read into the requests they stand for."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, Final

import msgspec

from lamplighter.domain import wire
from lamplighter.domain.alarm_design import (
    Escalation,
    PlannedWork,
    RuleDefinition,
    Suppression,
    Way,
    When,
)
from lamplighter.domain.clock import parse_time
from lamplighter.domain.problems import fault


def changes_of_file(file: Path) -> list[Any]:
    """The requests a TOML file stands for: its tables `rule`, `suppression`, `works`, `way`,
    `escalation`. Raises LamplighterError (U-811) that says which table and field is wrong.
    """
    try:
        tables = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise fault("U-811", name=f"file {file.name}", what=str(error)) from None
    unknown = set(tables) - set(_TABLES) - {"escalation"}
    if unknown:
        what = f"it has no table [[{sorted(unknown)[0]}]]; there are {', '.join(_TABLES)}"
        raise fault("U-811", name=f"file {file.name}", what=f"{what}, escalation")
    asks: list[Any] = []
    for name, (type_, request) in _TABLES.items():
        asks += [request(_converted(t, type_, name)) for t in _list(tables, name)]
    if "escalation" in tables:
        items = [_converted(t, Escalation, "escalation") for t in _list(tables, "escalation")]
        asks.append(wire.PutEscalations(tuple(items)))
    return asks


def _list(tables: dict[str, Any], name: str) -> list[Any]:
    found = tables.get(name, [])
    return found if isinstance(found, list) else [found]


def _converted(table: Any, type_: Any, name: str) -> Any:
    label = table.get("id", "") if isinstance(table, dict) else ""
    try:
        if type_ is PlannedWork and isinstance(table, dict):
            table = _with_times(table)
        _no_unknown(table, type_)
        parts = table.get("when") if isinstance(table, dict) else None
        for part in parts if isinstance(parts, list) else ():
            _no_unknown(part, When)
        return msgspec.convert(table, type_)
    except (msgspec.ValidationError, ValueError) as error:
        raise fault("U-811", name=f"{name} {label}".strip(), what=str(error)) from None


def _no_unknown(table: Any, type_: Any) -> None:
    if isinstance(table, dict):
        unknown = set(table) - set(type_.__struct_fields__)
        if unknown:
            raise ValueError(f"it has no field '{sorted(unknown)[0]}'")


def _with_times(table: dict[str, Any]) -> dict[str, Any]:
    """`from` and `to` of planned works may be written as times."""
    names = {"from": "from_ms", "to": "to_ms"}
    return {names.get(k, k): parse_time(str(v)) if k in names else v for k, v in table.items()}


_TABLES: Final[dict[str, tuple[Any, Any]]] = {
    "rule": (RuleDefinition, wire.PutRule),
    "suppression": (Suppression, wire.PutSuppression),
    "works": (PlannedWork, wire.PutWork),
    "way": (Way, wire.PutWay),
}
