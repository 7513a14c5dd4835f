"""Failure risk from tables: what may be looked at, which pairs help, and ages alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lamplighter.analytics import hazard
from lamplighter.analytics.life import intervals, pairs, table_file, tabular
from lamplighter.domain.problems import LamplighterError
from lamplighter.domain.task import silent


def machines(seed: int, count: int = 500) -> str:
    """A CSV: machines fail where load times speed is beyond a limit; a few cells are empty."""
    rng = np.random.default_rng(seed)
    load, speed = rng.uniform(1, 9, count), rng.uniform(10, 90, count)
    kind = rng.choice(["A", "B"], count)
    failed = (load * speed > 480) | (rng.random(count) < 0.01)
    lines = ["row,serial,load,speed,kind,worn_out,dull,failed"]
    for n in range(count):
        shown = "" if rng.random() < 1 / 30 else f"{load[n]:.3f}"
        told = int(failed[n] and rng.random() < 0.6)
        lines.append(
            f"{n},{kind[n]}{n:05d},{shown},{speed[n]:.2f},{kind[n]},{told},7,{int(failed[n])}"
        )
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> tabular.FailureReport:
    folder = tmp_path_factory.mktemp("tables")
    for name, seed in (("train", 1), ("test", 2)):
        (folder / f"{name}.csv").write_text(machines(seed))
    ask = tabular.FailureRequest(str(folder / "train.csv"), str(folder / "test.csv"), "failed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(tabular.TREES, "max_iter", 25)
        patch.setattr(tabular, "FOREST", 20)
        return tabular.evaluate(ask, silent)


def test_columns_that_give_the_answer_or_number_the_rows_are_named(
    report: tabular.FailureReport,
) -> None:
    said = "\n".join(report.warnings)
    assert "row was left out: it numbers the rows" in said
    assert "serial was left out: it names the rows" in said
    assert "worn_out was left out: it is the answer" in said
    assert "dull was left out: it holds one value" in said
    assert set(report.columns) == {"load", "speed", "kind"}


def test_a_limit_on_two_columns_is_found_as_their_product(report: tabular.FailureReport) -> None:
    assert any("load" in pair and "speed" in pair for pair in report.pairs)
    assert report.average_precision is not None
    assert report.average_precision > 0.8 > 2 * report.naive_average_precision
    assert report.brier < report.naive_brier
    assert report.mcc > 0.6
    assert not report.worse_than_naive


def test_a_permuted_target_gives_no_skill() -> None:
    rng = np.random.default_rng(0)
    numbers, failed = rng.normal(size=(300, 3)), rng.random(300) < 0.3
    fold = tabular.folds(failed, None, 0)
    order = pairs.ranked(numbers, failed, fold)
    assert len(order) == 9
    with hazard.one_thread():
        held = tabular._held(pairs.add(numbers, order[:4]), 0, failed, fold, 0)
    assert tabular.precision(held, failed) < 0.45


def test_a_machines_rows_stay_on_one_side() -> None:
    names = tuple(f"M{n % 20}" for n in range(200))
    fold = tabular.folds(np.zeros(200, bool), names, 1)
    assert len({(n, int(f)) for n, f in zip(names, fold, strict=True)}) == 20


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "holds no rows"),
        ("a,failed\n", "holds no rows"),
        ("a,failed\n1,0\n2\n", "line 3 has 1 fields"),
        ("a,a,failed\n1,1,0\n", "two columns have one name"),
        ("a,b\n1,0\n", "it has no column failed"),
        ("a,failed\n1,maybe\n", "failed is 'maybe'"),
        ("a,failed\n1,0\n2,1\n", "at least 10 are needed"),
    ],
)
def test_a_table_that_cannot_be_judged_says_why(tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "t.csv"
    file.write_text(text)
    with pytest.raises(LamplighterError) as caught:
        tabular.evaluate(tabular.FailureRequest(str(file), str(file), "failed"), silent)
    assert caught.value.problem.code == "U-831"
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_few_machines_are_parted_so_that_every_side_knows_failures(tmp_path: Path) -> None:
    failed = np.zeros(40, bool)
    failed[[0, 1, 2, 11, 12, 35]] = True
    names = tuple("abcd"[n // 10] for n in range(40))
    fold = tabular.folds(failed, names, 0)
    assert all(failed[fold != one].any() for one in np.unique(fold))
    file = tmp_path / "t.csv"
    rows = "".join(f"{n % 9},{'ab'[n > 30]},{int(n % 3 == 0 and n <= 30)}\n" for n in range(60))
    file.write_text("load,machine,failed\n" + rows)
    ask = tabular.FailureRequest(str(file), str(file), "failed", unit="machine")
    with pytest.raises(LamplighterError, match="too few machines with and without failures"):
        tabular.evaluate(ask, silent)


def test_endless_numbers_are_missing_and_a_decimal_comma_is_read(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    file.write_text("a;b;failed\n1,5;inf;0\n2,5;1e300;1\n;3;0\n")
    made = table_file.read(file)
    numbers, _ = table_file.Inputs(("a", "b"), {}, ()).of(made)
    assert np.array_equal(numbers[:, 0], [1.5, 2.5, np.nan], equal_nan=True)
    assert np.array_equal(numbers[:, 1], [np.nan, np.nan, 3.0], equal_nan=True)


def test_a_column_that_is_empty_in_all_rows_learned_from_stops_nothing() -> None:
    rng = np.random.default_rng(0)
    inputs = np.column_stack([rng.normal(size=80), np.full(80, np.nan)])
    tabular._trees(inputs, 0, inputs[:, 0] > 0, 0)


def test_a_survival_curve_is_the_one_counted_by_hand() -> None:
    days = np.array([5.0, 6.0, 6.0, 8.0, 10.0, 12.0, 15.0])
    failed = np.array([True, True, False, True, False, True, True])
    made = intervals.curve(days, failed)
    assert made is not None
    assert made.days.tolist() == [5, 6, 8, 12, 15]
    by_hand = np.cumprod([6 / 7, 5 / 6, 3 / 4, 1 / 2, 0])
    assert made.lasting == pytest.approx(by_hand)
    assert made.risk(np.array([6.0]), 2.0)[0] == pytest.approx(1 / 4)
    assert made.median() == 12.0
    assert intervals.curve(days, failed & (days < 9)) is None


def workshop(seed: int, count: int = 24) -> intervals.Workshop:
    """Machines whose part fails ten days after an error, at no special age."""
    rng = np.random.default_rng(seed)
    renewed, fell, errors = [], [], []
    for machine in range(count):
        day = float(rng.uniform(0, 20))
        renewed.append((machine, day))
        while (day := day + float(rng.uniform(40, 160))) < 400:
            errors.append((machine, day - 10))
            fell.append((machine, day))
            renewed.append((machine, day))

    def events(rows: list[tuple[int, float]]) -> intervals.Events:
        table = np.array(rows)
        return intervals.Events(
            table[:, 0].astype(np.int64), table[:, 1], np.zeros(len(table), np.int64)
        )

    about = np.zeros((count, 1))
    return intervals.Workshop(events(renewed), events(fell), events(errors), about, 1, 1, 400.0)


def test_errors_tell_more_than_the_mean_interval() -> None:
    found = intervals.judge(workshop(1), folds=2)
    assert found.average_precision > found.naive_average_precision
    assert found.brier < found.naive_brier
    assert 0 < found.share < 1 and found.rows > 100


def test_a_row_of_a_machine_looks_at_its_past_alone() -> None:
    shop = workshop(2, 3)
    before = intervals.sample(shop)
    late = shop.errors.day > 200
    moved = intervals.Events(
        shop.errors.machine, np.where(late, 390.0, shop.errors.day), shop.errors.kind
    )
    after = intervals.sample(
        intervals.Workshop(shop.renewals, shop.failures, moved, shop.about, 1, 1, 400.0)
    )
    first = min(float(shop.errors.day[late].min()), 390.0)
    starts = np.array([shop.renewals.day[shop.renewals.machine == m].min() for m in range(3)])
    order = np.concatenate([np.arange((before.machine == m).sum()) for m in range(3)])
    when = starts[before.machine] + 1.0 + intervals.STEP_DAYS * order
    past = when < first
    assert past.any()
    assert np.array_equal(before.inputs[past], after.inputs[past])
