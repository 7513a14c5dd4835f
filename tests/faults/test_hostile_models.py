"""No hostile model file runs code; a bug put in on purpose lets one, or the test proves nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.faults import hostile_models, part_models
from tests.faults.part_models import InThisProcess, run

from lamplighter.analytics import model_files, model_import
from lamplighter.runtime import model_shelf

RUN_CODE = (
    "a file that opens a file",
    "the same inside a learner",
    "the shell called by an operator",
)
"""contents that make the canary at once where nobody looks at them"""
IN_WORKERS = (
    "a zip bomb that lies", "a path upwards", "a folder with a pipe", "signed by another",
    "a file that opens a file", "trees that lead out of the file", "trees that never end",
)  # fmt: skip
"""one of every kind; all of them run in `make faults`"""
QUICK = tuple(
    name
    for group in (hostile_models.MANIFESTS, hostile_models.SIGNED)
    for name in group
    if name not in hostile_models.ROUGH and "100 megabytes" not in name
)


def test_there_are_sixty_hostile_files_and_more() -> None:
    assert len(hostile_models.ATTACKS) >= 60


def test_contents_and_manifests_are_refused_even_where_no_worker_stands_between(
    tmp_path: Path,
) -> None:
    found = run(tmp_path, QUICK, pool=InThisProcess())

    assert found.held, found


@pytest.mark.faults
def test_no_hostile_file_runs_code_or_takes_the_console_along(tmp_path: Path) -> None:
    found = run(tmp_path, IN_WORKERS, patience_s=4.0)

    assert found.held, found


def blind(*_: object, **__: object) -> None:
    """Looks at nothing."""


def believes_the_manifest(folder: Path, keys: object) -> Any:
    return model_files.read_manifest(folder)


def opens_everything(folder: Path, files: dict[str, str]) -> Any:
    """What a program does that trusts whatever a file asks for."""
    import numpy as np
    from skops import io

    wanted = io.get_untrusted_types(file=folder / model_files.MODEL)
    model = io.load(folder / model_files.MODEL, trusted=wanted)
    with np.load(folder / model_files.TABLES) as opened:
        return model, {name: opened[name] for name in opened.files}


@pytest.mark.faults
@pytest.mark.filterwarnings("ignore")
def test_without_the_allow_list_a_file_runs_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model_import.model_files, "load", opens_everything)

    found = run(tmp_path, RUN_CODE, pool=InThisProcess())

    assert set(found.canaries) == set(RUN_CODE), found


@pytest.mark.faults
def test_one_of_the_two_lists_alone_still_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model_files, "look_at_model", blind)

    found = run(tmp_path, RUN_CODE, pool=InThisProcess())

    assert found.canaries == [] and found.taken_in == [], found


@pytest.mark.faults
def test_a_manifest_nobody_checks_lets_a_strangers_model_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model_shelf, "_signed", believes_the_manifest)

    found = run(tmp_path, ("unsigned", "signed by another"), pool=InThisProcess())

    assert len(found.taken_in) == 2 and not found.held, found


@pytest.mark.faults
@pytest.mark.parametrize("passed", [lambda item, now: item])
def test_numbers_nobody_checks_are_let_through(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, passed: Callable[..., Any]
) -> None:
    monkeypatch.setattr(part_models, "believable", passed)

    found = run(tmp_path, (), pool=InThisProcess())

    assert len(found.numbers) >= 10 and not found.held, found
