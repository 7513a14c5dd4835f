"""`evaluate anomaly`: the console's anomaly detectors judged on data in three public forms, or on
the signals of one asset.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from lamplighter.cli.output import document, line, say, table
from lamplighter.domain.problems import fault

if TYPE_CHECKING:
    from lamplighter.analytics.anomaly.evaluate_attacks import AttacksReport
    from lamplighter.analytics.anomaly.evaluate_relations import RelationsReport
    from lamplighter.analytics.anomaly.evaluate_runs import RunsReport
    from lamplighter.analytics.anomaly.evaluate_streams import StreamsReport

FORMS = ("skab", "nab", "batadal", "asset")


def register(app: typer.Typer) -> None:
    app.command("anomaly")(anomaly)


def anomaly(
    paths: list[Path] = typer.Argument(None, help="skab: files or folders of labelled runs."),
    form: str = typer.Option(..., "--format", help="skab, nab, batadal or asset."),
    data: Path | None = typer.Option(None, "--data", help="nab: folder of streams."),
    labels: Path | None = typer.Option(None, "--labels", help="nab: file of labelled windows."),
    threshold: float | None = typer.Option(None, "--threshold", help="nab: another threshold."),
    train: Path | None = typer.Option(
        None, "--train", help="batadal: hours without attacks; asset: a calm past."
    ),
    tune: Path | None = typer.Option(None, "--tune", help="batadal: labelled hours to tune on."),
    test: Path | None = typer.Option(None, "--test", help="batadal, asset: what is judged."),
    json: bool = typer.Option(False, "--json"),
) -> None:
    """Judge the anomaly detectors; the rule without skill stands beside every figure."""
    if form not in FORMS:
        raise _usage(f"--format knows {', '.join(FORMS)}, not '{form}'")
    if form == "skab":
        if not paths:
            raise _usage("--format skab needs files or folders")
        return _show_runs(_runs(paths), json)
    if form == "nab":
        return _show_streams(_streams(data, labels, threshold), json)
    if form == "asset":
        return _show_relations(_relations(train, test), json)
    return _show_attacks(_attacks(train, tune, test), json)


def _usage(what: str) -> Exception:
    return fault("U-801", what=what, name="evaluate anomaly")


def existing(path: Path | None, option: str) -> Path:
    """The path, or the one line that says that it is missing."""
    if path is None:
        raise _usage(f"{option} is missing")
    if not path.exists():
        raise fault("U-831", name=str(path), what="there is no such file or folder")
    return path


def tables_of(paths: list[Path]) -> tuple[tuple[Path, ...], bool]:
    """Files named or found in folders, in order; whether any came from a folder."""
    found: list[Path] = []
    folders = False
    for path in paths:
        existing(path, "PATH")
        if path.is_dir():
            folders = True
            inside = sorted(p for p in path.rglob("*") if p.name.endswith((".csv", ".csv.gz")))
            if not inside:
                raise fault("U-831", name=str(path), what="the folder holds no .csv or .csv.gz")
            found += inside
        else:
            found.append(path)
    return tuple(dict.fromkeys(found)), folders


def ask(task: str, payload: object, result: type[Any], name: str, reads: tuple[Path, ...]) -> Any:
    """What the task answers from a limited worker."""
    from lamplighter.runtime.one_task import in_worker

    return in_worker(f"lamplighter.analytics.anomaly.{task}", payload, result, name=name,
                     reads=[p.resolve() for p in reads])  # fmt: skip


def _runs(paths: list[Path]) -> RunsReport:
    from lamplighter.analytics.anomaly.evaluate_runs import RunsReport, RunsRequest

    files, folders = tables_of(paths)
    request = RunsRequest(tuple(str(p.resolve()) for p in files), strict=not folders)
    found: RunsReport = ask(
        "evaluate_runs:judge_runs", request, RunsReport, "judge anomalies", files
    )
    return found


def _show_runs(report: RunsReport, json: bool) -> None:
    if json:
        document(report)
        return
    table(
        ("file", "rows", "F1", "false alarms", "missed"),
        ((r.file, r.rows, round(r.f1, 3), _percent(r.far), _percent(r.mar))
         for r in report.by_file),
    )  # fmt: skip
    line(
        f"{report.files} runs, {report.rows:,} rows: F1 {report.f1:.3f} (always alarm "
        f"{report.naive_f1:.3f}), false alarms {_percent(report.far)} of calm rows (always alarm "
        f"{_percent(report.naive_far)}), missed {_percent(report.mar)}"
    )
    line(
        f"{report.change_points} change points: {report.nab_standard:.1f} standard, "
        f"{report.nab_low_fp:.1f} few false, {report.nab_low_fn:.1f} few missed (silent 0)"
    )
    line(f"limits {report.threshold}; fitted in {report.fit_seconds:.2f} s")
    if report.left_out:
        say(f"left out, no labels: {', '.join(report.left_out)}")


def _streams(data: Path | None, labels: Path | None, threshold: float | None) -> StreamsReport:
    from lamplighter.analytics.anomaly.evaluate_streams import StreamsReport, StreamsRequest
    from lamplighter.analytics.anomaly.stream import THRESHOLD

    folder, windows = existing(data, "--data"), existing(labels, "--labels")
    if threshold is not None and not threshold > 0:
        raise _usage("--threshold must be above 0")
    files, _ = tables_of([folder])
    named = {_key(f, folder): str(f.resolve()) for f in files}
    request = StreamsRequest(
        named, str(windows.resolve()), THRESHOLD if threshold is None else threshold
    )
    found: StreamsReport = ask(
        "evaluate_streams:judge_streams", request, StreamsReport, "judge anomalies of streams",
        (*files, windows),
    )  # fmt: skip
    return found


def _key(file: Path, folder: Path) -> str:
    """As the file of labels names it: `group/name.csv`, wherever the folder begins."""
    inside = file.resolve().relative_to(folder.resolve().parent).as_posix()
    return "/".join(inside.removesuffix(".gz").split("/")[-2:])


def _show_streams(report: StreamsReport, json: bool) -> None:
    if json:
        document(report)
        return
    line(
        f"{report.streams} streams, {report.rows:,} rows, {report.windows} windows: "
        f"{report.standard:.1f} standard, {report.low_fp:.1f} few false, {report.low_fn:.1f} few "
        f"missed (silent 0, alarms at every turn {report.naive_standard:.1f})"
    )
    line(f"threshold {report.threshold:g}, {report.threshold_source}")
    if report.left_out_standard is not None:
        line(
            f"threshold chosen on all other groups: {report.left_out_standard:.1f}; on these very "
            f"streams: {report.own_standard:.1f} (too rosy)"
        )
    line(f"judged in {report.judge_seconds:.1f} s")
    for names, what in ((report.without_labels, "no labels"), (report.without_file, "no file")):
        if names:
            say(f"left out, {what}: {', '.join(names[:5])}{' ...' if len(names) > 5 else ''}")


def _attacks(train: Path | None, tune: Path | None, test: Path | None) -> AttacksReport:
    from lamplighter.analytics.anomaly.evaluate_attacks import AttacksReport, AttacksRequest

    files = [existing(train, "--train"), existing(test, "--test")]
    if tune is not None:
        files.append(existing(tune, "--tune"))
    request = AttacksRequest(*(str(f.resolve()) for f in files))
    found: AttacksReport = ask(
        "evaluate_attacks:judge_attacks", request, AttacksReport, "judge attacks", tuple(files)
    )
    return found


def _show_attacks(report: AttacksReport, json: bool) -> None:
    if json:
        document(report)
        return
    line(
        f"{report.hours:,} hours, {report.attacks_found} of {report.attacks} attacks found: "
        f"S {report.s:.3f} (always alarm {report.always_alarm_s:.3f}, never "
        f"{report.never_alarm_s:.3f}), time {report.s_ttd:.3f}, hours {report.s_clf:.3f}"
    )
    line(
        f"attack hours in alarm {_percent(report.tpr)}, calm hours without "
        f"{_percent(report.tnr)}, F1 {report.f1:.3f}"
    )
    line(f"limits: {report.threshold}; alarms held {report.hold_hours} h")
    if report.left_out_s is not None:
        line(
            f"tuning file, each attack with settings chosen on the others: {report.left_out_s:.3f}"
        )
    line(f"{report.signals} signals fitted in {report.fit_seconds:.1f} s")
    for reason in report.reasons[:5]:
        say(reason)


def _relations(train: Path | None, test: Path | None) -> RelationsReport:
    from lamplighter.analytics.anomaly.evaluate_relations import RelationsReport, RelationsRequest

    files = (existing(train, "--train"), existing(test, "--test"))
    request = RelationsRequest(*(str(f.resolve()) for f in files))
    found: RelationsReport = ask(
        "evaluate_relations:judge_relations", request, RelationsReport, "judge an asset", files
    )
    return found


def _show_relations(report: RelationsReport, json: bool) -> None:
    if json:
        document(report)
        return
    if report.why_not:
        line(f"no basis: {report.why_not}")
        return
    told = ", ".join(
        f"{n} ({_percent(u)})" for n, u in zip(report.told, report.unexplained, strict=True)
    )
    line(f"{len(report.told)} of {report.signals} signals told by the others; left open, of the "
         f"naive rule's error: {told}")  # fmt: skip
    line(
        f"{report.rows:,} rows, {_percent(report.judged)} judged, {_percent(report.in_alarm)} in "
        f"alarm, {report.findings} findings"
    )
    if report.f1 == report.f1:
        line(
            f"F1 {report.f1:.3f} (always alarm {report.naive_f1:.3f}), false alarms "
            f"{_percent(report.far)} of calm rows, missed {_percent(report.mar)}"
        )
    line(f"fitted in {report.fit_seconds:.2f} s")
    for reason in report.reasons[:5]:
        say(reason)


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
