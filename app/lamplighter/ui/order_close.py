"""Closing a work order: what was found, what it still lacks, and the signature."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtWidgets import QButtonGroup, QFormLayout, QLineEdit, QVBoxLayout, QWidget

from lamplighter.domain import wire
from lamplighter.domain.maintenance import WorkOrder
from lamplighter.domain.order_rules import FINDINGS, NOT_FOUND, is_standing, missing
from lamplighter.ui.order_words import FINDING_WORDS, when
from lamplighter.ui.parts import Text, button, row, rule
from lamplighter.ui.theme import theme
from lamplighter.ui.words import tr


class ClosePage(QWidget):
    """`send(CloseOrder)` when everything is there; `reopen(reason)` and `cancel(reason)` else."""

    def __init__(
        self,
        send: Callable[[wire.CloseOrder], None],
        set_state: Callable[[str, str], None],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._send_it, self._set_state = send, set_state
        self._order: WorkOrder | None = None
        self._seen: dict[str, tuple[str, ...]] = {}
        self._disputed = 0
        self.lacks = Text("", "body", wrap=True)
        self.done = Text("", "body", wrap=True)
        self.findings = QButtonGroup(self)
        choice = row(spacing=0)
        for number, name in enumerate(FINDINGS):
            made = button(tr(FINDING_WORDS[name]), kind="segment")
            made.setCheckable(True)
            self.findings.addButton(made, number)
            choice.addWidget(made)
        choice.addStretch(1)
        self.cause, self.signer, self.reason = QLineEdit(), QLineEdit(), QLineEdit()
        self.cause.setPlaceholderText(tr("what was wrong, e.g. drive-end bearing worn"))
        self.reason.setPlaceholderText(tr("what your name stands for, e.g. tested and handed back"))
        for field, name in ((self.cause, tr("Cause")), (self.signer, tr("Name")),
                            (self.reason, tr("Signature"))):  # fmt: skip
            field.setAccessibleName(name)
            field.textChanged.connect(lambda _: self._enable())
        self.findings.idClicked.connect(lambda _: self._enable())
        self.sign = button(tr("Sign and close  Ctrl Enter"), self.send, kind="primary")
        self.why = QLineEdit()
        self.why.setAccessibleName(tr("Reason"))
        self.why.setPlaceholderText(tr("why"))
        self.why.textChanged.connect(lambda _: self._enable())
        self.cancel = button(tr("Cancel this order"), lambda: self._state("cancelled"))
        self.reopen = button(tr("Open it again"), lambda: self._state("open"))
        self.form = QWidget()
        form = QFormLayout(self.form)
        form.setContentsMargins(0, 0, 0, 0)
        form.addRow(tr("Found"), choice)
        form.addRow(tr("Cause"), self.cause)
        form.addRow(tr("Name"), self.signer)
        form.addRow(tr("Signature"), self.reason)
        form.addRow("", row(self.sign, None))
        self.form.setMaximumWidth(theme().px(720))
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(8)
        for widget in (self.done, self.lacks, self.form):
            box.addWidget(widget)
        box.addWidget(rule())
        box.addLayout(row(self.why, self.cancel, self.reopen))
        box.addStretch(1)

    def show_order(
        self, order: WorkOrder, user: str, seen: dict[str, tuple[str, ...]], disputed: int,
        locked: bool,
    ) -> None:  # fmt: skip
        """What stands; a name that was typed stays."""
        self._order, self._seen, self._disputed = order, seen, disputed
        if not self.signer.text():
            self.signer.setText(user)
        standing = is_standing(order)
        self.form.setVisible(standing)
        self.cancel.setVisible(standing)
        self.reopen.setVisible(not standing)
        self.done.setVisible(not standing)
        self.done.setText("\n".join(t for t in (
            tr("Cancelled.") if order.state == "cancelled" else
            tr("Closed {t} by {who}.", t=when(order.closed_ms), who=order.closed_by or "—"),
            tr("Finding: {f}", f=order.finding) if order.finding else "",
            tr("Signed: {s}", s=order.signature) if order.signature else "",
        ) if t))  # fmt: skip
        lines = [f"• {words}" for words in missing(order)] if standing else []
        if disputed and standing:
            lines.append(tr("• to be decided in History: {n}", n=disputed))
        if lines:
            self.lacks.setText(tr("Before it can be closed:") + "\n" + "\n".join(lines))
        elif standing:
            self.lacks.setText(tr("Everything required is done. It can be closed."))
        self.lacks.setVisible(standing)
        self.setEnabled(not locked)
        self._enable()

    @property
    def finding(self) -> str:
        """One of `FINDINGS`, empty while none is chosen."""
        number = self.findings.checkedId()
        return FINDINGS[number] if number >= 0 else ""

    def _lack(self) -> str:
        order = self._order
        if order is None or missing(order) or self._disputed:
            return tr("See what is missing above")
        if not self.finding:
            return tr("Say what was found first")
        if self.finding != NOT_FOUND and not self.cause.text().strip():
            return tr("Say what was wrong first")
        if not self.signer.text().strip() or not self.reason.text().strip():
            return tr("A signature is a name and what it stands for")
        return ""

    def _enable(self) -> None:
        why = self._lack()
        self.sign.setEnabled(not why)
        self.sign.setToolTip(why)
        said = bool(self.why.text().strip())
        for made in (self.cancel, self.reopen):
            made.setEnabled(said)
            made.setToolTip("" if said else tr("Say why first"))

    def send(self) -> None:
        """Sign, when nothing is missing."""
        order = self._order
        if order is not None and is_standing(order) and not self._lack():
            self._send_it(
                wire.CloseOrder(
                    order.id, self.finding, self.cause.text().strip(),
                    self.signer.text().strip(), self.reason.text().strip(), self._seen,
                )
            )  # fmt: skip

    def _state(self, state: str) -> None:
        why = self.why.text().strip()
        if why:
            self._set_state(state, why)
            self.why.clear()
