"""TLS for every link: always verified, never older than 1.2, every failure told with its cause.

In TLS 1.3 a server judges our certificate only after our side of the handshake is over. So the
socket waits for the verdict before it lets the first byte of the protocol out: either the server
hands out its session ticket, or it refuses and says why.
"""

from __future__ import annotations

import select
import ssl
import time
from typing import TYPE_CHECKING, Any, Final

from lamplighter.domain.problems import Problem, fault, problem
from lamplighter.sources.certificates import Own, read_certificate, weakness
from lamplighter.sources.feed import TlsFiles

if TYPE_CHECKING:
    from cryptography import x509

VERDICT_S: Final = 1.0
"""how long a server may take to judge our certificate; one that sends no ticket costs this"""
PROBE_S: Final = 4.0
EXPIRED: Final = 10
NOT_YET_VALID: Final = 9
_OTHER_NAME: Final = (62, 64)
_SELF_SIGNED: Final = 18
_WEAK: Final = (66, 67, 68)
_REVOKED: Final = 23
_OLD_LIST: Final = (3, 11, 12)
_REVOCATIONS: Final = b"-----BEGIN X509 CRL-----"
_REFUSALS: Final = {
    "CERTIFICATE_REQUIRED": "it asks for one and none is set",
    "UNKNOWN_CA": "it does not know the authority that issued ours",
    "CERTIFICATE_EXPIRED": "it says ours has ended",
    "CERTIFICATE_REVOKED": "it says ours was revoked",
    "BAD_CERTIFICATE": "it says ours is not in order",
    "UNSUPPORTED_CERTIFICATE": "it does not take this kind of certificate",
    "CERTIFICATE_UNKNOWN": "it gives no reason",
    "ACCESS_DENIED": "it is known but has no access",
    "DECRYPT_ERROR": "its signature does not fit",
}
_OLD: Final = ("UNSUPPORTED_PROTOCOL", "PROTOCOL_VERSION", "VERSION_TOO_LOW")
_NO_TLS: Final = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG", "RECORD_LAYER")


class NotAccepted(OSError):
    """The server ended the connection where it judges certificates, and said nothing."""


class HungUp(OSError):
    """The server ended the connection in the middle of the handshake."""


class PatientSocket(ssl.SSLSocket):
    """A socket whose handshake is over only when the server has judged our certificate."""

    def do_handshake(self, block: bool = False) -> None:
        """Raises ssl.SSLError with the server's refusal, NotAccepted or HungUp."""
        try:
            super().do_handshake(block)
        except (ConnectionError, ssl.SSLEOFError):
            raise HungUp(
                "it hangs up on a TLS handshake; does it speak TLS on this port?"
            ) from None
        if self.version() == "TLSv1.3":
            self._await_verdict()

    def _await_verdict(self) -> None:
        patience = self.gettimeout()
        end = time.monotonic() + VERDICT_S
        self.setblocking(False)
        try:
            while (left := end - time.monotonic()) > 0:
                if not select.select([self], [], [], left)[0]:
                    return
                try:
                    if self.recv(1):
                        raise NotAccepted("the server speaks before it is asked")
                    raise NotAccepted("it closes the connection without a reason")
                except ssl.SSLWantReadError:
                    session = self.session
                    if session is not None and session.has_ticket:
                        return
                except ConnectionError:
                    raise NotAccepted("it resets the connection without a reason") from None
        finally:
            self.settimeout(patience)


def context_for(files: TlsFiles) -> ssl.SSLContext:
    """A verifying client context, TLS 1.2 or newer. Raises N-304 or N-303 when a file is bad.

    A list of revoked certificates in the CA file is heeded.
    """
    try:
        context = ssl.create_default_context(cafile=str(files.ca) if files.ca else None)
        if files.ca is not None and _REVOCATIONS in files.ca.read_bytes():
            context.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF
    except (OSError, ssl.SSLError) as error:
        raise fault("N-304", name="the server", what=f"the CA file is bad: {error}") from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.sslsocket_class = PatientSocket
    if files.cert is not None:
        try:
            key = str(files.key) if files.key else None
            context.load_cert_chain(str(files.cert), key, password=lambda: b"")
        except (OSError, ssl.SSLError) as error:
            raise fault("N-303", what=f"its files cannot be used: {error}") from None
    return context


def probe(context: ssl.SSLContext, host: str, port: int, own: Own | None) -> Problem | None:
    """Shake hands with a server and hang up: what stands against it, None when nothing does."""
    import socket

    try:
        with socket.create_connection((host, port), PROBE_S) as plain:
            wrapped = context.wrap_socket(
                plain, server_hostname=host, do_handshake_on_connect=False
            )
            with wrapped:
                wrapped.settimeout(PROBE_S)
                wrapped.do_handshake()
    except OSError as error:
        return explain(error, host, port, own)
    return None


def explain(error: BaseException, host: str, port: int, own: Own | None = None) -> Problem:
    """A failed connection in words."""
    where = f"{host}:{port}"
    if isinstance(error, ssl.SSLCertVerificationError):
        return _untrusted(error, host, port)
    if isinstance(error, NotAccepted):
        return problem("N-303", what=_with_date(str(error), own))
    if isinstance(error, ssl.SSLError):
        return _tls_failure(error.reason or str(error), where, own)
    what = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return problem("N-304", name=where, what=what)


def explain_text(text: str, host: str, port: int) -> Problem:
    """A failure of which only its text is left."""
    lower = text.lower()
    if "alert" in lower and ("certificate" in lower or "unknown ca" in lower):
        return problem("N-303", what="not accepted by the broker")
    return problem("N-304", name=f"{host}:{port}", what=text[:120])


def server_end_ms(sock: ssl.SSLSocket) -> int:
    """When the certificate of a connected server ends (UTC ms); 0 when it cannot be told."""
    found: Any = sock.getpeercert()
    try:
        return round(ssl.cert_time_to_seconds(found["notAfter"]) * 1000)
    except (KeyError, TypeError, ValueError):
        return 0


def _tls_failure(reason: str, where: str, own: Own | None) -> Problem:
    upper = reason.upper().replace(" ", "_")
    if "ALERT" in upper:
        for mark, words in _REFUSALS.items():
            if mark in upper:
                return problem("N-303", what=_with_date(words, own))
        if "HANDSHAKE_FAILURE" in upper:
            words = "it refuses ours" if own is not None else "it may ask for one and none is set"
            return problem("N-303", what=_with_date(words, own))
    if any(mark in upper for mark in _OLD):
        return problem("N-304", name=where, what="it speaks only TLS older than 1.2")
    if any(mark in upper for mark in _NO_TLS):
        return problem("N-304", name=where, what="it does not speak TLS on this port")
    return problem("N-304", name=where, what=f"TLS failed: {reason.lower().replace('_', ' ')}")


def _untrusted(error: ssl.SSLCertVerificationError, host: str, port: int) -> Problem:
    shown = _shown_certificate(host, port)
    code = error.verify_code
    if code == EXPIRED:
        ended = f"{shown.not_valid_after_utc:%Y-%m-%d}" if shown else "an unknown date"
        return problem("N-301", what=ended)
    if code == NOT_YET_VALID:
        begins = f" before {shown.not_valid_before_utc:%Y-%m-%d}" if shown else " yet"
        what = f"its certificate is not valid{begins}; is this machine's clock right?"
        return problem("N-304", name=f"{host}:{port}", what=what)
    if code in _OTHER_NAME:
        cause = f"its certificate is for {_names(shown)}"
    elif code == _SELF_SIGNED:
        cause = "it signed its certificate itself"
    elif code in _WEAK:
        cause = f"its certificate is too weak: {(weakness(shown) if shown else '') or 'weak key'}"
    elif code == _REVOKED:
        cause = "its certificate was revoked"
    elif code in _OLD_LIST:
        cause = "the list of revoked certificates in the CA file does not reach to today"
    else:
        issuer = shown.issuer.rfc4514_string() if shown else "an authority"
        cause = f"its certificate was issued by {issuer}, which is not trusted here"
    return problem("N-302", name=host, what=cause)


def _names(shown: x509.Certificate | None) -> str:
    """The names a certificate is for."""
    from cryptography import x509

    if shown is None:
        return "another name"
    try:
        names = shown.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        found = [str(name.value) for name in names]
    except (x509.ExtensionNotFound, ValueError):
        found = []
    return ", ".join(found[:5]) or f"no host name (it only says {shown.subject.rfc4514_string()})"


def _with_date(words: str, own: Own | None) -> str:
    if own is None:
        return words
    day = time.strftime("%Y-%m-%d", time.gmtime(own.ends_ms / 1000))
    return f"{words}; ours is {own.name}, valid until {day}"


def _shown_certificate(host: str, port: int) -> x509.Certificate | None:
    """The certificate a server shows, unverified: to say what is wrong with it, never to trust."""
    try:
        pem = ssl.get_server_certificate((host, port), timeout=2)
        return read_certificate(pem.encode())
    except (OSError, ValueError):
        return None
