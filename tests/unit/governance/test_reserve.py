"""The room kept for commands and their audit."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from tests.kit.clocks import FakeClock

from lamplighter.domain.problems import LamplighterError
from lamplighter.governance import audit as audits
from lamplighter.governance.audit import AuditFile, verify
from lamplighter.governance.keys import signing_key
from lamplighter.governance.reserve import Reserve


def test_it_is_given_back_in_pieces_and_taken_again(tmp_path: Path) -> None:
    reserve = Reserve(tmp_path, size=4 << 20)
    assert reserve.held == reserve.size == 4 << 20
    assert reserve.release()
    assert 0 < reserve.held < reserve.size
    while reserve.release(keep=2 << 20):
        pass
    assert reserve.held == 2 << 20
    assert reserve.refill()
    assert reserve.held == reserve.size


def test_its_bytes_are_really_taken_from_the_disk(tmp_path: Path) -> None:
    reserve = Reserve(tmp_path, size=4 << 20)
    assert (tmp_path / "audit.reserve").stat().st_blocks * 512 >= reserve.size


@pytest.mark.parametrize("pieces", [3, 1_000_000])
def test_the_audit_record_writes_from_it_when_the_disk_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pieces: int
) -> None:
    """It asks for piece after piece, and says that it cannot when nothing is left."""
    reserve = Reserve(tmp_path, size=2 << 20)
    left = {"pieces": pieces}

    class Disk(sqlite3.Connection):
        def execute(self, words: str, *given: object) -> sqlite3.Cursor:
            if words.startswith("INSERT INTO entry") and left["pieces"] > 0:
                left["pieces"] -= 1
                raise sqlite3.OperationalError("database or disk is full")
            return super().execute(words, *given)  # type: ignore[arg-type]

    real = sqlite3.connect
    monkeypatch.setattr(
        audits.sqlite3, "connect", lambda *given, **more: real(*given, **more, factory=Disk)
    )
    key = signing_key(tmp_path / "keys")
    audit = AuditFile(tmp_path / "audit.db", key, FakeClock(), "host", reserve)
    if pieces == 3:
        assert audit.record(actor="a", role="r", action="open", object="V-3") == 1
        assert 0 < reserve.held < reserve.size
    else:
        with pytest.raises(LamplighterError, match="A-401"):
            audit.record(actor="a", role="r", action="open", object="V-3")
        assert reserve.held == 0
    audit.close()
    assert verify(tmp_path / "audit.db", key).ok
