"""A small certificate authority for tests: good certificates and every kind of bad one."""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from lamplighter.sources import TlsFiles

NOW = datetime.now(UTC)
PEM = serialization.Encoding.PEM


class Authority:
    """Issues certificates into its folder; `file` is its own."""

    def __init__(self, folder: Path, name: str = "ca") -> None:
        self.folder = folder
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = self._builder(self.name, self.key, -1, 30)
        builder = builder.add_extension(x509.BasicConstraints(True, None), critical=True)
        usage = x509.KeyUsage(True, False, False, False, False, True, True, False, False)
        builder = builder.add_extension(usage, critical=True)
        self.file = folder / f"{name}.pem"
        cert = builder.sign(self.key, hashes.SHA256())
        self.file.write_bytes(cert.public_bytes(PEM))

    def _builder(
        self, subject: x509.Name, key: Any, start: float, end: float, issuer: Any = None
    ) -> Any:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer or self.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(NOW + timedelta(days=start))
            .not_valid_after(NOW + timedelta(days=end))
        )

    def issue(
        self,
        name: str,
        *,
        start: float = -1,
        end: float = 30,
        host: str | None = "127.0.0.1",
        weak: bool = False,
        file: str = "",
    ) -> TlsFiles:
        """Certificate and key for `name`, valid `start`..`end` days from now; `host` is what it is
        for (an address or a name; None: nothing), `weak` gives it a short RSA key."""
        curve = ec.SECP256R1()
        key: Any = rsa.generate_private_key(65537, 1024) if weak else ec.generate_private_key(curve)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = self._builder(subject, key, start, end)
        if host is not None:
            builder = builder.add_extension(_names(host), critical=False)
        cert = builder.sign(self.key, hashes.SHA256())
        return self._write(file or name, cert, key)

    def self_signed(self, name: str) -> TlsFiles:
        """A certificate nobody vouches for; `ca` is still this authority."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = self._builder(subject, key, -1, 30, subject)
        builder = builder.add_extension(_names("127.0.0.1"), critical=False)
        return self._write(name, builder.sign(key, hashes.SHA256()), key)

    def revoke(self, files: TlsFiles, *, ended: bool = False) -> Path:
        """A list of revoked certificates with this one on it."""
        assert files.cert is not None
        serial = x509.load_pem_x509_certificate(files.cert.read_bytes()).serial_number
        entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(NOW).build()
        revoked = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self.name)
            .last_update(NOW - timedelta(days=9))
            .next_update(NOW + timedelta(days=-1 if ended else 30))
            .add_revoked_certificate(entry)
            .sign(self.key, hashes.SHA256())
        )
        file = self.folder / "revoked.crl"
        file.write_bytes(revoked.public_bytes(PEM))
        return file

    def _write(self, name: str, cert: x509.Certificate, key: Any) -> TlsFiles:
        files = TlsFiles(self.file, self.folder / f"{name}.crt", self.folder / f"{name}.key")
        assert files.cert is not None and files.key is not None
        files.key.write_bytes(
            key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        )
        files.cert.write_bytes(cert.public_bytes(PEM))
        return files


def broker_lines(port: int, server: TlsFiles, *, demand: bool = True) -> list[str]:
    """Lines of mosquitto's configuration for a TLS listener."""
    return [
        f"listener {port} 127.0.0.1",
        f"cafile {server.ca}",
        f"certfile {server.cert}",
        f"keyfile {server.key}",
        f"require_certificate {'true' if demand else 'false'}",
    ]


def _names(host: str) -> x509.SubjectAlternativeName:
    try:
        return x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(host))])
    except ValueError:
        return x509.SubjectAlternativeName([x509.DNSName(host)])
