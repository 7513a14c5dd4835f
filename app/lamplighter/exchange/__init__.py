"""Exchange between consoles: with the historian they share (PostgreSQL), and in field kits."""

from lamplighter.exchange.exchanger import Exchanger
from lamplighter.exchange.ledger import Ledger
from lamplighter.exchange.link import HistorianConfig, connect, parted, prepare, shown
from lamplighter.exchange.reader import OlderSeries, read_older

__all__ = [
    "Exchanger",
    "HistorianConfig",
    "Ledger",
    "OlderSeries",
    "connect",
    "parted",
    "prepare",
    "read_older",
    "shown",
]
