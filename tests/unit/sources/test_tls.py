"""TLS: only the right broker, only with a valid certificate of our own; each refusal says why."""

from __future__ import annotations

import ipaddress
import ssl
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from tests.kit.broker import Broker, free_port

from lamplighter.domain.clock import SystemClock
from lamplighter.domain.problems import LamplighterError
from lamplighter.sources import MqttFeed, TlsFiles
from lamplighter.sources.tls import check_own_certificate, context_for, ends_soon, explain

NOW = datetime.now(UTC)


class Authority:
    """A small certificate authority of its own."""

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
        self.file.write_bytes(cert.public_bytes(serialization.Encoding.PEM))

    def _builder(self, subject: x509.Name, key: Any, start: float, end: float) -> Any:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(NOW + timedelta(days=start))
            .not_valid_after(NOW + timedelta(days=end))
        )

    def issue(
        self, name: str, *, start: float = -1, end: float = 30, host: bool = True
    ) -> TlsFiles:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = self._builder(subject, key, start, end)
        address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
        other = x509.DNSName("elsewhere.example")
        names = x509.SubjectAlternativeName([address if host else other])
        cert = builder.add_extension(names, critical=False).sign(self.key, hashes.SHA256())
        files = TlsFiles(self.file, self.folder / f"{name}.crt", self.folder / f"{name}.key")
        assert files.cert is not None and files.key is not None
        files.cert.write_bytes(cert.public_bytes(serialization.Encoding.PEM))
        files.key.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return files


def until(true: Callable[[], object], seconds: float = 8.0) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if true():
            return True
        time.sleep(0.01)
    return False


def outcome(tmp_path: Path, server: TlsFiles, ours: TlsFiles, *, demand: bool) -> tuple[str, str]:
    """(state, problem code) of a feed against a broker with this certificate."""
    port = free_port()
    lines = [
        f"listener {port} 127.0.0.1", "allow_anonymous true", f"cafile {server.ca}",
        f"certfile {server.cert}", f"keyfile {server.key}",
        f"require_certificate {'true' if demand else 'false'}",
    ]  # fmt: skip
    with Broker(tmp_path / "broker", port=port, lines=lines):
        feed = MqttFeed(
            f"mqtts://127.0.0.1:{port}",
            client_id="c",
            deliver=lambda _: True,
            clock=SystemClock(),
            tls=ours,
        )
        feed.start()
        try:
            assert until(lambda: feed.state in ("live", "refused"))
            return feed.state, feed.problem.code if feed.problem else ""
        finally:
            assert feed.stop(6.0)


@pytest.mark.e2e
@pytest.mark.parametrize(
    ("case", "expected"),
    [
        ("good", ("live", "")),
        ("expired broker", ("refused", "N-301")),
        ("another host", ("refused", "N-302")),
        ("another authority", ("refused", "N-302")),
        ("our certificate is of another authority", ("refused", "N-303")),
        ("our certificate is missing", ("refused", "N-303")),
        ("our certificate has ended", ("refused", "N-303")),
    ],
)
def test_only_the_right_broker_with_the_right_certificate(
    tmp_path: Path, case: str, expected: tuple[str, str]
) -> None:
    authority, stranger = Authority(tmp_path), Authority(tmp_path, "stranger")
    server, ours = authority.issue("server"), authority.issue("console")
    if case == "expired broker":
        server = authority.issue("server", start=-9, end=-1)
    elif case == "another host":
        server = authority.issue("server", host=False)
    elif case == "another authority":
        ours = TlsFiles(stranger.file, ours.cert, ours.key)
    elif case == "our certificate is of another authority":
        foreign = stranger.issue("foreign")
        ours = TlsFiles(authority.file, foreign.cert, foreign.key)
    elif case == "our certificate is missing":
        ours = TlsFiles(authority.file)
    elif case == "our certificate has ended":
        ours = authority.issue("console", start=-9, end=-1)
    assert outcome(tmp_path, server, ours, demand=True) == expected


def test_our_own_certificate_is_looked_at_before_anything_is_sent(tmp_path: Path) -> None:
    now = int(NOW.timestamp() * 1000)
    authority = Authority(tmp_path)
    ended, soon = authority.issue("a", start=-9, end=-1), authority.issue("b", end=10)
    problem = check_own_certificate(ended.cert, now)
    assert problem is not None and problem.code == "N-303"
    assert f"{NOW - timedelta(days=1):%Y-%m-%d}" in problem.text
    assert (
        check_own_certificate(soon.cert, now) is None and check_own_certificate(None, now) is None
    )
    assert ends_soon(soon.cert, now) and not ends_soon(authority.issue("c").cert, now)
    broken = tmp_path / "broken.crt"
    broken.write_text("no certificate")
    assert check_own_certificate(broken, now) is not None
    assert check_own_certificate(tmp_path / "absent.crt", now) is not None


def test_checking_is_never_off_and_old_versions_are_not_spoken(tmp_path: Path) -> None:
    context = context_for(TlsFiles(Authority(tmp_path).file))
    assert context.verify_mode == ssl.CERT_REQUIRED and context.check_hostname
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2


def test_bad_files_are_told_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(LamplighterError):
        context_for(TlsFiles(tmp_path / "absent.pem"))
    ca = Authority(tmp_path).file
    with pytest.raises(LamplighterError) as caught:
        context_for(TlsFiles(ca, tmp_path / "absent.crt", None))
    assert caught.value.problem.code == "N-303"


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (ConnectionRefusedError(111, "Connection refused"), "Connection refused"),
        (TimeoutError("timed out"), "timed out"),
        (OSError(), "OSError"),
    ],
)
def test_an_unreachable_broker_is_told_with_its_cause(error: OSError, says: str) -> None:
    problem = explain(error, "h", 1)
    assert problem.code == "N-304" and says in problem.text and "h:1" in problem.text
