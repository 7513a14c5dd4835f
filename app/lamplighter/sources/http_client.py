"""Pages fetched with manners: asked only for what changed, bounded in size, never led elsewhere."""

from __future__ import annotations

import email.utils
import ssl
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import urljoin, urlsplit

from lamplighter.domain.problems import fault
from lamplighter.sources.feed import Login, TlsFiles, is_loopback
from lamplighter.sources.tls import context_for

if TYPE_CHECKING:
    import httpx

MOST_BYTES: Final = 16_000_000
MOST_REDIRECTS: Final = 5
CONNECT_S: Final = 5.0
READ_S: Final = 20.0
REMEMBERED: Final = 1_000
LONGEST_WISH_S: Final = 900.0
AGENT: Final = "Lamplighter"


class Answer(NamedTuple):
    """A page. `unchanged`: the server says it is as it was; then the body is empty."""

    status: int
    body: bytes
    headers: Mapping[str, str]
    unchanged: bool = False


class Busy(Exception):
    """The server asks for patience."""

    def __init__(self, what: str, wait_s: float) -> None:
        super().__init__(what)
        self.wait_s = wait_s


class Web:
    """One server. Make it and use it on one loop; `close` it at the end."""

    def __init__(self, address: str, *, tls: TlsFiles, login: Login) -> None:
        """Raises N-303 or N-304 when the certificate files cannot be used."""
        import httpx

        self._host = urlsplit(address).hostname or ""
        self._known: dict[str, tuple[str, str]] = {}
        self.protocol = ""
        """what the link speaks, e.g. `HTTP/1.1, TLSv1.3`; empty before the first answer"""
        self.certificate_ends_ms = 0
        """when the server's certificate ends, UTC ms; 0 = it has none"""
        verify = context_for(tls) if urlsplit(address).scheme == "https" else True
        auth = httpx.BasicAuth(login.user, login.password) if login.user else None
        self._client: httpx.AsyncClient = httpx.AsyncClient(
            verify=verify,
            auth=auth,
            timeout=httpx.Timeout(READ_S, connect=CONNECT_S),
            follow_redirects=False,
            trust_env=not is_loopback(self._host),
            headers={"User-Agent": AGENT},
            limits=httpx.Limits(max_connections=4),
        )

    async def get(
        self,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        most_bytes: int = MOST_BYTES,
    ) -> Answer:
        """The page, following redirects on its own host only.

        Raises Busy when the server asks to wait, LamplighterError (N-304) when it refuses, and
        whatever the connection raises.
        """
        wanted, asked = url, dict(headers or {})
        etag, modified = self._known.get(url, ("", ""))
        if etag:
            asked["If-None-Match"] = etag
        if modified:
            asked["If-Modified-Since"] = modified
        for _ in range(MOST_REDIRECTS):
            answer = await self._once(url, asked, most_bytes)
            if answer.status not in (301, 302, 303, 307, 308):
                break
            url = self._led_to(url, answer.headers.get("location", ""))
        else:
            raise fault("N-304", name=self._host, what="it redirects without end")
        if answer.status == 304:
            return answer._replace(unchanged=True)
        self._judge(answer)
        if len(self._known) < REMEMBERED or wanted in self._known:
            names = ("etag", "last-modified")
            self._known[wanted] = (
                answer.headers.get(names[0], ""),
                answer.headers.get(names[1], ""),
            )
        return answer

    async def send(self, method: str, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Send something that is no question, e.g. a subscription. Raises like `get`."""
        response = await self._client.request(method, url, content=body, headers=dict(headers))
        answer = Answer(response.status_code, response.content, _lower(response.headers))
        self._judge(answer)
        return answer

    def forget(self) -> None:
        """Ask for everything anew."""
        self._known.clear()

    async def close(self) -> None:
        await self._client.aclose()

    async def _once(self, url: str, headers: Mapping[str, str], most_bytes: int) -> Answer:
        async with self._client.stream("GET", url, headers=dict(headers)) as response:
            self._look_at(response)
            declared = response.headers.get("content-length", "0")
            if declared.isdigit() and int(declared) > most_bytes:
                raise self._too_large(most_bytes)
            parts: list[bytes] = []
            size = 0
            async for part in response.aiter_bytes():
                size += len(part)
                if size > most_bytes:
                    raise self._too_large(most_bytes)
                parts.append(part)
            return Answer(response.status_code, b"".join(parts), _lower(response.headers))

    def _look_at(self, response: httpx.Response) -> None:
        """What the link speaks, and until when the server's certificate holds."""
        stream = response.extensions.get("network_stream")
        secured = stream.get_extra_info("ssl_object") if stream is not None else None
        self.protocol = response.http_version
        if secured is not None:
            self.protocol += f", {secured.version()}"
            ends = (secured.getpeercert() or {}).get("notAfter", "")
            self.certificate_ends_ms = int(1000 * ssl.cert_time_to_seconds(ends)) if ends else 0

    def _too_large(self, most_bytes: int) -> Exception:
        what = f"its answer is larger than {most_bytes / 1e6:g} MB"
        return fault("N-304", name=self._host, what=what)

    def _led_to(self, url: str, location: str) -> str:
        target = urljoin(url, location)
        old, new = urlsplit(url), urlsplit(target)
        same = old.hostname == new.hostname and new.scheme in ("http", "https")
        if not location or not same or (old.scheme, new.scheme) == ("https", "http"):
            elsewhere = f"{new.scheme}://{new.hostname or '?'}"
            raise fault(
                "N-304",
                name=self._host,
                what=f"it leads to {elsewhere}; give that address if you trust it",
            )
        return target

    def _judge(self, answer: Answer) -> None:
        status = answer.status
        if status in (429, 503):
            wait = _seconds(answer.headers.get("retry-after", ""))
            raise Busy(f"it answers {status} and asks for patience", wait)
        if status in (401, 403):
            raise fault("N-304", name=self._host, what=f"it refuses us ({status}); check the login")
        if status >= 500:
            raise ConnectionError(f"it answers {status}")
        if not 200 <= status < 300:
            raise fault("N-304", name=self._host, what=f"it answers {status}")


def _lower(headers: Any) -> dict[str, str]:
    return {str(name).lower(): str(value) for name, value in headers.items()}


def _seconds(text: str) -> float:
    """Seconds of a Retry-After that gives seconds; a date is taken as a minute."""
    if text.strip().isdigit():
        return min(float(text), LONGEST_WISH_S)
    return 60.0 if email.utils.parsedate(text) else 5.0
