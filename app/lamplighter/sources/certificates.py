"""Our own certificate, looked at before anything is sent, and its files, watched for new ones.

A server's refusal of our certificate arrives late and without its cause, so what can be known here
is told from here: ended, not begun, of another key, weak, unreadable.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from lamplighter.domain.problems import LamplighterError, Problem, problem
from lamplighter.sources.feed import TlsFiles

if TYPE_CHECKING:
    from cryptography import x509

WARN_AHEAD: Final = timedelta(days=14)
LEAST_RSA_BITS: Final = 2048
LEAST_CURVE_BITS: Final = 224
Stamp = tuple[tuple[str, int, int, int], ...]


@dataclass(frozen=True, slots=True)
class Own:
    """What is known of our certificate."""

    name: str
    """its subject"""
    ends_ms: int
    """wall time, UTC ms"""


def own_certificate(files: TlsFiles, now_ms: int) -> Own | None:
    """Our certificate, found usable now; None when none is set. Raises LamplighterError (N-303)."""
    if files.cert is None:
        return None
    try:
        found = read_certificate(files.cert.read_bytes())
    except (OSError, ValueError) as error:
        raise _unusable(f"it cannot be read: {_why(error)}") from None
    now = datetime.fromtimestamp(now_ms / 1000, UTC)
    ends, begins = found.not_valid_after_utc, found.not_valid_before_utc
    if ends <= now:
        raise _unusable(f"ours ended {ends:%Y-%m-%d}")
    if begins > now:
        raise _unusable(f"ours is valid from {begins:%Y-%m-%d} on; is this machine's clock right?")
    weak = weakness(found)
    if weak:
        raise _unusable(f"ours is too weak: {weak}")
    _check_key(files.key or files.cert, found)
    name = found.subject.rfc4514_string()
    return Own(name, round(ends.timestamp() * 1000))


def ending(ends_ms: int, now_ms: int, whose: str) -> Problem | None:
    """N-311 when a certificate ends within two weeks or has ended, else None."""
    if not ends_ms or ends_ms - now_ms > WARN_AHEAD.total_seconds() * 1000:
        return None
    day = f"{datetime.fromtimestamp(ends_ms / 1000, UTC):%Y-%m-%d}"
    over = ends_ms <= now_ms
    return problem("N-311", name=whose, what=f"ended on {day}" if over else f"ends on {day}")


def read_certificate(pem: bytes) -> x509.Certificate:
    """The first certificate of a PEM text. Raises ValueError when there is none."""
    from cryptography import x509

    return x509.load_pem_x509_certificate(pem)


def weakness(certificate: x509.Certificate) -> str:
    """Why a certificate's key or signature is too weak to trust; empty when it is not."""
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    key = certificate.public_key()
    if isinstance(key, rsa.RSAPublicKey) and key.key_size < LEAST_RSA_BITS:
        return f"its RSA key has {key.key_size} bits, {LEAST_RSA_BITS} are needed"
    if isinstance(key, ec.EllipticCurvePublicKey) and key.key_size < LEAST_CURVE_BITS:
        return f"its key has {key.key_size} bits, {LEAST_CURVE_BITS} are needed"
    digest = certificate.signature_hash_algorithm
    if digest is not None and digest.name in ("md5", "sha1"):
        return f"it is signed with {digest.name.upper()}"
    return ""


def stamp(files: TlsFiles) -> Stamp:
    """Changes whenever one of the files does."""
    marks = []
    for file in (files.ca, files.cert, files.key):
        if file is None:
            continue
        try:
            found = file.stat()
            marks.append((str(file), found.st_mtime_ns, found.st_size, found.st_ino))
        except OSError:
            marks.append((str(file), 0, -1, 0))
    return tuple(marks)


def _check_key(file: Path, certificate: x509.Certificate) -> None:
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key: Any = load_pem_private_key(file.read_bytes(), None)
    except TypeError:
        raise _unusable("its key is locked with a passphrase; give one without") from None
    except (OSError, ValueError) as error:
        raise _unusable(f"its key cannot be read: {_why(error)}") from None
    if key.public_key() != certificate.public_key():
        raise _unusable(f"the key in {file.name} belongs to another certificate")


def _unusable(what: str) -> LamplighterError:
    return LamplighterError(problem("N-303", what=what))


def _why(error: Exception) -> str:
    return getattr(error, "strerror", None) or "it is no PEM file"
