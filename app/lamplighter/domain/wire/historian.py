"""The exchange with the historian, and the past that is brought in."""

from __future__ import annotations

from lamplighter.domain.exchange import ExchangeState, Poison
from lamplighter.domain.past_draft import PastDraft
from lamplighter.domain.wire.message import Message
from lamplighter.domain.wire.trial import PreviewRow


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
    bindings: tuple[tuple[str, str, str], ...] = ()
    """(datastream, asset, unit) of those that shall hang on an asset when they are in; those bound
    already stay as they are"""


class LookAtPast(Message, frozen=True):
    """The first rows of a file of the past, and what they would become. Answered by PastLook;
    nothing is stored.
    """

    path: str
    kind: str = ""
    """one of `past_draft.KINDS`; empty: found out"""
    mapping: str = ""
    """text of the TOML mapping; empty: one is proposed"""


class PastLook(Message, frozen=True):
    """A file of the past as far as it was looked at."""

    path: str
    size: int
    """bytes"""
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    """the first ones, as text"""
    looked_at: int
    """rows that `values` and `set_aside` speak of"""
    kind: str
    own: bool
    """our own export: it needs no mapping"""
    draft: PastDraft | None
    """the proposal; None where a mapping was given or none is needed"""
    mapping: str
    """text of what was used"""
    values: tuple[PreviewRow, ...]
    """datastreams with their newest value; of failures and work orders each one"""
    set_aside: tuple[tuple[str, int], ...]
    """reason and rows"""
    problem: str = ""
    """why the mapping cannot be used"""


Request = (
    DropPoison | ImportPast | LookAtPast | SyncHistorian | SetHistorian | GetExchange | RetryPoison
)
Reply = HistorianSynced | Exchange | PastLook
