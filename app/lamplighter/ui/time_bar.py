"""The time bar: mode, transport and a stretch of the record to move in."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QButtonGroup, QFrame, QHBoxLayout, QMenu, QPushButton, QWidget

from lamplighter.ui.desk import Desk
from lamplighter.ui.glyphs import icon
from lamplighter.ui.parts import Text, button, row
from lamplighter.ui.player import Player
from lamplighter.ui.theme import theme
from lamplighter.ui.time_model import GHOSTS, SPEEDS, Mode
from lamplighter.ui.time_track import HOUR, Track
from lamplighter.ui.words import tr

GHOST_WORDS: Final = ("No comparison", "Beside yesterday", "Beside last week")


class TimeBar(QFrame):
    """64 px: Live | Replay | Scenario, transport, track and the step help."""

    go_to = Signal()

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("timeBar")
        self._desk = desk
        self.track = Track(desk)
        self.track.go_to.connect(self.go_to)
        self._modes: dict[Mode, QPushButton] = {}
        self._group = QButtonGroup(self)
        segments = row(spacing=0)
        for mode, word, act in (
            (Mode.LIVE, tr("Live"), desk.time.live),
            (Mode.REPLAY, tr("Replay"), desk.time.replay),
            (Mode.SCENARIO, tr("Scenario"), desk.time.scenario),
        ):
            made = button(word, act, kind="segment")
            made.setCheckable(True)
            made.setProperty("mode", mode.value)
            self._group.addButton(made)
            self._modes[mode] = made
            segments.addWidget(made)
        self._back = self._transport(
            "back", tr("Ten steps back (Shift+,)"), lambda: self._step(-10)
        )
        self._play = self._transport("pause", tr("Pause or play (K)"), self.play_or_pause)
        self._forward = self._transport("forward", tr("Ten steps forward (Shift+.)"),
                                        lambda: self._step(10))  # fmt: skip
        self._speed = button("1×", self._speeds, kind="flat",
                             tip=tr("Speed of the replay (Ctrl+, and Ctrl+.)"))  # fmt: skip
        self._ghost = button("", self._ghosts, kind="flat",
                             tip=tr("Compare trends with an earlier day (Y)"))  # fmt: skip
        self._known = button("", desk.time.swap_known, kind="flat",
                             tip=tr("As known then, or with what arrived later (T)"))  # fmt: skip
        self._live = button(tr("L  Back to live"), desk.time.live)
        self.player = Player(desk.time, lambda: desk.moments.on_its_way, self)
        self._help = Text("", "caption", "secondary")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(16, 0, 16, 0)
        layout.setSpacing(8)
        layout.addLayout(segments)
        for widget in (
            self._back,
            self._play,
            self._forward,
            self._speed,
            self._known,
            self._ghost,
            self._live,
        ):
            layout.addWidget(widget)
        layout.addWidget(self.track, 1)
        layout.addWidget(self._help)
        desk.time.changed.connect(self.refresh)
        desk.time.pace_changed.connect(self.refresh)
        desk.time.ghost_changed.connect(self.refresh)
        theme().changed.connect(self._restyle)
        self._restyle()
        self.refresh()

    def _transport(self, icon_name: str, tip: str, act: object) -> QPushButton:
        return button("", act, kind="flat", icon_name=icon_name, tip=tip)  # type: ignore[arg-type]

    def refresh(self) -> None:
        """After the mode or the moment changed."""
        time = self._desk.time
        self._modes[time.mode].setChecked(True)
        replay = time.mode is Mode.REPLAY
        self._speed.setVisible(replay)
        self._known.setVisible(replay)
        self._known.setText(tr("T  As known then") if time.as_known else tr("T  Truth now"))
        self._speed.setText(f"{time.speed}×")
        self._ghost.setVisible(bool(time.ghost_ms))
        self._ghost.setText(tr(GHOST_WORDS[GHOSTS.index(time.ghost_ms)]))
        self._live.setVisible(time.mode is not Mode.LIVE)
        self._play.setIcon(icon("play" if replay and not time.running else "pause"))
        if replay:
            self._help.setText(tr("Step , .  ·  ten times Shift  ·  live L"))
        else:
            n = self.track.span_ms // HOUR
            self._help.setText(tr("{n} h shown · drag, or step with , .", n=n))
        self.track.update()

    def narrow(self, is_narrow: bool) -> None:
        self._help.setVisible(not is_narrow)

    def play_or_pause(self) -> None:
        """Live: freezes at this moment. Replay: runs on, or stops."""
        time = self._desk.time
        if time.mode is not Mode.REPLAY:
            time.replay(time.wall_ms)
        else:
            time.run(not time.running)

    def _step(self, steps: int) -> None:
        self._desk.time.step(steps)

    def _speeds(self) -> None:
        menu = self._menu()
        for speed in SPEEDS:
            menu.addAction(f"{speed}×", lambda s=speed: self._desk.time.set_speed(s))
        menu.popup(self._speed.mapToGlobal(self._speed.rect().topLeft()))

    def _ghosts(self) -> None:
        menu = self._menu()
        for back, words in zip(GHOSTS, GHOST_WORDS, strict=True):
            menu.addAction(tr(words), lambda b=back: self._desk.time.set_ghost(b))
        menu.popup(self._ghost.mapToGlobal(self._ghost.rect().topLeft()))

    def _menu(self) -> QMenu:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        return menu

    def _restyle(self) -> None:
        self.setFixedHeight(theme().px(64))
        self._back.setIcon(icon("back"))
        self._forward.setIcon(icon("forward"))
