"""A Modbus TCP device of our own on loopback: pymodbus' server in a thread, words set by hand."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

from tests.kit.broker import free_port

Words = dict[int, list[int]]


class ModbusDevice:
    """Use it as a context manager. `holding` and `input`: start address -> words; bits likewise.

    Words that are not given do not exist: asking for them is refused, as a device does.
    """

    def __init__(
        self,
        *,
        holding: Words | None = None,
        input: Words | None = None,
        coils: Words | None = None,
        unit: int = 1,
        port: int = 0,
    ) -> None:
        self.port = port or free_port()
        self.asked: list[tuple[int, int, int]] = []
        """(function code, address, count) of every question"""
        self.values: dict[int, int] = {}
        """holding words that differ from what they were at the start"""
        self._blocks = (holding or {60_000: [0]}, input or {60_000: [0]})
        self._coils = coils or {0: [0] * 8}
        self._unit = unit
        self._loop: asyncio.AbstractEventLoop | None = None
        self._server: Any = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        return f"modbus://127.0.0.1:{self.port}/{self._unit}"

    def __enter__(self) -> ModbusDevice:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        ready = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(ready,), daemon=True)
        self._thread.start()
        assert ready.wait(20), "the Modbus device did not start"

    def stop(self) -> None:
        loop, self._loop = self._loop, None
        if loop is not None:
            asyncio.run_coroutine_threadsafe(self._server.shutdown(), loop).result(10)
        if self._thread is not None:
            self._thread.join(10)

    def _run(self, ready: threading.Event) -> None:
        async def serve() -> None:
            from pymodbus.server import ModbusTcpServer

            self._loop = asyncio.get_running_loop()
            self._server = ModbusTcpServer(self._device(), address=("127.0.0.1", self.port))
            await self._server.serve_forever(background=True)
            ready.set()
            await self._server.serving

        asyncio.run(serve())

    def _device(self) -> Any:
        from pymodbus.simulator import DataType, SimData, SimDevice

        def words(block: Words) -> list[Any]:
            kind = DataType.REGISTERS
            return [SimData(a, values=list(w), datatype=kind) for a, w in block.items()]

        bits = [
            SimData(at, values=[bool(b) for b in row], datatype=DataType.BITS)
            for at, row in self._coils.items()
        ]
        none = [SimData(0, count=8, values=False, datatype=DataType.BITS)]
        blocks = (bits, none, words(self._blocks[0]), words(self._blocks[1]))

        async def look(
            code: int, start: int, address: int, count: int, current: list[int], new: Any
        ) -> None:
            self.asked.append((code, address, count))
            for at, word in self.values.items():
                if code == 3 and 0 <= at - start < len(current):
                    current[at - start] = word

        return SimDevice(self._unit, blocks, action=look)
