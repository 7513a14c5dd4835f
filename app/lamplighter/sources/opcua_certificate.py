"""The console's own certificate for OPC UA, and the memory of the servers it has met.

OPC UA programs present certificates to each other that their owners accept once. Ours is made at
first use and kept with the project's keys. A server's is kept at the first meeting; a different
one later is refused, because it may be somebody else.
"""

from __future__ import annotations

import os
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, NamedTuple

from lamplighter.domain.problems import fault
from lamplighter.sources.feed import TlsFiles
from lamplighter.sources.own_source import plain

APPLICATION_URI: Final = "urn:lamplighter:console"
FOLDER: Final = ("keys", "opcua")
_DAYS: Final = 5 * 365


class Own(NamedTuple):
    """Our certificate and its key (both DER) and the application's name in it."""

    certificate: bytes
    key: bytes
    uri: str
    file: Path | None


def own_certificate(project: Path | None, files: TlsFiles) -> Own:
    """The one the user gave, else ours, made when there is none yet. Raises N-303."""
    if files.cert is not None:
        return _given(files)
    folder = None if project is None else project.joinpath(*FOLDER)
    if folder is not None and (folder / "console.der").exists():
        der, key = (folder / "console.der").read_bytes(), (folder / "console.key").read_bytes()
        if _ends(der) > datetime.now(UTC):
            return Own(der, key, APPLICATION_URI, folder / "console.der")
    der, key = _make()
    if folder is None:
        return Own(der, key, APPLICATION_URI, None)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle = os.open(folder / "console.key", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as out:
        out.write(key)
    (folder / "console.der").write_bytes(der)
    return Own(der, key, APPLICATION_URI, folder / "console.der")


def _given(files: TlsFiles) -> Own:
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization

    assert files.cert is not None
    try:
        raw = files.cert.read_bytes()
        pem = raw.lstrip().startswith(b"-----")
        cert = x509.load_pem_x509_certificate(raw) if pem else x509.load_der_x509_certificate(raw)
        key_raw = (files.key or files.cert).read_bytes()
        is_pem = key_raw.lstrip().startswith(b"-----")
        load = serialization.load_pem_private_key if is_pem else serialization.load_der_private_key
        key = _plain_key(load(key_raw, None))
        names = cert.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        uris = names.get_values_for_type(x509.UniformResourceIdentifier)
    except (OSError, ValueError, TypeError, x509.ExtensionNotFound) as error:
        raise fault("N-303", what=f"its files cannot be used: {error}") from None
    der = cert.public_bytes(serialization.Encoding.DER)
    return Own(der, key, uris[0] if uris else APPLICATION_URI, files.cert)


def _make() -> tuple[bytes, bytes]:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    now, host = datetime.now(UTC), socket.gethostname()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Lamplighter")])
    usage = x509.KeyUsage(
        digital_signature=True,
        content_commitment=True,
        key_encipherment=True,
        data_encipherment=True,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    names = [x509.UniformResourceIdentifier(APPLICATION_URI), x509.DNSName(host)]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=_DAYS))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return certificate.public_bytes(serialization.Encoding.DER), _plain_key(key)


def _plain_key(key: Any) -> bytes:
    from cryptography.hazmat.primitives import serialization

    form, none = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    found: bytes = key.private_bytes(serialization.Encoding.DER, form, none)
    return found


def end_of(certificate: bytes) -> int:
    """When a certificate (DER) ends, UTC ms; 0 when it is none."""
    ends = _ends(certificate)
    return int(1000 * ends.timestamp()) if ends.year > 1970 else 0


def _ends(der: bytes) -> datetime:
    from cryptography import x509

    try:
        return x509.load_der_x509_certificate(der).not_valid_after_utc
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)


def check_server(
    certificate: bytes, *, project: Path | None, host: str, port: int, expected: str, now_ms: int
) -> None:
    """Refuse a server that is not the one we know. Raises N-301, N-302 or I-507.

    `expected`: the file the user gave; else what was met first stays the one.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    ends = _ends(certificate)
    if ends <= datetime.fromtimestamp(now_ms / 1000, UTC):
        raise fault("N-301", what=f"{ends:%Y-%m-%d}")
    if expected:
        try:
            raw = Path(expected).read_bytes()
            if raw.lstrip().startswith(b"-----"):
                raw = x509.load_pem_x509_certificate(raw).public_bytes(Encoding.DER)
        except (OSError, ValueError) as error:
            raise fault("I-507", name=Path(expected).name, what=str(error)) from None
        if raw != certificate:
            raise fault("N-302", name=host)
        return
    if project is None:
        return
    file = project.joinpath(*FOLDER) / f"{plain(host)}-{port}.server.der"
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        file.write_bytes(certificate)
    elif file.read_bytes() != certificate:
        raise fault("N-302", name=host)
