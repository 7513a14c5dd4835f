"""How two files that speak of the same asset are brought together without losing a fact."""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace

from lamplighter.domain.city import Asset

_BODY: Final = "geometry_height_m"
"""what an asset with a shape of its own in three dimensions knows of itself"""


def merged(old: Asset, new: Asset) -> Asset:
    """`new` as it stands when it comes from the same layer; else `old` completed by `new`.

    A later file's words win; what it does not say (place, course, parent, attributes) stays as
    the earlier file said it. A network and an asset register thus make one asset together. A body
    keeps its type and place when a later file knows only its outline on the map.
    """
    same = old.layer == new.layer if old.layer and new.layer else old.source_file == new.source_file
    if same:
        return new
    outline = bool(new.path) and _BODY in old.attributes and _BODY not in new.attributes
    placed = new if new.x is not None and not outline else old
    if outline:
        new = replace(
            new, type=old.type, layer=old.layer, source_file=old.source_file, path=old.path,
            more=old.more,
        )  # fmt: skip
    return replace(
        new,
        name=old.name if new.name in ("", new.id) else new.name,
        lon=placed.lon,
        lat=placed.lat,
        height_m=placed.height_m,
        x=placed.x,
        y=placed.y,
        z=placed.z,
        path=new.path or old.path,
        parent=new.parent or old.parent,
        attributes={**old.attributes, **{k: v for k, v in new.attributes.items() if v is not None}},
        people=new.people or old.people,
    )
