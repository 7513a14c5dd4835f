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
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from lamplighter.domain import wire
from lamplighter.ui import trial_words
from lamplighter.ui.desk import Desk
from lamplighter.ui.feed_connect import ConnectForm
from lamplighter.ui.feed_kinds import words_of
from lamplighter.ui.feed_mapping import MappingPanel
from lamplighter.ui.feed_message import MessageView
from lamplighter.ui.mapping_file import ask_where, ask_which, cannot_read, read, write
from lamplighter.ui.mapping_in_work import MappingInWork
from lamplighter.ui.parts import Text, button
from lamplighter.ui.step_dialog import StepDialog, stacked
from lamplighter.ui.theme import theme
from lamplighter.ui.value_preview import PreviewPanel
from lamplighter.ui.words import tr

STEPS: Final = ("Connect", "Choose topics", "Map fields", "Owner", "Added")
CONNECT, MAP, OWNER, ADDED = 0, 2, 3, 4
LOOK_MS: Final = 400
SIZE: Final = (1264, 780)


class FeedDialog(StepDialog):
    """Steps at the left, the message in the middle, mapping and preview at the right."""

    added = Signal(str)
    """id of the new feed"""

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(tr("Add a feed"), STEPS, 176, parent)
        self._desk = desk
        self._trial = 0
        self._seen: wire.Trial | None = None
        self._work = MappingInWork()
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
        self._lay_out(self._middle, 5, self._right, (self.back, self.save, self.primary))
        desk.ask(wire.GetFeeds(), self._got_kinds)
        desk.status_changed.connect(self._first_value)
        self.resize(*SIZE)
        self._go(CONNECT)

    # ---------------------------------------------------------------- parts
    def _make_left(self) -> None:
        box = self._beside_steps
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
        reading = stacked(((self.message, 1), (self._aside, 0), (self._cost, 0)))
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
        self._right = stacked(((self.mapping, 5), (self.preview, 4)), 12)

    def _make_foot(self) -> None:
        self.back = button(tr("Back"), self._go_back)
        self.save = button(tr("Save mapping as file…"), self._ask_file)
        self.primary = button(tr("Connect"), self._primary, kind="primary")

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
        shown = [trial_words.topics(g) for g in trial.groups]
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
        placed = sum(bool(self.preview.asset_of(r)) for r in trial.rows)
        self._say.setText(trial_words.how_it_goes(trial, placed))
        aside, cost = trial_words.set_aside(trial), trial_words.cost(trial)
        self._aside.setText(aside)
        self._aside.setVisible(bool(aside))
        if cost:
            self._cost.setText(cost)

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
        self._mark(step)
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
        super().closeEvent(event)
