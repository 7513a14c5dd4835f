"""What every feed is: something that delivers raw messages and can be stopped."""

from __future__ import annotations

import ipaddress
import itertools
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple, Protocol
from urllib.parse import parse_qs, unquote, urlsplit, urlunsplit

from lamplighter.domain.field_message import RawMessage
from lamplighter.domain.problems import Problem, fault

_feed_numbers = itertools.count(1)
_loose = itertools.count(0)

Deliver = Callable[[RawMessage], bool]
"""Takes a message; False when there is no room now. Must not block."""
DeliverAll = Callable[[Sequence[RawMessage]], int]
"""Takes messages in their order and says how many; fewer when there is no room. Must not block."""

MASK: Final = "***"
_SECRET: Final = re.compile(
    r"((?:^|(?<=&))(?:password|passwd|pwd|token|access_token|api_?key|apikey|secret|auth|sig)=)"
    r"([^&]*)",
    re.IGNORECASE,
)
"""a secret in a query or fragment, by the names that are usual for them"""
KEEP_ALIVE_S: Final = 6.0
LOOPBACK_KEEP_ALIVE_S: Final = 2.0


@dataclass(slots=True)
class Counters:
    """What a feed has done since it was made."""

    messages: int = 0
    bytes: int = 0
    connects: int = 0
    losses: int = 0
    held: int = 0
    """messages waiting in the feed because the queue behind it is full"""
    last_message_ms: int = 0
    """wall time of the newest message, 0 = none"""
    protocol: str = ""
    """what the newest link spoke"""
    own_ends_ms: int = 0
    """wall time at which our certificate ends, 0 = none in use"""
    server_ends_ms: int = 0
    """wall time at which the server's certificate ends, 0 = not known"""

    @property
    def certificate(self) -> tuple[int, str]:
        """(end, whose) of the certificate that ends first; (0, "") when there is none."""
        ends = [(self.own_ends_ms, "ours"), (self.server_ends_ms, "server")]
        return min((e for e in ends if e[0]), default=(0, ""))


class Feed(Protocol):
    """A way values come in. All methods may be called from any thread."""

    id: str
    url: str
    counters: Counters

    @property
    def state(self) -> str:
        """connecting | live | lost | refused | off."""
        ...

    @property
    def problem(self) -> Problem | None:
        """What is wrong now, worded; None when nothing is."""
        ...

    def start(self) -> None: ...

    def ack(self, token: int) -> None:
        """The message with this ticket is on disk. A foreign or old ticket does nothing."""
        ...

    def publish_resend(self, source: str, epoch: int, first: int, last: int) -> bool:
        """Ask a source for messages again; False when that cannot be sent now."""
        ...

    def publish(self, topic: str, payload: bytes) -> bool:
        """Send to the field, not retained, QoS 1; False when it cannot be sent now."""
        ...

    def stop(self, deadline_s: float = 2.0) -> bool:
        """Deliver nothing more and end; False when it did not end in time."""
        ...


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """PEM files of a TLS feed. Without `ca` the system's authorities are trusted."""

    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None


@dataclass(frozen=True, slots=True)
class Login:
    """User name and password for the broker; the password is never printed."""

    user: str = ""
    password: str = field(default="", repr=False)


class Address(NamedTuple):
    """A broker's place."""

    host: str
    port: int
    tls: bool


def broker_address(url: str) -> Address:
    """`mqtt://host[:1883]` or `mqtts://host[:8883]`; raises U-801 for anything else."""
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        port = -1
    if parts.scheme not in ("mqtt", "mqtts") or not parts.hostname or port == -1:
        what = f"'{masked(url)}' is no broker address (mqtt://host:port)"
        raise fault("U-801", what=what, name="feed")
    tls = parts.scheme == "mqtts"
    return Address(parts.hostname, port or (8883 if tls else 1883), tls)


def share_group(url: str) -> str:
    """The group with which a broker feed shares its messages; empty: it gets them all.

    Raises U-801 for an option or a group that is none.
    """
    options = parse_qs(urlsplit(url).query, keep_blank_values=True)
    group = options.pop("share", [""])[-1]
    if options or set(group) & set("+#/\x00") or ("share=" in url and not group):
        what = f"'{masked(url)}' has an option that a broker feed does not know (share=GROUP)"
        raise fault("U-801", what=what, name="feed add")
    return group


def masked(url: str) -> str:
    """The address with `***` in place of its password and of secrets in its query."""
    try:
        parts = urlsplit(url)
        password = parts.password
    except ValueError:
        return "***"
    if password:
        place = parts.netloc.rindex("@")
        user = parts.netloc[:place].partition(":")[0]
        parts = parts._replace(netloc=f"{user}:{MASK}{parts.netloc[place:]}")
    query = _SECRET.sub(rf"\1{MASK}", parts.query)
    fragment = _SECRET.sub(rf"\1{MASK}", parts.fragment)
    if password or query != parts.query or fragment != parts.fragment:
        return urlunsplit(parts._replace(query=query, fragment=fragment))
    return url


def unmasked(url: str, known: str) -> str:
    """The address with its `***` filled from a known whole one."""
    parts, whole = urlsplit(url), urlsplit(known)
    if parts.password == MASK and whole.password is not None:
        place = parts.netloc.rindex("@")
        secret = whole.netloc[: whole.netloc.rindex("@")].partition(":")[2]
        netloc = parts.netloc[:place].partition(":")[0] + f":{secret}" + parts.netloc[place:]
        parts = parts._replace(netloc=netloc)
    before = {m[1]: m[2] for text in (whole.query, whole.fragment) for m in _SECRET.finditer(text)}

    def fill(match: re.Match[str]) -> str:
        return match[1] + (before.get(match[1], match[2]) if match[2] == MASK else match[2])

    query, fragment = _SECRET.sub(fill, parts.query), _SECRET.sub(fill, parts.fragment)
    return urlunsplit(parts._replace(query=query, fragment=fragment))


def login_of(url: str) -> Login:
    """The user and password a URL carries."""
    parts = urlsplit(url)
    return Login(unquote(parts.username or ""), unquote(parts.password or ""))


def is_loopback(host: str) -> bool:
    """True when the host is this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def next_feed_number() -> int:
    """A number no other feed of this process has; it leads the feed's tickets."""
    return next(_feed_numbers)


def loose_ticket() -> int:
    """A ticket for a message that needs no acknowledgement; it is nobody's and seen once."""
    return next(_loose)


def one_by_one(deliver: Deliver) -> DeliverAll:
    """For whoever takes a message at a time."""

    def deliver_all(messages: Sequence[RawMessage]) -> int:
        for at, message in enumerate(messages):
            if not deliver(message):
                return at
        return len(messages)

    return deliver_all


def keep_alive_for(host: str) -> float:
    """Seconds between signs of life: shorter on this machine."""
    return LOOPBACK_KEEP_ALIVE_S if is_loopback(host) else KEEP_ALIVE_S
