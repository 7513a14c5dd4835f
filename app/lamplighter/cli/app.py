"""The verbs put together, and the one place where a fault becomes a line and an exit code."""

from __future__ import annotations

import sys
from typing import Any

import typer
from typer.exceptions import TyperException

from lamplighter import __version__
from lamplighter.cli import (
    alarm_verbs,
    anomaly_verbs,
    attach_verbs,
    backup_verbs,
    check_verb,
    city_verbs,
    coverage_verb,
    crew_verbs,
    doctor_verbs,
    evaluate_verbs,
    export_verb,
    feed_verbs,
    forecast_verb,
    hand_verbs,
    historian_verbs,
    history_verbs,
    kit_verbs,
    layer_verbs,
    life_verb,
    model_verbs,
    order_verbs,
    plugin_verbs,
    quarantine_verbs,
    register_verb,
    retention_verb,
    rule_verbs,
    run_verb,
    suspect_verbs,
)
from lamplighter.cli.crash import keep
from lamplighter.cli.output import DONE, FAILED, USAGE, Leave, say, silence_broken_pipe
from lamplighter.cli.starters import Starters
from lamplighter.domain.problems import MISCALLED, LamplighterError, problem


def build(starters: Starters) -> typer.Typer:
    """The command line with all verbs."""
    app = typer.Typer(
        name="lamplighter",
        help="The operations console for a city's infrastructure.",
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )

    @app.callback(invoke_without_command=True)
    def common(
        version: bool = typer.Option(False, "--version", help="Print the version and end."),
    ) -> None:
        if version:
            sys.stdout.write(__version__ + "\n")
            raise Leave(DONE)

    rooms = (
        city_verbs,
        check_verb,
        export_verb,
        layer_verbs,
        register_verb,
        quarantine_verbs,
        suspect_verbs,
        feed_verbs,
        forecast_verb,
        hand_verbs,
        historian_verbs,
        history_verbs,
        retention_verb,
        backup_verbs,
        kit_verbs,
        alarm_verbs,
        anomaly_verbs,
        coverage_verb,
        crew_verbs,
        order_verbs,
        attach_verbs,
        life_verb,
        rule_verbs,
        plugin_verbs,
        doctor_verbs,
        evaluate_verbs,
        model_verbs,
    )
    for room in rooms:
        room.register(app)
    run_verb.register(app, starters)
    return app


def run(arguments: list[str], starters: Starters) -> int:
    """Run one verb; returns its exit code. No traceback reaches the user."""
    try:
        result = build(starters)(args=arguments, standalone_mode=False, prog_name="lamplighter")
    except Leave as leave:
        return leave.code
    except LamplighterError as error:
        say(str(error))
        return USAGE if error.problem.code in MISCALLED else FAILED
    except typer.Exit as leave:
        return int(leave.exit_code)
    except TyperException as error:
        say(str(problem("U-801", what=_usage_fault(error), name=_verb_of(error))))
        return USAGE
    except (KeyboardInterrupt, typer.Abort):
        return FAILED
    except BrokenPipeError:
        silence_broken_pipe()
        return DONE
    except UnicodeEncodeError:
        what = "a name holds bytes that are no text in UTF-8; rename it, or set a UTF-8 locale"
        say(str(problem("U-801", what=what, name="VERB")))
        return FAILED
    except Exception as error:
        say(str(problem("U-899", what=f"{type(error).__name__}: {error}", name=keep(error))))
        return FAILED
    return result if isinstance(result, int) else DONE


def _usage_fault(error: TyperException) -> str:
    """What is wrong, with an option called as it is typed."""
    param = getattr(error, "param", None)
    if param is not None and not error.message:
        return f"Missing: {_typed(param)}"
    what = str(error).rstrip(".?")
    return f"{_typed(param)}: {what}" if param is not None and "Input should" in what else what


def _typed(param: Any) -> str:
    """An option as it is typed, an argument by its name."""
    return str(param.opts[0]) if param.opts[0].startswith("-") else str(param.name.upper())


def _verb_of(error: TyperException) -> str:
    """The verb whose help says more; VERB when none was reached."""
    context = getattr(error, "ctx", None)
    return context.command_path.partition(" ")[2] or "VERB" if context is not None else "VERB"
