"""Remaining life and failure risk on public data, the rule without skill beside every figure.

Trained on training files alone. The six-regime fleet has no test file here: its figures are from
five folds by unit, every unit cut at random lengths.
"""

from __future__ import annotations

import csv
import gzip
import os
import tempfile
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # as in the limited workers

import numpy as np
from tests.kit.testdata import prognostics_data
from tests.perf.row import Row, row

from lamplighter.analytics.life import fleet_file, intervals, remaining, rul, table_file, tabular
from lamplighter.analytics.life.fleet_file import Lives
from lamplighter.domain.task import silent

CAP = 125.0
CUTS = 3
MEAN = "always the mean"
MODES = ("TWF", "HDF", "PWF", "OSF", "RNF")


def rows() -> list[Row]:
    return [*turbofans(), *six_regimes(), *tool(), *workshop()]


def plain(name: str, figure: float | None, unit: str, against: str = "") -> Row:
    value = None if figure is None else round(float(figure), 3)
    return {"name": name, "figure": value, "unit": unit, "against": against, "ratio": None}


def turbofans() -> list[Row]:
    found: list[Row] = []
    for name in ("FD001", "FD003"):
        train, test, truth = (
            str(prognostics_data("cmapss", f"{part}_{name}.txt.gz"))
            for part in ("train", "test", "RUL")
        )
        seen = [
            rul.evaluate(rul.RulRequest(train, test, truth, CAP, seed), silent)
            for seed in (0, 1, 2)
        ]
        one = seen[0]
        assert one.rmse is not None and one.naive_rmse is not None
        assert one.phm08 is not None and one.naive_phm08 is not None
        title = f"Turbofans {name}, {one.units} units"
        errors = [r.rmse for r in seen if r.rmse is not None]
        found += [
            row(f"{title}: RMSE, truth capped (judged)", one.rmse, "cycles", MEAN, one.naive_rmse),
            plain("... three seeds, mean", np.mean(errors), "cycles",
                  f"spread {max(errors) - min(errors):.2f}"),
            row("... PHM08 score, truth capped", one.phm08, "", MEAN, one.naive_phm08),
            plain("... RMSE, truth not capped", one.rmse_uncapped_truth, "cycles"),
            plain("... RMSE without age", one.rmse_no_age, "cycles"),
            plain("... RMSE without age and early life", one.rmse_no_age_no_early_life, "cycles"),
            plain("... RMSE on held-out training units", one.held_out["rmse"], "cycles"),
            plain("... 90 % band covers", one.coverage_90, f"of {one.units} units"),
            plain("... its mean width", one.width_90, "cycles"),
            plain("... units without a basis", one.abstained, f"of {one.units}"),
            plain("... learning", one.fit_seconds, "s"),
        ]  # fmt: skip
    return found


def six_regimes() -> list[Row]:
    """Five folds by unit; of each unit left out, three cuts at random lengths."""
    lives = fleet_file.read(prognostics_data("cmapss", "train_FD004.txt.gz"))
    fold = remaining.folds(lives.length)
    rng = np.random.default_rng(4)
    apart, uncut, naive, inside, width, seconds = [], [], [], [], [], []
    no_age, regimes = [], 0
    for one in range(remaining.FOLDS):
        train = lives.chosen(np.flatnonzero(fold != one))
        test, left = cut(lives.chosen(np.flatnonzero(fold == one)), rng)
        report = rul.judge(train, test, left, CAP, 0, silent)
        said = np.array([p.remaining if p.remaining is not None else np.nan
                         for p in report.predictions])  # fmt: skip
        low = np.array([np.nan if p.low is None else p.low for p in report.predictions])
        high = np.array([np.nan if p.high is None else p.high for p in report.predictions])
        known = np.isfinite(said)
        true = np.minimum(left, CAP)
        apart.append((said - true)[known])
        uncut.append((said - left)[known])
        naive.append(true - np.minimum(train.remaining(), CAP).mean())
        inside.append(((true >= low) & (true <= high))[known])
        width.append((high - low)[known])
        seconds.append(report.fit_seconds)
        no_age.append((report.rmse_no_age or 0.0) ** 2 * len(left))
        regimes = report.regimes
    off, plain_off = np.concatenate(apart), np.concatenate(naive)
    count = len(plain_off)
    title = f"Turbofans FD004, folds by unit, {len(off)} cuts"
    per_cut = np.sort(remaining.phm08(off))
    return [
        row(f"{title}: RMSE, truth capped (judged)", rul.rmse(off), "cycles", MEAN,
            rul.rmse(plain_off)),
        row("... PHM08 score a cut", per_cut.mean(), "", MEAN, remaining.phm08(-plain_off).mean()),
        plain("... the same without the worst hundredth",
              per_cut[: -max(1, count // 100)].mean(), ""),
        plain("... RMSE, truth not capped", rul.rmse(np.concatenate(uncut)), "cycles"),
        plain("... RMSE without age", np.sqrt(np.sum(no_age) / count), "cycles"),
        plain("... 90 % band covers", np.concatenate(inside).mean(), f"of {len(off)} cuts"),
        plain("... its mean width", np.concatenate(width).mean(), "cycles"),
        plain("... cuts without a basis", count - len(off), f"of {count}"),
        plain("... regimes found", regimes, ""),
        plain("... learning, worst fold", max(seconds), "s"),
    ]  # fmt: skip


def cut(lives: Lives, rng: np.random.Generator) -> tuple[Lives, np.ndarray]:
    """Each unit cut `CUTS` times where 5 to 150 cycles were left; what was left."""
    table, left = [], []
    number = 0
    for unit in range(len(lives.unit)):
        begin, length = int(lives.begin[unit]), int(lives.length[unit])
        for gone in rng.integers(5, min(150, length - 20), CUTS):
            stop = begin + length - int(gone)
            number += 1
            mine = slice(begin, stop)
            table.append(
                np.column_stack(
                    [np.full(stop - begin, number), lives.cycle[mine], lives.settings[mine],
                     lives.sensors[mine]]
                )
            )  # fmt: skip
            left.append(float(gone))
    return fleet_file.arrange(np.concatenate(table)), np.array(left)


def tool() -> list[Row]:
    """Five stratified folds; the columns that name the mode of failure are left out."""
    file = prognostics_data("ai4i2020", "ai4i2020_part.csv.gz")
    with gzip.open(file, "rt", encoding="utf-8") as text:
        head, *lines = list(csv.reader(text))
    failed = np.array([line[head.index("Machine_failure")] == "1" for line in lines])
    fold = tabular.folds(failed, None, 5)
    seen = []
    with tempfile.TemporaryDirectory() as folder:
        for one in range(tabular.FOLDS):
            paths = []
            for side, mine in (("train", fold != one), ("test", fold == one)):
                paths.append(Path(folder) / f"{side}.csv")
                with paths[-1].open("w", newline="", encoding="utf-8") as out:
                    chosen = [lines[n] for n in np.flatnonzero(mine)]
                    csv.writer(out).writerows([head, *chosen])
            ask = tabular.FailureRequest(str(paths[0]), str(paths[1]), "Machine_failure", MODES)
            seen.append(tabular.evaluate(ask, silent))

    def mean(key: str) -> float:
        return float(np.mean([getattr(report, key) for report in seen]))

    precision = [r.average_precision or 0.0 for r in seen]
    return [
        row("Milling tool, five folds: average precision", mean("average_precision"), "",
            "share of failures", mean("naive_average_precision"), more_is_better=True),
        plain("... worst and best fold", min(precision), "", f"best {max(precision):.3f}"),
        plain("... without pairs of columns, on held-out training rows",
              np.mean([r.held_out["average_precision_without_pairs_or_forest"] for r in seen]), ""),
        row("... Brier score", mean("brier"), "", "share of failures", mean("naive_brier")),
        plain("... F1 at the threshold from training", mean("f1"), ""),
        plain("... MCC", mean("mcc"), "", "always or never alarm: 0"),
        plain("... learning and judging a fold", mean("seconds"), "s"),
    ]  # fmt: skip


def workshop() -> list[Row]:
    tables = [
        table_file.read(prognostics_data("azure_pdm", f"PdM_{name}.csv.gz")).columns
        for name in ("machines", "errors", "maint", "failures")
    ]
    found = intervals.judge(intervals.workshop(*tables))
    return [
        row(f"Machines without readings, {found.machines} of them: fails within 30 days, "
            "average precision", found.average_precision, "", "age over the mean interval",
            found.naive_average_precision, more_is_better=True),
        plain("... by survival curves alone", found.survival_average_precision, "",
              f"no skill: {found.share:.3f}"),
        row("... Brier score", found.brier, "", "mean interval", found.naive_brier),
    ]  # fmt: skip
