"""Opens the form of a text that a crashed window left, each kind in its place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lamplighter.domain.problems import problem
from lamplighter.ui.draft_files import Draft
from lamplighter.ui.words import tr

if TYPE_CHECKING:
    from lamplighter.ui.furniture import Furniture


def resume(furniture: Furniture, draft: Draft) -> None:
    """The form takes the text itself (`Drafts.watch`); says why where it cannot be opened."""
    if draft.kind == "order":
        if not draft.subject:
            furniture.desk.selection.clear()
        furniture.new_order(draft.subject)
    elif draft.kind == "hand":
        _by_hand(furniture, draft)
    elif draft.kind == "aside":
        action, *keys = draft.subject.split("\n")
        furniture.docks.show("alarms")
        furniture.alarms.ask_aside(action, tuple(keys))
    elif draft.kind == "feed":
        furniture.feed_page(0)
        furniture.feeds.pages.feeds.resume(draft.subject)
    elif draft.kind == "rule":
        furniture.alarm_work.open(0).rules.resume(draft.subject)
    elif draft.kind == "register":
        furniture.project.register()
    else:
        _say(furniture, draft, tr("this version has no such form"))


def _by_hand(furniture: Furniture, draft: Draft) -> None:
    kind, _, key = draft.subject.partition("\n")
    stream = next((s for s in furniture.desk.city.streams.values() if s.key == key), None)
    if stream is None:
        _say(furniture, draft, tr("its datastream is not in the city"))
        return
    furniture.desk.selection.select(stream.asset)
    furniture.faceplate.hand.open_form(stream, kind)


def _say(furniture: Furniture, draft: Draft, why: str) -> None:
    furniture.desk.raise_problem(problem("U-804", name=draft.title, what=why))
