"""Which asset a datastream probably belongs to, from the nearness of their names alone."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from typing import Final

from lamplighter.domain.city import Asset

_CLOSE: Final = 0.86
_MOST_COMPARED: Final = 5_000
_PART: Final = re.compile(r"[^0-9a-z]+")
_CHANGE: Final = re.compile(r"(?<=[a-z])(?=[0-9])|(?<=[0-9])(?=[a-z])")


def plain(name: str) -> str:
    """`P-014`, `p_14` and `P 14` are one: lower case, parts joined by dashes, no leading zeros."""
    parts = [p for whole in _PART.split(name.casefold()) for p in _CHANGE.split(whole) if p]
    return "-".join(p.lstrip("0") or "0" if p.isdigit() else p for p in parts)


class AssetNames:
    """Assets by id and name; made once for many questions."""

    def __init__(self, assets: Iterable[Asset]) -> None:
        self._by: dict[str, str] = {}
        found = list(assets)
        for asset in found:
            if asset.name:
                self._by.setdefault(plain(asset.name), asset.id)
        self._by |= {plain(asset.id): asset.id for asset in found}
        self._by.pop("", None)
        self._known: dict[str, tuple[str, str]] = {}

    def nearest(self, key: str) -> tuple[str, str]:
        """(asset, why) for `source/name`; two empty texts when nothing is near."""
        source, _, name = key.partition("/")
        parts = [p for p in name.split("/") if p]
        candidates = [*parts[:-1], *parts[-1:], source]
        for part in candidates:
            asset = self._by.get(plain(part), "")
            if asset and (len(plain(part)) > 1):
                return asset, f"same name as {part}"
        for part in candidates:
            found = self._inside(part)
            if found[0]:
                return found
        return self._similar(parts[:-1] or [source])

    def _inside(self, part: str) -> tuple[str, str]:
        """The longest run of words in `part` that is an asset's name with a number in it."""
        words = plain(part).split("-")
        for size in range(len(words) - 1, 0, -1):
            for start in range(len(words) - size + 1):
                run = "-".join(words[start : start + size])
                asset = self._by.get(run, "")
                if asset and size > 1 and any(ch.isdigit() for ch in run):
                    return asset, f"{part} holds its name"
        return "", ""

    def _similar(self, parts: list[str]) -> tuple[str, str]:
        if len(self._by) > _MOST_COMPARED:
            return "", ""
        for part in parts:
            word = plain(part)
            if word not in self._known:
                close = difflib.get_close_matches(word, self._by, 1, _CLOSE)
                right = bool(close) and _numbers(close[0]) == _numbers(word)
                self._known[word] = (
                    (self._by[close[0]], f"similar name: {part}") if right else ("", "")
                )
            if self._known[word][0]:
                return self._known[word]
        return "", ""


def _numbers(word: str) -> list[str]:
    """Pump 3 is never pump 4, however similar they are written."""
    return re.findall(r"\d+", word)
