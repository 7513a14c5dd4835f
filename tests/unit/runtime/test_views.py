"""Bookmarks and tours are kept in the project, changed, forgotten, and limited."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from lamplighter.domain.clock import SystemClock
from lamplighter.domain.problems import LamplighterError
from lamplighter.domain.views import Eye, SavedView, Tour
from lamplighter.runtime import views
from lamplighter.store.store import Store

VIEW = SavedView(Eye((0.0, 0.0, 0.0), 100.0), id="b-1", name="Quay", made_ms=2)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    clock = SystemClock()
    Store.create(tmp_path / "p", name="Testville", clock=clock)
    made = Store.open(tmp_path / "p", write=True, clock=clock)
    yield made
    made.close()


def test_what_is_kept_is_there_again_in_order(store: Store) -> None:
    views.put_bookmark(store, VIEW)
    views.put_bookmark(store, msgspec.structs.replace(VIEW, id="b-0", name="Mill", made_ms=1))
    views.put_bookmark(store, msgspec.structs.replace(VIEW, name="Quay, north"))
    views.put_tour(store, Tour("t-1", "Round", ("b-0", "b-1")))
    kept = views.shelf(store)
    assert [v.name for v in kept.bookmarks] == ["Mill", "Quay, north"]
    assert kept.tours == (Tour("t-1", "Round", ("b-0", "b-1")),)


def test_forgetting_leaves_the_others(store: Store) -> None:
    views.put_bookmark(store, VIEW)
    views.put_bookmark(store, msgspec.structs.replace(VIEW, id="b-2"))
    views.drop(store, bookmark="b-1")
    views.drop(store, bookmark="never", tour="never")
    assert [v.id for v in views.shelf(store).bookmarks] == ["b-2"]


def test_what_cannot_be_shown_is_not_kept(store: Store) -> None:
    bad = msgspec.structs.replace(VIEW, mode="dance")
    for call in (
        lambda: views.put_bookmark(store, bad),
        lambda: views.put_bookmark(store, msgspec.structs.replace(VIEW, id="")),
        lambda: views.put_tour(store, Tour("t", "nowhere", ())),
        lambda: views.put_tour(store, Tour("t", "no time", ("b-1",), dwell_s=0.0)),
    ):
        with pytest.raises(LamplighterError):
            call()
    assert views.shelf(store).bookmarks == () and views.shelf(store).tours == ()


def test_a_damaged_entry_does_not_hide_the_others(store: Store) -> None:
    views.put_bookmark(store, VIEW)
    store.writer.call(lambda a: a.put_setting(views.BOOKMARK + "x", "{broken")).result()
    assert [v.id for v in views.shelf(store).bookmarks] == ["b-1"]
