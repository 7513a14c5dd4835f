"""The feeds page: how each feed is, which layer is broken, and the senders behind it."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import (
    QFormLayout,
    QLineEdit,
    QPlainTextEdit,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from lamplighter.domain import wire
from lamplighter.ui import numbers
from lamplighter.ui.desk import Desk
from lamplighter.ui.drafts import Field, Typing
from lamplighter.ui.feed_kinds import words_of
from lamplighter.ui.parts import Elided, Panel, Scroller, Text, button, row
from lamplighter.ui.plain_table import fill, plain_table
from lamplighter.ui.theme import theme
from lamplighter.ui.words import tr

LAYER_WORDS = {
    "device": "Devices",
    "gateway": "Senders",
    "broker": "Connection",
    "console": "This console",
}
MARKS = {"ok": "✓", "broken": "✕", "unknown": "–"}


def state_words(feed: wire.FeedState) -> str:
    """`✓ live 0.4 s`, `✕ lost`, `– paused`: the word is always there."""
    age = feed.last_value_age_s
    if feed.state == "live":
        if age is None:
            return tr("– connected, nothing came yet")
        late = bool(feed.layer)
        mark = "✕" if late else "✓"
        word = tr("live") if not late else tr("connected")
        return f"{mark} {word} {numbers.age(age)}"
    words = {"connecting": tr("… connecting"), "paused": tr("– paused"), "off": tr("– off")}
    return words.get(feed.state, f"✕ {tr(feed.state)}")


def certificate_words(feed: wire.FeedState) -> str:
    """Days until a certificate ends, with whose it is."""
    days = feed.certificate_days
    if days is None:
        return "—"
    whose = tr("ours") if feed.certificate_of == "ours" else tr("server")
    if days < 0:
        return tr("ended ({whose})", whose=whose)
    return tr("{n} days ({whose})", n=f"{days:.0f}", whose=whose)


def delay_words(feed: wire.FeedState) -> str:
    """p50 / p95 of the last minute."""
    if feed.delay_p50_s is None or feed.delay_p95_s is None:
        return "—"
    return f"{numbers.age(feed.delay_p50_s)} / {numbers.age(feed.delay_p95_s)}"


def loss_words(feed: wire.FeedState) -> str:
    """Messages that are missing and the holes they make."""
    if not feed.gaps:
        return tr("none")
    messages = tr("1 message") if feed.missing == 1 else tr("{n} messages", n=f"{feed.missing:,}")
    gaps = tr("1 gap") if feed.gaps == 1 else tr("{n} gaps", n=f"{feed.gaps:,}")
    return f"{messages}, {gaps}"


def _cells(feed: wire.FeedState) -> tuple[str, ...]:
    return (
        feed.name or feed.id,
        state_words(feed),
        _broken(feed),
        f"{feed.messages_per_s:.1f}",
        delay_words(feed),
        loss_words(feed),
    )


def _broken(feed: wire.FeedState) -> str:
    if not feed.layer:
        return feed.detail or tr("nothing")
    return f"{tr(LAYER_WORDS[feed.layer])}: {feed.layer_words}"


class FeedList(QWidget):
    """Feeds above, the chosen one below."""

    add = Signal()

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self.feeds: tuple[wire.FeedState, ...] = ()
        self._seconds = 0
        self._asked = ""
        self.detail: wire.FeedDetail | None = None
        self._waits = ""
        self._make_table()
        self._make_buttons()
        self._make_detail()
        self._make_edit()
        split = QSplitter(Qt.Orientation.Horizontal)
        split.setChildrenCollapsible(False)
        self._split = split
        split.addWidget(self.table)
        split.addWidget(self._below)
        split.setStretchFactor(0, 5)
        split.setStretchFactor(1, 4)
        split.setSizes([560, 440])
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(8)
        box.addLayout(
            row(self.new, self.pause, self.edit, self.remove, None, self._question, self._reason,
                self._yes, self._no)
        )  # fmt: skip
        box.addWidget(self._empty)
        box.addWidget(self._form, 1)
        box.addWidget(split, 1)
        desk.status_changed.connect(self._status)
        self._close_question()
        self._enable()

    # ---------------------------------------------------------------- parts
    def _make_table(self) -> None:
        titles = ("Feed", "State", "What is broken", "Messages/s", "Delay p50 / p95", "Missing")
        self.table = plain_table(tr("Feeds"), [tr(t) for t in titles], 2)
        self.table.itemSelectionChanged.connect(self._picked)
        self._empty = Text(
            tr("No feed yet. Add one to see live values: a broker, a page, a meter, a recording."),
            "body", "secondary", wrap=True,
        )  # fmt: skip

    def _make_buttons(self) -> None:
        self.new = button(tr("Add a feed…"), self.add.emit, kind="primary")
        self.pause = button(tr("Pause"), self._pause)
        self.edit = button(tr("Edit…"), self._edit)
        self.remove = button(tr("Remove…"), self._ask_remove)
        self._question = Text("", "body")
        self._reason = QLineEdit()
        self._reason.setPlaceholderText(tr("reason, for the audit record"))
        self._reason.setAccessibleName(tr("Reason"))
        self._reason.setMinimumWidth(theme().px(180))
        self._yes = button(tr("Remove"), self._do_remove)
        self._no = button(tr("Keep it"), self._close_question)

    def _make_detail(self) -> None:
        self._title = Elided("", "bodyStrong")
        self._where = Elided("", "caption", "secondary")
        self._facts = Text("", "caption", "secondary", wrap=True)
        self._layers = [
            (Text("", "body"), Text("", "body", "secondary", wrap=True)) for _ in "abcd"
        ]
        form = QFormLayout()
        form.setContentsMargins(0, 0, 0, 0)
        form.setHorizontalSpacing(12)
        for head, words in self._layers:
            form.addRow(head, words)
        titles = ("Sender", "Age", "Values", "Not live", "Missing", "Set aside", "What")
        self.senders = plain_table(tr("Senders of the feed"), [tr(t) for t in titles], 6)
        inner = Panel()
        box = QVBoxLayout(inner)
        box.setContentsMargins(8, 0, 4, 0)
        box.setSpacing(6)
        box.addWidget(self._title)
        box.addWidget(self._where)
        box.addWidget(self._facts)
        box.addLayout(form)
        box.addWidget(self.senders, 1)
        self._below = Scroller(inner)
        self._below.setAccessibleName(tr("The chosen feed"))

    def _make_edit(self) -> None:
        self._typing: Typing | None = None
        self._form = QWidget()
        form = QFormLayout(self._form)
        form.setContentsMargins(0, 0, 0, 0)
        self._name, self._owner, self._url = QLineEdit(), QLineEdit(), QLineEdit()
        for line, words in (
            (self._name, tr("Name of the feed")),
            (self._owner, tr("Owner of the feed")),
            (self._url, tr("Address of the feed")),
        ):
            line.setAccessibleName(words)
        self._mapping = QPlainTextEdit()
        self._mapping.setAccessibleName(tr("Mapping of the feed"))
        self._mapping.setFont(theme().font("mono"))
        self._mapping.setTabChangesFocus(True)
        self._said = Text("", "body", "secondary", wrap=True)
        form.addRow(tr("Name"), self._name)
        form.addRow(tr("Owner"), self._owner)
        form.addRow(tr("Address"), self._url)
        form.addRow(tr("Mapping"), self._mapping)
        form.addRow("", self._said)
        form.addRow("", _in_row(button(tr("Save"), self._save, kind="primary"),
                                button(tr("Cancel"), self._cancel)))  # fmt: skip
        self._form.hide()

    # ---------------------------------------------------------------- showing
    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._seconds = 0
        self._status()

    def _status(self) -> None:
        if not self.isVisible() or self._desk.status is None:
            return
        chosen = self.chosen
        self.feeds = tuple(sorted(self._desk.status.feeds, key=lambda f: (not f.layer, f.id)))
        fill(self.table, [_cells(f) for f in self.feeds], [f.state == "paused" for f in self.feeds])
        self._empty.setVisible(not self.feeds)
        at = next((n for n, f in enumerate(self.feeds) if chosen and f.id == chosen.id), 0)
        if self.feeds and self.table.currentRow() != at:
            self.table.selectRow(at)
        if self._seconds % 2 == 0:
            self._ask()
        self._seconds += 1
        self._enable()

    @property
    def chosen(self) -> wire.FeedState | None:
        """The feed whose row is selected."""
        at = self.table.currentRow()
        return self.feeds[at] if 0 <= at < len(self.feeds) else None

    def _picked(self) -> None:
        self._close_question()
        self._ask()
        self._enable()

    def _ask(self) -> None:
        chosen = self.chosen
        if chosen is not None:
            self._desk.ask(wire.GetFeed(chosen.id), self._got)

    def _got(self, reply: wire.Reply) -> None:
        if not isinstance(reply, wire.FeedDetail):
            return
        self.detail = reply
        state = reply.state
        self._title.set_full(state.name or state.id)
        self._where.set_full(words_of(state.url))
        self._facts.setText(
            tr("Owner: {o}. Reconnected {r} times. Certificate: {c}. Points {p}/s.",
               o=state.owner or tr("nobody named"), r=f"{state.reconnects:,}",
               c=certificate_words(state), p=f"{state.points_per_s:.1f}")
        )  # fmt: skip
        for (head, words), (layer, how, text) in zip(self._layers, reply.layers, strict=False):
            head.setText(f"{MARKS[how]}  {tr(LAYER_WORDS[layer])}")
            head.set_tone("primary" if how == "broken" else "secondary")
            words.setText(text)
            words.set_tone("primary" if how == "broken" else "secondary")
        rows = sorted(reply.sources, key=lambda s: (not s.words, s.name))
        fill(
            self.senders,
            [
                (
                    s.name,
                    "—" if s.age_s is None else numbers.age(s.age_s),
                    f"{s.datastreams:,}",
                    f"{s.stale:,}",
                    f"{s.missing:,}",
                    f"{s.account.quarantined:,}",
                    s.words or tr("nothing"),
                )
                for s in rows
            ],
            [s.silent for s in rows],
        )

    # ---------------------------------------------------------------- changing
    def _pause(self) -> None:
        chosen = self.chosen
        if chosen is not None:
            action = "resume" if chosen.state == "paused" else "pause"
            self._desk.ask(wire.ChangeFeed(chosen.id, action))

    def _ask_remove(self) -> None:
        chosen = self.chosen
        if chosen is None:
            return
        self._waits = chosen.id
        self._question.setText(
            tr("Remove {name}? What it recorded stays.", name=chosen.name or chosen.id)
        )
        for widget in (self._question, self._reason, self._yes, self._no):
            widget.show()
        self._reason.setFocus()

    def _do_remove(self) -> None:
        self._desk.ask(wire.ChangeFeed(self._waits, "remove", self._reason.text().strip()))
        self._close_question()

    def _close_question(self) -> None:
        self._reason.clear()
        for widget in (self._question, self._reason, self._yes, self._no):
            widget.hide()

    def _edit(self) -> None:
        detail = self.detail
        if detail is None:
            return
        self._waits = detail.state.id
        self._name.setText(detail.state.name)
        self._owner.setText(detail.state.owner)
        self._url.setText(detail.state.url)
        self._mapping.setPlainText(detail.mapping)
        self._said.setText("")
        self._show_form(True)
        self._name.setFocus()
        self._end_typing()
        fields: dict[str, Field] = {
            "name": self._name, "owner": self._owner, "mapping": self._mapping,
        }  # fmt: skip
        about = tr("changes to the feed {name}", name=detail.state.name or detail.state.id)
        self._typing = self._desk.drafts.watch("feed", detail.state.id, about, fields)

    def resume(self, feed: str) -> None:
        """Open the form of a feed again, with the text that was kept."""

        def got(reply: wire.Reply) -> None:
            self._got(reply)
            if isinstance(reply, wire.FeedDetail):
                self._edit()

        self._desk.ask(wire.GetFeed(feed), got)

    def _end_typing(self) -> None:
        if self._typing is not None:
            self._typing.end()
            self._typing = None

    def _cancel(self) -> None:
        self._end_typing()
        self._show_form(False)

    def _show_form(self, on: bool) -> None:
        """The form takes the place of the lists: the dock is low."""
        self._form.setVisible(on)
        self._split.setVisible(not on)

    def _save(self) -> None:
        detail = self.detail
        if detail is None:
            return
        url, mapping = self._url.text().strip(), self._mapping.toPlainText()
        asked = wire.ChangeFeed(
            self._waits,
            "edit",
            url=url if url != detail.state.url else None,
            mapping=mapping if mapping != detail.mapping else None,
            name=self._name.text().strip(),
            owner=self._owner.text().strip(),
        )
        self._desk.ask(asked, self._saved)

    def _saved(self, reply: wire.Reply) -> None:
        if isinstance(reply, wire.Ok):
            self._end_typing()
            self._show_form(False)
            self._ask()
        else:
            self._said.setText(str(getattr(reply, "problem", "")))

    def _enable(self) -> None:
        chosen = self.chosen
        for made in (self.pause, self.edit, self.remove):
            made.setEnabled(chosen is not None)
            made.setToolTip("" if chosen is not None else tr("Choose a feed first"))
        paused = chosen is not None and chosen.state == "paused"
        self.pause.setText(tr("Resume") if paused else tr("Pause"))


def _in_row(*widgets: QWidget) -> QWidget:
    made = QWidget()
    made.setLayout(row(*widgets, None))
    return made
