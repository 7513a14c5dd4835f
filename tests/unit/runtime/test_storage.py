"""Questions about storage: sizes by kind, a rule that is only looked at, the last backup."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.kit.recorders import running

from lamplighter.domain import wire
from lamplighter.domain.problems import LamplighterError
from lamplighter.domain.retention import Retention
from lamplighter.runtime.backups import backup_alone, last_backup
from lamplighter.runtime.project import create
from lamplighter.runtime.recorder import Recorder


def _ask(recorder: Recorder, request: wire.Request) -> Any:
    return recorder._handle(request)


@pytest.fixture
def recorder(tmp_path: Path) -> Iterator[Recorder]:
    with running(tmp_path / "p") as made:
        yield made


def test_looking_at_a_rule_changes_nothing(recorder: Recorder) -> None:
    seen = _ask(recorder, wire.PreviewRetention(Retention(raw_days=90)))
    assert isinstance(seen, wire.RetentionPreview)
    assert (seen.points, seen.segments) == (0, 0)
    assert _ask(recorder, wire.GetStorage()).retention == Retention()


def test_a_rule_that_makes_no_sense_is_refused_when_it_is_looked_at(recorder: Recorder) -> None:
    with pytest.raises(LamplighterError, match="at least as long"):
        _ask(recorder, wire.PreviewRetention(Retention(raw_days=90, rollup_days=30)))


def test_storage_names_every_kind(recorder: Recorder) -> None:
    found = _ask(recorder, wire.GetStorage())
    kinds = {p.kind for p in found.parts}
    assert kinds == {"hot", "sealed", "rollups", "spare", "city", "media", "cache"}
    assert found.backup is None


def test_the_last_backup_is_remembered_and_a_damaged_note_is_none(tmp_path: Path) -> None:
    project, file = tmp_path / "p", tmp_path / "p.tar.zst"
    create(project)
    assert last_backup(project) is None
    backup_alone(project, file, "", lambda *_: None)
    found = last_backup(project)
    assert found is not None
    assert (found.file, found.bytes, found.encrypted) == (str(file), file.stat().st_size, False)
    (project / "cache" / "last-backup.json").write_text("{")
    assert last_backup(project) is None
