"""Open311: how many requests of citizens are open, by service.

Each request is somebody's; here they are counted. The requests themselves, with their places, are
imported as things.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, Final
from urllib.parse import quote

from lamplighter.sources.json_page import text_of, tree_of
from lamplighter.sources.own_feeds import Wish
from lamplighter.sources.own_source import Point
from lamplighter.sources.reading import Unreadable
from lamplighter.sources.web_feed import WebFeed

INTERVAL_S: Final = 300.0
MOST_PAGES: Final = 50
MOST_SERVICES: Final = 2_000


class Open311Feed(WebFeed):
    """`open311+http(s)://host/open311/v2[#jurisdiction=NAME&interval=300]`."""

    def __init__(self, wish: Wish) -> None:
        """Raises U-801 when the address cannot be."""
        super().__init__(wish, interval_s=INTERVAL_S)
        self._base = wish.address.rstrip("/")
        self._jurisdiction = wish.options.get("jurisdiction", "")
        self._services: set[str] = set()

    async def _ask(self) -> None:
        counts: Counter[str] = Counter()
        seen: set[str] = set()
        body = b""
        for page in range(1, MOST_PAGES + 1):
            url = f"{self._base}/requests.json?status=open&page={page}"
            if self._jurisdiction:
                url += f"&jurisdiction_id={quote(self._jurisdiction)}"
            if self._web is not None:
                self._web.forget()
            body = (await self._get(url, {"Accept": "application/json"})).body
            tree = tree_of(body)
            rows = open_requests(tree)
            if rows is None:
                why = tree if isinstance(tree, Unreadable) else Unreadable("D-113", "no requests")
                self._found(why, body)
                return
            fresh = [row for row in rows if row[0] not in seen]
            seen |= {number for number, _ in fresh}
            counts.update(service for _, service in fresh)
            if not fresh:
                break
        self._warning = None
        self._put(counts, body)

    def _put(self, counts: Counter[str], body: bytes) -> None:
        """Services that have none any more count nothing, they do not vanish."""
        for service in counts:
            if len(self._services) < MOST_SERVICES:
                self._services.add(service)
        now = self.clock.wall_ms()
        points = [Point(f"{s}/open", now, float(counts[s])) for s in sorted(self._services)]
        points.append(Point("open", now, float(sum(counts.values()))))
        self.source.put(points, original=body)


def open_requests(tree: Any) -> list[tuple[str, str]] | None:
    """(request, service) of every open one; None when it is no list of requests."""
    if isinstance(tree, dict):
        tree = tree.get("service_requests", tree.get("requests"))
    if not isinstance(tree, list):
        return None
    found = []
    for at, row in enumerate(tree):
        if not isinstance(row, dict) or text_of(row.get("status")).lower() not in ("open", ""):
            continue
        number = text_of(row.get("service_request_id")) or f"row {at}"
        service = text_of(row.get("service_name")) or text_of(row.get("service_code")) or "other"
        found.append((number, service.replace("/", "-")[:200]))
    return found
