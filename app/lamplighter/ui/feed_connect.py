"""The first step of adding a feed: kind, address, login and certificate files."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote, urlsplit

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QComboBox,
    QFormLayout,
    QLineEdit,
    QVBoxLayout,
    QWidget,
)

from lamplighter.domain import wire
from lamplighter.ui.feed_kinds import FeedKind, kind_of, kinds
from lamplighter.ui.file_box import ask_open
from lamplighter.ui.parts import Text, button, row
from lamplighter.ui.words import tr


class FileLine(QWidget):
    """A path with a button to choose it."""

    def __init__(self, title: str, hint: str = "") -> None:
        super().__init__()
        self.line = QLineEdit()
        self.line.setAccessibleName(title)
        self.line.setPlaceholderText(hint)
        self.line.setClearButtonEnabled(True)
        self._title = title
        box = row(self.line, button(tr("Choose…"), self._choose))
        self.setLayout(box)

    def path(self) -> str:
        """The absolute path; empty for none."""
        text = self.line.text().strip()
        return str(Path(text).expanduser().absolute()) if text else ""

    def _choose(self) -> None:
        ask_open(self, self._title, self.line.setText)


class ConnectForm(QWidget):
    """Fields keep what was typed, whatever goes wrong."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.kind = QComboBox()
        self.kind.setAccessibleName(tr("Kind of feed"))
        self.address, self.topics = QLineEdit(), QLineEdit()
        self.user, self.password = QLineEdit(), QLineEdit()
        self.password.setEchoMode(QLineEdit.EchoMode.Password)
        self.topics.setPlaceholderText(tr("all, or e.g. city/air/+/up; several with a space"))
        for line, name in (
            (self.address, tr("Address")),
            (self.topics, tr("Topics to listen to")),
            (self.user, tr("User name")),
            (self.password, tr("Password")),
        ):
            line.setAccessibleName(name)
        self.ca = FileLine(tr("Certificate authority"), tr("empty: those of this machine"))
        self.cert = FileLine(tr("Own certificate"))
        self.key = FileLine(tr("Own key"))
        self.map = FileLine(tr("Mapping file"), tr("only where you have one already"))
        self._form = QFormLayout()
        self._form.setHorizontalSpacing(12)
        self._form.setVerticalSpacing(8)
        self._rows: dict[str, tuple[QWidget, str]] = {
            "kind": (self.kind, tr("Kind")),
            "address": (self.address, tr("Address")),
            "topics": (self.topics, tr("Topics")),
            "user": (self.user, tr("User name")),
            "password": (self.password, tr("Password")),
            "ca": (self.ca, tr("Authority (CA)")),
            "cert": (self.cert, tr("Own certificate")),
            "key": (self.key, tr("Own key")),
            "map": (self.map, tr("Mapping file")),
        }
        for widget, words in self._rows.values():
            self._form.addRow(words, widget)
        self.note = Text("", "body", "secondary", wrap=True)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.addWidget(Text(tr("Where it comes from"), "bodyStrong"))
        box.addLayout(self._form)
        box.addWidget(self.note)
        box.addStretch(1)
        self.kind.currentIndexChanged.connect(self._kind_changed)
        self.address.textChanged.connect(self._typed)
        self.show_kinds(("mqtt", "mqtts"))

    # ---------------------------------------------------------------- kinds
    def show_kinds(self, schemes: tuple[str, ...]) -> None:
        """What the recorder can connect to."""
        if not schemes:
            return
        before = self.kind.currentData()
        self.kind.blockSignals(True)
        self.kind.clear()
        for kind in kinds(schemes):
            self.kind.addItem(tr(kind.words), kind.scheme)
        self.kind.setCurrentIndex(max(0, self.kind.findData(before)))
        self.kind.blockSignals(False)
        self._kind_changed()
        self._typed(self.address.text())  # it may have been pasted before the kinds were known

    @property
    def chosen(self) -> FeedKind:
        """The kind that is chosen."""
        return kind_of(str(self.kind.currentData() or "mqtt"))

    def _kind_changed(self) -> None:
        kind = self.chosen
        self.address.setPlaceholderText(kind.example)
        shown = {
            "topics": kind.topics,
            "user": kind.login,
            "password": kind.login,
            "ca": kind.tls,
            "cert": kind.tls,
            "key": kind.tls,
        }
        for name, (widget, _) in self._rows.items():
            self._form.setRowVisible(widget, shown.get(name, True))
        words = ""
        if kind.scheme == "mqtt":
            words = tr("Not encrypted: for this machine or a closed network only.")
        elif kind.needs_map:
            words = tr("This kind cannot say what it has: give its mapping file.")
        self.note.setText(words)
        self.changed.emit()

    def _typed(self, text: str) -> None:
        """A whole address that was pasted chooses its kind."""
        at = self.kind.findData(kind_of(text.strip().partition(":")[0]).scheme)
        if at >= 0 and at != self.kind.currentIndex() and "://" in text:
            self.kind.setCurrentIndex(at)
        self.changed.emit()

    # ---------------------------------------------------------------- the address
    def url(self) -> str:
        """The address with login, as the recorder takes it; empty while nothing is typed."""
        text = self.address.text().strip()
        if not text:
            return ""
        scheme = self.chosen.scheme
        if text.partition(":")[0] != scheme and not text.startswith(f"{scheme}+"):
            text = _whole(scheme, text)
        user, password = self.user.text(), self.password.text()
        if user and self.chosen.login and not urlsplit(text).username:
            login = quote(user, safe="") + (f":{quote(password, safe='')}" if password else "")
            text = text.replace("://", f"://{login}@", 1)
        return text

    def wish(self) -> wire.TryFeed:
        """What to try. Raises OSError or UnicodeDecodeError for an unreadable mapping file."""
        tls = self.chosen.tls
        return wire.TryFeed(
            self.url(),
            self.ca.path() if tls else "",
            self.cert.path() if tls else "",
            self.key.path() if tls else "",
            tuple(self.topics.text().split()) if self.chosen.topics else (),
            self.mapping_text(),
        )

    def mapping_text(self) -> str:
        """The text of the mapping file given; empty for none."""
        path = self.map.path()
        return Path(path).read_text(encoding="utf-8") if path else ""


def _whole(scheme: str, text: str) -> str:
    """A path, an address of the web, or a bare host as an address of this kind."""
    if text.startswith("/"):
        return f"{scheme}:{text}"
    if text.startswith(("http://", "https://")):
        return f"{scheme}+{text}"
    return f"{scheme}://{text}"
