"""One dialog adds a feed: connect, see a real message, say what its fields mean, preview, save.

A window of its own beside the city, never modal. Until the last step nothing is stored: the
recorder holds a trial that shows what would be.
"""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import (
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from lamplighter.domain import wire
from lamplighter.domain.retention import BYTES_PER_POINT
from lamplighter.ui import numbers
from lamplighter.ui.desk import Desk
from lamplighter.ui.feed_connect import ConnectForm
from lamplighter.ui.feed_kinds import words_of
from lamplighter.ui.feed_mapping import MappingPanel
from lamplighter.ui.feed_message import MessageView
from lamplighter.ui.mapping_file import ask_where, ask_which, cannot_read, read, write
from lamplighter.ui.mapping_in_work import MappingInWork
from lamplighter.ui.parts import Elided, Text, button, row, rule, window_of_its_own
from lamplighter.ui.theme import theme
from lamplighter.ui.value_preview import PreviewPanel
from lamplighter.ui.words import tr

STEPS: Final = ("Connect", "Choose topics", "Map fields", "Owner", "Added")
CONNECT, MAP, OWNER, ADDED = 0, 2, 3, 4
LOOK_MS: Final = 400
SIZE: Final = (1264, 780)


class FeedDialog(QWidget):
    """Steps at the left, the message in the middle, mapping and preview at the right."""

    gone = Signal()
    added = Signal(str)
    """id of the new feed"""

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent, Qt.WindowType.Window)
        window_of_its_own(self, tr("Add a feed"))
        self._desk = desk
        self._trial = 0
        self._seen: wire.Trial | None = None
        self._work = MappingInWork()
        self._step = CONNECT
        self._asking = False
        self._wish = wire.TryFeed("")
        self._feed = ""
        self._since_ms = 0
        self._timer = QTimer(self)
        self._timer.setInterval(LOOK_MS)
        self._timer.timeout.connect(self._look)
        self._make_left()
        self._make_middle()
        self._make_right()
        self._make_foot()
        self._lay_out()
        desk.ask(wire.GetFeeds(), self._got_kinds)
        desk.status_changed.connect(self._first_value)
        self.resize(*SIZE)
        self._go(CONNECT)

    # ---------------------------------------------------------------- parts
    def _make_left(self) -> None:
        self._left = QWidget()
        self._left.setFixedWidth(theme().px(176))
        box = QVBoxLayout(self._left)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(10)
        self._labels = [Text(f"{n}  {tr(word)}", "body") for n, word in enumerate(STEPS, 1)]
        for label in self._labels:
            box.addWidget(label)
        box.addSpacing(8)
        self._topics_word = Text(tr("Topics found"), "caption", "secondary")
        self.topics = QListWidget()
        self.topics.setAccessibleName(tr("Topics found"))
        self.topics.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.topics.setWordWrap(True)
        self.topics.setSpacing(2)
        self.topics.currentRowChanged.connect(self._choose_group)
        box.addWidget(self._topics_word)
        box.addWidget(self.topics, 1)
        self._filler = QWidget()
        box.addWidget(self._filler, 1)

    def _make_middle(self) -> None:
        self.form, self.message = ConnectForm(), MessageView()
        self.message.chosen.connect(self._field_chosen)
        self.message.role_wanted.connect(lambda path, role: self._change(path, {"role": role}))
        self.form.changed.connect(self._enable)
        self._aside = Text("", "body", "secondary", wrap=True)
        self._cost = Text("", "caption", "secondary", wrap=True)
        reading = QWidget()
        box = QVBoxLayout(reading)
        box.setContentsMargins(0, 0, 0, 0)
        box.addWidget(self.message, 1)
        box.addWidget(self._aside)
        box.addWidget(self._cost)
        owner = QWidget()
        form = QFormLayout(owner)
        form.setContentsMargins(0, 0, 0, 0)
        self.name, self.owner = QLineEdit(), QLineEdit()
        self.name.setAccessibleName(tr("Name of the feed"))
        self.owner.setAccessibleName(tr("Owner of the feed"))
        self.name.setPlaceholderText(tr("e.g. Air masts, Northbank"))
        self.owner.setPlaceholderText(tr("department or person who answers for it"))
        form.addRow(Text(tr("Who answers for it"), "bodyStrong"))
        form.addRow(tr("Name"), self.name)
        form.addRow(tr("Owner"), self.owner)
        form.addRow(
            Text(tr("Without an owner nobody can be asked when it stops. It can be added later."),
                 "caption", "secondary", wrap=True)
        )  # fmt: skip
        self._done_words = Text("", "body", wrap=True)
        done = QWidget()
        inner = QVBoxLayout(done)
        inner.setContentsMargins(0, 0, 0, 0)
        inner.addWidget(Text(tr("The feed is added"), "heading"))
        inner.addWidget(self._done_words)
        inner.addStretch(1)
        self._middle = QStackedWidget()
        for page in (self.form, reading, owner, done):
            self._middle.addWidget(page)

    def _make_right(self) -> None:
        self.mapping, self.preview = MappingPanel(), PreviewPanel(self._desk)
        self.mapping.chosen.connect(self.message.choose)
        self.mapping.edited.connect(self._change)
        self.mapping.load.connect(self._ask_mapping)
        self.preview.bound.connect(lambda *_: self._show_preview())
        self._right = QWidget()
        box = QVBoxLayout(self._right)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(12)
        box.addWidget(self.mapping, 5)
        box.addWidget(self.preview, 4)

    def _make_foot(self) -> None:
        self._head = Elided("", "body", "secondary")
        self._say = Text("", "body", "secondary", wrap=True)
        self.back = button(tr("Back"), self._go_back)
        self.save = button(tr("Save mapping as file…"), self._ask_file)
        self.primary = button(tr("Connect"), self._primary, kind="primary")

    def _lay_out(self) -> None:
        outer = QVBoxLayout(self)
        outer.setContentsMargins(16, 12, 16, 12)
        outer.setSpacing(10)
        head = row(Text(tr("Add a feed"), "heading"))
        head.addWidget(self._head, 1)
        head.addWidget(
            Text(tr("The city keeps running behind this window"), "caption", "secondary")
        )
        outer.addLayout(head)
        outer.addWidget(rule())
        body = QHBoxLayout()
        body.setSpacing(16)
        body.addWidget(self._left)
        body.addWidget(rule(vertical=True))
        body.addWidget(self._middle, 5)
        self._bar = rule(vertical=True)
        body.addWidget(self._bar)
        body.addWidget(self._right, 7)
        outer.addLayout(body, 1)
        outer.addWidget(rule())
        foot = row(spacing=8)
        foot.addWidget(self._say, 1)
        for widget in (self.back, self.save, self.primary):
            foot.addWidget(widget)
        outer.addLayout(foot)

    # ---------------------------------------------------------------- trial
    def _got_kinds(self, reply: wire.Reply) -> None:
        if isinstance(reply, wire.Feeds):
            self.form.show_kinds(reply.schemes)

    def connect_feed(self) -> None:
        """Begin a trial of what was typed."""
        self._end_trial()
        try:
            self._wish = self.form.wish()
        except (OSError, UnicodeDecodeError) as error:
            self._say.setText(cannot_read(error))
            return
        self._seen = None
        self._work.begin(self._wish.mapping)
        self.preview.forget()
        self._say.setText(tr("Connecting"))
        self.primary.setEnabled(False)
        self._desk.ask(self._wish, self._started)

    def _started(self, reply: wire.Reply) -> None:
        if isinstance(reply, wire.TrialStarted):
            self._trial = reply.id
            self._head.set_full(words_of(self._wish.url))
            self._go(MAP)
            self._timer.start()
            self._look()
            return
        self._say.setText(str(getattr(reply, "problem", tr("It could not be tried."))))
        self._enable()

    def _look(self) -> None:
        if self._trial and not self._asking:
            self._asking = True
            self._desk.ask(
                wire.LookAtTrial(self._trial, self._work.topic, self.mapping_text()), self._looked
            )

    def _looked(self, reply: wire.Reply) -> None:
        self._asking = False
        if isinstance(reply, wire.Refused):
            self._timer.stop()
            self._trial = 0
            self._say.setText(str(reply.problem))
            return
        if not isinstance(reply, wire.Trial) or reply.id != self._trial:
            return
        self._seen = reply
        self._work.follow(reply.groups)
        self._show_topics(reply)
        self.message.show_messages(reply, self._work.draft)
        self.mapping.show_draft(self._work.draft if not self._work.loaded else None)
        self.mapping.setVisible(self._work.draft is not None or bool(self._work.loaded))
        self._show_preview()
        self._words(reply)
        self._enable()

    def _show_topics(self, trial: wire.Trial) -> None:
        shown = [_topic_words(g) for g in trial.groups]
        if [self.topics.item(n).text() for n in range(self.topics.count())] == shown:
            return
        self.topics.blockSignals(True)
        self.topics.clear()
        for group, words in zip(trial.groups, shown, strict=True):
            item = QListWidgetItem(words)
            item.setToolTip(group.topic)
            if group.draft is None:
                item.setForeground(theme().colour("text.muted"))
            self.topics.addItem(item)
        places = [g.topic for g in trial.groups]
        self.topics.setCurrentRow(
            places.index(self._work.topic) if self._work.topic in places else 0
        )
        self.topics.blockSignals(False)

    def _choose_group(self, at: int) -> None:
        groups = self._seen.groups if self._seen is not None else ()
        if 0 <= at < len(groups) and groups[at].topic != self._work.topic:
            self._work.choose(groups[at].topic)
            self._look()

    def _words(self, trial: wire.Trial) -> None:
        if trial.problem:
            self._say.setText(trial.problem)
        elif trial.first_message_s is not None and trial.rows:
            placed = sum(bool(self.preview.asset_of(r)) for r in trial.rows)
            self._say.setText(
                tr("✓ First value shown {s} s after connecting. {a} values on an asset, "
                   "{u} unbound.",
                   s=f"{trial.first_message_s:.1f}", a=placed, u=len(trial.rows) - placed)
            )  # fmt: skip
        elif trial.first_message_s is not None:
            self._say.setText(tr("Messages come, but nothing in them is stored yet."))
        elif trial.detail:
            self._say.setText(trial.detail)
        else:
            words = tr("Connected, waiting for the first message, {s} s") if (
                trial.state == "live"
            ) else tr("Connecting, {s} s")  # fmt: skip
            self._say.setText(words.replace("{s}", f"{trial.seconds:.0f}"))
        lines = [f"{reason} × {count:,}" for reason, count in trial.set_aside[:3]]
        self._aside.setText("\n".join([tr("Would be set aside:"), *lines]) if lines else "")
        self._aside.setVisible(bool(lines))
        if trial.points_per_s > 0:
            year = trial.points_per_s * BYTES_PER_POINT * 86_400 * 365 / 1e9
            self._cost.setText(
                tr("This feed will cost: {p} values a minute, about {g} GB a year.",
                   p=numbers.number(trial.points_per_s * 60, 1), g=f"{year:.2g}")
            )  # fmt: skip

    def _show_preview(self) -> None:
        if self._seen is not None:
            self.preview.show_rows(self._seen.rows, self._desk.clock.wall_ms())

    # ---------------------------------------------------------------- mapping
    def _field_chosen(self, path: tuple[str, ...]) -> None:
        self.mapping.choose(path)

    def _change(self, path: tuple[str, ...], changes: dict[str, object]) -> None:
        if not self._work.change(path, changes):
            return
        self.mapping.choose(path)
        self.mapping.show_draft(self._work.draft)
        if self._seen is not None:
            self.message.show_messages(self._seen, self._work.draft)
        self._look()

    def _ask_mapping(self) -> None:
        ask_which(self, self.load_mapping)

    def load_mapping(self, name: str) -> None:
        """Use the mapping of a file instead of the proposal."""
        text = read(name, self._say.setText)
        if text is not None:
            self._work.loaded = text
            self._look()

    def mapping_text(self) -> str:
        """The mapping as it would be saved; empty for native messages."""
        return self._work.text

    def _ask_file(self) -> None:
        draft = self._work.draft
        ask_where(self, draft.name if draft is not None else "mapping", self.save_mapping)

    def save_mapping(self, name: str) -> None:
        """Write the mapping as a file others can use."""
        self._say.setText(write(name, self.mapping_text()))

    # ---------------------------------------------------------------- adding
    def add(self) -> None:
        """Store the feed with its mapping and bindings."""
        wish = self._wish
        self.primary.setEnabled(False)
        self._since_ms = self._desk.clock.monotonic_ms()
        self._desk.ask(
            wire.AddFeed(
                wish.url, self.mapping_text(), wish.ca, wish.cert, wish.key,
                self.name.text().strip(), self.owner.text().strip(), self.preview.bindings(),
            ),
            self._was_added,
        )  # fmt: skip

    def _was_added(self, reply: wire.Reply) -> None:
        if not isinstance(reply, wire.Ok):
            self._say.setText(str(getattr(reply, "problem", "")))
            self._enable()
            return
        self._feed = reply.text
        self._end_trial()
        self._go(ADDED)
        self._done_words.setText(tr("{feed} is connected and waits for its first value.",
                                    feed=self._feed))  # fmt: skip
        self.added.emit(self._feed)

    def _first_value(self) -> None:
        status = self._desk.status
        if self._step != ADDED or status is None or not self._since_ms:
            return
        for feed in status.feeds:
            if feed.id == self._feed and feed.messages > 0:
                took = (self._desk.clock.monotonic_ms() - self._since_ms) / 1000
                self._since_ms = 0
                self._done_words.setText(
                    tr("{feed} is live: its first values came within {s} s. They are stored from "
                       "now on.", feed=self._feed, s=f"{took:.1f}")
                )  # fmt: skip
            elif feed.id == self._feed and feed.detail:
                self._done_words.setText(feed.detail)

    # ---------------------------------------------------------------- steps
    def _primary(self) -> None:
        if self._step == CONNECT:
            self.connect_feed()
        elif self._step == MAP:
            self._go(OWNER)
        elif self._step == OWNER:
            self.add()
        else:
            self.close()

    def _go_back(self) -> None:
        if self._step == OWNER:
            self._go(MAP)
        else:
            self._end_trial()
            self._go(CONNECT)

    def _go(self, step: int) -> None:
        self._step = step
        for number, label in enumerate(self._labels):
            label.set_tone("primary" if number == step else "muted")
            mark = "✓" if number < step else str(number + 1)
            label.setText(f"{mark}  {tr(STEPS[number])}")
        self._middle.setCurrentIndex({CONNECT: 0, MAP: 1, OWNER: 2, ADDED: 3}[step])
        found = step in (MAP, OWNER)
        self._right.setVisible(found)
        self._bar.setVisible(found)
        self.topics.setVisible(found)
        self._topics_word.setVisible(found)
        self._filler.setVisible(not found)
        if not found:
            self._say.setText("")
        self._enable()

    def _enable(self) -> None:
        seen = self._seen
        self.back.setVisible(self._step in (MAP, OWNER))
        self.save.setVisible(self._step in (MAP, OWNER))
        self.save.setEnabled(bool(self.mapping_text()))
        words = {
            CONNECT: tr("Connect"), MAP: tr("Next: owner"), OWNER: tr("Add the feed"),
            ADDED: tr("Close"),
        }  # fmt: skip
        self.primary.setText(words[self._step])
        why = ""
        if self._step == CONNECT and not self.form.url():
            why = tr("Type an address first")
        elif self._step in (MAP, OWNER):
            if seen is None or not seen.messages:
                why = tr("No message has come yet")
            elif seen.problem:
                why = tr("The mapping cannot be used")
            elif not seen.rows and not seen.native:
                why = tr("Nothing would be stored yet")
        self.primary.setEnabled(not why)
        self.primary.setToolTip(why)

    def _end_trial(self) -> None:
        self._timer.stop()
        self._asking = False
        if self._trial:
            self._desk.ask(wire.EndTrial(self._trial))
            self._trial = 0

    def closeEvent(self, event: QCloseEvent) -> None:
        self._end_trial()
        self.gone.emit()
        super().closeEvent(event)


def _topic_words(group: wire.TrialGroup) -> str:
    if group.why_not:
        name = group.topic or tr("{n} other messages", n=f"{group.messages:,}")
        return f"{name}\n{group.why_not}"
    name = group.topic or tr("(page or file)")
    if not group.topic:
        return name
    return (
        name
        + "\n"
        + (tr("1 topic") if group.topics == 1 else tr("{n} topics", n=f"{group.topics:,}"))
    )
