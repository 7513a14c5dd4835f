"""The verbs models, scoreboard and metrics, without a recorder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lamplighter.analytics import model_files
from lamplighter.cli.app import run
from lamplighter.cli.output import DONE, FAILED, USAGE
from lamplighter.cli.starters import Starters
from lamplighter.domain.clock import SystemClock
from lamplighter.domain.maintenance import Prognosis, WorkOrder
from lamplighter.domain.models import Figure, ModelCard
from lamplighter.runtime.model_shelf import alone
from lamplighter.store import Store

DAY = 86_400_000


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Two versions of a model, and a pump that failed a week after it was warned of."""
    folder = tmp_path / "town"
    Store.create(folder, name="town", clock=SystemClock())
    now = SystemClock().wall_ms()
    with alone(folder, write=True) as (registry, store):
        for ours in (0.1, 0.08):
            fresh = tmp_path / "fresh"
            fresh.mkdir()
            np.savez(fresh / "tables.npz", a=np.array([ours]))
            files = {"tables.npz": model_files.sha256(fresh / "tables.npz")}
            card = ModelCard(
                "pumps", "Pumps that fail", "a method", "history", now - 90 * DAY, now, 24, 900,
                (0,), "whole assets", "training rows", (Figure("Brier score", ours, 0.2, n=24),),
                naive="the rate of the past",
            )  # fmt: skip
            registry.adopt(fresh, files, card)
        told = Prognosis("P", now - 9 * DAY, 30.0, 0.8, 0.6, 0.9)
        store.writer.call(lambda access: access.put_prognoses([told])).result(10)
        order = WorkOrder("W", "P", "Look", "done", finding="failed: seized", closed_ms=now - DAY)
        store.writer.call(lambda access: access.put_work_order(order)).result(10)
    return folder


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Any:
    """Runs a verb: (code, what it printed, what it said beside that)."""

    def speak(*words: object) -> tuple[int, str, str]:
        starters = Starters(field=lambda _: 0, window=lambda **_: 0)
        code = run([str(w) for w in words], starters)
        out, beside = capsys.readouterr()
        return code, out, beside

    return speak


def test_versions_cards_and_what_a_person_decides(say: Any, project: Path) -> None:
    code, out, _ = say("models", "list", project, "--json")
    states = {m["version"]: m["state"] for m in json.loads(out)["models"]}
    assert (code, states) == (DONE, {2: "candidate", 1: "in use"})

    assert say("models", "promote", project, "pumps", 2, "--reason", "better")[0] == DONE
    assert json.loads(say("models", "card", project, "pumps", "--json")[1])["version"] == 2
    code, out, _ = say("models", "rollback", project, "pumps", "--reason", "worse", "--json")
    assert (code, json.loads(out)["model"]) == (DONE, "pumps/1")

    card = say("models", "card", project, "pumps", "--version", 2)[1]
    assert "0.08, naive 0.2, n = 24" in card and "pumps/1 was promoted" not in card
    audit = say("audit", "show", project)[1]
    assert "promote model" in audit and "better" in audit


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("models", "promote", "{p}", "pumps", 7, "--reason", "x"), USAGE, "called pumps 7"),
        (("models", "promote", "{p}", "pumps", 2, "--reason", " "), FAILED, "a reason is needed"),
        (("models", "promote", "{p}", "pumps", 2), USAGE, "reason"),
        (("models", "rollback", "{p}", "pumps", "--reason", "x"), FAILED, "no earlier version"),
        (("models", "card", "{p}", "bridges"), USAGE, "no model called bridges"),
        (("models", "promote", "{p}", "bridges", 1, "--reason", "x"), USAGE, "called bridges 1"),
        (("models", "promote", "{p}", "pumps", 1, "--reason", "x"), FAILED, "in use already"),
        (("models", "promote", "{p}", "pumps", 0, "--reason", "x"), USAGE, "VERSION"),
        (("models", "rollback", "{p}", "bridges", "--reason", "x"), USAGE, "called bridges"),
        (("models", "rollback", "{p}", "forecasts", "--reason", "x"), USAGE, "called forecasts"),
        (("models", "rollback", "{p}", "pumps"), USAGE, "reason"),
        (("models", "rollback", "{p}/no", "pumps", "--reason", "x"), FAILED, "no Lamplighter"),
        (("models", "card", "{p}", "pumps", "--version", 9), USAGE, "no model called pumps 9"),
        (("models", "card", "{p}", "forecasts"), USAGE, "no model called forecasts"),
        (("models", "export", "{p}", "bridges", "{p}/b.zip"), USAGE, "called bridges"),
        (("models", "export", "{p}", "pumps", "{p}/b.zip", "--version", 9), USAGE, "pumps 9"),
        (("models", "export", "{p}", "pumps", "{p}/no/b.zip"), FAILED, "cannot be written"),
        (("models", "export", "{p}", "pumps", "{p}"), FAILED, "already"),
        (("models", "export", "{p}", "forecasts", "{p}/b.zip"), FAILED, "of no use elsewhere"),
        (("models", "export", "{p}/no", "pumps", "{p}/b.zip"), FAILED, "no Lamplighter"),
        (("models", "train", "{p}", "bridges"), USAGE, "called bridges"),
        (("models", "train", "{p}", "forecasts"), FAILED, "training needs one"),
        (("models", "list", "{p}/no"), FAILED, "no Lamplighter"),
        (("models", "import", "{p}", "{p}/nothing.zip"), FAILED, "there is no such file"),
        (("models", "import", "{p}", "{p}/m.onnx"), FAILED, "can run hidden code"),
        (("models", "train", "{p}"), FAILED, "training needs one"),
        (("metrics", "{p}", "--out", "{p}/x.xls"), USAGE, "neither a .csv nor a .json"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    say: Any, project: Path, words: tuple[object, ...], code: int, said: str
) -> None:
    found, _, beside = say(*(str(w).replace("{p}", str(project)) for w in words))

    assert found == code
    assert said in beside and len(beside.splitlines()) == 1
    assert not list(project.glob("*.zip"))


def test_the_track_record_says_that_it_is_none_yet(say: Any, project: Path) -> None:
    assert "no record yet" in say("scoreboard", project)[1]
    row = json.loads(say("scoreboard", project, "--json")[1])["scoreboard"][0]

    assert (row["cases"], row["hits"], row["hit_rate"]) == (1, 1, None)


def test_the_consoles_own_figures_are_written(say: Any, project: Path, tmp_path: Path) -> None:
    out = tmp_path / "figures.csv"

    code, said, _ = say("metrics", project, "--out", out, "--json")

    found = {m["name"]: m for m in json.loads(said)["metrics"]}
    assert code == DONE and out.read_text().startswith("name,value,unit,n,of,definition,from,to")
    assert (found["forecast hits"]["value"], found["forecast hits"]["n"]) == (1, 1)


def test_a_version_is_written_for_others(say: Any, project: Path, tmp_path: Path) -> None:
    out = tmp_path / "m.zip"

    assert say("models", "export", project, "pumps", out)[0] == DONE
    code, _, beside = say("models", "export", project, "pumps", out)

    assert out.stat().st_size > 0 and code == FAILED and "already" in beside


def test_what_was_changed_on_the_disk_is_not_written_for_others(
    say: Any, project: Path, tmp_path: Path
) -> None:
    table = next(project.glob("models/pumps/0001/*.npz"))
    table.write_bytes(table.read_bytes()[:-1] + b"x")

    code, _, beside = say("models", "export", project, "pumps", tmp_path / "m.zip")

    assert code == FAILED and len(beside.splitlines()) == 1
    assert "was changed" in beside and not (tmp_path / "m.zip").exists()


def test_a_kind_of_which_none_is_in_use_has_cards_by_number_alone(say: Any, project: Path) -> None:
    (used,) = project.glob("models/pumps/0001/*.npz")
    used.write_bytes(b"")
    with alone(project, write=True) as (registry, _):
        assert not registry._sound_in_use("pumps", SystemClock().wall_ms())

    code, _, beside = say("models", "card", project, "pumps")

    assert (code, len(beside.splitlines())) == (FAILED, 1) and "no version" in beside
    assert say("models", "card", project, "pumps", "--version", 2)[0] == DONE
    assert say("models", "export", project, "pumps", project / "x.zip")[0] == FAILED
