"""A broker's reasons in words: what it means for who has to mend it."""

from __future__ import annotations

from typing import Any, Final

_WORDS: Final = {
    0x80: "it gives no reason",
    0x81: "it cannot read what this console sends",
    0x82: "it sees a fault in the protocol",
    0x83: "it does not support something this console needs",
    0x84: "it does not speak this version of MQTT",
    0x85: "it does not allow this console's client id",
    0x86: "the user name or the password is wrong",
    0x87: "this login has no access; check user name, password and rights",
    0x88: "it is not ready for clients now",
    0x89: "it has too much to do now",
    0x8A: "it has banned this console",
    0x8B: "it is shutting down",
    0x8C: "it wants another way of logging in",
    0x8D: "it did not hear from this console for too long",
    0x8E: "another client with the same name took over",
    0x8F: "it does not allow a topic this feed needs",
    0x93: "it says this console got more than it had room for",
    0x95: "a message was too large for it",
    0x96: "it says this console sends too often",
    0x97: "this login has used up its quota",
    0x98: "its administrator ended the connection",
    0x9A: "it does not allow retained messages",
    0x9B: "it does not allow this quality of service",
    0x9C: "it says to use another server",
    0x9D: "it has moved to another server",
    0x9E: "it does not allow shared subscriptions",
    0x9F: "it was connected to too often; it is tried again more slowly",
    0xA2: "it does not allow wildcards in topics",
}


def words_of(reason: Any) -> str:
    """A reason code of paho, in words."""
    value = getattr(reason, "value", None)
    text = _WORDS.get(value, str(reason).lower()) if isinstance(value, int) else str(reason)
    return text.rstrip(". ")


def refused_topics(topics: tuple[str, ...], reasons: list[Any]) -> str:
    """Which subscriptions were refused, in words; empty when none was."""
    refused = [
        (topic, reason) for topic, reason in zip(topics, reasons, strict=False) if reason.is_failure
    ]
    if not refused:
        return ""
    names = ", ".join(topic for topic, _ in refused[:3])
    more = f" and {len(refused) - 3} more" if len(refused) > 3 else ""
    value = getattr(refused[0][1], "value", 0x80)
    why = "" if value in (0x80, 0x87) else f" ({words_of(refused[0][1])})"
    return f"this login may not read {names}{more}{why}"
