"""One thread owns the writing connections; everyone else hands it batches or functions.

Batches go through the ordinary lane in order; functions (alarms, edits, commands) through a
priority lane, each in its own transaction. A full disk stops neither the thread nor the order:
the batch waits, its sender is told, and it is tried again until there is room.
"""

from __future__ import annotations

import contextlib
import logging
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar

from lamplighter.domain.clock import Clock, iso
from lamplighter.domain.observation import Batch, Committed
from lamplighter.domain.problems import LEFT_DAMAGED, LamplighterError, fault
from lamplighter.store.access import WriteAccess
from lamplighter.store.commit import Committer
from lamplighter.store.connections import SYNCHRONOUS, is_damaged, is_full, open_writing
from lamplighter.store.damage import SetAside, damaged_files, set_aside
from lamplighter.store.facts import FactLog, last_number
from lamplighter.store.folder import CITY, HISTORY
from lamplighter.store.folding import Folding
from lamplighter.store.registry import Registry
from lamplighter.store.rollup import Roller
from lamplighter.store.verify import missing
from lamplighter.store.witness import BATCHES, FACTS, Witness, last_seen

T = TypeVar("T")


class Room(Protocol):
    """Disk space kept for small writes that must not fail."""

    def release(self, keep: int = 0) -> bool:
        """Give some of it back to the disk; False when no more than `keep` bytes would be left."""
        ...

    def refill(self) -> bool:
        """Take it back; says whether it is whole."""
        ...

    @property
    def size(self) -> int: ...


OnDone = Callable[[Committed | BaseException], None]
RETRY_S: Final = 1.0
MENDS: Final = 3
_IDLE_S: Final = 0.25
_CHORE_S: Final = 0.1


class _Waiting:
    __slots__ = ("batch", "done", "since", "told")

    def __init__(self, batch: Batch, done: OnDone) -> None:
        self.batch = batch
        self.done = done
        self.since = time.monotonic()
        self.told = False


class Writer:
    """See the module. Made by `Store.open(write=True)`."""

    def __init__(self, folder: Path, clock: Clock, synchronous: str = SYNCHRONOUS) -> None:
        self._clock = clock
        self._folder = folder
        self._synchronous = synchronous
        self._open_files()
        self._batch_witness = Witness(folder, BATCHES)
        self._fact_witness = Witness(folder, FACTS)
        self._note_missing()
        self.on_damage: Callable[[list[SetAside]], None] = lambda found: None
        """told, on the writer's thread, when a damaged file was set aside and writing went on"""
        self._mended = 0
        self._doubted = False
        self._batches: deque[_Waiting] = deque()
        self._calls: deque[tuple[Callable[[WriteAccess], Any], Future[Any]]] = deque()
        self._kept: deque[Callable[[WriteAccess], Any]] = deque()
        self._kept_given = self._kept_done = 0
        self.room: Room | None = None
        """space that calls may use on a full disk; batches wait until it is whole again"""
        self._chores: deque[tuple[Callable[[sqlite3.Connection], Any], Future[Any]]] = deque()
        self._chore_done = 0.0
        self._wake = threading.Condition()
        self._stopping = False
        self._deadline = float("inf")
        self._points = 0
        self._took_ms = 0.0
        self._full_since: int | None = None
        self._folding = Folding(folder)
        self._thread = threading.Thread(target=self._run, name="store-writer", daemon=True)
        self._thread.start()

    def _open_files(self) -> None:
        folder, synchronous = self._folder, self._synchronous
        self._history = open_writing(folder / HISTORY, synchronous)
        self._city = open_writing(folder / CITY, synchronous)
        self._registry = Registry(self._history)
        self._log = FactLog(self._city)
        self._committer = Committer(self._history, self._clock, self._registry)
        # a number that was given once is never given again, not even when its batch is lost
        self._committer.number = max(self._committer.number, last_seen(folder, BATCHES))
        self._roller = Roller(self._history, self._committer.number)

    # ------------------------------------------------------------ from any thread
    def submit(self, batch: Batch, on_done: OnDone) -> None:
        """Queue a batch. `on_done` is called on the writer's thread: once with `Committed`, or
        with an exception. The fault A-401 (no space) is told at once and is not the end: the
        batch stays first in the queue and `on_done` is called again when it is stored. So is
        A-402 while a damaged file finds no room aside.
        """
        with self._wake:
            if self._stopping:
                raise RuntimeError("the writer has stopped")
            self._batches.append(_Waiting(batch, on_done))
            self._points += len(batch.points)
            self._wake.notify()

    def call(self, work: Callable[[WriteAccess], T]) -> Future[T]:
        """Run `work` on the writer's thread in its own transaction, before waiting batches.

        The future fails with what `work` raised (nothing is written then), or with A-401.
        """
        future: Future[T] = Future()
        with self._wake:
            if self._stopping:
                raise RuntimeError("the writer has stopped")
            self._calls.append((work, future))
            self._wake.notify()
        return future

    def keep(self, work: Callable[[WriteAccess], Any]) -> None:
        """Like `call` for facts nobody waits for: on a full disk they wait in order, not lost.

        What fails for another reason is logged and dropped.
        """
        with self._wake:
            if self._stopping:
                raise RuntimeError("the writer has stopped")
            self._kept.append(work)
            self._kept_given += 1
            self._wake.notify()

    def settled(self, deadline_s: float) -> bool:
        """Wait until every fact given to `keep` so far is on disk; False when it took too long."""
        wanted, end = self._kept_given, time.monotonic() + deadline_s
        while self._kept_done < wanted:
            if time.monotonic() > end:
                return False
            time.sleep(0.002)
        return True

    def doubt(self) -> None:
        """Somebody could not read a file: look at both, and set aside what is damaged."""
        with self._wake:
            self._doubted = True
            self._wake.notify()

    def chore(self, work: Callable[[sqlite3.Connection], T], wait_s: float = 60.0) -> T:
        """Have `work` done on history.db between batches, on the writer's thread, and wait for it.

        For housekeeping in short steps; `work` begins and ends its transactions itself. Raises
        what `work` raised, or CancelledError when the writer ended first.
        """
        future: Future[T] = Future()
        with self._wake:
            if self._stopping:
                raise CancelledError("the writer has stopped")
            self._chores.append((work, future))
            self._wake.notify()
        try:
            return future.result(wait_s)
        finally:
            future.cancel()  # what was not begun in time is not done later either

    def flush(self, wait_s: float = 60.0) -> None:
        """Have the derived runs, cells and key-frame of all that is stored written now."""
        self.chore(lambda _: self._roller.flush(), wait_s)

    @property
    def number(self) -> int:
        """The last stored batch."""
        return self._committer.number

    @property
    def queue_points(self) -> int:
        return self._points

    @property
    def lag_ms(self) -> float:
        """Age of the oldest waiting batch, or how long the last commit took."""
        with self._wake:
            oldest = self._batches[0].since if self._batches else None
        waited = 0.0 if oldest is None else (time.monotonic() - oldest) * 1000
        return max(waited, self._took_ms)

    @property
    def full_since_ms(self) -> int | None:
        """Wall time since when nothing could be written, None while all is well."""
        return self._full_since

    def stop(self, deadline_s: float = 10) -> bool:
        """Write what waits, then end; says whether it has. What is not written by the deadline was
        never acknowledged: its `on_done` gets a `CancelledError`.
        """
        with self._wake:
            self._stopping = True
            self._deadline = time.monotonic() + deadline_s
            self._wake.notify()
        if threading.current_thread() is not self._thread:
            self._thread.join(deadline_s + 5)
        return not self._thread.is_alive()

    # ------------------------------------------------------------ the thread
    def _run(self) -> None:
        try:
            while self._step():
                pass
            self._idle(last=True)
        finally:
            self._close()

    def _step(self) -> bool:
        if self._doubted:
            self._doubted = False
            self._mend()
        with self._wake:
            if not (self._calls or self._kept or self._batches or self._chores or self._stopping):
                self._wake.wait(_IDLE_S)
            call = self._calls.popleft() if self._calls else None
            kept = self._kept[0] if self._kept and call is None else None
            chore = self._next_chore() if call is None and kept is None else None
            free = call is None and kept is None and chore is None
            waiting = self._batches[0] if self._batches and free else None
            stopping = self._stopping
        if stopping and time.monotonic() > self._deadline:
            if call is not None:
                call[1].cancel()
            return False
        if call is not None:
            self._do_call(*call)
        elif kept is not None:
            self._do_kept(kept)
        elif chore is not None:
            self._do_chore(*chore)
        elif waiting is not None:
            self._do_batch(waiting)
        elif stopping:
            return False
        else:
            self._idle()
        if waiting is not None or not free:
            self._folding.written((self._history, self._city))
        return True

    def _do_batch(self, waiting: _Waiting) -> None:
        started = time.monotonic()
        result: Committed | BaseException
        if not self._has_room():
            self._tell_full(waiting)
            return
        try:
            result = self._committer.commit(waiting.batch)
        except sqlite3.Error as error:
            if is_full(error):
                self._tell_full(waiting)
                return
            if is_damaged(error) and self._mend():
                return  # the batch is still first in the queue
            result = self._fault(error)
        except Exception as error:
            result = error
        else:
            self._full_since = None
            self._took_ms = (time.monotonic() - started) * 1000
        with self._wake:
            self._batches.popleft()
            self._points -= len(waiting.batch.points)
        _tell(waiting.done, result)
        if isinstance(result, Committed):
            self._batch_witness.write(result.number)
            self._roller.add(result.number, result.points)
            if self._roller.due:
                self._guarded(self._roller.flush)

    def _has_room(self) -> bool:
        """False while the disk is known to be full and the room of the calls is not whole."""
        return self._full_since is None or self.room is None or self.room.refill()

    def _note_full(self) -> None:
        if self._full_since is None:
            self._full_since = self._clock.wall_ms()

    def _tell_full(self, waiting: _Waiting) -> None:
        self._note_full()
        if not waiting.told:
            waiting.told = True
            _tell(waiting.done, self._full_fault())
        self._wait_for_room()

    def _wait_for_room(self) -> None:
        with self._wake:
            if not self._calls and not self._stopping:
                self._wake.wait(RETRY_S)
        if self._stopping:
            time.sleep(0.05)

    def _full_fault(self) -> LamplighterError:
        return fault("A-401", what=iso(self._full_since or self._clock.wall_ms()))

    def _fault(self, error: sqlite3.Error) -> BaseException:
        if is_full(error):
            return self._full_fault()
        if is_damaged(error):
            return fault("A-402", what=str(error), still=LEFT_DAMAGED)
        return error

    def _do_call(self, work: Callable[[WriteAccess], Any], future: Future[Any]) -> None:
        if not future.set_running_or_notify_cancel():
            return
        while True:
            try:
                result = self._transaction(work)
            except BaseException as error:
                full = isinstance(error, sqlite3.Error) and is_full(error)
                if full:
                    self._note_full()
                    if self.room is not None and self.room.release(keep=self.room.size // 2):
                        continue
                if isinstance(error, sqlite3.Error) and is_damaged(error) and self._mend():
                    continue
                future.set_exception(
                    self._fault(error) if isinstance(error, sqlite3.Error) else error
                )
            else:
                future.set_result(result)
            return

    def _do_kept(self, work: Callable[[WriteAccess], Any]) -> None:
        try:
            self._transaction(work)
        except Exception as error:
            if isinstance(error, sqlite3.Error) and is_full(error):
                self._note_full()
                self._wait_for_room()
                return
            if isinstance(error, sqlite3.Error) and is_damaged(error) and self._mend():
                return
            logging.getLogger(__name__).exception("facts were not written")
        with self._wake:
            self._kept.popleft()
            self._kept_done += 1

    def _transaction(self, work: Callable[[WriteAccess], T]) -> T:
        access = WriteAccess(
            self._city,
            self._log,
            self._registry,
            self._clock,
            self._committer.number,
            self._promised,
            self._committer.drop_aside,
        )
        try:
            self._history.execute("BEGIN IMMEDIATE")
            self._city.execute("BEGIN IMMEDIATE")
            result = work(access)
            self._history.execute("COMMIT")
            self._city.execute("COMMIT")
        except BaseException:
            for sql in (self._history, self._city):
                if sql.in_transaction:
                    with contextlib.suppress(sqlite3.Error):
                        sql.execute("ROLLBACK")
            self._registry.reload()
            self._log.reload()
            raise
        self._fact_witness.write(last_number(self._city))
        return result

    def _next_chore(self) -> tuple[Callable[[sqlite3.Connection], Any], Future[Any]] | None:
        """Housekeeping gives way to batches, but not for ever."""
        if not self._chores or self._stopping:
            return None
        if self._batches and time.monotonic() - self._chore_done < _CHORE_S:
            return None
        return self._chores.popleft()

    def _do_chore(self, work: Callable[[sqlite3.Connection], Any], future: Future[Any]) -> None:
        if not future.set_running_or_notify_cancel():
            return
        try:
            result = work(self._history)
        except BaseException as error:
            future.set_exception(self._fault(error) if isinstance(error, sqlite3.Error) else error)
        else:
            future.set_result(result)
        self._chore_done = time.monotonic()

    def _promised(self) -> list[Batch]:
        with self._wake:
            return [w.batch for w in self._batches]

    # ------------------------------------------------------------ housekeeping
    def _note_missing(self) -> None:
        """Remember damage found at opening: the next commit would cover its trace."""
        for text in missing(self._history, self._city, self._folder):
            with contextlib.suppress(sqlite3.Error):
                self._history.execute(
                    "INSERT OR IGNORE INTO about VALUES(?, ?)", (f"missing {text}", text)
                )

    def _idle(self, last: bool = False) -> None:
        if last:
            self._guarded(self._roller.close)
        if self._full_since is not None and not last and self._has_room():
            self._full_since = None
        self._folding.idle((self._history, self._city), last)

    def _guarded(self, work: Callable[[], None]) -> None:
        """Derived data: when it cannot be written now it is written later."""
        try:
            work()
        except sqlite3.Error as error:
            if is_damaged(error):
                self._mend()

    def _mend(self) -> bool:
        """Set damaged files aside and go on in new ones; says whether any was.

        Only a few times: what does not help is told as a fault.
        """
        if self._mended >= MENDS:
            return False
        self._mended += 1
        before, found = self._registry, self._set_aside()
        while not self._reopened():
            found += self._set_aside()
        with contextlib.suppress(sqlite3.Error):
            self._registry.take_over(before)
        if found:
            self.on_damage(found)
        return bool(found)

    def _set_aside(self) -> list[SetAside]:
        """Close both files and set aside what is damaged, as far as there is room."""
        for sql in (self._history, self._city):
            with contextlib.suppress(sqlite3.Error):
                sql.close()
        found: list[SetAside] = []
        try:
            names = damaged_files(self._folder) or damaged_files(self._folder, thorough=True)
            found.extend(set_aside(self._folder, name) for name in names)
        except (OSError, sqlite3.Error):
            logging.getLogger(__name__).exception("a damaged file could not be set aside")
        return found

    def _reopened(self) -> bool:
        """Whether the files could be opened; else who waits is told, after a while it is tried
        again. Raises sqlite3.Error when the writer is to end.
        """
        try:
            self._open_files()
        except sqlite3.Error as error:
            with self._wake:
                first = self._batches[0] if self._batches else None
                if self._stopping:
                    raise
            if first is not None and not first.told:
                first.told = True
                _tell(first.done, self._waits_for(error))
            time.sleep(RETRY_S)
            return False
        return True

    def _waits_for(self, error: sqlite3.Error) -> LamplighterError:
        """What to tell while a damaged file can be neither opened nor set aside."""
        still = "What comes in waits; free space on the disk, or restore a backup."
        return fault("A-402", what=str(error), still=still)

    def _close(self) -> None:
        with self._wake:
            left, self._batches = list(self._batches), deque()
            calls, self._calls = list(self._calls), deque()
            chores, self._chores = list(self._chores), deque()
            self._points = 0
            self._stopping = True
        for waiting in left:
            _tell(waiting.done, CancelledError("the writer was stopped before this was stored"))
        for _, future in (*calls, *chores):
            future.cancel()
        self._batch_witness.close()
        self._fact_witness.close()
        for sql in (self._history, self._city):
            with contextlib.suppress(sqlite3.Error):
                sql.close()


def _tell(done: OnDone, result: Committed | BaseException) -> None:
    """A listener that fails must not end the recording."""
    try:
        done(result)
    except Exception:
        logging.getLogger(__name__).exception("a listener of the writer failed")
