"""Verbs about feeds and recording: feed add, feed list, feed test, record."""

from __future__ import annotations

import getpass
import os
from pathlib import Path
from typing import Any

import typer

from lamplighter.cli import feed_more_verbs
from lamplighter.cli.feed_acl_verb import acl
from lamplighter.cli.output import REFUSALS, Leave, document, line, say, table
from lamplighter.domain.problems import fault


def register(app: typer.Typer) -> None:
    feed = typer.Typer(no_args_is_help=True, help="Feeds: try, add, list, change.")
    feed.command("add")(add)
    feed.command("list")(list_)
    feed.command("test")(test)
    feed_more_verbs.register(feed)
    feed.command("acl")(acl)
    app.add_typer(feed, name="feed")
    app.command("record")(record)


def add(
    project: Path,
    url: str,
    map: Path | None = typer.Option(None, "--map", help="Mapping file (TOML)."),
    tls_ca: Path | None = typer.Option(None, "--tls-ca"),
    tls_cert: Path | None = typer.Option(None, "--tls-cert"),
    tls_key: Path | None = typer.Option(None, "--tls-key"),
    password_file: Path | None = typer.Option(
        None, "--password-file", help="The login's password is the first line of this file."
    ),
    ask_password: bool = typer.Option(False, "--ask-password", help="Type the password unseen."),
    json: bool = typer.Option(False, "--json"),
) -> None:
    """Add a feed to a project; a running recorder takes it up at once.

    A password comes from a file, a prompt or LAMPLIGHTER_FEED_PASSWORD. One in the address is
    taken too, but others on this machine may have seen it.
    """
    from lamplighter.cli import beside
    from lamplighter.runtime.feeds import add_feed, full_url, mapping_text

    files = [f.resolve() if f else None for f in (tls_ca, tls_cert, tls_key)]
    url = with_login(url, password_file, ask_password)
    with beside.recorder(project) as session:
        if session is None:
            rows = add_feed(project, full_url(url), map, ca=files[0], cert=files[1], key=files[2])
        else:
            names = [str(f or "") for f in files]
            rows = beside.add_feed(session, full_url(url), mapping_text(map), *names)
    show_feeds(rows, json)


def with_login(url: str, password_file: Path | None, ask_password: bool) -> str:
    """The address with the password that was given beside it, never printed."""
    from lamplighter.runtime.feeds import with_password

    password = os.environ.get("LAMPLIGHTER_FEED_PASSWORD", "") if "@" in url else ""
    if password_file is not None:
        try:
            lines = password_file.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            what = f"the password file {password_file.name} cannot be read"
            raise fault("U-801", what=what, name="feed add") from error
        password = lines[0] if lines else ""
    elif ask_password:
        password = getpass.getpass("Password: ")
    return with_password(url, password) if password else url


def list_(project: Path, json: bool = typer.Option(False, "--json")) -> None:
    """List a project's feeds and their state."""
    from lamplighter.cli import beside
    from lamplighter.runtime.feeds import list_feeds

    with beside.recorder(project) as session:
        show_feeds(list_feeds(project) if session is None else beside.feeds(session), json)


def test(
    project: Path,
    seconds: float = typer.Option(5.0, "--seconds"),
    json: bool = typer.Option(False, "--json"),
) -> None:
    """Connect to every feed for a moment and say what came."""
    from lamplighter.runtime.feeds import test_feeds

    feeds = test_feeds(project, seconds)
    show_feeds(feeds, json)
    if any(f["state"] != "live" for f in feeds):
        raise Leave(REFUSALS)


def show_feeds(feeds: list[dict[str, Any]], json: bool) -> None:
    """The rows of `feed list`."""
    if json:
        document({"feeds": feeds})
        return
    keys = ("id", "url", "state", "messages", "last_value_age_s")
    table(keys, ([f[k] for k in keys] for f in feeds))
    for feed in feeds:
        if feed.get("detail"):
            say(str(feed["detail"]))


def record(
    project: Path,
    seconds: float = typer.Option(0.0, "--seconds", help="End by itself; 0 = until stopped."),
    service: bool = typer.Option(False, "--service", help="Go on without any window."),
    json: bool = typer.Option(False, "--json"),
    with_window: bool = typer.Option(False, "--with-window", hidden=True),
    safe: bool = typer.Option(False, "--safe", help="Run no code of plugins."),
) -> None:
    """Record a project's feeds without a window until stopped."""
    from lamplighter.runtime.heap import steady_heap
    from lamplighter.runtime.recording import record as run_recorder

    steady_heap()
    end_alone = with_window and not service
    result = run_recorder(
        project,
        seconds=seconds,
        say=say,
        ends_with_last_client=end_alone,
        plugin_code=not safe,
    )
    if json:
        document(result)
    else:
        line(
            "{received} points received: {stored} stored, {duplicate} duplicate, "
            "{quarantined} quarantined, {refused} refused, {waiting} waiting; "
            "{gaps} gaps.".format(**result)
        )
    if result["quarantined"] or result["refused"]:
        raise Leave(REFUSALS)
