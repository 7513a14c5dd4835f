"""The sound of the horn: short notes by priority, through whatever player the machine has.

Off where there is no player. The horn itself is the recorder's: this only sounds while it sounds.
"""

from __future__ import annotations

import math
import shutil
import struct
import tempfile
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Final

from PySide6.QtCore import QObject, QProcess, QSettings, QTimer

from lamplighter.ui.desk import Desk
from lamplighter.ui.time_model import Mode

NOTES: Final = {1: (660.0, 784.0, 988.0), 2: (587.0, 587.0), 3: (523.0,)}
"""Hz, one after the other; priority 4 has none"""
EVERY_MS: Final = {1: 8_000, 2: 15_000, 3: 0}
"""0: once"""
RATE: Final = 22_050
NOTE_S: Final = 0.16
PLAYERS: Final = (("pw-play",), ("paplay",), ("aplay", "-q"), ("afplay",))
KEPT: Final = "sound/on"
Play = Callable[[Path], None]


class AlarmSound(QObject):
    """Follows the horn of the desk's room. `on`: whether it may sound."""

    def __init__(
        self,
        desk: Desk,
        play: Play | None = None,
        parent: QObject | None = None,
        settings: QSettings | None = None,
    ) -> None:
        """`settings`: where this person's choice is kept over restarts."""
        super().__init__(parent)
        self._settings = settings
        self._desk = desk
        self._play = play or player()
        wished = settings is None or settings.value(KEPT, True, bool)
        self.on = self._play is not None and bool(wished)
        self._files: dict[int, Path] = {}
        self._sounding = (0, "")
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._sound)
        desk.room.horn_changed.connect(self.follow)

    @property
    def can(self) -> bool:
        """Whether this machine has a player."""
        return self._play is not None

    def switch(self) -> None:
        """On or off, at this console alone."""
        self.on = not self.on and self.can
        if self._settings is not None and self.can:
            self._settings.setValue(KEPT, self.on)
            self._settings.sync()
        self._sounding = (0, "")
        self.follow()

    def follow(self) -> None:
        """After the horn changed: begin, go on or stop."""
        horn = self._desk.room.horn
        priority = horn.priority if horn.horn == "sounding" and self.on else 0
        if self._desk.time.mode is Mode.REPLAY or priority not in NOTES:
            priority = 0
        wanted = (priority, horn.newest if priority else "")
        if wanted == self._sounding:
            return
        self._sounding = wanted
        self._timer.stop()
        if priority:
            self._sound()
            if EVERY_MS[priority]:
                self._timer.start(EVERY_MS[priority])

    def _sound(self) -> None:
        priority = self._sounding[0]
        if self._play is not None and priority:
            self._play(self._file(priority))

    def _file(self, priority: int) -> Path:
        known = self._files.get(priority)
        if known is None:
            if self._folder is None:
                self._folder = tempfile.TemporaryDirectory(prefix="lamplighter-sound-")
            known = self._files[priority] = Path(self._folder.name) / f"{priority}.wav"
            write_notes(known, NOTES[priority])
        return known

    def shut(self) -> None:
        """No sound any more, and no file left."""
        self._timer.stop()
        self.on = False
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None
            self._files.clear()


def player() -> Play | None:
    """A way to play a WAV file on this machine; None where there is none."""
    for program, *options in PLAYERS:
        found = shutil.which(program)
        if found is not None:
            return lambda path, f=found, o=options: _start(f, [*o, str(path)])  # type: ignore[misc]
    return None


def _start(program: str, arguments: list[str]) -> None:
    QProcess.startDetached(program, arguments)


def write_notes(path: Path, notes: tuple[float, ...]) -> None:
    """Sine notes with soft edges, 16 bit mono."""
    frames = bytearray()
    count = round(RATE * NOTE_S)
    for pitch in notes:
        for n in range(count):
            edge = min(1.0, n / 300, (count - n) / 600)
            level = 0.35 * edge * math.sin(2 * math.pi * pitch * n / RATE)
            frames += struct.pack("<h", round(32_767 * level))
        frames += b"\0\0" * round(RATE * 0.05)
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes(bytes(frames))
