"""All texts of the window go through one translation context."""

from __future__ import annotations

import re
from typing import Final

from PySide6.QtCore import QCoreApplication


def tr(text: str, **values: object) -> str:
    """The text in the user's language; `{name}` places are filled with `values`."""
    translated = QCoreApplication.translate("Lamplighter", text)
    if not values:
        return translated
    ones = [name for name, value in values.items() if value in (1, "1") and value is not True]
    return (_of_one(translated, ones) if ones else translated).format(**values)


_THINGS: Final = (
    "alarms|assets|attachments|bindings|connections|datastreams|days|events|failures|fields|files|"
    "hours|layers|messages|minutes|notes|objects|orders|parts|points|raisings|records|rows|runs|"
    "segments|steps|streams|tasks|things|tiles|times|triangles|values"
)
_COUNTED: Final = re.compile(
    r"\{(\w+)\} ((?:(?:datastream|folded|further|more|new|open|work) )*)"
    rf"({_THINGS})\b( are| were| have| depend| stay| wait)?\b"
)
_ONE_DOES: Final = {
    " are": " is", " were": " was", " have": " has", " depend": " depends", " stay": " stays",
    " wait": " waits",
}  # fmt: skip


def _of_one(template: str, names: list[str]) -> str:
    """`{n} files were` becomes `{n} file was` for those names whose value is one."""

    def single(found: re.Match[str]) -> str:
        name, before, things, does = found.groups()
        if name not in names:
            return found.group()
        return f"{{{name}}} {before}{things[:-1]}{_ONE_DOES.get(does or '', does or '')}"

    return _COUNTED.sub(single, template)


def beginning(words: str) -> str:
    """A message that begins with a plain word begins with a capital; names stay as they are."""
    first = words.partition(" ")[0]
    return words[:1].upper() + words[1:] if first.isalpha() and first.islower() else words


def plain(name: str) -> str:
    """A type's name as people write it: `TrafficSignal` becomes `Traffic signal`."""
    parts = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^A-Za-z\d]+", name)
    words = [p if p.isupper() and len(p) > 1 else p.lower() for p in parts if p.strip(" _-")]
    joined = " ".join(words)
    return joined[:1].upper() + joined[1:]


_FORMULAS = {
    "no2": "NO₂", "o3": "O₃", "so2": "SO₂", "co": "CO", "co2": "CO₂", "pm25": "PM2.5",
    "pm2_5": "PM2.5", "pm2.5": "PM2.5", "pm10": "PM10",
}  # fmt: skip


def kind_name(kind: str) -> str:
    """A kind of datastream as people write it."""
    return _FORMULAS.get(kind.lower()) or plain(kind)
