"""The Qt bindings of this interpreter do not wear out its constants."""

from __future__ import annotations

import sys
from typing import Any

from PySide6.QtCore import QObject, Signal


class Sender(QObject):
    said = Signal(bool)
    bare = Signal()


def test_ten_thousand_emissions_cost_no_reference_of_true_and_none(qapp: Any) -> None:
    sender, heard = Sender(), []
    sender.said.connect(heard.append)
    sender.bare.connect(lambda: None)
    before = sys.getrefcount(True), sys.getrefcount(None)
    for _ in range(10_000):
        sender.said.emit(True)
        sender.bare.emit()
    heard.clear()
    after = sys.getrefcount(True), sys.getrefcount(None)
    assert all(abs(a - b) < 200 for a, b in zip(after, before, strict=True))
