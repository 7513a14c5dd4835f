"""An OPC UA server of our own on loopback: asyncua's, in a thread, with nodes set by hand."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.kit.broker import free_port

URI = "http://lamplighter.test/plant"


class OpcUaServer:
    """Use it as a context manager. `folder`: where its certificate is made (none: no security)."""

    def __init__(
        self,
        *,
        port: int = 0,
        folder: Path | None = None,
        users: dict[str, str] | None = None,
        files: tuple[Path, ...] = (),
        history: bool = False,
    ) -> None:
        self.port = port or free_port()
        self._folder = folder
        self._users = users
        self._files = files
        self._history = history
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._stop: asyncio.Event | None = None
        self._server: Any = None
        self.nodes: dict[str, Any] = {}
        self.failed: BaseException | None = None

    @property
    def url(self) -> str:
        return f"opc.tcp://127.0.0.1:{self.port}/plant"

    def __enter__(self) -> OpcUaServer:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        ready = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(ready,), daemon=True)
        self._thread.start()
        assert ready.wait(60), "the OPC UA server did not start"
        if self.failed is not None:
            raise self.failed

    def stop(self) -> None:
        loop, self._loop = self._loop, None
        if loop is not None and self._stop is not None:
            loop.call_soon_threadsafe(self._stop.set)
        if self._thread is not None:
            self._thread.join(30)

    def call(self, work: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
        """Run something on the server's loop."""
        assert self._loop is not None
        return asyncio.run_coroutine_threadsafe(work(), self._loop).result(30)

    def add(self, name: str, value: Any, *, unit: str = "") -> None:
        """A variable `Pump1/<name>` of the plant."""
        self.call(lambda: self._add(name, value, unit))

    def set(
        self, name: str, value: Any, *, status: str = "Good", when: datetime | None = None
    ) -> None:
        """Its value changes, with the status and source time given."""
        from asyncua import ua

        data = ua.DataValue(
            ua.Variant(value) if value is not None else None,
            ua.StatusCode(getattr(ua.StatusCodes, status)),
            when or datetime.now(UTC),
            datetime.now(UTC),
        )
        self.call(lambda: self.nodes[name].write_value(data))

    # ------------------------------------------------------------------ the server's thread
    def _run(self, ready: threading.Event) -> None:
        async def serve() -> None:
            try:
                await self._start()
            except BaseException as error:
                self.failed = error
                ready.set()
                return
            ready.set()
            assert self._stop is not None
            await self._stop.wait()
            await self._server.stop()

        asyncio.run(serve())

    async def _start(self) -> None:
        from asyncua import Server, ua

        for name in ("asyncua", "asyncua.server", "asyncua.common", "asyncua.uaprotocol"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        self._server = server = Server(user_manager=_Users(self._users) if self._users else None)
        await server.init()
        server.set_endpoint(self.url)
        policies = [ua.SecurityPolicyType.NoSecurity]
        if self._folder is not None:
            policies = [
                ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt,
                ua.SecurityPolicyType.Basic256Sha256_Sign,
            ]
            await self._certify(server)
        server.set_security_policy(policies)
        for file in self._files:
            await server.import_xml(str(file))
        index = await server.register_namespace(URI)
        self._index = index
        plant = await server.nodes.objects.add_object(ua.NodeId("Plant", index), f"{index}:Plant")
        self._pump = await plant.add_object(ua.NodeId("Pump1", index), f"{index}:Pump1")
        await server.start()

    async def _certify(self, server: Any) -> None:
        from asyncua.crypto.cert_gen import setup_self_signed_certificate
        from cryptography.x509.oid import ExtendedKeyUsageOID

        assert self._folder is not None
        self._folder.mkdir(parents=True, exist_ok=True)
        key, cert = self._folder / "server.pem", self._folder / "server.der"
        uri = "urn:lamplighter:test:server"
        await server.set_application_uri(uri)
        await setup_self_signed_certificate(
            key, cert, uri, "localhost", [ExtendedKeyUsageOID.SERVER_AUTH], {}
        )
        await server.load_certificate(str(cert))
        await server.load_private_key(str(key))

    async def _add(self, name: str, value: Any, unit: str) -> None:
        from asyncua import ua

        identity = ua.NodeId(name, self._index)
        node = await self._pump.add_variable(identity, f"{self._index}:{name}", value)
        if unit:
            information = ua.EUInformation(DisplayName=ua.LocalizedText(unit))
            await node.add_property(
                ua.NodeId(f"{name}.unit", self._index), "0:EngineeringUnits", information
            )
        if self._history:
            await self._server.historize_node_data_change(node, count=10_000)
        self.nodes[name] = node


class _Users:
    """Lets in who is on the list."""

    def __init__(self, users: dict[str, str]) -> None:
        self._users = users

    def get_user(
        self, iserver: Any, username: Any = None, password: Any = None, certificate: Any = None
    ) -> Any:
        from asyncua.crypto.permission_rules import User, UserRole

        if isinstance(password, bytes):
            password = password.decode()
        if username and self._users.get(username) == password:
            return User(role=UserRole.User)
        return None
