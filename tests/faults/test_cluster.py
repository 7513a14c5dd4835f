"""The same training job on a cluster of two processes; the losses are in `part_cluster`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from tests.faults import part_cluster
from tests.kit.dask_cluster import DaskCluster, needs_dask

from lamplighter.domain.problems import problem
from lamplighter.runtime.learned_model import Craft, TaughtModel
from lamplighter.runtime.own_cards import FORECASTS_CRAFT, SENSORS_CRAFT
from lamplighter.workers import afar
from lamplighter.workers.bridge import scheduler_address

pytestmark = pytest.mark.faults


@needs_dask
def test_a_cluster_trains_the_same_model_to_the_last_byte(tmp_path: Path) -> None:
    cluster = DaskCluster(tmp_path / "cluster")
    try:
        assert part_cluster.same(tmp_path, cluster.address)
    finally:
        cluster.close()


@needs_dask
def test_what_is_usual_is_learned_there_as_here_and_here_when_the_cluster_dies_under_it(
    tmp_path: Path,
) -> None:
    cluster = DaskCluster(tmp_path / "cluster")
    try:
        assert part_cluster.usual_same(tmp_path / "usual", cluster.address)
        assert part_cluster.fell_back(tmp_path / "recorder", cluster)
    finally:
        cluster.close()


@needs_dask
def test_a_recorder_that_gives_up_with_its_cluster_is_found_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = TaughtModel.teach

    def there_or_nowhere(
        self: TaughtModel[Any], request: Any, end: Any, *, afar: bool = True, **rest: Any
    ) -> int:
        if afar:
            return first(self, request, end, afar=True, **rest)
        end(problem("P-604", name="usual", what="the cluster was lost"))
        return 0

    monkeypatch.setattr(TaughtModel, "teach", there_or_nowhere)
    cluster = DaskCluster(tmp_path / "cluster")
    outcome = sound([True])
    try:
        outcome.fell_back = part_cluster.fell_back(tmp_path / "recorder", cluster)
    finally:
        cluster.close()

    assert not outcome.fell_back
    assert not outcome.held


SHORT_FILES = """
import sys
from lamplighter.workers import afar
real = afar.put_files
afar.put_files = lambda files, to: real({n: body[:-1] for n, body in files.items()}, to)
from lamplighter.__main__ import main
sys.exit(main())
"""


def sound(same: list[bool], *, carried_on: bool = True) -> part_cluster.Outcome:
    """All that is not asked about went well."""
    told = ("cancelled", "all machines", "scheduler", "nowhere")
    lines = dict.fromkeys(told, "It was lost. [P-604]")
    return part_cluster.Outcome(
        same=same, lines=lines, carried_on=carried_on, usual_same=True, fell_back=True
    )


@needs_dask
def test_an_answer_that_loses_a_byte_on_its_way_is_found_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(part_cluster, "program", lambda: [sys.executable, "-c", SHORT_FILES])
    cluster = DaskCluster(tmp_path / "cluster")
    try:
        outcome = sound([part_cluster.same(tmp_path, cluster.address)])
        usual = part_cluster.usual_same(tmp_path / "usual", cluster.address)
    finally:
        cluster.close()

    assert not outcome.held
    assert not usual
    assert sound([True]).held


@needs_dask
def test_a_cluster_that_gives_up_with_its_machine_is_found_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES", "0")
    cluster = DaskCluster(tmp_path / "cluster")
    outcome = sound([True], carried_on=False)
    try:
        part_cluster._one_lost(tmp_path, cluster, outcome)
    finally:
        cluster.close()

    assert not outcome.carried_on
    assert not outcome.held


@pytest.mark.parametrize(
    ("setting", "address"),
    [("", ""), ("local", ""), ("dask://h:8786", "tcp://h:8786"), ("dasks://h:1", "tls://h:1")],
)
def test_the_setting_names_a_scheduler(setting: str, address: str) -> None:
    assert scheduler_address(setting) == address


@pytest.mark.parametrize("setting", ["h:8786", "tcp://h:1", "dask://h", "dask://:1", "dask://h:x"])
def test_anything_else_is_no_cluster(setting: str) -> None:
    with pytest.raises(ValueError, match="no cluster like dask://"):
        scheduler_address(setting)


@pytest.mark.parametrize(
    "task", ["os:system", "lamplighter.runtime.x:y", "lamplighter.analytics.drift:_shares", "x"]
)
def test_only_public_functions_of_the_analytics_room_run_there(task: str) -> None:
    with pytest.raises(PermissionError):
        afar.types_of(task)


@pytest.mark.parametrize("kind", [SENSORS_CRAFT, FORECASTS_CRAFT], ids=lambda k: k.kind)
def test_what_a_recorder_learns_of_its_own_may_run_there(kind: Craft[Any]) -> None:
    asked, answer = afar.types_of(f"{kind.room}:learn")
    assert asked is kind.asked and answer is kind.learned
    assert {"folder"} <= set(asked.__struct_fields__) and "files" in answer.__struct_fields__


@pytest.mark.parametrize("name", ["../x", "/etc/x", ".x", "a/b"])
def test_files_of_an_answer_stay_in_their_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="a file with a path"):
        afar.put_files({name: b"x"}, tmp_path)
