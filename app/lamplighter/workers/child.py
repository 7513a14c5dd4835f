"""One worker process as the pool sees it: start, order, listen, kill.

Two daemon threads per child read its answers and its log; all they do is put what they heard on
the pool's queue. A child that floods, lies about lengths or dies is reported once, as `Ended`.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, cast

from lamplighter.domain.clock import Clock
from lamplighter.workers.frames import (
    Begin,
    FrameError,
    FromWorker,
    Progress,
    one_line,
    pack,
    read_from_worker,
)

LOG_BYTES: Final = 4_000_000
"""a worker that writes more log than this is stopped"""
CLUSTER_TLS: Final = "DASK_DISTRIBUTED__COMM__TLS"
"""begin of the variables by which Dask is told its certificates"""
PROGRESS_PER_S: Final = 200
_KEPT: Final = (
    "PATH",
    "PYTHONPATH",
    "LD_LIBRARY_PATH",
    "LANG",
    "LC_ALL",
    "TZ",
    "SYSTEMROOT",
    "LAMPLIGHTER_RESOURCES",
)


@dataclass(frozen=True, slots=True)
class Heard:
    """A frame of a worker."""

    child: Child
    frame: FromWorker


@dataclass(frozen=True, slots=True)
class Ended:
    """A worker's pipe ended or it broke the protocol; `why` is empty when it just went."""

    child: Child
    why: str


class Child:
    """A started worker. `kind` and `reads` say what it may still be used for."""

    def __init__(
        self,
        command: Sequence[str],
        kind: str,
        cache: Path,
        clock: Clock,
        hear: Callable[[Heard | Ended], None],
        more: Sequence[str] = (),
    ) -> None:
        """Raises OSError when the program cannot be started."""
        self.kind = kind
        self.ready = False
        self.used = False
        self.reads: tuple[str, ...] = ()
        self.started_ms = clock.monotonic_ms()
        self.log: deque[str] = deque(maxlen=40)
        self.task_id = 0
        """the last task it was given; its log may still come when the answer is there"""
        self.fault = ""
        """why it was killed for what it did, in words"""
        self._clock = clock
        self._hear = hear
        work = cache / "work"
        work.mkdir(parents=True, exist_ok=True)
        self.scratch = Path(tempfile.mkdtemp(prefix=f"{os.getpid()}-{kind}-", dir=work))
        try:
            self._process = subprocess.Popen(
                [
                    *command,
                    "worker",
                    kind,
                    "--cache",
                    str(cache),
                    "--scratch",
                    str(self.scratch),
                    *more,
                ],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=_environment(self.scratch, kind),
                start_new_session=sys.platform != "win32",
            )
        except OSError:
            shutil.rmtree(self.scratch, ignore_errors=True)
            raise
        self._threads = [
            threading.Thread(target=t, name=f"worker-{kind}-{n}", daemon=True)
            for n, t in (("answers", self._listen), ("log", self._read_log))
        ]
        for thread in self._threads:
            thread.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def order(self, begin: Begin) -> None:
        """Send the order. Raises FrameError when it is too large, OSError when nobody listens."""
        pipe = cast(BinaryIO, self._process.stdin)
        pipe.write(pack(begin))
        pipe.flush()

    def ask_to_end(self) -> None:
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it and everything it started, at once."""
        self._signal(signal.SIGKILL if sys.platform != "win32" else signal.SIGTERM)

    def _signal(self, number: signal.Signals) -> None:
        if self._process.poll() is not None and sys.platform == "win32":
            return
        try:
            if sys.platform == "win32":
                self._process.terminate()
            else:
                os.killpg(self._process.pid, number)
        except (ProcessLookupError, PermissionError):
            pass

    def fate(self, wait_s: float = 1.0) -> str:
        """Collect the process and say in words how it ended. Kills it when it is still there."""
        try:
            code = self._process.wait(wait_s)
        except subprocess.TimeoutExpired:
            self.kill()
            code = self._process.wait()
        self._signal(signal.SIGKILL if sys.platform != "win32" else signal.SIGTERM)
        if code >= 0:
            return f"its process ended by itself with code {code}"
        if -code == getattr(signal, "SIGXCPU", 0):
            return "it used up its processor time"
        if -code == getattr(signal, "SIGXFSZ", 0):
            return "it wrote too large a file"
        return f"its process was ended by {signal.Signals(-code).name}"

    def close(self, join_s: float = 1.0) -> None:
        """Close pipes, end the listening threads and remove the scratch folder."""
        for pipe in (self._process.stdin,):
            try:
                if pipe is not None:
                    pipe.close()
            except OSError:
                pass
        for thread in self._threads:
            thread.join(join_s)
        if not any(t.is_alive() for t in self._threads):
            for pipe_out in (self._process.stdout, self._process.stderr):
                if pipe_out is not None:
                    pipe_out.close()
        shutil.rmtree(self.scratch, ignore_errors=True)

    def _listen(self) -> None:
        stream = cast(BinaryIO, self._process.stdout)
        window_ms, count = self._clock.monotonic_ms(), 0
        why = ""
        try:
            while (frame := read_from_worker(stream)) is not None:
                if isinstance(frame, Progress):
                    count += 1
                    now = self._clock.monotonic_ms()
                    if now - window_ms > 1000:
                        window_ms, count = now, 0
                    elif count > PROGRESS_PER_S:
                        raise FrameError("more messages than anybody can read")
                self._hear(Heard(self, frame))
        except FrameError as error:
            why = f"it sent {error}"
            self.kill()
        except (OSError, ValueError):
            why = "its answers could not be read"
        self._hear(Ended(self, why))

    def _read_log(self) -> None:
        stream = cast(BinaryIO, self._process.stderr)
        taken, rest = 0, b""
        try:
            while piece := os.read(stream.fileno(), 65536):
                taken += len(piece)
                if taken > LOG_BYTES:
                    self.fault = f"it wrote more than {LOG_BYTES:,} bytes of log"
                    self.kill()
                    return
                *lines, rest = (rest + piece).split(b"\n")
                rest = rest[-400:]
                self.log.extend(one_line(line.decode("utf-8", "replace")) for line in lines[-40:])
        except (OSError, ValueError):
            pass


def clear_leftovers(cache: Path) -> None:
    """Remove the scratch folders of programs that were killed before they could."""
    if sys.platform == "win32" or not (cache / "work").is_dir():
        return
    for folder in (cache / "work").iterdir():
        owner = folder.name.partition("-")[0]
        if owner.isdigit() and not _is_alive(int(owner)):
            shutil.rmtree(folder, ignore_errors=True)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _environment(scratch: Path, kind: str) -> dict[str, str]:
    """What a worker may know: where libraries lie and nothing that could be a secret.

    The one that speaks to a cluster also learns where its certificate lies.
    """
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    if kind == "cluster":
        kept |= {n: v for n, v in os.environ.items() if n.startswith(CLUSTER_TLS)}
    return kept | {
        "HOME": str(scratch),
        "TMPDIR": str(scratch),
        # one thread each: beside a busy core, threads that wait for each other wait for seconds
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "LOKY_MAX_CPU_COUNT": "1",
        "MALLOC_ARENA_MAX": "2",
        "PROJ_NETWORK": "OFF",
        "PYTHONUTF8": "1",
        "PYTHONHASHSEED": "0",
    }
