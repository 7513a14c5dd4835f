"""NGSI-LD: entities polled from a context broker, and its notifications when the user asks."""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
from typing import Any, Final
from urllib.parse import quote

from lamplighter.domain.problems import LamplighterError
from lamplighter.sources.json_page import tree_of
from lamplighter.sources.ngsi_ld import entities_of, read_entities
from lamplighter.sources.notices import Receiver, receiver_address
from lamplighter.sources.own_feeds import Wish, bad
from lamplighter.sources.reading import Unreadable
from lamplighter.sources.web_feed import WebFeed

INTERVAL_S: Final = 30.0
PAGE: Final = 200
MOST_PAGES: Final = 250
MOST_HOMES: Final = 40_000


class NgsiFeed(WebFeed):
    """`ngsi-ld+http(s)://host/ngsi-ld/v1#type=NAME[,NAME][&listen=127.0.0.1:8085&tenant=NAME]`.

    `listen`: where notifications are received; `reach`: the address the broker is told instead.
    """

    def __init__(self, wish: Wish) -> None:
        """Raises U-801 when no type is given or the address cannot be."""
        super().__init__(wish, interval_s=INTERVAL_S)
        options = wish.options
        self._types = [t for t in options.get("type", "").split(",") if t]
        if not self._types:
            raise bad(wish, "name the types to read: #type=AirQualityObserved")
        self._base = wish.address.rstrip("/")
        self._listen = receiver_address(wish, options["listen"]) if "listen" in options else None
        self._reach = options.get("reach", "").rstrip("/")
        self._context = options.get("context", "")
        self._tenant = options.get("tenant", "")
        self._receiver: Receiver | None = None
        self._subscriptions: list[str] = []
        self._rows: dict[str, int] = {}
        """address of a page -> entities it held; one that is as it was does not say so again"""
        self.homes: dict[str, str] = {}
        """datastream -> the id of its entity"""

    def _headers(self) -> dict[str, str]:
        found = {"Accept": "application/json"}
        if self._tenant:
            found["NGSILD-Tenant"] = self._tenant
        if self._context:
            kind = "http://www.w3.org/ns/json-ld#context"
            found["Link"] = f'<{self._context}>; rel="{kind}"; type="application/ld+json"'
        return found

    async def _open(self) -> None:
        await super()._open()
        if self._listen is None:
            return
        self._receiver = Receiver(*self._listen, self._notified)
        await self._receiver.start()
        await self._subscribe()

    async def _ask(self) -> None:
        for kind in self._types:
            for page in range(MOST_PAGES):
                url = f"{self._base}/entities?type={quote(kind)}&limit={PAGE}"
                url += f"&offset={page * PAGE}" if page else ""
                answer = await self._get(url, self._headers())
                if not answer.unchanged:
                    self._rows[url] = self._take(tree_of(answer.body), answer.body)
                if self._rows.get(url, 0) < PAGE:
                    break

    def _take(self, tree: Any, body: bytes) -> int:
        """Put the entities of a page or a notification; returns how many there were."""
        if isinstance(tree, Unreadable) or not isinstance(tree, list | dict):
            why = tree if isinstance(tree, Unreadable) else Unreadable("D-113", "no entities")
            self._found(why, body)
            return 0
        rows = entities_of(tree)
        found, homes = read_entities(rows, self.clock.wall_ms())
        if len(self.homes) < MOST_HOMES:
            self.homes.update(homes)
        self._warning = None
        fresh = self._news.changed(found)
        if fresh:
            times = self._news.newest
            note = {p.name: times[p.name] for p in fresh if p.name in times}
            self.source.put(fresh, units=found.units, original=body, note=note or None)
        return len(rows)

    # ---------------------------------------------------------------- notifications
    def _notified(self, body: bytes) -> None:
        tree = tree_of(body)
        if isinstance(tree, dict) and isinstance(tree.get("data"), list):
            self._take(tree, body)
        else:
            self.source.set_aside(body[:100_000], "it is no notification")

    async def _subscribe(self) -> None:
        """Ask the broker to tell us; its refusal is told, and the poll goes on."""
        assert self._receiver is not None and self._web is not None
        address = self._reach or self._receiver.base
        for kind in self._types:
            identity = f"urn:ngsi-ld:Subscription:lamplighter-{secrets.token_hex(6)}"
            body = {
                "id": identity,
                "type": "Subscription",
                "entities": [{"type": kind}],
                "notification": {
                    "endpoint": {
                        "uri": f"{address}{self._receiver.path}",
                        "accept": "application/json",
                    }
                },
            }
            headers = {**self._headers(), "Content-Type": "application/json"}
            try:
                url = f"{self._base}/subscriptions"
                await self._web.send("POST", url, json.dumps(body).encode(), headers)
                self._subscriptions.append(identity)
            except LamplighterError as error:
                self._warning = error.problem

    async def _close(self) -> None:
        receiver, self._receiver = self._receiver, None
        known, self._subscriptions = self._subscriptions, []
        if receiver is not None:
            for identity in known if self._web is not None else ():
                with contextlib.suppress(Exception):
                    url = f"{self._base}/subscriptions/{quote(identity)}"
                    assert self._web is not None
                    await asyncio.wait_for(self._web.send("DELETE", url, b"", self._headers()), 1.0)
            await receiver.stop()
        await super()._close()
