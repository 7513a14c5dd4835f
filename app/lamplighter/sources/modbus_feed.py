"""Modbus TCP: registers of a map, or the models a SunSpec device says it has. It only reads."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote, urlsplit

from lamplighter.domain.problems import Problem, fault, problem
from lamplighter.sources.async_feed import PolledFeed
from lamplighter.sources.meter_template import is_template, read_template
from lamplighter.sources.own_feeds import Wish, bad
from lamplighter.sources.own_source import Point
from lamplighter.sources.registers import (
    BITS,
    MOST_WORDS,
    Block,
    Register,
    RegisterMap,
    decode,
    plan,
    read_map,
)
from lamplighter.sources.sunspec import (
    BASES,
    END,
    MARK,
    MOST_MODELS,
    Laid,
    Model,
    Place,
    lay_out,
    read_models,
    values_of,
)

if TYPE_CHECKING:
    from pymodbus.client import AsyncModbusTcpClient

INTERVAL_S: Final = 5.0
TIMEOUT_S: Final = 3.0
_EXCEPTIONS: Final = {
    1: "it does not know this question",
    2: "it has no such address",
    3: "it does not take this length",
    4: "it failed",
    6: "it is busy",
    10: "the gateway finds no way to it",
    11: "the device behind the gateway does not answer",
}


class Refused(Exception):
    """The device answered one question with an exception."""

    def __init__(self, code: int) -> None:
        super().__init__(_EXCEPTIONS.get(code, f"it refuses (code {code})"))
        self.code = code


class ModbusFeed(PolledFeed):
    """`modbus://host[:502][/unit][#interval=5&sunspec=/folder/of/models&source=NAME]`."""

    def __init__(self, wish: Wish) -> None:
        """Raises U-801, I-504 or I-507 when it cannot be."""
        models = wish.options.get("sunspec", "")
        self._map = _map_of(wish)
        if not self._map.registers and not models:
            raise bad(wish, "a device needs a register map (--map) or #sunspec=FOLDER")
        self._models = read_models(Path(models)) if models else {}
        self._host, self._port, self._unit = _device(wish, self._map)
        super().__init__(
            wish.url,
            feed_id=wish.feed_id,
            source=wish.source(self._map.name or f"{self._host}-{self._unit}"),
            deliver=wish.deliver,
            clock=wish.clock,
            what=f"{self._host}:{self._port}",
            interval_s=wish.interval(self._map.interval_s or INTERVAL_S),
        )
        self._client: AsyncModbusTcpClient | None = None
        self._blocks = plan(self._map.registers, self._unit, most_words=self._map.most_words)
        self._raw: dict[Block, list[int]] = {}
        self._alone = False
        """every value is asked for by itself: the device refused a longer question"""
        self._places: list[tuple[Place, Laid]] = []
        self._fixed_said: dict[str, float | str] = {}

    # ---------------------------------------------------------------- one session
    async def _open(self) -> None:
        from pymodbus.client import AsyncModbusTcpClient

        logging.getLogger("pymodbus").setLevel(logging.CRITICAL)  # we word what went wrong
        self._client = AsyncModbusTcpClient(
            self._host, port=self._port, timeout=TIMEOUT_S, retries=1, reconnect_delay=0
        )
        if not await self._client.connect():
            raise ConnectionError("nobody answers there")
        self.counters.protocol = "Modbus TCP"
        if self._models:
            await self._discover()

    async def _close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            client.close()

    def _explain(self, error: Exception) -> Problem:
        text = str(error)
        if "No response received" in text or isinstance(error, TimeoutError):
            text = f"no answer within {TIMEOUT_S:g} s"
        return problem("N-304", name=self.what, what=text[:160] or type(error).__name__)

    async def _poll(self) -> None:
        points: list[Point] = []
        units: dict[str, str] = {}
        refused: dict[str, str] = {}
        raw: dict[str, list[int]] = {}
        """what was read, word by word, by its place"""
        if self._map.registers:
            words = await self._words(refused)
            for block, found in self._raw.items():
                raw[f"{block.table} from {block.start} of {block.device}"] = found
            now = self.clock.wall_ms()
            for register in self._map.registers:
                value = _value(register, words, self._unit)
                if value is not None:
                    points.append(Point(register.name, now, value))
                    units[register.name] = register.unit
        for place, laid in self._places:
            found = await self._model_words(place)
            raw[f"model {place.id} at {place.address}"] = found
            now = self.clock.wall_ms()
            for register, value in values_of(laid.values, found):
                points.append(Point(register.name, now, value))
                units[register.name] = register.unit
        points += self._fixed()
        if points:
            units = {name: unit for name, unit in units.items() if unit}
            self.source.put(points, units=units, original=json.dumps(raw).encode())
        self._warn(refused)

    def _warn(self, refused: Mapping[str, str]) -> None:
        self._warning = None
        if refused:
            name, why = next(iter(refused.items()))
            more = f" and {len(refused) - 1} more" if len(refused) > 1 else ""
            self._warning = problem("N-304", name=f"{name}{more} at {self.what}", what=why)

    # ---------------------------------------------------------------- asking
    async def _words(self, refused: dict[str, str]) -> dict[tuple[int, str, int], int]:
        """Every word of the map by (device, table, address)."""
        words: dict[tuple[int, str, int], int] = {}
        self._raw.clear()
        try:
            if not self._alone:
                for block in self._blocks:
                    words.update(await self._block(block))
                return words
        except Refused:
            self._alone = True
        for register in self._map.registers:
            for block in plan([register], self._unit, bridge=0):
                try:
                    words.update(await self._block(block))
                except Refused as error:
                    refused[register.name] = str(error)
        return words

    async def _block(self, block: Block) -> dict[tuple[int, str, int], int]:
        found = [int(word) for word in (await self._ask(block))[: block.count]]
        self._raw[block] = found
        device, table, start = block.device, block.table, block.start
        return {(device, table, start + at): word for at, word in enumerate(found)}

    async def _ask(self, block: Block) -> Sequence[int]:
        """The words of one question. Raises Refused, or ConnectionError when the link is over."""
        from pymodbus.exceptions import ModbusException

        client = self._client
        assert client is not None
        ask: Any = {
            "holding": client.read_holding_registers,
            "input": client.read_input_registers,
            "coil": client.read_coils,
            "discrete": client.read_discrete_inputs,
        }[block.table]
        try:
            answer = await ask(block.start, count=block.count, device_id=block.device)
        except ModbusException as error:
            raise ConnectionError(str(error)) from None
        if answer.isError():
            raise Refused(int(getattr(answer, "exception_code", 0)))
        found: Sequence[int] = answer.bits if block.table in BITS else answer.registers
        if len(found) < block.count:
            raise ConnectionError("its answer is too short")
        return found

    # ---------------------------------------------------------------- SunSpec
    async def _discover(self) -> None:
        """Find the models of the device; told when there are none, or some we do not know."""
        base = None
        for candidate in BASES:
            try:
                found = await self._ask(Block(self._unit, "holding", candidate, 2))
            except Refused:
                continue
            if tuple(found) == MARK:
                base = candidate
                break
        if base is None:
            raise fault("N-304", name=self.what, what="it is no SunSpec device (no mark found)")
        self._places = []
        address, seen = base + 2, dict[int, int]()
        for _ in range(MOST_MODELS):
            head = await self._ask(Block(self._unit, "holding", address, 2))
            number, length = int(head[0]), int(head[1])
            if number == END or address + 2 + length > 0xFFFF:
                break
            place = Place(number, address, length)
            seen[number] = seen.get(number, 0) + 1
            model = self._models.get(number)
            if model is not None:
                await self._add_model(place, model, seen[number])
            address += place.words
        if not self._places:
            raise fault("N-304", name=self.what, what="the folder defines none of its models")

    async def _add_model(self, place: Place, model: Model, number: int) -> None:
        words = await self._model_words(place)
        prefix = model.name if number == 1 else f"{model.name}.{number}"
        laid = lay_out(model, words, prefix)
        self._places.append((place, laid))
        for register, value in values_of(laid.fixed, words):
            if isinstance(value, str):
                self._fixed_said.setdefault(register.name, value)

    async def _model_words(self, place: Place) -> list[int]:
        words: list[int] = []
        while len(words) < place.words:
            count = min(MOST_WORDS, place.words - len(words))
            start = place.address + len(words)
            words += await self._ask(Block(self._unit, "holding", start, count))
        return words

    def _fixed(self) -> Iterable[Point]:
        """Maker, type and serial number, once."""
        said, self._fixed_said = self._fixed_said, {}
        now = self.clock.wall_ms()
        return [Point(name, now, value) for name, value in said.items()] if self.polls == 0 else []


def _value(
    register: Register, words: Mapping[tuple[int, str, int], int], unit: int
) -> float | str | None:
    device = unit if register.device is None else register.device
    table, first = register.table, register.address
    found: list[int] = []
    for at in range(first, first + register.size):
        word = words.get((device, table, at))
        if word is None:
            return None
        found.append(word)
    power = None
    if register.scale_from is not None:
        power = words.get((device, table, register.scale_from))
    return decode(found, register, power)


def _map_of(wish: Wish) -> RegisterMap:
    if not wish.mapping:
        return RegisterMap()
    if not is_template(wish.mapping):
        return read_map(wish.mapping)
    try:
        return read_template(wish.mapping, wish.options)
    except ValueError as error:
        raise bad(wish, str(error)) from None


def _device(wish: Wish, register_map: RegisterMap) -> tuple[str, int, int]:
    """(host, port, unit) of the address."""
    parts = urlsplit(wish.address)
    try:
        port = parts.port or 502
        path = unquote(parts.path.strip("/"))
        unit = int(path) if path else register_map.unit
    except ValueError:
        raise bad(wish, "give modbus://host:port/unit") from None
    unit = 1 if unit is None else unit
    if not parts.hostname or not 0 <= unit <= 255:
        raise bad(wish, "give modbus://host:port/unit")
    return parts.hostname, port, unit
