"""Backup and restore as the verbs do them, with the recorder running and without."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from tests.kit.program import Recording, json_of, verb

from lamplighter.domain.clock import SystemClock
from lamplighter.governance.audit import AuditFile
from lamplighter.governance.keys import signing_key
from lamplighter.runtime import project as projects
from lamplighter.runtime.backups import backup_alone, restore


def quiet(done: int, total: int, text: str) -> None:
    """Tells nobody."""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "town"
    projects.create(folder)
    return folder


def test_the_audit_record_holds_across_a_restore_without_the_private_key(
    project: Path, tmp_path: Path
) -> None:
    backup_alone(project, tmp_path / "first", "", quiet)
    made = backup_alone(project, tmp_path / "b", "", quiet)
    assert any("private key" in words for words in made["warnings"])
    back = restore(tmp_path / "b", tmp_path / "back", "", quiet)
    assert back["ok"]
    assert any("console.pub" in words for words in back["warnings"])
    assert projects.verify_audit(tmp_path / "back")["ok"]
    actions = [e["action"] for e in projects.audit_entries(tmp_path / "back", 10)]
    assert actions == ["restore backup", "take backup"]


def test_a_forged_audit_record_is_found_by_the_restore(project: Path, tmp_path: Path) -> None:
    audit = AuditFile(
        project / "audit.db", signing_key(project / "keys"), SystemClock(), "somewhere"
    )
    for n in range(3):
        audit.record(actor="a", role="r", action=f"act {n}", object="o")
    audit.close()
    sql = sqlite3.connect(project / "audit.db")
    sql.execute(
        "UPDATE entry SET body = CAST(replace(body, 'act 1', 'act 9') AS BLOB) WHERE seq = 2"
    )
    sql.commit()
    sql.close()
    backup_alone(project, tmp_path / "b", "", quiet)
    back = restore(tmp_path / "b", tmp_path / "back", "", quiet)
    assert not back["ok"]
    assert any("audit record: entry 2" in words for words in back["warnings"])


def test_a_running_recorder_takes_the_backup_itself(project: Path, tmp_path: Path) -> None:
    with Recording(project) as recording:
        recording.ready()
        made = json_of("backup", project, tmp_path / "b")
        assert made["ok"] and made["bytes"] == (tmp_path / "b").stat().st_size
        refused = verb("backup", project, project / "inside")
        assert refused.returncode == 3
        assert "A-408" in refused.stderr and "Traceback" not in refused.stderr
        recording.end()
    back = json_of("restore", tmp_path / "b", tmp_path / "back")
    assert back["ok"] and back["audit_rows"] >= 1
