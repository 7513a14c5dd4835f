"""`check`: what is wrong with the city model, and the fixes."""

from __future__ import annotations

import queue
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import typer

from lamplighter.cli import beside
from lamplighter.cli.output import REFUSALS, Leave, counted, document, line, say, table
from lamplighter.client import Session
from lamplighter.domain import wire
from lamplighter.domain.findings import CheckResult
from lamplighter.domain.problems import fault

_SHOWN = 40


def register(app: typer.Typer) -> None:
    app.command("check")(check)


def check(
    project: Path,
    codes: list[str] = typer.Argument(None, help="Codes that --fix or --undo is limited to."),
    fix: bool = typer.Option(False, "--fix", help="Mend what can be mended."),
    undo: bool = typer.Option(False, "--undo", help="Take the newest fixes back."),
    report: Path | None = typer.Option(None, "--report", help="Write a report: .html or .json"),
    json: bool = typer.Option(False, "--json"),
) -> None:
    """Check the city model: geometry, ids, places, parents, sensors; mend what can be mended."""
    from lamplighter.runtime import check_report
    from lamplighter.runtime.checking import check_project, known_codes

    chosen = tuple(codes or ())
    if fix and undo:
        raise fault("U-801", what="--fix and --undo together", name="check")
    if chosen and not fix and not undo:
        raise fault("U-801", what="codes go with --fix or --undo", name="check")
    if unknown := sorted(set(chosen) - known_codes()):
        raise fault("U-801", what=f"there is no finding {', '.join(unknown)}", name="check")
    if report is not None and not report.resolve().parent.is_dir():
        raise fault("U-801", what=f"--report {report}: its folder is missing", name="check")
    ask = wire.RunCheck(fix=fix, codes=chosen, undo=undo)
    with beside.recorder(project) as session:
        if session is None:
            result = check_project(project, ask, say)
        else:
            result = _beside(session, ask, say)
    if report is not None:
        check_report.write(report, project.name, result)
    if json:
        document(check_report.document(project.name, result))
    else:
        _print(result, report)
    if any(f.severity == "error" and not f.fixed for f in result.findings):
        raise Leave(REFUSALS)


def _print(result: CheckResult, report: Path | None) -> None:
    rows = [f for f in result.findings if not f.fixed]
    table(
        ("severity", "code", "object", "finding", "fix"),
        (
            (
                f.severity,
                f"{f.code} {f.name}".strip(),
                f.object or f.layer,
                f.message,
                "yes" if f.fixable else "",
            )
            for f in rows[:_SHOWN]
        ),
    )
    if len(rows) > _SHOWN:
        line(f"and {len(rows) - _SHOWN} more; --json or --report lists all")
    count = Counter(f.severity for f in rows)
    mended = len(result.findings) - len(rows)
    line(
        ", ".join(counted(count[name], name) for name in ("error", "warning", "note"))
        + f"; {mended} mended now, {result.repairs} repairs stand; "
        f"{counted(result.files, 'file')}, {counted(result.objects, 'object')} looked at"
    )
    for text in result.unread:
        say(f"not checked: {text}")
    if report is not None:
        line(f"{report} was written")


def _beside(session: Session, ask: wire.RunCheck, tell: Callable[[str], None]) -> CheckResult:
    """The recorder checks; Ctrl+C cancels."""
    events: queue.SimpleQueue[wire.Event] = queue.SimpleQueue()
    session.subscribe(events.put)
    task = beside.ask(session, ask).task
    told = ""
    while True:
        try:
            event = events.get(timeout=beside.QUIET_S)
        except queue.Empty:
            beside.ask(session, wire.GetTasks())  # raises when the recorder has gone
            continue
        except KeyboardInterrupt:
            beside.ask(session, wire.CancelTask(task))
            continue
        if isinstance(event, wire.TaskChanged) and event.task.id == task:
            name = event.task.text.partition(":")[0]
            if name and name != told:
                told = name
                tell(name)
        elif isinstance(event, wire.CheckDone) and event.task == task:
            if event.problem:
                raise fault("P-606", name="Check", what=event.problem)
            return event.result
