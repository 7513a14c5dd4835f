"""Only the right historian, only with the right credentials, and one clear line otherwise."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.kit.certificates import Authority
from tests.kit.postgres import Postgres, needs_postgres

from lamplighter.domain.problems import LamplighterError
from lamplighter.exchange import HistorianConfig, connect
from lamplighter.sources import TlsFiles

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    needs_postgres()
    with Postgres() as found:
        yield found.prepared()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


def serve(postgres: Postgres, files: TlsFiles, ca: Path, *rules: str) -> None:
    assert files.cert is not None
    assert files.key is not None
    postgres.secure(files.cert, files.key, ca, rules=rules)


def outcome(config: HistorianConfig, password: str = "") -> str:
    """Empty when it connected over TLS, else the line that was told."""
    try:
        with contextlib.closing(connect(config, password)) as sql:
            row = sql.execute("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()").fetchone()
            assert row == (True,), "it connected without TLS"
            return ""
    except LamplighterError as error:
        return str(error)


def until(what: Callable[[], str], wanted: str) -> str:
    """A reloaded certificate takes a moment."""
    end = time.monotonic() + 30
    found = what()
    while wanted not in found and time.monotonic() < end:
        time.sleep(0.1)
        found = what()
    return found


def test_the_server_must_prove_its_name(
    postgres: Postgres, authority: Authority, tmp_path: Path
) -> None:
    strict = HistorianConfig(postgres.url, ca=str(authority.file))
    postgres.plain()
    said = until(lambda: outcome(strict), "does not support SSL")
    assert "N-330" in said, "a server without TLS is refused when it has to prove itself"
    other = Authority(tmp_path, "other")
    cases = (
        (other.issue("stranger"), "verify failed"),
        (authority.self_signed("alone"), "verify failed"),
        (authority.issue("expired", start=-9, end=-1), "verify failed"),
        (authority.issue("future", start=1, end=9), "verify failed"),
        (authority.issue("elsewhere", host="db.elsewhere"), "does not match"),
        (authority.issue("nameless", host=None), "does not match"),
    )
    for files, why in cases:
        serve(postgres, files, authority.file)
        said = until(lambda: outcome(strict), why)
        assert why in said, files.cert
        assert "N-330" in said
        assert "\n" not in said
    serve(postgres, authority.issue("good"), authority.file)
    end = time.monotonic() + 30
    while (said := outcome(strict)) and time.monotonic() < end:
        time.sleep(0.1)
    assert said == ""


def test_the_console_must_prove_itself(
    postgres: Postgres, authority: Authority, tmp_path: Path
) -> None:
    """By a certificate of the right authority, or by its password; neither is ever shown."""
    postgres.sql("CREATE ROLE strict LOGIN PASSWORD 'open sesame' IN ROLE lamplighter_console")
    rules = (
        "hostnossl all strict 127.0.0.1/32 reject",
        "hostssl all strict 127.0.0.1/32 scram-sha-256 clientcert=verify-ca",
    )
    serve(postgres, authority.issue("server"), authority.file, *rules)
    url = f"postgresql://strict@127.0.0.1:{postgres.port}/postgres"
    mine = authority.issue("console")
    stranger = Authority(tmp_path, "unknown").issue("intruder")
    for files in (mine, stranger):
        assert files.key is not None
        files.key.chmod(0o600)
    ca = str(authority.file)
    bare = HistorianConfig(url, ca=ca)
    good = HistorianConfig(url, ca=ca, cert=str(mine.cert), key=str(mine.key))
    bad = HistorianConfig(url, ca=ca, cert=str(stranger.cert), key=str(stranger.key))
    end = time.monotonic() + 30
    while (said := outcome(good, "open sesame")) and time.monotonic() < end:
        time.sleep(0.1)
    assert said == ""
    for config, password in ((bare, "open sesame"), (bad, "open sesame"), (good, "wrong word")):
        said = outcome(config, password)
        assert "N-330" in said
        assert "sesame" not in said
        assert "wrong word" not in said
    file = tmp_path / "password"
    file.write_text("open sesame\n")
    kept = HistorianConfig(url, ca=ca, cert=good.cert, key=good.key, password_file=str(file))
    assert outcome(kept) == ""


def test_another_machine_is_not_spoken_to_without_proof(monkeypatch: pytest.MonkeyPatch) -> None:
    from lamplighter.exchange import link

    asked = link._options(HistorianConfig("postgresql://me@db.town/history"), "")
    assert (asked["sslmode"], asked["sslrootcert"]) == ("verify-full", "system")
    chosen = link._options(HistorianConfig("postgresql://me@db.town/history?sslmode=require"), "")
    assert "sslmode" not in chosen
