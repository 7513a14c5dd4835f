"""The bars on public data: reached with limits that never saw a label of what is judged."""

from __future__ import annotations

import pytest
from tests.kit.testdata import prognostics_data

from lamplighter.analytics.anomaly.evaluate_attacks import AttacksRequest, judge_attacks
from lamplighter.analytics.anomaly.evaluate_runs import RunsRequest, judge_runs
from lamplighter.analytics.anomaly.evaluate_streams import StreamsRequest, judge_streams
from lamplighter.domain.task import silent


@pytest.mark.data
def test_faults_of_a_pump_loop_are_found_with_few_false_alarms() -> None:
    files = tuple(str(p) for p in sorted(prognostics_data("skab").rglob("*.csv.gz")))
    report = judge_runs(RunsRequest(files), silent)
    assert (report.files, report.change_points) == (17, 63)
    assert report.naive_f1 == pytest.approx(0.696, abs=0.001)
    assert report.f1 >= 0.84
    assert report.far <= 0.15
    assert report.nab_standard >= 30


@pytest.mark.data
def test_attacks_are_found_without_a_label_and_calm_hours_stay_calm() -> None:
    folder = prognostics_data("batadal")
    train = str(folder / "training1_dataset03.csv.gz")
    test = str(folder / "training2_dataset04_fulllabels.csv.gz")
    report = judge_attacks(AttacksRequest(train, test), silent)
    assert report.attacks_found == report.attacks == 7
    assert report.s >= 0.96
    assert report.tnr >= 0.96


@pytest.mark.data
def test_streams_are_judged_by_one_fixed_threshold() -> None:
    folder = prognostics_data("nab")
    groups = ("realTraffic", "realAdExchange", "artificialWithAnomaly")
    files = {
        f"{g}/{p.name.removesuffix('.gz')}": str(p)
        for g in groups
        for p in sorted((folder / "data" / g).glob("*.csv.gz"))
    }
    labels = str(folder / "labels" / "combined_windows.json")
    report = judge_streams(StreamsRequest(files, labels), silent)
    assert report.standard >= 60
    assert report.left_out_standard is not None
    assert report.left_out_standard >= 52
