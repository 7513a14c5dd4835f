"""Everything that is set aside or refused, kept with its reason and counted; nothing vanishes.

Bodies are kept for the first thousand of each kind of fault; after that only counts grow, so a
broken device cannot fill the disk with its garbage.
"""

from __future__ import annotations

from collections import Counter
from typing import Final

from lamplighter.domain.field_message import RawMessage
from lamplighter.domain.observation import MAX_MESSAGE_BYTES, Quarantined
from lamplighter.domain.problems import Problem, problem
from lamplighter.pipeline.careful import Fault, PointFault, storable
from lamplighter.pipeline.registry import Registry

BODIES_KEPT: Final = 1_000
NOTICES_AT_ONCE: Final = 200


class Notices:
    """Faults to show, each worded once and counted while it repeats."""

    def __init__(self) -> None:
        self._counts: dict[tuple[str, str], tuple[Problem, int]] = {}

    def add(self, code: str, key: str, **values: object) -> None:
        """Count the fault `code` of `key` (a source or topic); worded when it is first seen."""
        known = self._counts.get((code, key))
        if known is not None:
            self._counts[(code, key)] = (known[0], known[1] + 1)
        elif len(self._counts) < NOTICES_AT_ONCE:
            self._counts[(code, key)] = (problem(code, **values), 1)

    def take(self) -> list[tuple[Problem, int]]:
        """What happened since the last call, with how often."""
        found = list(self._counts.values())
        self._counts.clear()
        return found


class Aside:
    """What one batch sets aside and refuses."""

    def __init__(self, registry: Registry, notices: Notices) -> None:
        self._registry = registry
        self._notices = notices
        self._kept: Counter[str] = Counter()
        self._records: list[Quarantined] = []
        self._refused: Counter[int] = Counter()
        self._tokens: list[int] = []

    def message(self, message: RawMessage, source: int, fault: Fault, name: str = "") -> None:
        """Set a whole message aside; it counts as one point. `name` is how it is called."""
        topic = shown(message.topic)
        name = name or self._registry.source_name(source) or topic
        self._notices.add(fault.code, name, name=name, topic=topic, what=fault.what)
        text = problem(fault.code, name=name, topic=topic, what=fault.what).text
        body = message.payload[:MAX_MESSAGE_BYTES]
        self.put(source, topic, message.received_ms, fault.code, text, body, token=message.token)

    def point(self, message: RawMessage, source: int, sender: str, fault: PointFault) -> None:
        """Set one point of a message aside."""
        name = sender if fault.name == "?" else fault.name
        topic = shown(message.topic)
        self._notices.add(fault.code, f"{sender}/{name}", name=name, topic=topic, what=fault.what)
        text = problem(fault.code, name=name, topic=topic, what=fault.what).text
        self.put(
            source, topic, message.received_ms, fault.code, text, fault.body, token=message.token
        )

    def refuse_message(self, message: RawMessage, source: int, name: str, why: str) -> None:
        """Turn a whole message away; it counts as one point."""
        self.refuse(source, 1, message.token)
        self._notices.add("D-109", name, topic=shown(message.topic), what=why, name=name)

    def too_large(self, message: RawMessage, source: int, name: str) -> bool:
        """Refuse the message when it is larger than a message may be; True when it was."""
        size = max(message.size, len(message.payload))
        if size > MAX_MESSAGE_BYTES:
            why = f"it has {size / 1e6:.1f} MB, the limit is 1 MB"
            self.refuse_message(message, source, name, why)
        return size > MAX_MESSAGE_BYTES

    def put(
        self,
        source: int,
        topic: str,
        received_ms: int,
        code: str,
        reason: str,
        body: bytes,
        *,
        points: int = 1,
        token: int = -1,
    ) -> None:
        """Set something aside with the reason a person will read.

        `token`: of the message it is, or is a part of.
        """
        self._kept[code] += 1
        if self._kept[code] > BODIES_KEPT:
            body = b""
        self._records.append(
            Quarantined(source, topic, received_ms, code, reason, body, points, token)
        )

    def refuse(self, source: int, points: int, token: int = -1) -> None:
        """Turned away by policy; `token` when the whole message was."""
        self._refused[source] += points
        self.settle(token)

    def settle(self, token: int) -> None:
        """A ticket of a message that leaves no row of its own."""
        if token >= 0:
            self._tokens.append(token)

    def bodies_freed(self) -> None:
        """Rows left the quarantine: bodies are handed on again, the store knows its own limit."""
        self._kept.clear()

    def take(
        self,
    ) -> tuple[tuple[Quarantined, ...], tuple[tuple[int, int], ...], tuple[int, ...]]:
        """(set aside, refused points per source, tickets) since the last call."""
        out = tuple(self._records), tuple(self._refused.items()), tuple(self._tokens)
        self._records, self._tokens = [], []
        self._refused.clear()
        return out


def shown(topic: str | bytes) -> str:
    """A topic as text that can be stored and shown."""
    if isinstance(topic, bytes):
        return topic.decode("utf-8", "replace")[:400]
    return storable(topic)[0][:400]
