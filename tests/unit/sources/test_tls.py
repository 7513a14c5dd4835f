"""TLS: only the right broker, only with a valid certificate of our own; each refusal says why."""

from __future__ import annotations

import ssl
from datetime import timedelta
from pathlib import Path

import pytest
from tests.faults import part_tls
from tests.kit.certificates import NOW, Authority

from lamplighter.domain.problems import LamplighterError
from lamplighter.sources import MqttFeed, TlsFiles, tls
from lamplighter.sources.certificates import ending, own_certificate
from lamplighter.sources.tls import context_for, explain

NOW_MS = int(NOW.timestamp() * 1000)
FEW = ("good", "ended", "another host", "another authority", "ours is missing", "ours has ended")


@pytest.mark.e2e
def test_only_the_right_broker_with_the_right_certificate_and_nothing_is_sent_else(
    tmp_path: Path,
) -> None:
    found = part_tls.matrix(tmp_path, FEW)
    assert set(found) == set(FEW)
    assert not any(found.values()), found


@pytest.mark.e2e
def test_new_files_are_taken_without_a_restart_and_wrong_ones_cost_nothing(tmp_path: Path) -> None:
    assert part_tls.rotation(tmp_path) == []


@pytest.mark.e2e
def test_the_end_of_our_certificate_is_told_ahead_and_makes_no_new_link(tmp_path: Path) -> None:
    assert part_tls.ends_while_connected(tmp_path) == []


@pytest.mark.e2e
@pytest.mark.parametrize("ended", [False, True])
def test_a_broker_on_the_list_of_revoked_ones_is_refused(tmp_path: Path, ended: bool) -> None:
    assert part_tls.revoked_broker(tmp_path, ended=ended).wrong == []


@pytest.mark.parametrize(
    ("case", "says"),
    [
        ("ended", f"ours ended {NOW - timedelta(days=1):%Y-%m-%d}"),
        ("not begun", f"valid from {NOW + timedelta(days=1):%Y-%m-%d}"),
        ("weak", "1024 bits"),
        ("another key", "belongs to another certificate"),
        ("no certificate", "cannot be read"),
        ("absent", "cannot be read"),
        ("locked key", "passphrase"),
    ],
)
def test_our_own_certificate_is_looked_at_before_anything_is_sent(
    tmp_path: Path, case: str, says: str
) -> None:
    authority = Authority(tmp_path)
    files = authority.issue("a")
    if case == "ended":
        files = authority.issue("a", start=-9, end=-1)
    elif case == "not begun":
        files = authority.issue("a", start=1, end=9)
    elif case == "weak":
        files = authority.issue("a", weak=True)
    elif case == "another key":
        files = TlsFiles(files.ca, files.cert, authority.issue("b").key)
    elif case == "locked key":
        files = TlsFiles(files.ca, files.cert, _locked(tmp_path))
    else:
        odd = tmp_path / "odd.crt"
        if case == "no certificate":
            odd.write_text("no certificate")
        files = TlsFiles(files.ca, odd, files.key)
    with pytest.raises(LamplighterError) as refused:
        own_certificate(files, NOW_MS)
    assert refused.value.problem.code == "N-303" and says in refused.value.problem.text


def _locked(folder: Path) -> Path:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    file = folder / "locked.key"
    file.write_bytes(
        ec.generate_private_key(ec.SECP256R1()).private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"x"),
        )
    )
    return file


def test_a_good_certificate_is_taken_and_its_end_is_told_two_weeks_ahead(tmp_path: Path) -> None:
    own = own_certificate(Authority(tmp_path).issue("a"), NOW_MS)
    assert own is not None and own.ends_ms > NOW_MS and "a" in own.name
    assert own_certificate(TlsFiles(), NOW_MS) is None
    day = 86_400_000
    assert ending(NOW_MS + 15 * day, NOW_MS, "x") is None and ending(0, NOW_MS, "x") is None
    soon, over = ending(NOW_MS + 13 * day, NOW_MS, "x"), ending(NOW_MS - day, NOW_MS, "x")
    assert soon is not None and "ends on" in soon.text
    assert over is not None and "ended on" in over.text


def test_checking_is_never_off_and_old_versions_are_not_spoken(tmp_path: Path) -> None:
    context = context_for(TlsFiles(Authority(tmp_path).file))
    assert context.verify_mode == ssl.CERT_REQUIRED and context.check_hostname
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    assert context.cert_store_stats()["x509_ca"] == 1, "the authority given is the only one trusted"


def test_certificates_for_a_link_without_tls_are_refused(tmp_path: Path) -> None:
    from lamplighter.domain.clock import SystemClock

    with pytest.raises(LamplighterError, match="mqtts://"):
        MqttFeed(
            "mqtt://127.0.0.1",
            client_id="c",
            deliver=lambda _: True,
            clock=SystemClock(),
            tls=TlsFiles(tmp_path / "ca.pem"),
        )


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


@pytest.mark.parametrize(
    ("reason", "code", "says"),
    [
        ("TLSV13_ALERT_CERTIFICATE_REQUIRED", "N-303", "none is set"),
        ("TLSV1_ALERT_UNKNOWN_CA", "N-303", "does not know"),
        ("SSLV3_ALERT_CERTIFICATE_REVOKED", "N-303", "revoked"),
        ("SSLV3_ALERT_HANDSHAKE_FAILURE", "N-303", "none is set"),
        ("UNSUPPORTED_PROTOCOL", "N-304", "older than 1.2"),
        ("TLSV1_ALERT_PROTOCOL_VERSION", "N-304", "older than 1.2"),
        ("WRONG_VERSION_NUMBER", "N-304", "does not speak TLS"),
        ("SOMETHING_NEW", "N-304", "something new"),
    ],
)
def test_what_tls_says_in_capitals_is_told_in_words(reason: str, code: str, says: str) -> None:
    error = ssl.SSLError(1, reason)
    error.reason = reason
    problem = explain(error, "h", 1)
    assert problem.code == code and says in problem.text


def test_a_server_that_hangs_up_is_told(tmp_path: Path) -> None:
    assert explain(tls.NotAccepted("it closes"), "h", 1).code == "N-303"
    assert "hangs up" in explain(tls.HungUp("it hangs up"), "h", 1).text
