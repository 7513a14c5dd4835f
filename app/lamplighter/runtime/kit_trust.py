"""Whom a project believes when a field kit comes: its own key, kits it gave away, people's word.

A kit taken from here carries a random token. Whoever answers with it proves to hold that kit, and
from then on is known by their own key.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Final

import msgspec
from msgspec import Struct

from lamplighter.domain.kit import KitOrigin
from lamplighter.domain.problems import fault
from lamplighter.exchange.kit_file import KitFile, Paper
from lamplighter.store import Store

GIVEN: Final = "kit.given."
KEY: Final = "kit.key."
NAME: Final = "kit.name."
ORIGIN: Final = "kit.origin"
SHORTEST: Final = 16
"""characters of a key that a person must give at least"""


class Given(Struct, frozen=True):
    """A kit that was taken from here."""

    token: str
    made_ms: int
    scope: str
    purpose: str
    expires_ms: int
    by: str
    file: str


def origin_of(store: Store) -> KitOrigin | None:
    """The kit this project was begun from."""
    text = store.setting(ORIGIN)
    return msgspec.json.decode(text, type=KitOrigin) if text else None


def proof_of(token: str, kit: str, store: str, key: str) -> str:
    """What only a holder of the token can say about a kit of theirs."""
    text = f"answer\0{kit}\0{store}\0{key}".encode()
    return hmac.new(bytes.fromhex(token), text, hashlib.sha256).hexdigest()


def believe(store: Store, kit: KitFile, own_key: str, trust: str = "") -> dict[str, str]:
    """Settings to keep when the kit is merged: the key its console is known by from now on.

    Raises LamplighterError (A-423) for a signer nobody vouches for.
    """
    paper, key = kit.paper, kit.key
    pinned = {KEY + paper.store: key, NAME + paper.store: paper.name}
    if key == own_key:
        return {}
    if len(trust) >= SHORTEST and key.startswith(trust.lower()):
        return pinned
    origin = origin_of(store)
    if origin is not None and origin.store == paper.store:
        known: str | None = origin.key
    else:
        known = store.setting(KEY + paper.store)
    if known is not None:
        if known != key:
            what = f"{key[:16]}; {paper.name} was known by {known[:16]}"
            raise fault("A-423", name=kit.file.name, what=what)
        return pinned
    if _answers(store, paper, key):
        return pinned
    raise fault("A-423", name=kit.file.name, what=f"{key[:16]}, from {paper.name}")


def _answers(store: Store, paper: Paper, key: str) -> bool:
    text = store.setting(GIVEN + paper.answers) if paper.answers else None
    if not text:
        return False
    given = msgspec.json.decode(text, type=Given)
    return hmac.compare_digest(proof_of(given.token, paper.kit, paper.store, key), paper.proof)


def names_of(store: Store) -> dict[str, str]:
    """Store id -> what that console calls itself, this one included."""
    found = {k.removeprefix(NAME): v for k, v in store.settings(NAME).items()}
    return found | {store.store_id: store.name}


def given_away(store: Store) -> list[dict[str, object]]:
    """Kits that were taken from here, the newest first; their tokens stay inside."""
    found = []
    for key, text in store.settings(GIVEN).items():
        row = msgspec.to_builtins(msgspec.json.decode(text, type=Given))
        del row["token"]
        found.append({"kit": key.removeprefix(GIVEN), **row})
    return sorted(found, key=lambda r: -int(r["made_ms"]))


def known_consoles(store: Store) -> list[dict[str, str]]:
    """Consoles whose kits are believed, by the key they were first seen with."""
    names = names_of(store)
    keys = store.settings(KEY)
    return [
        {"store": k.removeprefix(KEY), "name": names.get(k.removeprefix(KEY), ""), "key": v}
        for k, v in sorted(keys.items())
    ]
