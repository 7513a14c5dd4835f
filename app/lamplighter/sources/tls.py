"""TLS for brokers: always verified, and every failure told with its cause.

A broker's refusal of our certificate arrives only as "unspecified error", so our own certificate
is looked at before anything is sent.
"""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from lamplighter.domain.problems import Problem, fault, problem
from lamplighter.sources.feed import TlsFiles

WARN_AHEAD: Final = timedelta(days=14)
EXPIRED: Final = 10
NOT_YET_VALID: Final = 9


def context_for(files: TlsFiles) -> ssl.SSLContext:
    """A verifying client context, TLS 1.2 or newer. Raises N-303 or I-507 when a file is bad."""
    try:
        context = ssl.create_default_context(cafile=str(files.ca) if files.ca else None)
    except (OSError, ssl.SSLError) as error:
        raise fault("N-304", name="the broker", what=f"the CA file is bad: {error}") from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if files.cert is not None:
        try:
            context.load_cert_chain(str(files.cert), str(files.key) if files.key else None)
        except (OSError, ssl.SSLError) as error:
            raise fault("N-303", what=f"its files cannot be used: {error}") from None
    return context


def own_certificate_ends(file: Path) -> datetime:
    """When our certificate stops being valid (UTC). Raises ValueError when it is no certificate."""
    from cryptography import x509

    return x509.load_pem_x509_certificate(file.read_bytes()).not_valid_after_utc


def check_own_certificate(file: Path | None, now_ms: int) -> Problem | None:
    """N-303 when our certificate has ended, else None."""
    if file is None:
        return None
    try:
        ends = own_certificate_ends(file)
    except (OSError, ValueError) as error:
        return problem("N-303", what=f"it cannot be read: {error}")
    if ends <= datetime.fromtimestamp(now_ms / 1000, UTC):
        return problem("N-303", what=f"ours ended {ends:%Y-%m-%d}")
    return None


def ends_soon(file: Path | None, now_ms: int) -> str:
    """The date our certificate ends when that is within two weeks, else an empty text."""
    if file is None:
        return ""
    try:
        ends = own_certificate_ends(file)
    except (OSError, ValueError):
        return ""
    near = datetime.fromtimestamp(now_ms / 1000, UTC) + WARN_AHEAD
    return f"{ends:%Y-%m-%d}" if ends <= near else ""


def explain(error: BaseException, host: str, port: int) -> Problem:
    """A failed connection in words."""
    if isinstance(error, ssl.SSLCertVerificationError):
        if error.verify_code == EXPIRED:
            return problem("N-301", what=_peer_end(host, port))
        if error.verify_code == NOT_YET_VALID:
            what = "its certificate is not valid yet (check this machine's clock)"
            return problem("N-304", name=f"{host}:{port}", what=what)
        return problem("N-302", name=host)
    if isinstance(error, ssl.SSLError):
        return explain_text(str(error), host, port)
    what = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return problem("N-304", name=f"{host}:{port}", what=what)


def explain_text(text: str, host: str, port: int) -> Problem:
    """A failure of which only its text is left."""
    lower = text.lower()
    if "alert" in lower and ("certificate" in lower or "unknown ca" in lower):
        return problem("N-303", what="not accepted by the broker")
    return problem("N-304", name=f"{host}:{port}", what=text[:120])


def _peer_end(host: str, port: int) -> str:
    """The date the broker's certificate ended; a dash when it cannot be asked."""
    from cryptography import x509

    try:
        pem = ssl.get_server_certificate((host, port), timeout=2)
        return f"{x509.load_pem_x509_certificate(pem.encode()).not_valid_after_utc:%Y-%m-%d}"
    except (OSError, ValueError):
        return "an unknown date"
