"""OPC UA subscriptions: values as they change, with their source time, status and security.

Every session subscribes anew and first asks the server's history for what was missed. Nothing is
ever written to a server.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from lamplighter.domain.problems import Problem, fault, problem
from lamplighter.sources.async_feed import AsyncFeed, plain_cause
from lamplighter.sources.opcua_certificate import check_server, end_of, own_certificate
from lamplighter.sources.opcua_map import (
    MOST_NODES,
    SECURITIES,
    NodeMap,
    NodeWish,
    checked_node,
    read_node_map,
)
from lamplighter.sources.opcua_values import (
    micros_of,
    original_of,
    overflowed,
    points_of,
    quality_of,
)
from lamplighter.sources.own_feeds import Wish, bad
from lamplighter.sources.own_source import Point

if TYPE_CHECKING:
    from asyncua.client.client import Client
    from asyncua.common.node import Node
    from asyncua.common.subscription import Subscription

TIMEOUT_S: Final = 6.0
CHECK_EVERY_S: Final = 1.0
GATHER_S: Final = 0.1
DEEPEST: Final = 12
HISTORY_MOST: Final = 50_000
"""values of one node asked from the server's history at once, after an interruption"""
EVENTS_HELD: Final = 100_000
_SERVER: Final = 2253
_PROPERTY_TYPE: Final = 68


@dataclass(slots=True)
class _Watched:
    """One node under watch."""

    wish: NodeWish
    node: Node
    newest_us: int
    """source time of the newest value taken, UTC microseconds; 0 = none yet"""
    floor_us: int
    """everything up to here had been taken when the session began"""
    last: float | str | None = None
    said: tuple[int, int, Any] | None = None
    """(time, status, value) of the newest notification"""


class OpcUaFeed(AsyncFeed):
    """`opc.tcp://host[:4840]/path#security=encrypt[&policy=...&server_cert=FILE&browse=NODE]`."""

    def __init__(self, wish: Wish) -> None:
        """Raises U-801 when the address or the map cannot be, or no security is chosen."""
        self._map = _wished(wish)
        super().__init__(
            wish.url,
            feed_id=wish.feed_id,
            source=wish.source(self._map.name or wish.host),
            deliver=wish.deliver,
            clock=wish.clock,
            what=wish.place,
            on_change=True,
        )
        self._wish = wish
        self.progress = self._progress_of(wish)
        self._newest = self.progress.times()
        self._watched: dict[Any, _Watched] = {}

    # ---------------------------------------------------------------- one session
    async def _session(self) -> None:
        from asyncua.client.client import Client

        for name in ("asyncua", "asyncua.client", "asyncua.common"):
            logging.getLogger(name).setLevel(logging.CRITICAL)  # we word what went wrong
        client = Client(self._wish.address, timeout=TIMEOUT_S)
        login = self._wish.who()
        if login.user:
            client.set_user(login.user)
            client.set_password(login.password)
        await self._secure(client)
        try:
            await client.connect()
            wishes = await self._choose(client)
            await self._watch(client, wishes)
        finally:
            with contextlib.suppress(Exception):
                await asyncio.wait_for(client.disconnect(), 3.0)

    async def _secure(self, client: Client) -> None:
        """Choose the endpoint and check both certificates."""
        from asyncua import ua
        from asyncua.crypto import security_policies

        self.counters.protocol = "OPC UA, not secured"
        if self._map.security == "none":
            return
        mode = ua.MessageSecurityMode.SignAndEncrypt
        if self._map.security == "sign":
            mode = ua.MessageSecurityMode.Sign
        policy = getattr(security_policies, f"SecurityPolicy{self._map.policy}")
        endpoints = await client.connect_and_get_server_endpoints()
        fitting = [
            e for e in endpoints if e.SecurityMode == mode and e.SecurityPolicyUri == policy.URI
        ]
        if not fitting:
            offers = sorted({_offer(e) for e in endpoints})
            what = f"it offers no {self._map.security} with {self._map.policy}"
            raise fault("N-304", name=self.what, what=f"{what} (only {', '.join(offers)})")
        certificate = _first(fitting[0].ServerCertificate or b"")
        check_server(
            certificate,
            project=self._wish.folder,
            host=self._wish.host,
            port=self._wish.port or 4840,
            expected=self._wish.options.get("server_cert", ""),
            now_ms=self.clock.wall_ms(),
        )
        loop = asyncio.get_running_loop()
        folder, files = self._wish.folder, self._wish.tls
        own = await loop.run_in_executor(None, own_certificate, folder, files)
        client.application_uri = own.uri
        self.counters.protocol = f"OPC UA, {self._map.policy}, {self._map.security}"
        self.counters.own_ends_ms = end_of(own.certificate)
        self.counters.server_ends_ms = end_of(certificate)
        await client.set_security(
            policy, own.certificate, own.key, server_certificate=certificate, mode=mode
        )

    # ---------------------------------------------------------------- which nodes
    async def _choose(self, client: Client) -> list[tuple[NodeWish, Node]]:
        """The nodes of the map, and every variable below what is to be browsed."""
        namespaces = await client.get_namespace_array()
        found = []
        for wish in self._map.nodes:
            node = client.get_node(_node_id(wish.node, namespaces, self.what))
            name = wish.name or await _browse_name(node)
            found.append((replace(wish, name=name), node))
        roots = [client.get_node(_node_id(b, namespaces, self.what)) for b in self._map.browse]
        if not found and not roots:
            roots = [client.get_objects_node()]
        known = {node.nodeid for _, node in found}
        for root in roots:
            for name, node in await _variables(root, self._map.properties):
                if node.nodeid not in known and len(found) < MOST_NODES:
                    known.add(node.nodeid)
                    found.append((NodeWish(str(node.nodeid), name), node))
        if not found:
            raise fault("N-304", name=self.what, what="there is no variable to read")
        return _named_once(found)

    async def _units(self, wishes: Iterable[tuple[NodeWish, Node]]) -> dict[str, str]:
        """Units as the map says, else as the server's EngineeringUnits say."""
        units = {}
        for wish, node in wishes:
            unit = wish.unit or await _engineering_unit(node)
            if unit:
                units[wish.name] = unit
        return units

    # ---------------------------------------------------------------- watching
    async def _watch(self, client: Client, wishes: list[tuple[NodeWish, Node]]) -> None:
        units = await self._units(wishes)
        old, self._watched = self._watched, {}
        for wish, node in wishes:
            before = old.get(node.nodeid)
            last = before.last if before is not None else None
            known = self._newest.get(wish.name, self._newest.get(f"{wish.name}[0]", 0))
            floor = 1000 * known + 999 if known else 0
            self._watched[node.nodeid] = _Watched(wish, node, floor, floor, last)
        subscription = await client.create_subscription(
            round(1000 * self._map.publishing_s), queue_maxsize=EVENTS_HELD
        )
        refused = await self._subscribe(subscription)
        self._warning = None
        if refused:
            more = f" and {len(refused) - 1} more" if len(refused) > 1 else ""
            self._warning = problem(
                "N-304", name=f"{refused[0][0]}{more} at {self.what}", what=refused[0][1]
            )
        self._up()
        await self._missed(units)
        checking = asyncio.create_task(self._check(client))
        try:
            while True:
                if not self.source.has_room:
                    await subscription.set_publishing_mode(False)
                    await self._room()
                    await subscription.set_publishing_mode(True)
                await self._take(subscription, units)
                if checking.done():
                    checking.result()
        finally:
            checking.cancel()

    async def _subscribe(self, subscription: Subscription) -> list[tuple[str, str]]:
        """Subscribe to all; returns (name, reason) of what the server refuses."""
        from asyncua import ua
        from asyncua.ua.attribute_ids import AttributeIds

        watched = list(self._watched.values())
        requests = []
        for one in watched:
            sampling = one.wish.sampling_s
            filter_ = None
            if one.wish.deadband > 0:
                filter_ = ua.DataChangeFilter(
                    Trigger=ua.DataChangeTrigger.StatusValue,
                    DeadbandType=int(ua.DeadbandType.Absolute),
                    DeadbandValue=one.wish.deadband,
                )
            requests.append(
                subscription._make_monitored_item_request(
                    one.node,
                    AttributeIds.Value,
                    filter_,
                    one.wish.queue,
                    ua.MonitoringMode.Reporting,
                    ua.Double(1000 * (self._map.publishing_s if sampling is None else sampling)),
                )
            )
        refused = []
        for start in range(0, len(requests), 500):
            results = await subscription.create_monitored_items(requests[start : start + 500])
            for one, result in zip(watched[start : start + 500], results, strict=False):
                if isinstance(result, ua.StatusCode):
                    refused.append((one.wish.name, result.doc or result.name))
        return refused

    async def _take(self, subscription: Subscription, units: dict[str, str]) -> None:
        """Everything that came within a moment, as one message."""
        from asyncua.common.subscription import DataChangeEvent, StatusChangeEvent

        event = await subscription.next_event(GATHER_S)
        if event is None:
            return
        points: list[Point] = []
        originals: list[str] = []
        end = self.clock.monotonic_ms() + 1000 * GATHER_S
        while event is not None:
            if isinstance(event, StatusChangeEvent):
                raise ConnectionError(f"the subscription ended ({event.notification.Status.name})")
            if isinstance(event, DataChangeEvent):
                data = event.data.monitored_item.Value
                points += self._points(event.node.nodeid, data)
                originals.append(original_of(event.node.nodeid, data))
            left = (end - self.clock.monotonic_ms()) / 1000
            event = await subscription.next_event(left) if left > 0 else None
        self._put(points, units, "\n".join(originals).encode("utf-8", "replace"))

    def _points(self, nodeid: Any, data: Any, *, history: bool = False) -> list[Point]:
        """The points of one notification; what was taken before gives none."""
        watched = self._watched.get(nodeid)
        if watched is None or data is None:
            return []
        status = data.StatusCode.value if data.StatusCode is not None else 0
        value = data.Value.Value if data.Value is not None else None
        now_us = 1000 * self.clock.wall_ms()
        time = micros_of(data.SourceTimestamp) or micros_of(data.ServerTimestamp) or now_us
        said = (time, status, value)
        if history and time <= watched.newest_us:
            return []
        quality = quality_of(status)
        if overflowed(status) and not history:
            what = f"its queue for {watched.wish.name} ran over, values are lost; raise 'queue'"
            self._warning = problem("N-304", name=self.what, what=what)
        if not history:
            if said == watched.said or (time <= watched.floor_us and quality == "good"):
                return []
            if quality != "good" and time <= watched.newest_us:
                time = now_us  # it went bad: the time of its last value stands still
        watched.said = said
        name = watched.wish.name
        found = list(points_of(name, value, time // 1000, quality, watched.last))
        if found:
            watched.newest_us = max(time, watched.newest_us)
            watched.last = found[-1].value
            self._newest[name] = watched.newest_us // 1000
        return found

    def _put(
        self, points: list[Point], units: dict[str, str], original: bytes | None = None
    ) -> None:
        if points:
            times = {p.name: self._newest[p.name] for p in points if p.name in self._newest}
            self.source.put(points, units=units, original=original, note=times)

    async def _check(self, client: Client) -> None:
        """Ends with an error when the server does not answer any more."""
        while True:
            await asyncio.sleep(CHECK_EVERY_S)
            await asyncio.wait_for(client.nodes.server_state.read_value(), TIMEOUT_S)
            self._up()

    # ---------------------------------------------------------------- what was missed
    async def _missed(self, units: dict[str, str]) -> None:
        """Ask the server's history for what came since the newest value we have."""
        for watched in list(self._watched.values()):
            if watched.newest_us and await _has_history(watched.node):
                until_ms = self.clock.wall_ms()  # what comes later is told by the subscription
                while await self._missed_some(watched, until_ms, units):
                    pass

    async def _missed_some(self, watched: _Watched, until_ms: int, units: dict[str, str]) -> bool:
        """As much of a node's history as the server gives at once, which may be less than it is
        asked for; whether there may be more.
        """
        before = watched.newest_us
        since = datetime.fromtimestamp(before / 1e6, UTC)
        until = datetime.fromtimestamp(until_ms / 1000, UTC)
        try:
            rows = await watched.node.read_raw_history(
                since, until, numvalues=HISTORY_MOST, return_bounds=False
            )
        except Exception as error:
            self._warning = problem(
                "N-304", name=self.what, what=f"its history gives nothing: {error}"[:160]
            )
            return False
        points = []
        for row in rows:
            points += self._points(watched.node.nodeid, row, history=True)
        watched.floor_us = watched.newest_us
        await self._room()
        self._put(points, units)
        return before < watched.newest_us < 1000 * until_ms

    def _explain(self, error: Exception) -> Problem:
        name, text = type(error).__name__, str(error).split("\n")[0]
        if name in ("BadIdentityTokenRejected", "BadUserAccessDenied", "BadIdentityTokenInvalid"):
            text = "it refuses the login"
        elif "Certificate" in name or name == "BadSecurityChecksFailed":
            text = "it does not accept this console's certificate (keys/opcua/console.der)"
        elif isinstance(error, TimeoutError):
            text = f"no answer within {TIMEOUT_S:g} s"
        elif isinstance(error, OSError):
            text = plain_cause(error)
        return problem("N-304", name=self.what, what=text[:160] or name)


# -------------------------------------------------------------------- helpers of one node
def _wished(wish: Wish) -> NodeMap:
    """The map with what the address says about it."""
    found = read_node_map(wish.mapping) if wish.mapping else NodeMap()
    options = wish.options
    if not wish.host:
        raise bad(wish, "it names no host")
    security = options.get("security", found.security)
    if security not in SECURITIES:
        raise bad(
            wish,
            "choose its security: #security=encrypt, sign, or none where the network is trusted",
        )
    try:
        browse = (checked_node(options["browse"]),) if "browse" in options else found.browse
    except ValueError as error:
        raise bad(wish, str(error)) from None
    properties = found.properties or options.get("properties") == "1"
    return replace(found, security=security, browse=browse, properties=properties)


def _node_id(text: str, namespaces: list[str], what: str) -> str:
    """The id with the server's number for a namespace given by its name."""
    if not text.startswith("nsu="):
        return text
    uri, _, rest = text[4:].partition(";")
    if uri not in namespaces:
        raise fault("N-304", name=what, what=f"it has no namespace {uri}")
    return f"ns={namespaces.index(uri)};{rest}"


async def _browse_name(node: Node) -> str:
    try:
        return str((await node.read_browse_name()).Name)
    except Exception:
        return str(node.nodeid)


async def _variables(root: Node, properties: bool) -> list[tuple[str, Node]]:
    """(path of browse names, node) of every variable below a node; the server's own are left."""
    from asyncua import ua

    found: list[tuple[str, Node]] = []
    seen: set[Any] = set()
    waiting: list[tuple[str, Node, int]] = [("", root, 0)]
    while waiting and len(found) < MOST_NODES:
        path, node, depth = waiting.pop(0)
        for row in await node.get_children_descriptions():
            if row.NodeId in seen or _is_server(row.NodeId):
                continue
            seen.add(row.NodeId)
            name = f"{path}/{row.BrowseName.Name}" if path else str(row.BrowseName.Name)
            child = _sibling(node, row.NodeId)
            kind = row.TypeDefinition.Identifier
            if row.NodeClass == ua.NodeClass.Variable and (properties or kind != _PROPERTY_TYPE):
                found.append((name, child))
            if depth < DEEPEST and row.NodeClass in (ua.NodeClass.Object, ua.NodeClass.Variable):
                waiting.append((name, child, depth + 1))
    return found


def _sibling(node: Node, nodeid: Any) -> Node:
    from asyncua.common.node import Node as Made

    return Made(node.session, nodeid)


def _is_server(nodeid: Any) -> bool:
    return bool(nodeid.NamespaceIndex == 0 and nodeid.Identifier == _SERVER)


def _named_once(found: list[tuple[NodeWish, Node]]) -> list[tuple[NodeWish, Node]]:
    """Two nodes with one name: the second carries its id."""
    taken: set[str] = set()
    named = []
    for wish, node in found:
        name = wish.name if wish.name not in taken else f"{wish.name} {wish.node}"
        taken.add(name)
        named.append((replace(wish, name=name), node))
    return named


async def _engineering_unit(node: Node) -> str:
    try:
        child = await node.get_child("0:EngineeringUnits")
        value = await child.read_value()
        return str(value.DisplayName.Text or "")
    except Exception:
        return ""


async def _has_history(node: Node) -> bool:
    try:
        from asyncua import ua

        return ua.AccessLevel.HistoryRead in await node.get_access_level()
    except Exception:
        return False


def _offer(endpoint: Any) -> str:
    policy = str(endpoint.SecurityPolicyUri).rpartition("#")[2]
    return f"{policy}/{endpoint.SecurityMode.name.rstrip('_')}"


def _first(der: bytes) -> bytes:
    """The first certificate of a chain."""
    if len(der) < 4:
        return der
    return der[: int.from_bytes(der[2:4], "big") + 4]
