"""What a feed of our own costs beside the bare protocol library or the bare file."""

from __future__ import annotations

import asyncio
import csv
import tempfile
import time
from pathlib import Path

from tests.kit.modbus_device import ModbusDevice
from tests.kit.own_feed import Opened
from tests.perf.row import Row, row

REGISTERS = 1_000
SECONDS = 4.0
LINES = 200_000
MAP = "interval_s = 0.05\n" + "".join(
    f"[[registers]]\nname = 'r{n}'\naddress = {n}\nscale = 0.1\n" for n in range(REGISTERS)
)
MAPPING = """
format = "csv"
time = "t"
time_format = "s"
[[values]]
datastream = "level"
value = "level"
"""


def rows() -> list[Row]:
    """Rows of `name, figure, unit, against, ratio`; `ratio` above 1 means faster than `against`."""
    return [_modbus(), _lines()]


def _modbus() -> Row:
    """Polls of a thousand registers, as fast as they go; the feed also decodes and numbers them."""
    with ModbusDevice(holding={0: [n % 60_000 for n in range(REGISTERS)]}) as device:
        bare = asyncio.run(_bare(device.port))
        with Opened(device.url + "#interval=0.05", MAP) as feed:
            feed.until(lambda f: f.points)
            before, begun = feed.feed.polls, time.monotonic()  # type: ignore[attr-defined]
            feed.feed.interval_s = 0.0  # type: ignore[attr-defined]
            time.sleep(SECONDS)
            polls = feed.feed.polls - before  # type: ignore[attr-defined]
            ours = polls * REGISTERS / (time.monotonic() - begun)
    return row("Modbus registers read", ours, "1/s", "pymodbus alone", bare, more_is_better=True)


async def _bare(port: int) -> float:
    from pymodbus.client import AsyncModbusTcpClient

    client = AsyncModbusTcpClient("127.0.0.1", port=port)
    await client.connect()
    count, end = 0, time.monotonic() + SECONDS
    while time.monotonic() < end:
        for start in range(0, REGISTERS, 125):
            answer = await client.read_holding_registers(start, count=125)
            count += len(answer.registers)
    client.close()
    return count / SECONDS


def _lines() -> Row:
    """Lines of a watched CSV until they are messages, beside reading the same file plainly."""
    with tempfile.TemporaryDirectory() as place:
        file = Path(place) / "log.csv"
        text = "".join(f"{1_795_341_600 + n},{n * 0.1:.1f}\n" for n in range(LINES))
        file.write_text("t,level\n" + text)
        begun = time.monotonic()
        with file.open(newline="") as source:
            values = [(int(r["t"]) * 1000, float(r["level"])) for r in csv.DictReader(source)]
        plain = len(values) / (time.monotonic() - begun)
        begun = time.monotonic()
        with Opened(f"folder:{file}?interval=0.05", MAPPING) as feed:
            while sum(max(0, m.payload.count(b"[") - 1) for m in list(feed.got)) < LINES:
                time.sleep(0.02)
                for message in list(feed.got):
                    feed.feed.ack(message.token)
        ours = LINES / (time.monotonic() - begun)
    peer = "Python's csv alone"
    return row("Lines of a watched CSV", ours, "1/s", peer, plain, more_is_better=True)


if __name__ == "__main__":
    for one in rows():
        print(one)
