"""The verbs about work orders, files and lives, beside a recorder and alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lamplighter.cli.app import run
from lamplighter.cli.starters import Starters
from lamplighter.domain.city import Asset
from lamplighter.runtime import project as projects
from tests.kit import photos
from tests.kit.program import Recording

pytestmark = pytest.mark.e2e


class Verbs:
    """Runs verbs in this process; `json` decodes what they print."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def line(self, *words: object) -> tuple[int, str]:
        """Exit code and the one line a refusal leaves."""
        self._capsys.readouterr()
        code = run([str(w) for w in words], Starters(field=lambda _: 2, window=lambda **_: 2))
        told = self._capsys.readouterr()
        assert "Traceback" not in told.err
        return code, told.err.strip()

    def json(self, *words: object) -> Any:
        """The document of a verb that must succeed."""
        self._capsys.readouterr()
        code = run([*(str(w) for w in words), "--json"],
                   Starters(field=lambda _: 2, window=lambda **_: 2))  # fmt: skip
        told = self._capsys.readouterr()
        assert code == 0, told.err
        return json.loads(told.out)


@pytest.fixture
def town(tmp_path: Path) -> Path:
    projects.create(tmp_path / "town")
    with projects.opened(tmp_path / "town", write=True) as store:
        pump = Asset("P-22", "Pump", "Booster", "water", attributes={"year_built": 1974})
        store.writer.call(lambda access: access.put_assets([pump])).result()
    return tmp_path / "town"


def _walk(verbs: Verbs, town: Path, photo: Path) -> None:
    order = verbs.json("orders", "new", town, "--asset", "P-22", "--title", "Look at it",
                       "--checklist", "water.pump-round")["order"]  # fmt: skip
    code, text = verbs.line("orders", "close", town, order, "--finding", "found", "--cause", "x",
                            "--signed", "Ada", "--reason", "tested")  # fmt: skip
    assert code == 3 and "is not done" in text and "U-841" in text and "\n" not in text
    for words, told in (
        (("list", town, "--state", "bogus"), "give one of open"),
        (("new", town, "--asset", "P-99", "--title", "x"), "there is no asset P-99"),
        (("new", town, "--asset", "P-22"), "Missing: --title"),
    ):
        code, text = verbs.line("orders", *words)
        assert code == 2 and told in text and f"'lamplighter orders {words[0]} --help'" in text
    code, text = verbs.line("orders", "edit", town, order, "--set", "step.s9.done=true")
    assert code == 2 and "no step s9" in text
    fields = [w for s in ("s1.done=yes", "s2.done=yes", "s3.reading=6.2", "s3.note=loud",
                          "s4.reading=40") for w in ("--set", f"step.{s}")]  # fmt: skip
    verbs.json("orders", "edit", town, order, *fields, "--reason", "at the pump")
    item = verbs.json("attach", town, photo, "--asset", "P-22", "--order", order,
                      "--caption", "Seal worn")["attachment"]  # fmt: skip
    assert item["kind"] == "jpeg"
    closed = verbs.json("orders", "close", town, order, "--finding", "found", "--cause", "worn",
                        "--signed", "Ada", "--reason", "tested")  # fmt: skip
    assert closed["fields"]["finding"] == "found: worn"
    listed = verbs.json("orders", town, "--state", "done")
    assert order in [o["id"] for o in listed["orders"]]
    told = verbs.json("orders", "history", town, order)
    assert any(e["field"] == "step.s3.reading" and e["reason"] == "at the pump"
               for e in told["edits"])  # fmt: skip


def test_a_job_from_checklist_to_signature_beside_a_recorder_and_alone(
    town: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    verbs, photo = Verbs(capsys), tmp_path / "seal.jpg"
    photo.write_bytes(photos.jpeg())
    with Recording(town) as recording:
        recording.ready()
        _walk(verbs, town, photo)
    _walk(verbs, town, photo)
    found = verbs.json("attachments", town, "--text", "booster worn")
    assert found["total"] == 2 and Path(found["attachments"][0]["path"]).is_file()
    assert len({a["file"] for a in found["attachments"]}) == 1
    kinds = [e["kind"] for e in verbs.json("life", town, "P-22")["events"]]
    assert kinds[0] == "built" and kinds.count("repaired") == 2 and kinds.count("file") == 2
    for words, code in (
        (("life", town, "nobody"), 2),
        (("attach", town, tmp_path / "gone.jpg", "--asset", "P-22"), 3),
        (("attach", town, photo), 2),
        (("attach", town, photo, "--at", "north"), 2),
        (("attachments", town, "--from", "yesterday"), 2),
        (("orders", "show", town, "WO-0"), 2),
        (("orders", "new", town, "--asset", "P-22", "--title", " "), 2),
    ):
        got, text = verbs.line(*words)
        assert (got, text.count("\n")) == (code, 0), text
