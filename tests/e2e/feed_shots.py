"""Pictures of adding a feed, its pages and calendar, and of a value set by hand."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from lamplighter.domain import wire

if TYPE_CHECKING:
    from tests.e2e.make_shots import Director, Step

NOISY = "NS-03"


class Masts:
    """Noise masts that speak their own JSON on the demo's broker, one of them not always well."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._client = paho.Client(CallbackAPIVersion.VERSION2)
        self._client.connect(parts.hostname or "127.0.0.1", parts.port or 1883)
        self._client.loop_start()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        number = 0
        while not self._stop.wait(0.15):
            number += 1
            mast = number % 11 + 1
            body = {
                "dev": f"NS-{mast:02d}",
                "t": int(time.time()),
                "rssi": -71,
                "LAeq_1m": round(54 + 8 * random.random(), 1),
                "Lmax": round(66 + 9 * random.random(), 1),
                "bat": 3.61,
                "fw": "2.4.1",
            }
            text = json.dumps(body)
            if number % 23 == 0:
                text = text.replace(str(body["LAeq_1m"]), "NaN")
            self._client.publish(f"harbour/noise/ns-{mast:02d}/up", text, qos=1)
            if number % 5 == 0:
                air = {"id": f"AQ-{mast:02d}", "time": int(1000 * time.time()), "no2_ugm3": 24}
                self._client.publish(f"harbour/air/aq-{mast:02d}/up", json.dumps(air), qos=1)
            if number % 40 == 0:
                self._client.publish("harbour/noise/ns-09/up", "restart 14", qos=1)

    def stop(self) -> None:
        """Leave the broker."""
        self._stop.set()
        self._thread.join(2.0)
        self._client.disconnect()
        self._client.loop_stop()


class FeedShots:
    """The acts, in the order of a person who adds a feed and looks after it."""

    def __init__(self, director: Director) -> None:
        self._director = director
        self._masts: Masts | None = None

    @property
    def furniture(self) -> Any:
        return self._director._window.furnish()

    @property
    def desk(self) -> Any:
        return self._director._desk

    def steps(self, make: type[Step]) -> list[Step]:
        """Five pictures; the first is of the dialog's own window."""

        def at_once() -> bool:
            return True

        dialog: Callable[[], Any] = lambda: self.furniture.feeds.dialog  # noqa: E731
        return [
            make("feed dialog", at_once, self.open_dialog, 6.0, "feed-dialog", self.previewed,
                 of=dialog),
            make("feed added", at_once, self.add, 9.0),
            make("feeds page", at_once, lambda: self.page(0), 4.0, "feed-page"),
            make("quarantine", at_once, lambda: self.page(1), 4.0, "feed-quarantine",
                 self.choose_row),
            make("calendar", at_once, lambda: self.page(2), 3.0, "feed-days"),
            make("value set by hand", at_once, self.by_hand, 4.0, "by-hand"),
            make("feeds put away", at_once, self.put_away, 1.0),
        ]  # fmt: skip

    # ---------------------------------------------------------------- acts
    def open_dialog(self) -> None:
        url = self.desk.status.feeds[0].url
        self._masts = Masts(url)
        self.desk.time.live()
        self.desk.selection.clear()
        self.furniture.sheet.hide()
        self.furniture.feeds.add()
        dialog = self.furniture.feeds.dialog
        dialog.form.address.setText(url)
        dialog.form.topics.setText("harbour/#")
        dialog.connect_feed()

    def previewed(self) -> bool:
        dialog = self.furniture.feeds.dialog
        return dialog is not None and len(dialog.preview.rows) >= 30

    def add(self) -> None:
        dialog = self.furniture.feeds.dialog
        dialog.name.setText("Noise masts, docks")
        dialog.owner.setText("Environment office")
        dialog.add()

    def page(self, number: int) -> None:
        dialog = self.furniture.feeds.dialog
        if dialog is not None:
            dialog.close()
        if number == 0:
            self._director._go("Alarms", "feeds")
        self.furniture.feed_page(number)
        pages = self.furniture.feeds.pages
        if number == 0:
            pages.feeds.table.selectRow(0)
        elif number == 1:
            pages.quarantine.table.selectRow(0)

    def choose_row(self) -> bool:
        """Rows come a moment after the page is shown."""
        page = self.furniture.feeds.pages.quarantine
        if page.rows and not page.chosen:
            page.table.selectRow(0)
        return bool(page.chosen)

    def by_hand(self) -> None:
        self._director._go("Overview")
        self.desk.selection.select(NOISY)
        stream = self.furniture.faceplate.hand._stream
        until = self.desk.clock.wall_ms() + 8 * 3_600_000
        if stream is not None:
            wish = wire.SetByHand(stream.key, "value", until, "microphone is being changed", "58")
            self.desk.ask(wish)

    def put_away(self) -> None:
        for mark in self.desk.by_hand:
            self.desk.ask(wire.EndByHand(mark.key, mark.kind))
        for feed in self.desk.status.feeds[1:]:
            self.desk.ask(wire.ChangeFeed(feed.id, "remove", "the pictures are made"))
        if self._masts is not None:
            self._masts.stop()
        self.desk.selection.clear()
