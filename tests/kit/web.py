"""A small HTTP server of our own on loopback: pages by path, every question remembered."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


@dataclass
class Page:
    """What a path answers. `body` may be a function that makes it anew for each question."""

    body: bytes | Callable[[], bytes] = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Asked:
    """One question, as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class WebServer:
    """Use it as a context manager; `pages` may be changed while it runs. An ETag is honoured."""

    def __init__(
        self,
        pages: dict[str, Page] | None = None,
        port: int = 0,
        *,
        certificate: tuple[Path, Path] | None = None,
    ) -> None:
        """`certificate`: PEM files of certificate and key; with them it speaks TLS."""
        self.pages = dict(pages or {})
        self.asked: list[Asked] = []
        self._port = port
        self._certificate = certificate
        self._server: ThreadingHTTPServer | None = None
        self._thread: threading.Thread | None = None

    @property
    def port(self) -> int:
        return self._port

    @property
    def url(self) -> str:
        return f"{'https' if self._certificate else 'http'}://127.0.0.1:{self._port}"

    def put(self, path: str, body: bytes | Callable[[], bytes], **headers: str) -> None:
        self.pages[path] = Page(body, headers={k.replace("_", "-"): v for k, v in headers.items()})

    def __enter__(self) -> WebServer:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 10

            def do_GET(self) -> None:
                outer._answer(self)

            do_POST = do_GET
            do_DELETE = do_GET
            do_PATCH = do_GET

            def log_message(self, *_: Any) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            block_on_close = False
            allow_reuse_address = True

            def handle_error(self, *_: Any) -> None:
                pass

        self._server = Server(("127.0.0.1", self._port), Handler)
        self._port = self._server.server_address[1]
        if self._certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*self._certificate)
            plain = self._server.socket
            self._server.socket = context.wrap_socket(plain, server_side=True)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.02,), daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            server.shutdown()
            server.server_close()
        if self._thread is not None:
            self._thread.join(5)

    def _answer(self, handler: BaseHTTPRequestHandler) -> None:
        length = int(handler.headers.get("Content-Length") or 0)
        body = handler.rfile.read(length) if length else b""
        headers = {k.lower(): v for k, v in handler.headers.items()}
        self.asked.append(Asked(handler.command, handler.path, headers, body))
        page = self.pages.get(handler.path) or self.pages.get(handler.path.partition("?")[0])
        page = page or Page(b"not here", 404)
        content = page.body() if callable(page.body) else page.body
        status = page.status
        tag = page.headers.get("ETag")
        if tag and headers.get("if-none-match") == tag:
            status, content = 304, b""
        handler.send_response(status)
        for name, value in page.headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(content)))
        handler.send_header("Connection", "close")
        handler.end_headers()
        handler.wfile.write(content)
