"""The demo district, generated once for all tests of a process."""

from __future__ import annotations

import csv
import tempfile
from functools import cache
from pathlib import Path

import msgspec

from lamplighter.field.city_generator import DEVICE_FILE, DEVICE_FOLDER, DeviceFile, generate
from lamplighter.field.networks import Networks
from lamplighter.field.values import Values

ROOT = Path(__file__).parents[2]
RESOURCES = ROOT / "resources"
PLUGINS = ROOT / "plugins"
NOON_S = 12 * 3600.0
_scratch = tempfile.TemporaryDirectory(prefix="lamplighter-test-district-")


@cache
def district() -> Path:
    """A folder with the generated demo; read it, do not change it."""
    folder = Path(_scratch.name) / "district"
    generate(RESOURCES / "demo", folder)
    return folder


@cache
def device_file() -> DeviceFile:
    raw = (district() / DEVICE_FOLDER / DEVICE_FILE).read_bytes()
    return msgspec.json.decode(raw, type=DeviceFile)


def table(*parts: str) -> list[dict[str, str]]:
    """Rows of a generated CSV file."""
    with district().joinpath(*parts).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def rated_kw() -> dict[str, float]:
    rows = {row["id"]: row for row in table("import", "assets.csv")}
    return {pump: float(rows[pump]["rated_kw"]) for pump in device_file().pumps}


class Played:
    """The district stepped by hand, second by second, without any broker."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.networks = Networks(district(), device_file(), PLUGINS, self.said.append)
        self.values = Values(device_file(), self.networks, rated_kw())
        self.now_s = 0.0

    def __enter__(self) -> Played:
        self.step()
        return self

    def __exit__(self, *_: object) -> None:
        self.networks.close()

    def step(self, seconds: float = 1.0) -> None:
        self.now_s += seconds
        self.networks.step(self.now_s, NOON_S + self.now_s)
        self.values.step(self.now_s, NOON_S + self.now_s)

    def run(self, seconds: int) -> None:
        for _ in range(seconds):
            self.step()

    def value(self, name: str) -> float:
        return float(self.values.shown[self.values.index[name]])

    def word(self, name: str) -> str:
        return self.values.words[self.values.index[name]]
