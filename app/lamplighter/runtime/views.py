"""Bookmarks and tours of a project, kept as settings so that every seat has the same ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

import msgspec

from lamplighter.domain import wire
from lamplighter.domain.problems import fault
from lamplighter.domain.views import SavedView, Tour, wrong

if TYPE_CHECKING:
    from lamplighter.store.access import WriteAccess
    from lamplighter.store.store import Store

BOOKMARK: Final = "view.bookmark."
TOUR: Final = "view.tour."
MOST: Final = 500
T = TypeVar("T")


def shelf(store: Store) -> wire.Shelf:
    """Everything kept, the oldest first; an entry that cannot be read is left out."""
    views = [_read(text, SavedView) for text in store.settings(BOOKMARK).values()]
    tours = [_read(text, Tour) for text in store.settings(TOUR).values()]
    return wire.Shelf(
        tuple(sorted((v for v in views if v is not None), key=lambda v: (v.made_ms, v.id))),
        tuple(sorted((t for t in tours if t is not None), key=lambda t: (t.name, t.id))),
    )


def _read(text: str, kind: type[T]) -> T | None:
    try:
        return msgspec.json.decode(text, type=kind)
    except msgspec.MsgspecError:
        return None


def put_bookmark(store: Store, view: SavedView) -> None:
    """Keep one. Raises LamplighterError (U-821) when it cannot be shown or there are too many."""
    why = wrong(view) or ("" if view.id else "it has no id")
    taken = store.settings(BOOKMARK)
    if not why and BOOKMARK + view.id not in taken and len(taken) >= MOST:
        why = f"the project keeps {MOST} bookmarks already"
    if why:
        raise fault("U-821", name=view.name or "bookmark", what=why)
    _put(store, BOOKMARK + view.id, msgspec.json.encode(view).decode())


def put_tour(store: Store, tour: Tour) -> None:
    """Keep one. Raises LamplighterError (U-821) for a tour that leads nowhere."""
    if not tour.id or not tour.stops or not 0.5 <= tour.dwell_s <= 3600:
        raise fault("U-821", name=tour.name or "tour", what="it has no stops or no time for them")
    _put(store, TOUR + tour.id, msgspec.json.encode(tour).decode())


def drop(store: Store, bookmark: str = "", tour: str = "") -> None:
    """Forget a bookmark or a tour; unknown ids are no fault."""
    for prefix, name in ((BOOKMARK, bookmark), (TOUR, tour)):
        if name and store.setting(prefix + name) is not None:
            key = prefix + name
            store.writer.call(lambda access, k=key: access.remove_setting(k)).result()  # type: ignore[misc]


def _put(store: Store, key: str, text: str) -> None:
    def keep(access: WriteAccess) -> None:
        access.put_setting(key, text)

    store.writer.call(keep).result()
