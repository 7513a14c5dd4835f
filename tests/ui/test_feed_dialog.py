"""Adding a feed in the window: from an address to a feed with its mapping and its assets."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from lamplighter.domain import wire
from lamplighter.domain.mapping_draft import to_toml
from lamplighter.domain.problems import problem
from lamplighter.pipeline.mapping import read_mapping
from lamplighter.pipeline.propose import propose
from lamplighter.ui.desk import Desk
from lamplighter.ui.feed_connect import ConnectForm
from lamplighter.ui.feed_dialog import FeedDialog
from lamplighter.ui.feed_message import field_path
from tests.ui.conftest import Open, directly
from tests.ui.fake_session import FakeSession
from tests.ui.pages import asked

T = 1_795_349_281
BODIES = [json.dumps({"dev": f"P-{n:02d}", "t": T, "press_bar": 3.5, "rssi": -70}) for n in (1, 2)]


class _Session(FakeSession):
    """A recorder whose trials have two messages each."""

    def _reply(self, request: wire.Request) -> wire.Reply:
        match request:
            case wire.GetFeeds():
                return wire.Feeds((), ("mqtt", "mqtts", "modbus", "newkind"))
            case wire.TryFeed(url=url) if "broken" in url:
                return wire.Refused(problem("N-304", name="broken", what="nobody answers"))
            case wire.TryFeed():
                return wire.TrialStarted(3)
            case wire.LookAtTrial():
                return self._trial(request)
            case wire.AddFeed():
                return wire.Ok("feed-1")
        return super()._reply(request)

    def _trial(self, ask: wire.LookAtTrial) -> wire.Trial:
        groups = propose([(f"town/{n}/up", b.encode()) for n, b in enumerate(BODIES)])
        shown = tuple(
            wire.TrialGroup(g.topic, g.topics, g.messages, g.draft, g.why_not) for g in groups
        )
        first = groups[0].draft
        stored = (ask.mapping or (to_toml(first) if first else "")).count("[[values]]")
        rows = tuple(
            wire.PreviewRow(f"up/P-{n:02d}/press_bar", "bar", "3.5", T * 1000, "good", 1,
                            asset="P-01" if n == 1 else "")
            for n in (1, 2)
        ) if stored else ()  # fmt: skip
        samples = tuple(wire.TrialMessage("town/0/up", T * 1000, len(b), b) for b in BODIES)
        return wire.Trial(
            3, "live", "", 2, 0.4, 2.0, False, shown, samples, ask.mapping, rows,
            (("Sensor P-02 sent 'not a number'. [D-101]", 4),), points_per_s=2.0,
        )  # fmt: skip


@pytest.fixture
def session(desk: Desk) -> _Session:
    made = _Session(directly, incident=True, buildings=5)
    desk.connect_session(made)
    return made


@pytest.fixture
def dialog(qtbot: object, desk: Desk, session: _Session) -> Iterator[FeedDialog]:
    made = FeedDialog(desk)
    made.show()
    yield made
    made.close()


def connected(dialog: FeedDialog) -> FeedDialog:
    dialog.form.address.setText("broker.town:1883")
    dialog.primary.click()
    return dialog


def test_the_kinds_are_those_the_recorder_knows(dialog: FeedDialog) -> None:
    kinds = dialog.form.kind
    assert [kinds.itemData(i) for i in range(kinds.count())] == [
        "mqtt", "mqtts", "modbus", "newkind",
    ]  # fmt: skip
    assert not dialog.primary.isEnabled()
    assert "address" in dialog.primary.toolTip()


def test_a_message_its_mapping_and_its_values_are_shown(dialog: FeedDialog) -> None:
    connected(dialog)
    tree = dialog.message.tree
    fields = [tree.topLevelItem(n) for n in range(tree.topLevelItemCount())]
    assert [(f.text(0), f.text(2)) for f in fields if f is not None] == [
        ("dev", "→ name of the device"), ("t", "→ time"), ("press_bar", "→ press_bar, bar"),
        ("rssi", "not stored"),
    ]  # fmt: skip
    assert [r.key for r in dialog.preview.rows] == ["up/P-01/press_bar", "up/P-02/press_bar"]
    assert "0.4 s after connecting" in dialog._say.text()
    assert "D-101" in dialog._aside.text() and "4" in dialog._aside.text()


def test_pointing_at_a_field_changes_what_is_stored(
    dialog: FeedDialog, session: _Session, tmp_path: Path
) -> None:
    connected(dialog)
    dialog.message.choose(("rssi",))
    dialog.message._roles["value"].click()
    mapping = read_mapping(dialog.mapping_text())
    assert [v.datastream for v in mapping.values] == ["{dev}/press_bar", "{dev}/rssi"]
    dialog.mapping.choose(("rssi",))
    dialog.mapping.editor.label.setText("radio")
    dialog.mapping.editor.label.editingFinished.emit()
    dialog.mapping.editor._edit(unit="dBm")
    dialog.save_mapping(str(tmp_path / "m.toml"))
    saved = read_mapping((tmp_path / "m.toml").read_text(encoding="utf-8"))
    assert (saved.values[1].datastream, saved.values[1].unit) == ("{dev}/radio", "dBm")
    last = asked(session, wire.LookAtTrial)[-1]
    assert isinstance(last, wire.LookAtTrial) and "radio" in last.mapping


def test_the_feed_is_added_with_owner_mapping_and_assets(
    dialog: FeedDialog, session: _Session, desk: Desk
) -> None:
    connected(dialog)
    desk.selection.select("P-02")
    dialog.preview.table.selectRow(1)
    dialog.preview.here.click()
    dialog.primary.click()
    dialog.owner.setText("Water works")
    dialog.primary.click()
    added = asked(session, wire.AddFeed)[0]
    assert isinstance(added, wire.AddFeed)
    assert (added.url, added.owner) == ("mqtt://broker.town:1883", "Water works")
    assert added.bindings == (
        ("up/P-01/press_bar", "P-01", "bar"), ("up/P-02/press_bar", "P-02", "bar"),
    )  # fmt: skip
    assert read_mapping(added.mapping).topics == ("town/+/up",)
    assert asked(session, wire.EndTrial)
    assert "feed-1" in dialog._done_words.text()


def test_the_proposal_follows_the_topics_until_a_person_changes_it(
    dialog: FeedDialog, session: _Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.ui.test_feed_dialog.BODIES", BODIES[:1])
    connected(dialog)
    assert read_mapping(dialog.mapping_text()).topics == ("town/0/up",)
    monkeypatch.setattr("tests.ui.test_feed_dialog.BODIES", BODIES * 2)
    dialog._look()
    assert read_mapping(dialog.mapping_text()).topics == ("town/+/up",)
    dialog._change(("press_bar",), {"unit": "kPa"})
    monkeypatch.setattr("tests.ui.test_feed_dialog.BODIES", BODIES)
    dialog._look()
    mapping = read_mapping(dialog.mapping_text())
    assert (mapping.topics, mapping.values[0].unit) == (("town/+/up",), "kPa")


def test_a_refused_address_keeps_what_was_typed(dialog: FeedDialog) -> None:
    dialog.form.address.setText("broken:1")
    dialog.form.topics.setText("a/b")
    dialog.primary.click()
    assert "N-304" in dialog._say.text()
    assert dialog.form.address.text() == "broken:1"
    assert dialog.primary.isEnabled()


def test_closing_the_dialog_ends_the_trial(qtbot: object, desk: Desk, session: _Session) -> None:
    made = connected(FeedDialog(desk))
    made.close()
    assert asked(session, wire.EndTrial)


def test_addresses_are_completed(qtbot: object, themed: None) -> None:
    form = ConnectForm()
    form.show_kinds(("mqtt", "mqtts", "folder", "sensorthings+http", "sensorthings+https"))
    form.address.setText("mqtts://h:1")
    assert form.chosen.scheme == "mqtts"
    form.user.setText("me@town")
    form.password.setText("p:/w")
    assert form.url() == "mqtts://me%40town:p%3A%2Fw@h:1"
    form.kind.setCurrentIndex(form.kind.findData("folder"))
    form.address.setText("/data/x")
    assert form.url() == "folder:/data/x"
    form.kind.setCurrentIndex(form.kind.findData("sensorthings"))
    form.user.clear()
    form.address.setText("https://h/v1.1")
    assert form.url() == "sensorthings+https://h/v1.1"
    form.deleteLater()


@pytest.mark.parametrize(
    ("node", "steps", "path"),
    [(("a", 0, "v"), ("a", "[]"), ("v",)), (("m1", "v"), ("*",), ("v",)), (("b",), ("a",), None),
     (("v",), (), ("v",)), (("a",), ("a", "[]"), None)],
)  # fmt: skip
def test_places_in_a_message_are_fields_of_its_records(
    node: tuple[str | int, ...], steps: tuple[str, ...], path: tuple[str, ...] | None
) -> None:
    assert field_path(node, steps) == path


def test_the_dialog_opens_by_its_action(open_window: Open) -> None:
    window, _ = open_window()
    furniture = window.furnish()
    action = next(a for a in furniture.actions.table if a.name == "Add a feed")
    action.run()
    assert furniture.feeds.dialog is not None and furniture.feeds.dialog.isVisible()
    furniture.feeds.dialog.close()
    assert furniture.feeds.dialog is None
