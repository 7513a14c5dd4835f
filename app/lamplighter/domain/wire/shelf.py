"""Views that are kept: bookmarks, and tours through them."""

from __future__ import annotations

from lamplighter.domain.views import SavedView, Tour
from lamplighter.domain.wire.message import Message


class GetShelf(Message, frozen=True):
    """The project's bookmarks and tours."""


class PutBookmark(Message, frozen=True):
    """Keep a view, or change the one of the same id."""

    view: SavedView


class PutTour(Message, frozen=True):
    tour: Tour


class DropFromShelf(Message, frozen=True):
    """Forget a bookmark or a tour by its id."""

    bookmark: str = ""
    tour: str = ""


class Shelf(Message, frozen=True):
    """Bookmarks and tours. Also an event, whenever one changes."""

    bookmarks: tuple[SavedView, ...] = ()
    tours: tuple[Tour, ...] = ()


Request = GetShelf | PutBookmark | PutTour | DropFromShelf
Reply = Shelf
Event = Shelf
