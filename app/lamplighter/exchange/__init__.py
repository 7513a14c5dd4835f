"""Exchange of what was recorded with the historian of several consoles (PostgreSQL)."""

from lamplighter.exchange.exchanger import Exchanger
from lamplighter.exchange.ledger import Ledger
from lamplighter.exchange.link import HistorianConfig, connect, parted, prepare, shown

__all__ = [
    "Exchanger",
    "HistorianConfig",
    "Ledger",
    "connect",
    "parted",
    "prepare",
    "shown",
]
