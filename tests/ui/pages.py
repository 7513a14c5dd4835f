"""What every test of one page or dialog does: seat a session, show the page, ask what was asked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from msgspec.structs import replace
from PySide6.QtWidgets import QWidget

from lamplighter.ui.desk import Desk
from tests.ui.conftest import directly
from tests.ui.fake_session import FakeSession

Kind = TypeVar("Kind", bound=FakeSession)
Page = TypeVar("Page", bound=QWidget)


def seated(desk: Desk, kind: type[Kind]) -> Kind:
    """A session of this kind with a small city, connected to the desk."""
    made = kind(directly, buildings=5)
    desk.connect_session(made)
    return made


def another(session: FakeSession) -> FakeSession:
    """The session of a recorder that began after the one of `session` had ended."""
    made = type(session)(directly, buildings=5)
    made.welcome = replace(made.welcome, started_ms=session.welcome.started_ms + 1)
    return made


@contextmanager
def shown(page: Page, width: int, height: int) -> Iterator[Page]:
    """The page in a window of its own, gone afterwards."""
    page.resize(width, height)
    page.show()
    yield page
    page.close()
    page.deleteLater()


def asked(by: Desk | FakeSession, kind: type) -> list[Any]:
    """The requests of one kind, in order."""
    session = by.session if isinstance(by, Desk) else by
    assert isinstance(session, FakeSession)
    return [r for r in session.asked if isinstance(r, kind)]
