"""Who may send and hear what on a broker: the policy, and mosquitto's own words for it.

Every client is named by its login, with certificates by their common name. What is not written is
forbidden: nobody hears `#`, a device speaks only as itself, and no device commands another.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from lamplighter.domain.field_message import (
    ANNOUNCEMENTS,
    COMMANDS,
    OBSERVATIONS,
    RECEIPTS,
    SPARKPLUG,
    matches,
)

PUBLISH: Final = "publish"
_HEARD: Final = ("NBIRTH/+", "NDEATH/+", "NDATA/+", "DBIRTH/+/+", "DDEATH/+/+", "DDATA/+/+")


@dataclass(frozen=True, slots=True)
class Client:
    """One login and its topics; filters as in MQTT."""

    name: str
    role: str
    """console | device | edge node"""
    publish: tuple[str, ...] = ()
    subscribe: tuple[str, ...] = ()

    def may(self, action: str, topic: str) -> bool:
        """Whether this client may `publish` or `subscribe` (hear) a topic."""
        filters = self.publish if action == PUBLISH else self.subscribe
        return any(matches(one, topic) for one in filters)


def device(name: str) -> Client:
    """A source of native messages: it speaks as itself and hears its own commands."""
    return Client(
        name,
        "device",
        (OBSERVATIONS + name, ANNOUNCEMENTS + name, RECEIPTS + name),
        (COMMANDS + name,),
    )


def edge_node(source: str) -> Client:
    """A Sparkplug node `group:node`; its login is that name."""
    group, _, node = source.partition(":")
    place = f"{SPARKPLUG}{group}/"
    return Client(
        source,
        "edge node",
        tuple(f"{place}{kind}/{node}" for kind in ("NBIRTH", "NDEATH", "NDATA"))
        + tuple(f"{place}{kind}/{node}/+" for kind in ("DBIRTH", "DDEATH", "DDATA")),
        (f"{place}NCMD/{node}", f"{place}DCMD/{node}/+", f"{SPARKPLUG}STATE/+", "STATE/+"),
    )


def console(
    name: str,
    *,
    native: bool = True,
    topics: Iterable[str] = (),
    groups: Sequence[str] = (),
    state_topics: Iterable[str] = (),
) -> Client:
    """A recorder: it hears its feeds, asks for what is missing, and commands devices.

    `topics`: what mappings subscribe to; `groups`: of Sparkplug, `+` for all.
    """
    publish: list[str] = []
    subscribe: list[str] = []
    if native:
        subscribe += [OBSERVATIONS + "+", ANNOUNCEMENTS + "+", RECEIPTS + "+"]
        publish.append(COMMANDS + "+")
    subscribe += topics
    for group in groups:
        subscribe += [f"{SPARKPLUG}{group}/{kind}" for kind in _HEARD]
        publish.append(f"{SPARKPLUG}{group}/NCMD/+")
    for topic in state_topics:
        subscribe.append(topic)
        publish.append(topic)
    return Client(name, "console", tuple(dict.fromkeys(publish)), tuple(dict.fromkeys(subscribe)))


def is_writable(name: str) -> bool:
    """Whether a login may stand in the broker's file: no line breaks, nothing that is trimmed."""
    return bool(name) and name == name.strip() and name.isprintable() and not set(name) & set("+#/")


def mosquitto_acl(clients: Iterable[Client]) -> str:
    """The text of mosquitto's `acl_file`. What it does not name is forbidden."""
    lines = ["# Made by 'lamplighter feed acl'. What is not written here is forbidden."]
    for client in clients:
        lines += ["", f"# {client.role}", f"user {client.name}"]
        lines += [f"topic write {topic}" for topic in client.publish]
        lines += [f"topic read {topic}" for topic in client.subscribe]
    return "\n".join(lines) + "\n"


def mosquitto_conf(window: int, *, acl: str = "lamplighter.acl") -> str:
    """A listener for it: certificates on both sides, their common name is the login."""
    return f"""\
# Made by 'lamplighter feed acl'. Put the paths of your files in.
per_listener_settings false
allow_anonymous false
acl_file /etc/mosquitto/{acl}

listener 8883
tls_version tlsv1.2
cafile /etc/mosquitto/ca.pem
certfile /etc/mosquitto/broker.crt
keyfile /etc/mosquitto/broker.key
# crlfile /etc/mosquitto/revoked.crl
require_certificate true
use_identity_as_username true

# A message is acknowledged when it is on disk, so many are under way at once.
max_inflight_messages {window}
# A broker that reaches this limit drops messages silently. Not 0: some versions then end the
# connection of a client that sends what it may not.
max_queued_messages 1000000
message_size_limit 1000000
persistence true
persistence_location /var/lib/mosquitto/
"""
