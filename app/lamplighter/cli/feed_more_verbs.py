"""More verbs about feeds: propose a mapping from real messages, look at one, change one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from lamplighter.cli.output import REFUSALS, Leave, document, line, say, table

if TYPE_CHECKING:
    from lamplighter.domain import wire


def register(feed: typer.Typer) -> None:
    """Adds to the group `feed`."""
    feed.command("propose")(propose)
    feed.command("show")(show)
    for name, words in (
        ("pause", "Keep a feed without being connected to it."),
        ("resume", "Connect to a paused feed again."),
        ("remove", "Forget a feed; what it recorded stays."),
    ):
        feed.command(name, help=words)(_changer(name))
    feed.command("edit")(edit)


def propose(
    what: str = typer.Argument(..., metavar="URL|FILE", help="A feed's address, or a file."),
    topic: list[str] = typer.Option([], "--topic", help="MQTT filter to listen to; repeatable."),
    out: Path | None = typer.Option(None, "--out", help="Write the first proposal here."),
    seconds: float = typer.Option(6.0, "--seconds", help="Listen at most this long."),
    tls_ca: Path | None = typer.Option(None, "--tls-ca"),
    tls_cert: Path | None = typer.Option(None, "--tls-cert"),
    tls_key: Path | None = typer.Option(None, "--tls-key"),
    json: bool = typer.Option(False, "--json"),
) -> None:
    """Propose a mapping file from real messages. Nothing is stored and no feed is added."""
    from lamplighter.domain.mapping_draft import to_toml

    if "://" in what or what.startswith("replay:"):
        trial = _tried(what, tuple(topic), seconds, (tls_ca, tls_cert, tls_key))
        groups = [(g.topic, g.topics, g.messages, g.draft, g.why_not) for g in trial.groups]
        said: dict[str, Any] = {
            "state": trial.state,
            "messages": trial.messages,
            "first_message_s": trial.first_message_s,
            "native": trial.native,
            "detail": trial.detail,
        }
    else:
        groups = [(g.topic, g.topics, g.messages, g.draft, g.why_not) for g in _of_file(Path(what))]
        said = {"messages": sum(g[2] for g in groups), "native": False, "detail": ""}
    found = [
        {
            "topic": name,
            "topics": topics,
            "messages": count,
            "mapping": to_toml(draft) if draft is not None else "",
            "why_not": why,
        }
        for name, topics, count, draft, why in groups
    ]
    mappings = [str(g["mapping"]) for g in found if g["mapping"]]
    if out is not None and mappings:
        out.write_text(mappings[0], encoding="utf-8")
    if json:
        document({**said, "groups": found})
    else:
        _print(said, found, mappings)
    if not mappings and not said["native"]:
        raise Leave(REFUSALS)


def _print(said: dict[str, Any], found: list[dict[str, Any]], mappings: list[str]) -> None:
    if said["detail"]:
        say(str(said["detail"]))
    if said.get("first_message_s") is not None:
        say(f"first message {said['first_message_s']:.1f} s after connecting")
    for row in found:
        words = row["why_not"] or "proposed"
        what = f"topics {row['topics']}, messages {row['messages']}"
        say(f"{row['topic'] or 'page or file'}: {what}, {words}")
    for text in mappings[:1]:
        line(text.rstrip("\n"))
    if said["native"] and not mappings:
        line("it speaks the native message: no mapping is needed")
    elif not mappings:
        line("no message came from which a mapping could be proposed")


def _of_file(file: Path) -> list[Any]:
    from lamplighter.domain.problems import fault
    from lamplighter.pipeline.propose import propose as from_messages
    from lamplighter.pipeline.propose import sampled

    try:
        with file.open("rb") as stream:
            content = stream.read(4_000_000)
    except OSError as error:
        raise fault("I-507", name=file.name, what=str(error)) from None
    return from_messages(sampled(content), file.stem)


def _tried(
    url: str, topics: tuple[str, ...], seconds: float, tls: tuple[Path | None, ...]
) -> wire.Trial:
    from lamplighter.domain.clock import SystemClock
    from lamplighter.runtime.feed_trial import look_once
    from lamplighter.runtime.feeds import full_url

    return look_once(full_url(url), SystemClock(), tls=tls, topics=topics, seconds=seconds)


def show(project: Path, feed: str, json: bool = typer.Option(False, "--json")) -> None:
    """One feed of a running recorder: its layers and its senders."""
    from msgspec import to_builtins

    from lamplighter.cli import beside
    from lamplighter.cli.names_first import need_feed
    from lamplighter.domain import wire
    from lamplighter.domain.problems import fault

    with beside.recorder(project) as session:
        if session is None:
            need_feed(project, feed)
            raise fault("U-805", what="none runs for this project")
        found = beside.ask(session, wire.GetFeed(feed))
    if json:
        document(to_builtins(found))
        return
    state = found.state
    line(f"{state.id} {state.url} {state.state}, {state.messages_per_s:.1f} messages/s")
    table(("layer", "state", "what"), found.layers)
    table(
        ("sender", "age_s", "values", "not live", "gaps", "missing", "what"),
        (
            (s.name, None if s.age_s is None else round(s.age_s, 1), s.datastreams, s.stale,
             s.gaps, s.missing, s.words)
            for s in found.sources
        ),
    )  # fmt: skip


def _changer(action: str) -> Any:
    def change(
        project: Path,
        feed: str,
        reason: str = typer.Option("", "--reason", help="For the audit record."),
        json: bool = typer.Option(False, "--json"),
    ) -> None:
        from lamplighter.domain import wire

        _change(project, wire.ChangeFeed(feed, action, reason), json)

    return change


def edit(
    project: Path,
    feed: str,
    url: str | None = typer.Option(None, "--url"),
    map: Path | None = typer.Option(None, "--map", help="Mapping file (TOML)."),
    name: str | None = typer.Option(None, "--name"),
    owner: str | None = typer.Option(None, "--owner", help="Who answers for it."),
    reason: str = typer.Option("", "--reason", help="For the audit record."),
    password_file: Path | None = typer.Option(
        None, "--password-file", help="With --url: the password is the first line of this file."
    ),
    ask_password: bool = typer.Option(False, "--ask-password", help="With --url: type it unseen."),
    json: bool = typer.Option(False, "--json"),
) -> None:
    """Change a feed's address, mapping, name or owner. `***` in an address keeps its secret."""
    from lamplighter.cli.feed_verbs import with_login
    from lamplighter.domain import wire
    from lamplighter.runtime.feeds import full_url, mapping_text

    if url is not None:
        url = with_login(url, password_file, ask_password)
    text = mapping_text(map) if map is not None else None
    whole = full_url(url) if url is not None else None
    asked = wire.ChangeFeed(feed, "edit", reason, whole, text, name=name, owner=owner)
    _change(project, asked, json)


def _change(project: Path, asked: wire.ChangeFeed, json: bool) -> None:
    from lamplighter.cli import beside
    from lamplighter.cli.feed_verbs import show_feeds
    from lamplighter.runtime.feeds import change_feed

    with beside.recorder(project) as session:
        if session is None:
            rows = change_feed(project, asked)
        else:
            beside.ask(session, asked)
            rows = beside.feeds(session)
    show_feeds(rows, json)
