"""The rights a project needs on its brokers, made from its feeds and the sources it knows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlsplit

import msgspec

from lamplighter.domain.problems import fault
from lamplighter.runtime.feeds import FeedConfig, mapping_of, opened, stored_feeds
from lamplighter.sources import broker_policy
from lamplighter.sources.broker_policy import Client
from lamplighter.sources.mqtt_link import WINDOW
from lamplighter.store import Store

BROKERS: Final = ("mqtt", "mqtts", "sparkplug", "sparkplugs")
FILES: Final = ("lamplighter.acl", "lamplighter.conf", "policy.json")


@dataclass(frozen=True, slots=True)
class Rights:
    """The policy, and what was left out of it with the reason."""

    clients: tuple[Client, ...]
    left_out: tuple[str, ...]


def rights_of(
    project: Path, *, consoles: Sequence[str] = (), devices: Sequence[str] = ()
) -> Rights:
    """The rights for a project's consoles and sources.

    `consoles`: logins of the recorders (default: those of the feeds); `devices`: sources that have
    not been heard yet. Raises LamplighterError (U-801) when there is no broker feed.
    """
    with opened(project) as store:
        feeds = [f for f in stored_feeds(store) if urlsplit(f.url).scheme in BROKERS]
        if not feeds:
            raise fault("U-801", what=f"{project.name} has no feed from a broker", name="feed acl")
        names = list(consoles) or sorted({_login(feed) for feed in feeds})
        for name in [*names, *devices]:
            if not broker_policy.is_writable(name):
                raise fault("U-801", what=f"{name!r} can be no login", name="feed acl")
        sources, left_out = _sources(store, feeds, set(names))
        found = [_console(name, feeds, store.store_id) for name in names]
        known = {client.name for client in found}
        for source in dict.fromkeys([*sources, *devices]):
            if source in known:
                left_out.append(f"{source}: a console has this login already")
                continue
            make = broker_policy.edge_node if ":" in source else broker_policy.device
            found.append(make(source))
    return Rights(tuple(found), tuple(left_out))


def write_rights(rights: Rights, folder: Path) -> list[str]:
    """Write the broker's files into a folder; returns their paths. Raises U-804."""
    texts = (
        broker_policy.mosquitto_acl(rights.clients),
        broker_policy.mosquitto_conf(WINDOW),
        msgspec.json.format(msgspec.json.encode(as_table(rights))).decode() + "\n",
    )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in zip(FILES, texts, strict=True):
            (folder / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise fault("U-804", name=f"Writing to {folder}", what=str(error.strerror)) from None
    return [str(folder / name) for name in FILES]


def as_table(rights: Rights) -> dict[str, Any]:
    """The policy as plain values."""
    return {
        "clients": [
            {
                "name": c.name,
                "role": c.role,
                "publish": list(c.publish),
                "subscribe": list(c.subscribe),
            }
            for c in rights.clients
        ],
        "left_out": list(rights.left_out),
    }


def _console(name: str, feeds: Sequence[FeedConfig], store_id: str) -> Client:
    topics: list[str] = []
    groups: list[str] = []
    states: list[str] = []
    native = False
    for feed in feeds:
        parts = urlsplit(feed.url)
        if parts.scheme.startswith("sparkplug"):
            groups += [unquote(g) for g in parts.path.strip("/").split(",") if g] or ["+"]
            options = parse_qs(parts.query)
            host = options.get("host", [f"lamplighter-{store_id}-{feed.id}"])[-1]
            old = options.get("state", ["3.0"])[-1] == "2.2"
            states.append(f"STATE/{host}" if old else f"spBv1.0/STATE/{host}")
            continue
        mapping = mapping_of(feed)
        native = native or mapping is None
        topics += mapping.topics if mapping is not None else ()
    return broker_policy.console(
        name, native=native, topics=topics, groups=tuple(dict.fromkeys(groups)), state_topics=states
    )


def _sources(
    store: Store, feeds: Sequence[FeedConfig], consoles: set[str]
) -> tuple[list[str], list[str]]:
    """(sources with rights of their own, why others have none)"""
    sparkplug = any(f.url.startswith("sparkplug") for f in feeds)
    announced = {life.source for life in store.lives()}
    taken, left_out = [], []
    for name, number in sorted((n, i) for i, n in store.sources().items()):
        if not broker_policy.is_writable(name):
            left_out.append(f"{name!r}: this name cannot stand in the broker's file")
        elif ":" in name and not sparkplug:
            left_out.append(f"{name}: no Sparkplug feed is there for it")
        elif number not in announced:
            left_out.append(f"{name}: it never announced itself, so its topic is not known")
        elif name not in consoles:
            taken.append(name)
    return taken, left_out


def _login(feed: FeedConfig) -> str:
    """Who the recorder is at this broker: its certificate's common name, else its user."""
    if feed.cert:
        try:
            from cryptography import x509
            from cryptography.x509.oid import NameOID

            found = x509.load_pem_x509_certificate(Path(feed.cert).read_bytes())
            [name] = found.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
            return str(name.value)
        except (OSError, ValueError):
            pass
    return unquote(urlsplit(feed.url).username or "") or "lamplighter"
