"""Above the docks of a field kit's window: where it comes from and what waits to go back; calm."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtWidgets import QFrame, QWidget

from lamplighter.ui.desk import Desk
from lamplighter.ui.parts import Elided, button, row
from lamplighter.ui.record_words import waiting_words, when
from lamplighter.ui.words import tr


class KitLine(QFrame):
    """Hidden in an ordinary project without conflicts."""

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "card")
        self._desk = desk
        self.words = Elided("", "body")
        self.decide = button("", lambda: self.on_decide(), kind="flat")
        self.bring = button(tr("Bring back…"), lambda: self.on_bring(), kind="flat",
                            tip=tr("Return what was done here (Ctrl+Shift+B)"))  # fmt: skip
        self.on_bring: Callable[[], object] = lambda: None
        self.on_decide: Callable[[], object] = lambda: None
        line = row(self.words, self.decide, self.bring)
        line.setStretchFactor(self.words, 1)
        line.setContentsMargins(12, 2, 12, 2)
        self.setLayout(line)
        desk.kits.changed.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """After the state or the conflicts changed."""
        kits = self._desk.kits
        origin, count = kits.state.origin, len(kits.conflicts)
        if origin is not None:
            back = waiting_words(kits.state.waiting)
            self.words.set_full(
                tr("Field kit of {name}, taken {at}: {scope}. Everything here works; {back}.",
                   name=origin.name, at=when(origin.made_ms), scope=origin.scope, back=back)
            )  # fmt: skip
        else:
            self.words.set_full(tr("Two consoles changed the same fields."))
        self.decide.setText(tr("{n} to decide", n=count))
        self.decide.setVisible(bool(count))
        self.bring.setVisible(origin is not None)
        self.setVisible(origin is not None or bool(count))
