"""The project's historian: where it is, one exchange by command, and the steady one of a recorder.

The console works without it. While the historian is away everything is recorded as always and
waits in the store; when it answers again, what is new goes first and the backlog beside it.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec
import structlog

from lamplighter.domain import wire
from lamplighter.domain.city import Datastream
from lamplighter.domain.clock import Clock, SystemClock
from lamplighter.domain.exchange import ExchangeState, Poison, spans_missing
from lamplighter.domain.problems import LamplighterError, Problem, fault, problem
from lamplighter.exchange import Exchanger, HistorianConfig, Ledger, parted, shown
from lamplighter.exchange import prepare as prepare_tables
from lamplighter.runtime.intake import RecorderDoor, StoreDoor
from lamplighter.runtime.offline_audit import note
from lamplighter.runtime.older import first_point_ms, with_older
from lamplighter.runtime.project import opened
from lamplighter.runtime.received_edits import taker_alone, taker_beside
from lamplighter.runtime.secret_store import Secrets
from lamplighter.store import OutgoingStore, Store, WriteAccess

if TYPE_CHECKING:
    from lamplighter.runtime.recorder import Recorder

log = structlog.get_logger(__name__)
SETTING: Final = "historian"
PASSWORD: Final = "historian"
"""name of its password among the project's secrets"""
LIVE_S: Final = 0.25
RECEIVE_S: Final = 2.0
RETRY_S: Final = (0.5, 1.0, 2.0, 5.0, 10.0)
"""pauses between attempts while the historian is away"""
SHOWN_POISON: Final = 100
FIRST_POINT_MS: Final = 60_000
"""how long a datastream's first point is believed; only retention moves it"""


# ---------------------------------------------------------------------- where it is
def config_of(store: Store) -> HistorianConfig | None:
    """What the project has configured."""
    text = store.setting(SETTING)
    return msgspec.json.decode(text, type=HistorianConfig) if text else None


def configured(store: Store) -> tuple[HistorianConfig | None, str]:
    """The project's historian and its password; (None, "") without one."""
    config = config_of(store)
    return (config, Secrets(store.folder).get(PASSWORD)) if config is not None else (None, "")


def config_from(
    url: str, ca: str = "", cert: str = "", key: str = "", password_file: str = ""
) -> tuple[HistorianConfig, str]:
    """(configuration without a secret, the password the address held). Raises U-801."""
    clean, password = parted(url)
    full = [str(Path(f).resolve()) if f else "" for f in (ca, cert, key, password_file)]
    return HistorianConfig(clean, full[0], full[1], full[2], full[3]), password


def put_config(access: WriteAccess, config: HistorianConfig | None) -> None:
    """None: no historian any more."""
    if config is None:
        access.remove_setting(SETTING)
    else:
        access.put_setting(SETTING, msgspec.json.encode(config).decode())


def settled(project: Path, ask: wire.SetHistorian) -> HistorianConfig | None:
    """What is to be kept, with a password of the address moved into a file; None for `off`."""
    if ask.url == "off":
        return None
    config, password = config_from(ask.url, ask.ca, ask.cert, ask.key, ask.password_file)
    secrets = Secrets(project)
    if password:
        secrets.put(PASSWORD, password)
    else:
        secrets.drop(PASSWORD)
    return msgspec.structs.replace(config, receive=not ask.send_only)


def configure(project: Path, ask: wire.SetHistorian) -> str:
    """Keep the historian of a project without a recorder; returns its shown name."""
    with opened(project, write=True) as store:
        config = settled(store.folder, ask)
        store.writer.call(lambda access: put_config(access, config)).result()
        name = shown(config.url) if config else ""
        note(store.folder, "set the historian", name or "off")
    return name


def sync_config(store: Store, ask: wire.SyncHistorian) -> tuple[HistorianConfig, str]:
    """(what to exchange with, a password the address held)"""
    config, password = _wanted(store, ask.url, ask.ca, ask.cert, ask.key, ask.password_file)
    return msgspec.structs.replace(config, receive=not ask.send_only), password


def releasable(folder: Path, store: Store) -> int | None:
    """The last batch up to which everything has the historian's receipt; None without historian.

    Nothing after it may be released from the local store.
    """
    if config_of(store) is None:
        return None
    with contextlib.closing(Ledger(folder, read_only=True)) as ledger:
        spans = ledger.sent_anywhere()
    missing = spans_missing(spans, store.last_batch())
    return missing[0][0] - 1 if missing else store.last_batch()


# ---------------------------------------------------------------------- by command
def sync(
    project: Path,
    url: str,
    *,
    ca: str = "",
    cert: str = "",
    key: str = "",
    password_file: str = "",
    send_only: bool = False,
    say: Callable[[str], None],
) -> dict[str, Any]:
    """Exchange everything once, with no recorder running. Raises LamplighterError (N-330, A-403).

    Without `url` the project's own historian is meant.
    """
    with opened(project, write=True) as store:
        config, password = _wanted(store, url, ca, cert, key, password_file)
        config = msgspec.structs.replace(config, receive=not send_only)
        with _exchanger(store, config, password) as exchanger:
            return _once(exchanger, say)


def _wanted(
    store: Store, url: str, ca: str, cert: str, key: str, password_file: str
) -> tuple[HistorianConfig, str]:
    known = config_of(store)
    if not url:
        if known is None:
            raise fault(
                "U-801", what="this project has no historian; give --historian", name="sync"
            )
        return known, Secrets(store.folder).get(PASSWORD)
    config, password = config_from(url, ca, cert, key, password_file)
    if known is not None and known.url == config.url and not (ca or cert or password_file):
        return known, password or Secrets(store.folder).get(PASSWORD)
    return config, password


@contextlib.contextmanager
def _exchanger(store: Store, config: HistorianConfig, password: str) -> Iterator[Exchanger]:
    exchanger = Exchanger(
        config,
        store.folder,
        OutgoingStore(store),
        StoreDoor(store),
        SystemClock(),
        password=password,
        edits=taker_alone(store),
    )
    try:
        yield exchanger
    finally:
        exchanger.close()


def _once(exchanger: Exchanger, say: Callable[[str], None]) -> dict[str, Any]:
    exchanger.open()
    before = exchanger.state()
    exchanger.exchange(lambda waiting: say(f"{waiting} batches wait"))
    return outcome(before, exchanger.state(), exchanger.ledger)


def outcome(before: ExchangeState, after: ExchangeState, ledger: Ledger) -> dict[str, Any]:
    """What `sync --json` prints."""
    poison = ledger.poison(limit=SHOWN_POISON)
    return {
        "historian": after.name,
        "sent": after.sent - before.sent,
        "received": after.received - before.received,
        "receipts": after.receipts - before.receipts,
        "waiting": after.waiting,
        "poison": after.poison,
        "poison_shown": [msgspec.to_builtins(p) for p in poison],
    }


def prepare(
    url: str, *, ca: str = "", password_file: str = "", console: str = ""
) -> dict[str, Any]:
    """Make or extend the historian's tables, as its administrator."""
    config, password = config_from(url, ca, password_file=password_file)
    return prepare_tables(config, password, console)


def status(project: Path) -> dict[str, Any]:
    """How the exchange of a project stands, from its books."""
    with opened(project) as store:
        config = config_of(store)
        with contextlib.closing(Ledger(store.folder, read_only=True)) as ledger:
            spans = ledger.sent_anywhere()
            waiting = sum(b - a + 1 for a, b in spans_missing(spans, store.last_batch()))
            count, oldest = ledger.poison_count()
        return {
            "historian": shown(config.url) if config else "",
            "waiting_batches": waiting,
            "poison": count,
            "oldest_poison_ms": oldest,
        }


def poison_list(project: Path, limit: int = 1 << 30) -> list[dict[str, Any]]:
    """Everything the historian refused, the oldest first."""
    with (
        opened(project) as store,
        contextlib.closing(Ledger(store.folder, read_only=True)) as ledger,
    ):
        return [msgspec.to_builtins(p) for p in ledger.poison(limit=limit)]


def poison_delete(project: Path, numbers: list[int]) -> int:
    """Forget set-aside records; the observations themselves stay in the project."""
    with opened(project) as store, contextlib.closing(Ledger(store.folder)) as ledger:
        chosen = numbers or [p.n for p in ledger.poison(limit=1 << 30)]
        return ledger.drop_poison(chosen)


def poison_retry(project: Path, numbers: list[int], url: str = "") -> dict[str, int]:
    """Send set-aside records once more, with no recorder running."""
    with opened(project, write=True) as store:
        config, password = _wanted(store, url, "", "", "", "")
        with _exchanger(store, config, password) as exchanger:
            sent, refused = exchanger.retry(numbers or None)
    return {"sent": sent, "refused": refused}


# ---------------------------------------------------------------------- within the recorder
class HistorianDesk:
    """The steady exchange of a running recorder, on a thread of its own."""

    def __init__(self, recorder: Recorder, clock: Clock) -> None:
        self._recorder = recorder
        self._clock = clock
        self._stopping = threading.Event()
        self._wake = threading.Event()
        self._lock = threading.Lock()
        """held while something is exchanged: a command and the steady exchange take turns"""
        self._exchanger: Exchanger | None = None
        self._thread: threading.Thread | None = None
        self._problem: Problem | None = None
        self._told_poison = 0
        self._refused: Problem | None = None
        self._state = ExchangeState("")
        self._firsts: dict[int, tuple[int, int | None]] = {}
        """datastream -> (when it was looked up, the project's own first point)"""

    def start(self) -> None:
        """Begin when a historian is configured. Never raises: recording goes on without it."""
        self._thread = threading.Thread(target=self._run, name="historian", daemon=True)
        self._thread.start()

    def stop(self, deadline_s: float) -> None:
        """End within a chunk; what was not sent stays in the books and is sent next time."""
        self._stopping.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(deadline_s)

    def committed(self) -> None:
        """Something was stored."""
        self._wake.set()

    @property
    def state(self) -> ExchangeState:
        return self._state

    def use(self, config: HistorianConfig | None) -> None:
        """A new configuration: the present link ends, the next one is opened with it."""
        self._recorder.store.writer.call(lambda access: put_config(access, config)).result(30)
        with self._lock:
            self._close()
        self._wake.set()

    def once(self, config: HistorianConfig, password: str) -> dict[str, Any]:
        """One whole exchange on request, with the same or another historian."""
        with self._lock:
            exchanger = self._made(config, password)
            try:
                return _once(exchanger, lambda text: None)
            finally:
                exchanger.close()

    def older(
        self, stream: Datastream, series: wire.Series, from_ms: int, to_ms: int, points: int
    ) -> wire.Series:
        """`series` with what only the historian still has, while it is there to be asked."""
        if not self._state.connected:
            return series
        store, now = self._recorder.store, self._clock.monotonic_ms()
        asked_ms, first = self._firsts.get(stream.id, (0, None))
        if first is None or now - asked_ms > FIRST_POINT_MS:
            first = first_point_ms(store, stream.id)
            self._firsts[stream.id] = (now, first)
        if first is not None and first <= from_ms:
            return series
        config, password = configured(store)
        return with_older(store, stream, series, from_ms, to_ms, points, config, password, first)

    def retry(self, numbers: list[int]) -> tuple[int, int]:
        """Send set-aside records once more; (sent, refused). Raises LamplighterError."""
        config = config_of(self._recorder.store)
        if config is None:
            return 0, 0
        with self._lock:
            exchanger = self._made(config, Secrets(self._recorder.project).get(PASSWORD))
            try:
                return exchanger.retry(numbers or None)
            finally:
                exchanger.close()

    def refused(self, limit: int) -> list[Poison]:
        """Records that were set aside, the oldest first."""
        with contextlib.closing(Ledger(self._recorder.project, read_only=True)) as ledger:
            return ledger.poison(limit=limit)

    def forget(self, numbers: list[int]) -> int:
        """Forget refused records (none given: all); says how many."""
        with contextlib.closing(Ledger(self._recorder.project)) as ledger:
            found = ledger.drop_poison(numbers or [p.n for p in ledger.poison(limit=1 << 30)])
        self._wake.set()
        return found

    # ------------------------------------------------------------ the thread
    def _run(self) -> None:
        failures = 0
        received_at = -1e18
        while not self._stopping.is_set():
            pause = LIVE_S
            try:
                with self._lock:
                    more, received_at = self._step(received_at)
                failures = 0
                if more:
                    continue
            except LamplighterError as error:
                pause = RETRY_S[min(failures, len(RETRY_S) - 1)]
                failures += 1
                self._failed(error.problem)
            except Exception:
                log.exception("the exchange with the historian failed")
                pause = RETRY_S[-1]
                with self._lock:
                    self._close()
            if pause > LIVE_S:
                self._stopping.wait(pause)
            else:
                self._wake.wait(pause)
                self._wake.clear()
        with self._lock:
            self._close()

    def _step(self, received_at: float) -> tuple[bool, float]:
        """(whether to go on at once, when others' records were last taken in)"""
        config = config_of(self._recorder.store)
        if config is None:
            self._close()
            self._state = ExchangeState("")
            return False, received_at
        if self._exchanger is None or self._exchanger.config != config:
            self._close()
            self._exchanger = self._made(config, Secrets(self._recorder.project).get(PASSWORD))
        more = self._exchanger.send_some()
        now = self._clock.monotonic_ms() / 1000
        if config.receive and now - received_at >= RECEIVE_S:
            if self._exchanger.receive_page():
                more = True  # there may be further ones: look again at once
            else:
                received_at = now
        self._succeeded()
        return more, received_at

    def _made(self, config: HistorianConfig, password: str) -> Exchanger:
        store = self._recorder.store
        return Exchanger(
            config,
            store.folder,
            OutgoingStore(store),
            RecorderDoor(self._recorder, past=False),
            self._clock,
            password=password,
            cancelled=self._stopping.is_set,
            edits=taker_beside(self._recorder),
        )

    def _close(self) -> None:
        exchanger, self._exchanger = self._exchanger, None
        if exchanger is not None:
            exchanger.close()

    # ------------------------------------------------------------ what is told
    def _succeeded(self) -> None:
        assert self._exchanger is not None
        self._state = self._exchanger.state()
        if self._problem is not None:
            self._recorder.tell_over(self._problem)
            self._problem = None
        if self._state.poison > self._told_poison:
            if self._refused is not None:
                self._recorder.tell_over(self._refused)
            self._refused = problem("N-331", what=self._state.poison, name=self._state.name)
            self._recorder.tell(self._refused)
        elif not self._state.poison and self._refused is not None:
            self._recorder.tell_over(self._refused)
            self._refused = None
        self._told_poison = self._state.poison

    def _failed(self, found: Problem) -> None:
        if self._exchanger is not None:
            state = self._exchanger.state()
            self._state = msgspec.structs.replace(state, connected=False, problem=str(found))
        if self._problem is None or self._problem.text != found.text:
            log.warning("the historian is away", why=str(found))
            if self._problem is not None:
                self._recorder.tell_over(self._problem)
            self._problem = found
            self._recorder.tell(found)
