"""The exchange with the historian, and the past that is brought in."""

from __future__ import annotations

from lamplighter.domain.exchange import ExchangeState, Poison
from lamplighter.domain.wire.message import Message


class SyncHistorian(Message, frozen=True):
    """Exchange everything once. Answered by HistorianSynced when it is done."""

    url: str = ""
    """empty: the project's own historian"""
    ca: str = ""
    cert: str = ""
    key: str = ""
    password_file: str = ""
    send_only: bool = False


class HistorianSynced(Message, frozen=True):
    historian: str
    sent: int = 0
    received: int = 0
    receipts: int = 0
    waiting: int = 0
    poison: int = 0
    poison_shown: tuple[Poison, ...] = ()


class SetHistorian(Message, frozen=True):
    """The historian the recorder exchanges with all the time; `off` for none."""

    url: str
    ca: str = ""
    cert: str = ""
    key: str = ""
    password_file: str = ""
    send_only: bool = False


class GetExchange(Message, frozen=True):
    """How the exchange stands, with at most so many refused records."""

    poison: int = 0


class Exchange(Message, frozen=True):
    state: ExchangeState
    poison: tuple[Poison, ...] = ()


class RetryPoison(Message, frozen=True):
    """Send what the historian refused once more; no numbers: everything."""

    numbers: tuple[int, ...] = ()


class DropPoison(Message, frozen=True):
    """Forget refused records; their values stay in the project. No numbers: all of them."""

    numbers: tuple[int, ...] = ()


class ImportPast(Message, frozen=True):
    """Bring in observations, failures or work orders of the past. Answered by TaskStarted, then
    ImportDone.
    """

    paths: tuple[str, ...]
    mapping: str = ""
    """text of the TOML mapping; empty for our own export"""
    name: str = "mapping"
    again: bool = False


Request = DropPoison | ImportPast | SyncHistorian | SetHistorian | GetExchange | RetryPoison
Reply = HistorianSynced | Exchange
