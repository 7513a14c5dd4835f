"""The certificates of one broker link: checked before use, watched, renewed without a restart.

New files are tried out with a handshake of their own before the running link is given up for
them, so a half-copied or wrong set of files costs nothing but a warning.
"""

from __future__ import annotations

import ssl
from typing import Final

from lamplighter.domain.clock import Clock
from lamplighter.domain.problems import LamplighterError, Problem
from lamplighter.sources.certificates import Own, Stamp, ending, own_certificate, stamp
from lamplighter.sources.feed import Address, Counters, TlsFiles
from lamplighter.sources.tls import context_for, probe

TRY_AGAIN_MS: Final = 10_000


class Security:
    """Belongs to one feed. `context` on the receiving thread, `renewed` on the watcher's."""

    def __init__(self, files: TlsFiles, address: Address, clock: Clock, counters: Counters) -> None:
        self._files = files
        self._address = address
        self._clock = clock
        self._counters = counters
        self._used: Stamp = ()
        self._tried: Stamp = ()
        self._tried_ms = 0
        self._against: Problem | None = None
        self.own: Own | None = None
        """our certificate, as last found usable"""

    def context(self) -> ssl.SSLContext | None:
        """For a new link; None without TLS. Raises LamplighterError (N-303, N-304)."""
        if not self._address.tls:
            return None
        mark = stamp(self._files)
        self.own = own_certificate(self._files, self._clock.wall_ms())
        self._counters.own_ends_ms = self.own.ends_ms if self.own is not None else 0
        context = context_for(self._files)
        self._used, self._against = mark, None
        return context

    def connected(self, server_ends_ms: int) -> None:
        """A link is up; the server's certificate ends then."""
        self._counters.server_ends_ms = server_ends_ms

    @property
    def warning(self) -> Problem | None:
        """What is wrong with new files, or which certificate ends soon; None when nothing."""
        if not self._address.tls:
            return None
        ends, whose = self._counters.certificate
        name = "this console" if whose == "ours" else self._address.host
        return self._against or ending(ends, self._clock.wall_ms(), name)

    def renewed(self) -> bool:
        """True when the files changed and the broker takes the new ones: make a new link."""
        if not self._address.tls:
            return False
        mark = stamp(self._files)
        if mark == self._used:
            self._against = None
            return False
        now = self._clock.monotonic_ms()
        if mark == self._tried and now - self._tried_ms < TRY_AGAIN_MS:
            return False
        self._tried, self._tried_ms = mark, now
        try:
            own = own_certificate(self._files, self._clock.wall_ms())
            context = context_for(self._files)
        except LamplighterError as error:
            self._against = error.problem
            return False
        self._against = probe(context, self._address.host, self._address.port, own)
        return self._against is None
