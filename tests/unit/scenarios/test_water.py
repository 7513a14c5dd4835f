"""A what-if on a water network: nothing changed is no difference, a closed pipe is felt."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.kit.testdata import city_data
from tests.unit.workers.pool_kit import PoolKit

from lamplighter.domain.problems import LamplighterError, Problem
from lamplighter.domain.task import silent
from lamplighter.scenarios import WaterOutcome, WaterWhatIf, water_request
from lamplighter.scenarios.water import run_water

# A reservoir, pump 9 with a rule and a control that would start it again, a ring, a tank; link and
# node both called 10; pipe CV has a check valve.
NETWORK = """
[JUNCTIONS]
 10  5   0
 11  6   20
 12  8   15
 13  9   10
[RESERVOIRS]
 R   2
[TANKS]
 T   50  3  0.5  8  15  0
[PIPES]
 10  10 11 500 300 120 0 Open
 21  11 12 400 250 120 0 Open
 22  12 13 400 200 120 0 Open
 23  11 13 600 200 120 0 Open
 24  T  11 200 250 120 0 Open
 CV  13 12 900 100 120 0 CV
[PUMPS]
 9   R  10  HEAD C1
[CURVES]
 C1  0   80
 C1  60  60
 C1  120 10
[PATTERNS]
 D   0.6 0.8 1.2 1.4
[CONTROLS]
 LINK 9 OPEN IF NODE T BELOW 7
 LINK 21 OPEN AT TIME 2
[RULES]
RULE 1
IF SYSTEM TIME >= 1
THEN PUMP 9 STATUS IS OPEN
[OPTIONS]
 UNITS LPS
 HEADLOSS H-W
 PATTERN D
[TIMES]
 DURATION 24
 HYDRAULIC TIMESTEP 1:00
 PATTERN TIMESTEP 6:00
[END]
"""


@pytest.fixture(scope="module")
def inp(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("water") / "small.inp"
    file.write_text(NETWORK)
    return file


def value(outcome: WaterOutcome, asset: str, quantity: str, column: str = "outcome") -> float:
    rows = [r for r in outcome.rows() if r.asset == asset and r.quantity == quantity]
    assert len(rows) == 1
    found: float = getattr(rows[0], column)
    return found


def arrays(outcome: WaterOutcome) -> list[bytes]:
    return [
        a.tobytes()
        for a in (outcome.quantity, outcome.baseline, outcome.outcome, outcome.low, outcome.high)
    ]


@pytest.mark.parametrize("hours", [1, 6, 24])
def test_nothing_changed_is_no_difference_at_all(inp: Path, hours: int) -> None:
    outcome = run_water(WaterWhatIf(str(inp), hours=hours), silent)

    assert np.array_equal(outcome.baseline, outcome.outcome)
    assert "no junction loses pressure" in outcome.summary


@settings(max_examples=12, deadline=None)
@given(
    close=st.sets(st.sampled_from(["Pipe-10", "21", "22", "23", "24", "CV"]), max_size=3),
    hours=st.sampled_from([1, 5, 12]),
)
def test_the_same_question_has_the_same_answer_bit_for_bit(close: set[str], hours: int) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "n.inp"
        file.write_text(NETWORK)
        request = WaterWhatIf(str(file), close=tuple(sorted(close)), hours=hours)
        one, other = run_water(request, silent), run_water(request, silent)

    assert one.asset == other.asset
    assert arrays(one) == arrays(other)
    assert (one.low <= one.outcome).all() and (one.outcome <= one.high).all()


def test_a_stopped_pump_stays_stopped_whatever_the_file_says(inp: Path) -> None:
    outcome = run_water(WaterWhatIf(str(inp), stop=("9",), hours=12), silent)

    assert value(outcome, "9", "flow", "baseline") > 5
    assert value(outcome, "9", "flow") == pytest.approx(0, abs=1e-6)
    assert value(outcome, "T", "level") < value(outcome, "T", "level", "baseline")
    assert "9 stopped for 12 h" in outcome.summary


def test_a_closed_pipe_carries_nothing_and_its_neighbours_more(inp: Path) -> None:
    outcome = run_water(WaterWhatIf(str(inp), close=("21",), hours=12), silent)

    assert value(outcome, "21", "flow") == 0.0
    assert abs(value(outcome, "23", "flow")) > abs(value(outcome, "23", "flow", "baseline"))
    assert value(outcome, "12", "pressure") < value(outcome, "12", "pressure", "baseline")


def test_a_pipe_with_a_check_valve_can_be_closed(inp: Path) -> None:
    outcome = run_water(WaterWhatIf(str(inp), close=("CV",), hours=2), silent)

    assert value(outcome, "CV", "flow") == 0.0


def test_a_link_with_a_nodes_name_is_told_apart(inp: Path) -> None:
    outcome = run_water(WaterWhatIf(str(inp), close=("Pipe-10",), hours=2), silent)

    assert value(outcome, "Pipe-10", "flow") == 0.0
    assert value(outcome, "10", "pressure") > 0
    assert run_water(WaterWhatIf(str(inp), close=("10",), hours=2), silent).asset == outcome.asset


def test_the_largest_change_comes_first_and_reservoirs_are_left_out(inp: Path) -> None:
    outcome = run_water(WaterWhatIf(str(inp), close=("22",), hours=2), silent)

    assert outcome.rows(1)[0].asset == "22"
    assert "R" not in outcome.asset
    assert outcome.basis.startswith("screening result, not a measurement")


@pytest.mark.parametrize(
    "request_",
    [{"close": ("nope",)}, {"stop": ("21",)}, {"close": ("9",)}, {"stop": ("T",)}],
    ids=["unknown", "pipe as pump", "pump as pipe", "tank as pump"],
)
def test_a_wrong_id_is_one_line(inp: Path, request_: dict[str, tuple[str, ...]]) -> None:
    with pytest.raises(LamplighterError, match=r"is called .* Nothing was done.*\[U-801\]"):
        run_water(WaterWhatIf(str(inp), **request_), silent)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text", ["", "hello", "[JUNCTIONS]\n 1 x\n[END]", NETWORK.split("[CURVES]")[0]]
)
def test_a_broken_network_is_one_line(tmp_path: Path, text: str) -> None:
    file = tmp_path / "broken.inp"
    file.write_text(text)

    with pytest.raises(LamplighterError, match=r"broken\.inp.*\[P-606\]") as caught:
        run_water(WaterWhatIf(str(file)), silent)
    assert "\n" not in str(caught.value)


def test_a_wrong_id_is_found_before_anything_runs(inp: Path) -> None:
    heard: list[int] = []

    with pytest.raises(LamplighterError):
        run_water(
            WaterWhatIf(str(inp), close=("nope",)),
            lambda done, total=0, text="": heard.append(done),
        )
    assert heard == []


def test_what_was_shut_can_be_opened(tmp_path: Path) -> None:
    shut = tmp_path / "shut.inp"
    line = "22  12 13 400 200 120 0 "
    assert line + "Open" in NETWORK
    shut.write_text(NETWORK.replace(line + "Open", line + "Closed"))

    outcome = run_water(WaterWhatIf(str(shut), open=("22",), hours=2), silent)

    assert value(outcome, "22", "flow", "baseline") == 0.0
    assert abs(value(outcome, "22", "flow")) > 0.1


def test_a_missing_network_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(LamplighterError, match="is gone"):
        run_water(WaterWhatIf(str(tmp_path / "no.inp")), silent)


def test_progress_runs_to_its_end(inp: Path) -> None:
    heard: list[tuple[int, int]] = []
    run_water(
        WaterWhatIf(str(inp), hours=6), lambda done, total=0, text="": heard.append((done, total))
    )

    assert heard == sorted(heard)
    assert heard[-1] == (4 * 360, 4 * 360)
    assert len(heard) > 4 * 6


# ------------------------------------------------------------------------------------ by name
def test_scenarios_are_asked_for_by_name(inp: Path) -> None:
    closed = water_request("close-pipe", {"pipe": "P-1, P-2", "hours": "6"}, inp)
    assert (closed.close, closed.stop, closed.hours) == (("P-1", "P-2"), (), 6.0)
    assert water_request("stop-pump", {"pump": "P-14"}, inp).stop == ("P-14",)


@pytest.mark.parametrize(
    ("name", "given_", "word"),
    [
        ("flood", {}, "known are close-pipe, stop-pump"),
        ("close-pipe", {}, "needs --set pipe=ID"),
        ("close-pipe", {"pump": "1"}, "no setting 'pump'"),
        ("stop-pump", {"pump": "1", "hours": "ever"}, "hours=ever"),
        ("stop-pump", {"pump": "1", "hours": "-1"}, "hours=-1"),
        ("stop-pump", {"pump": "1", "hours": "nan"}, "hours=nan"),
    ],
)
def test_wrong_settings_are_one_line(
    inp: Path, name: str, given_: dict[str, str], word: str
) -> None:
    with pytest.raises(LamplighterError, match="U-801") as caught:
        water_request(name, given_, inp)
    assert word in str(caught.value)


# ---------------------------------------------------------------------------------- in a worker
@pytest.fixture
def kit(tmp_path: Path) -> Iterator[PoolKit]:
    made = PoolKit(tmp_path / "cache")
    yield made
    assert made.pool.stop(10.0)


TASK = "lamplighter.scenarios.water:run_water"


def test_a_worker_gives_the_same_numbers(kit: PoolKit, inp: Path) -> None:
    request = WaterWhatIf(str(inp), close=("22",), hours=3)

    outcome = kit.run(TASK, request, reads=[inp], result=WaterOutcome).end()

    assert isinstance(outcome, WaterOutcome)
    assert arrays(outcome) == arrays(run_water(request, silent))


def test_a_worker_can_be_asked_again(kit: PoolKit, inp: Path) -> None:
    first = kit.run(TASK, WaterWhatIf(str(inp), hours=3), reads=[inp], result=WaterOutcome)
    assert isinstance(first.end(), WaterOutcome)
    wrong = kit.run(TASK, WaterWhatIf(str(inp), stop=("x",)), reads=[inp], result=WaterOutcome)
    problem = wrong.end()

    assert isinstance(problem, Problem)
    assert problem.code == "U-801"


def test_a_long_what_if_is_cancelled(kit: PoolKit, inp: Path) -> None:
    request = WaterWhatIf(str(inp), hours=24 * 3650)
    running = kit.run(TASK, request, reads=[inp], result=WaterOutcome)
    assert running.moved.wait(60)

    kit.pool.cancel(running.id)

    assert running.end(10).code == "P-607"


@pytest.mark.data
@pytest.mark.parametrize("name", ["Net3", "ky4"])
def test_real_networks_are_simulated(tmp_path: Path, name: str) -> None:
    file = tmp_path / f"{name}.inp"
    shutil.copy(city_data("water_epanet", "wntr", f"{name}.inp"), file)
    pump = {"Net3": "335", "ky4": "~@Pump-1"}[name]

    outcome = run_water(WaterWhatIf(str(file), stop=(pump,), hours=6), silent)

    assert len(outcome.asset) > 200
    assert not np.array_equal(outcome.baseline, outcome.outcome)
    assert value(outcome, pump, "flow") == pytest.approx(0, abs=1e-3)
