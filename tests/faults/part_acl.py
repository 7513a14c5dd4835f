"""Every client, every topic, both directions, through a real broker with the rights we wrote.

Clients log in with certificates, their common name is the login. What each may do is written here
a second time, by hand, and compared with what the broker lets happen: the answer to a publication,
and what arrives at a subscriber.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from tests.kit.broker import Broker, free_port
from tests.kit.certificates import Authority, broker_lines
from tests.kit.patience import until

from lamplighter.runtime.broker_rights import rights_of, write_rights
from lamplighter.runtime.feeds import add_feed
from lamplighter.runtime.project import create
from lamplighter.sources import TlsFiles
from lamplighter.sources.tls import context_for

MAPPING: Final = 'topic = "city/weather/+"\n[[values]]\nvalue = "t"\n'
CONSOLE: Final = "console"
STRANGER: Final = "stranger"
ROOT_USER: Final = "everything"
HOST: Final = "city-host"
Row = dict[str, Any]
Pair = tuple[str, str, str]
"""(client, publish | hear, topic)"""


def topics_of(devices: Iterable[str], nodes: Iterable[str]) -> list[str]:
    """Every kind of topic for every sender, and some nobody may touch."""
    found = [f"lamplighter/1/{kind}/{d}" for d in devices for kind in ("obs", "src", "rcp", "cmd")]
    for node in nodes:
        group, name = node.split(":")
        found += [
            f"spBv1.0/{group}/{kind}/{name}" for kind in ("NBIRTH", "NDEATH", "NDATA", "NCMD")
        ]
        found += [
            f"spBv1.0/{group}/{kind}/{name}/pump" for kind in ("DBIRTH", "DDEATH", "DDATA", "DCMD")
        ]
    found += [f"spBv1.0/STATE/{HOST}", "spBv1.0/STATE/other", "STATE/other"]
    found += [
        "city/weather/north",
        "city/weather/north/deep",
        "city/traffic",
        "other",
        "lamplighter",
    ]
    found += [
        "lamplighter/1/obs",
        "lamplighter/1/obs/a/b",
        "lamplighter/2/obs/dev-1",
        "lamplighter/1",
    ]
    return found


def expected(client: str, action: str, topic: str) -> bool:
    """What the rights must be, written down without looking at the program."""
    if client == ROOT_USER:
        return True
    level = topic.split("/")
    native = level[:2] == ["lamplighter", "1"] and len(level) == 4
    plant = level[0] == "spBv1.0" and level[1] != "STATE"
    if client == CONSOLE:
        if native:
            return (level[2] == "cmd") == (action == "publish")
        if topic == f"spBv1.0/STATE/{HOST}":
            return True
        if plant:
            return level[2] == "NCMD" if action == "publish" else "CMD" not in level[2]
        return action == "hear" and level[:2] == ["city", "weather"] and len(level) == 3
    if ":" in client:
        group, node = client.split(":")
        if plant and level[1] == group and level[3] == node:
            return ("CMD" in level[2]) == (action == "hear")
        return action == "hear" and "STATE" in level[:2]
    if native and level[3] == client:
        return (level[2] == "cmd") == (action == "hear")
    return False


class Login:
    """One client with its certificate."""

    def __init__(self, port: int, name: str, files: TlsFiles) -> None:
        self.name = name
        self.heard: set[tuple[str, str]] = set()
        """(topic, who sent it)"""
        self._subscribed = threading.Event()
        self._answered = 0
        self.client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=f"acl-{name}")
        self.client.tls_set_context(context_for(files))
        ready = threading.Event()
        self.client.on_connect = lambda *_: ready.set()
        self.client.on_message = self._on_message
        self.client.on_publish = self._on_publish
        self.client.on_subscribe = lambda *_: self._subscribed.set()
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()
        if not ready.wait(20):
            raise RuntimeError(f"{name} cannot connect")

    def _on_message(self, _client: Any, _data: Any, message: mqtt.MQTTMessage) -> None:
        self.heard.add((message.topic, message.payload.decode("utf-8", "replace")))

    def _on_publish(self, *_: Any) -> None:
        self._answered += 1

    def publish(self, topics: list[str]) -> None:
        """One message on each topic; returns when the broker has answered them all."""
        before = self._answered
        for topic in topics:
            self.client.publish(topic, self.name, qos=1)
        end = time.monotonic() + 20
        while self._answered - before < len(topics):
            if time.monotonic() > end:
                raise RuntimeError(f"{self.name}: the broker answers no more")
            time.sleep(0.01)

    def subscribe(self, topics: list[str]) -> None:
        self._subscribed.clear()
        self.client.subscribe([(topic, 1) for topic in topics])
        if not self._subscribed.wait(20):
            raise RuntimeError(f"{self.name}: no answer to its subscription")

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


def run(folder: Path, devices: int, nodes: int, change: Callable[[str], str] = str) -> Row:
    """`change` may alter the rights file, to plant a bug. Returns pairs and wrong ones."""
    names = [f"dev-{n}" for n in range(1, devices + 1)]
    edges = [f"plant:gw-{n}" for n in range(1, nodes + 1)]
    acl = change(_rights(folder, [*names, *edges]).read_text())
    acl += f"\nuser {ROOT_USER}\ntopic readwrite #\ntopic read $SYS/#\n"
    (folder / "acl").write_text(acl)
    certificates = folder / "certificates"
    certificates.mkdir()
    authority = Authority(certificates)
    port = free_port()
    server = authority.issue("broker")
    lines = [*broker_lines(port, server), "use_identity_as_username true", "allow_anonymous false",
             f"acl_file {folder / 'acl'}", "max_queued_messages 1000000"]  # fmt: skip
    topics = topics_of(names, edges)
    with Broker(folder / "broker", port=port, lines=lines):
        logins = {
            name: Login(port, name, authority.issue(name, file=name.replace(":", "_")))
            for name in (CONSOLE, STRANGER, ROOT_USER, *names, *edges)
        }
        try:
            return _try(logins, topics)
        finally:
            for login in logins.values():
                login.close()


def _try(logins: dict[str, Login], topics: list[str]) -> Row:
    root = logins[ROOT_USER]
    tried = [login for login in logins.values() if login is not root]
    wrong: list[str] = []
    pairs = 0

    def judge(login: Login, action: str, done: set[str], how: str = "") -> None:
        nonlocal pairs
        for topic in topics:
            pairs += not how
            if (topic in done) != expected(login.name, action, topic):
                verb = "could" if topic in done else "could not"
                wrong.append(f"{login.name} {verb} {action} {topic}{how}")

    root.subscribe(["#"])
    for login in tried:
        login.publish(topics)
    root.publish(["over"])
    until(lambda: ("over", ROOT_USER) in root.heard)
    for login in tried:
        judge(login, "publish", {topic for topic, sender in root.heard if sender == login.name})
    for filters, how in ((topics, ""), (["#", "+/#", "$SYS/#"], " by #")):
        for login in tried:
            login.subscribe(filters)
            login.heard.clear()
        root.heard.clear()
        root.publish([*topics, "over"])
        until(lambda: ("over", ROOT_USER) in root.heard)
        time.sleep(0.5)
        for login in tried:
            judge(login, "hear", {topic for topic, _ in login.heard} & set(topics), how)
            wrong.extend(
                f"{login.name} hears {topic}" for topic, _ in login.heard if topic.startswith("$")
            )
            login.client.unsubscribe(filters)
    return {"pairs": pairs, "wrong": wrong}


def _rights(folder: Path, sources: list[str]) -> Path:
    project = folder / "project"
    create(project)
    mapping = folder / "weather.toml"
    mapping.write_text(MAPPING)
    add_feed(project, f"mqtt://{CONSOLE}@h:1")
    add_feed(project, f"mqtt://{CONSOLE}@h:1", mapping)
    add_feed(project, f"sparkplug://{CONSOLE}@h:1/plant?host={HOST}")
    rights = rights_of(project, devices=sources)
    return Path(write_rights(rights, folder / "rights")[0])


def part(size: dict[str, int], folder: Path) -> Row:
    found = run(folder, size["acl_devices"], size["acl_nodes"])
    wrong = found["wrong"]
    return {
        "promise": "Each console and device can use exactly its own topics",
        "trials": f"{found['pairs']:,} pairs of login and topic, publishing and hearing, and a "
        "subscription to everything by each login",
        "result": "; ".join(wrong[:4])
        or "all as the policy says; '#' brings nothing that is not allowed",
        "not_shown": "this broker answers a subscription to '#' with success and then delivers "
        "only what is allowed",
        "bound": "",
        "passed": not wrong,
        "figures": {"pairs": found["pairs"], "wrong": len(wrong)},
    }


PARTS: Final[dict[str, Callable[[dict[str, int], Path], Row]]] = {"acl": part}
SHORT: Final[dict[str, int]] = {"acl_devices": 9, "acl_nodes": 3}
LONG: Final[dict[str, int]] = {"acl_devices": 20, "acl_nodes": 6}
TIER: Final = "N1"
