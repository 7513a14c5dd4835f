"""Opens work orders in windows of their own, one for each, and the form for a new one."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from lamplighter.ui.desk import Desk
from lamplighter.ui.order_dialog import OrderDialog
from lamplighter.ui.order_form import OrderForm
from lamplighter.ui.parts import centre_over


class OrderWindows(QObject):
    """All windows about work orders of one main window."""

    show_asset = Signal(str)

    def __init__(self, desk: Desk, window: QWidget) -> None:
        super().__init__(window)
        self._desk, self._window = desk, window
        self.open_ones: dict[str, OrderDialog] = {}
        self.form: OrderForm | None = None
        self._wanted = ""
        desk.orders_changed.connect(self._arrived)

    def open(self, order_id: str) -> OrderDialog:
        """The window of an order, in front."""
        made = self.open_ones.get(order_id)
        if made is None:
            made = OrderDialog(self._desk, order_id, self._window)
            made.gone.connect(self._gone)
            made.show_asset.connect(self.show_asset)
            self.open_ones[order_id] = made
            centre_over(self._window, made)
        made.show()
        made.raise_()
        made.activateWindow()
        return made

    def new(self, asset: str) -> OrderForm:
        """The form of a new order on this asset."""
        if self.form is not None:
            self.form.close()
        form = self.form = OrderForm(self._desk, asset, self._window)
        form.destroyed.connect(self._form_gone)
        form.made.connect(self._made)
        form.adjustSize()
        centre_over(self._window, form)
        form.show()
        return form

    def _made(self, order_id: str) -> None:
        self._wanted = order_id
        self._arrived()

    def _arrived(self) -> None:
        if self._wanted and self._wanted in self._desk.orders:
            wanted, self._wanted = self._wanted, ""
            self.open(wanted)

    def _gone(self, order_id: str) -> None:
        self.open_ones.pop(order_id, None)

    def _form_gone(self) -> None:
        self.form = None

    def shut(self) -> None:
        """The main window goes."""
        for made in list(self.open_ones.values()):
            made.close()
        if self.form is not None:
            self.form.close()
