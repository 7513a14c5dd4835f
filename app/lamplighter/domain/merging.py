"""How two files that speak of the same asset are brought together without losing a fact."""

from __future__ import annotations

from msgspec.structs import replace

from lamplighter.domain.city import Asset


def merged(old: Asset, new: Asset) -> Asset:
    """`new` as it stands when it comes from the same layer; else `old` completed by `new`.

    A later file's words win; what it does not say (place, course, parent, attributes) stays as
    the earlier file said it. A network and an asset register thus make one asset together.
    """
    same = old.layer == new.layer if old.layer and new.layer else old.source_file == new.source_file
    if same:
        return new
    placed = new if new.x is not None else old
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
