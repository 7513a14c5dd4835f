"""The picture of the city out of the window: as PNG or PDF, with what makes it a document.

Title, time, mode, scale, north, legend and the attribution of all shown data stand on every
picture; a picture of a replay or a scenario carries its word, so that it cannot be mistaken.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QMarginsF, QRectF, QSizeF, Qt
from PySide6.QtGui import (
    QColor,
    QFont,
    QFontMetricsF,
    QImage,
    QPageLayout,
    QPageSize,
    QPainter,
    QPdfWriter,
)

from lamplighter.domain.problems import problem
from lamplighter.ui import numbers
from lamplighter.ui.desk import Desk
from lamplighter.ui.file_box import ask_save
from lamplighter.ui.theme import theme
from lamplighter.ui.time_model import Mode
from lamplighter.ui.words import tr

if TYPE_CHECKING:
    from lamplighter.ui.twin_desk import DeskTwin

HEAD, FOOT = 64.0, 44.0
DPI: Final = 150
_WORDS: Final = {Mode.LIVE: "LIVE", Mode.REPLAY: "REPLAY", Mode.SCENARIO: "SCENARIO"}


class PictureOut:
    """Asks for a file and writes the view into it."""

    def __init__(self, desk: Desk, view: DeskTwin) -> None:
        self._desk, self._view = desk, view

    def ask(self) -> None:
        """A non-modal question for the file; its ending decides the format."""
        name = f"{self.title()}.png".replace("/", "-")
        kinds = (tr("Picture (*.png)"), tr("Document (*.pdf)"))
        ask_save(self._view, tr("Export the picture"), self.write, name, kinds)

    def title(self) -> str:
        """The project's name."""
        session = self._desk.session
        return session.welcome.project if session is not None else tr("City")

    def time_words(self) -> str:
        """Day, time and offset of what is shown, and the mode's word."""
        time = self._desk.time
        ms = time.now_ms if time.mode is Mode.REPLAY else time.wall_ms
        moment = f"{numbers.day(ms)} {numbers.clock(ms)} {numbers.offset(ms)}"
        known = ""
        if time.mode is Mode.REPLAY:
            known = ", " + (tr("as known then") if time.as_known else tr("truth now"))
        return f"{tr(_WORDS[time.mode])}{known}  {moment}"

    def foot_words(self) -> str:
        """Coordinate system and the whole attribution."""
        frame = self._desk.city.frame
        system = f"EPSG:{frame.epsg}" if frame is not None else ""
        return "   ".join(w for w in (system, self._view.place_line.attribution) if w)

    def write(self, file: str) -> bool:
        """Write PNG or PDF; a fault becomes a line in the window."""
        path = Path(file)
        belt = self._view.belt
        seen = belt is not None and belt.column.isVisible()
        if belt is not None:
            belt.column.hide()  # its buttons say nothing on paper
        picture = self._view.grab().toImage()
        if belt is not None:
            belt.column.setVisible(seen)
        done = (
            self._pdf(path, picture) if path.suffix.lower() == ".pdf" else self._png(path, picture)
        )
        if not done:
            what = tr("the file could not be written")
            self._desk.raise_problem(problem("I-507", name=path.name, what=what))
        return done

    def _png(self, path: Path, picture: QImage) -> bool:
        ratio = picture.devicePixelRatio()
        wide, high = picture.width() / ratio, picture.height() / ratio
        size = QSizeF(wide, high + HEAD + FOOT) * ratio
        image = QImage(size.toSize(), QImage.Format.Format_RGB32)
        image.setDevicePixelRatio(ratio)
        image.fill(theme().colour("bg.window"))
        painter = QPainter(image)
        ink = theme().colour("text.primary")
        self._compose(painter, QRectF(0, 0, wide, high + HEAD + FOOT), picture, ink)
        painter.end()
        return bool(image.save(str(path)))

    def _pdf(self, path: Path, picture: QImage) -> bool:
        try:
            path.touch()
        except OSError:
            return False
        writer = QPdfWriter(str(path))
        writer.setResolution(DPI)
        writer.setTitle(f"{self.title()}, {self.time_words()}")
        writer.setCreator("Lamplighter")
        writer.setPageLayout(
            QPageLayout(
                QPageSize(QPageSize.PageSizeId.A4),
                QPageLayout.Orientation.Landscape,
                QMarginsF(10, 10, 10, 10),
                QPageLayout.Unit.Millimeter,
            )
        )
        painter = QPainter()
        if not painter.begin(writer):
            return False
        page = QRectF(0, 0, writer.width(), writer.height())
        scale = page.width() / (picture.width() / picture.devicePixelRatio())
        painter.scale(scale, scale)
        room = QRectF(0, 0, page.width() / scale, page.height() / scale)
        inks = (theme().colour("text.primary"), theme().colour("text.onPrimary"))
        self._compose(painter, room, picture, min(inks, key=lambda c: c.lightness()))
        painter.end()
        return True

    def _compose(self, painter: QPainter, page: QRectF, picture: QImage, ink: QColor) -> None:
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.setPen(ink)
        head = QRectF(16, 0, page.width() - 32, HEAD)
        centre = Qt.AlignmentFlag.AlignVCenter
        painter.setFont(_font("heading"))
        painter.drawText(head, centre | Qt.AlignmentFlag.AlignLeft, self.title())
        painter.setFont(_font("body"))
        painter.drawText(head, centre | Qt.AlignmentFlag.AlignRight, self.time_words())
        ratio = picture.devicePixelRatio()
        wide, high = picture.width() / ratio, picture.height() / ratio
        room = page.height() - HEAD - FOOT
        share = min(1.0, room / high)
        target = QRectF((page.width() - wide * share) / 2, HEAD, wide * share, high * share)
        painter.drawImage(target, picture)
        foot = QRectF(16, target.bottom() + 8, page.width() - 32, FOOT - 8)
        painter.setFont(_font("caption"))
        words = self.foot_words()
        made = tr("made with Lamplighter")
        taken = QFontMetricsF(painter.font()).horizontalAdvance(made) + 24
        painter.drawText(foot, Qt.AlignmentFlag.AlignRight, made)
        painter.drawText(foot.adjusted(0, 0, -taken, 0), Qt.TextFlag.TextWordWrap, words)


def _font(role: str) -> QFont:
    """The type role in pixels, which a printer with its own resolution keeps too."""
    font = QFont(theme().font(role))
    font.setPixelSize({"heading": 18, "body": 13}.get(role, 12))
    return font
