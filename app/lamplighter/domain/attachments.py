"""Photos, documents and drawings that hang on an asset, a work order or a place of the map.

The record is a set of edits like an order's; the file itself lies in the project's `media` folder
under the hash of its content, so the same file is kept once and never overwritten.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec
from msgspec import Struct

from lamplighter.domain.edits import Value

KIND: Final = "attachment"
ENDINGS: Final = {
    "jpeg": "jpg",
    "png": "png",
    "webp": "webp",
    "pdf": "pdf",
    "svg": "svg",
    "dxf": "dxf",
}
"""allowed kinds, told by content and never by name -> ending of the kept file"""
EDITABLE: Final = frozenset({"caption", "note", "asset", "order", "lon", "lat", "removed"})
"""fields that people may change; the others say what the file is"""
_FILE: Final = re.compile(r"[0-9a-f]{40}\.(?:jpg|png|webp|pdf|svg|dxf)")
PHOTOS: Final = frozenset({"jpeg", "png", "webp"})


class Attachment(Struct, frozen=True):
    """One file and what it hangs on."""

    id: str
    file: str
    """hash and ending, the name inside `media`; see `media_place`"""
    name: str
    """what the file was called"""
    kind: str
    """a key of `ENDINGS`"""
    size: int = 0
    asset: str = ""
    order: str = ""
    lon: float | None = None
    lat: float | None = None
    caption: str = ""
    note: str = ""
    taken_ms: int = 0
    """when a photo says it was taken, 0 = it does not say"""
    added_ms: int = 0
    added_by: str = ""
    width: int = 0
    """pixels of a photo"""
    height: int = 0
    removed: bool = False
    """taken away by somebody; record and file stay"""

    @property
    def at_ms(self) -> int:
        """Its place in time."""
        return self.taken_ms or self.added_ms


def media_place(file: str) -> tuple[str, str, str]:
    """Folders and name below the project: `media`, first two digits, hash with ending."""
    return "media", file[:2], file


def object_of(attachment_id: str) -> str:
    """The name of its record among edits."""
    return f"{KIND}/{attachment_id}"


def fields_of(found: Attachment) -> dict[str, Value]:
    """Its fields for edits; what says nothing is left out."""
    every = {f: getattr(found, f) for f in found.__struct_fields__ if f != "id"}
    return {f: v for f, v in every.items() if v not in (None, "", 0, False)}


def attachment_from(object: str, fields: Mapping[str, Value]) -> Attachment | None:
    """The attachment that fields describe; None for a record that is none."""
    known: dict[str, Any] = {
        "id": object.partition("/")[2], "file": "", "name": "", "kind": "",
        **{f: v for f, v in fields.items() if f in Attachment.__struct_fields__},
    }  # fmt: skip
    try:
        found = msgspec.convert(known, Attachment, strict=False)
    except msgspec.MsgspecError:
        return None
    if not _FILE.fullmatch(found.file) or found.kind not in ENDINGS:
        return None  # a name from elsewhere never leads out of the media folder
    return found


def matching(
    items: Iterable[Attachment],
    *,
    text: str = "",
    asset: str = "",
    order: str = "",
    from_ms: int | None = None,
    to_ms: int | None = None,
    names: Mapping[str, str] | None = None,
) -> list[Attachment]:
    """Those that hold every word of `text` and lie in [from_ms, to_ms), the newest first.

    Words are looked for in name, caption, note, asset, order, who added it, and the asset's name
    where `names` knows it; capitals do not matter.
    """
    words = text.casefold().split()
    known = names or {}
    found = []
    for one in items:
        if one.removed or (asset and one.asset != asset) or (order and one.order != order):
            continue
        if from_ms is not None and one.at_ms < from_ms:
            continue
        if to_ms is not None and one.at_ms >= to_ms:
            continue
        if words:
            all_text = "\n".join(
                (one.name, one.caption, one.note, one.asset, one.order, one.added_by,
                 known.get(one.asset, ""))
            ).casefold()  # fmt: skip
            if not all(w in all_text for w in words):
                continue
        found.append(one)
    found.sort(key=lambda a: (-a.at_ms, a.id))
    return found
