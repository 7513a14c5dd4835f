"""What is said of a feed on trial: how it goes, what would be set aside, what it would cost."""

from __future__ import annotations

from lamplighter.domain import wire
from lamplighter.domain.retention import BYTES_PER_POINT
from lamplighter.ui import numbers
from lamplighter.ui.words import tr


def how_it_goes(trial: wire.Trial, placed: int) -> str:
    """`placed`: how many of its rows stand on an asset."""
    if trial.problem:
        return trial.problem
    if trial.first_message_s is not None and trial.rows:
        return tr(
            "✓ First value shown {s} s after connecting. {a} values on an asset, {u} unbound.",
            s=f"{trial.first_message_s:.1f}", a=placed, u=len(trial.rows) - placed,
        )  # fmt: skip
    if trial.first_message_s is not None:
        return tr("Messages come, but nothing in them is stored yet.")
    if trial.detail:
        return trial.detail
    seconds = f"{trial.seconds:.0f}"
    if trial.state == "live":
        return tr("Connected, waiting for the first message, {s} s", s=seconds)
    return tr("Connecting, {s} s", s=seconds)


def set_aside(trial: wire.Trial) -> str:
    """What could not be stored, with the reasons; empty when there is nothing."""
    lines = [f"{reason} × {count:,}" for reason, count in trial.set_aside[:3]]
    return "\n".join([tr("Would be set aside:"), *lines]) if lines else ""


def cost(trial: wire.Trial) -> str:
    """What the feed will take on disk; empty while it is not known."""
    if trial.points_per_s <= 0:
        return ""
    year = trial.points_per_s * BYTES_PER_POINT * 86_400 * 365 / 1e9
    return tr("This feed will cost: {p} values a minute, about {g} GB a year.",
              p=numbers.number(trial.points_per_s * 60, 1), g=f"{year:.2g}")  # fmt: skip


def topics(group: wire.TrialGroup) -> str:
    """A group of messages in the list of what was found."""
    if group.why_not:
        name = group.topic or tr("{n} other messages", n=f"{group.messages:,}")
        return f"{name}\n{group.why_not}"
    if not group.topic:
        return tr("(page or file)")
    one = group.topics == 1
    count = tr("1 topic") if one else tr("{n} topics", n=f"{group.topics:,}")
    return f"{group.topic}\n{count}"
