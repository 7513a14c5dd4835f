"""What would lose its input if a datastream were withheld: every rule, forecast, figure, command.

A pure look at what the recorder knows now; nothing is changed by it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import numpy as np

from lamplighter.domain.city import Datastream
from lamplighter.domain.key_figures import figures_of
from lamplighter.domain.suspicion import Loss
from lamplighter.runtime.commands import ACTIONS, STATE_KINDS
from lamplighter.runtime.interlocks import places

if TYPE_CHECKING:
    from lamplighter.runtime.recorder import Recorder

MOST: Final = 200
"""losses told one by one"""


def losses(recorder: Recorder, stream: Datastream) -> tuple[Loss, ...]:
    """In the order in which they weigh: commands, rules, forecasts, figures, comparisons."""
    found = [
        *_commands(recorder, stream),
        *_rules(recorder, stream),
        *_forecasts(recorder, stream),
        *_figures(recorder, stream),
        *_neighbours(recorder, stream),
    ]
    return tuple(found[:MOST])


def _commands(recorder: Recorder, stream: Datastream) -> Iterator[Loss]:
    city = recorder.core.city
    own = city.assets.get(stream.asset)
    if own is not None and stream.kind in STATE_KINDS and own.type in ACTIONS:
        yield Loss(
            "command",
            " / ".join(ACTIONS[own.type]),
            own.id,
            "refused: the state of the device cannot be read",
        )
    elif own is not None and own.type in ACTIONS and len(city.by_asset.get(own.id, ())) == 1:
        yield Loss(
            "command",
            " / ".join(ACTIONS[own.type]),
            own.id,
            "refused: nothing else tells that the device is live",
        )
    for plugin in recorder.plugins.host.loaded():
        for rule in plugin.rules.interlock:
            if rule.kind != stream.kind or not stream.asset:
                continue
            for asset in city.assets.values():
                if asset.type == rule.asset_type and stream.asset in set(
                    places(rule, asset.id, city)
                ):
                    yield Loss(
                        "interlock",
                        f"{rule.action}: {rule.text}",
                        asset.id,
                        "it blocks until it can be judged again",
                    )


def _rules(recorder: Recorder, stream: Datastream) -> Iterator[Loss]:
    for rule in recorder.core.city.rules:
        if rule.datastream == stream.id or any(t.datastream == stream.id for t in rule.terms):
            yield Loss(
                "rule",
                rule.text,
                rule.asset,
                "it decides nothing by this value and keeps its state",
            )


def _forecasts(recorder: Recorder, stream: Datastream) -> Iterator[Loss]:
    signal = recorder.maintenance.signal_of(stream.id)
    if signal:
        yield Loss(
            "forecast",
            f"remaining life ({signal})",
            stream.asset,
            "it goes on without this signal, or says it has no basis",
        )


def _figures(recorder: Recorder, stream: Datastream) -> Iterator[Loss]:
    kind = recorder.core.city.type_of(stream.asset)
    for name in figures_of(stream.kind, kind):
        yield Loss("KPI", name, stream.asset, "it is counted as not live")


def _neighbours(recorder: Recorder, stream: Datastream) -> Iterator[Loss]:
    """Datastreams whose expected value, or whose comparison, stands on this one too."""
    city = recorder.core.city
    users: set[int] = set()
    table = recorder.core.expected.trained
    if table is not None and table.rows:
        rows = ((table.neighbour == stream.id) & (table.weight != 0.0)).any(axis=1)
        users |= {int(d) for d in table.datastream[rows]}
    users -= {stream.id}
    for number in sorted(users):
        other = city.streams[number]
        yield Loss(
            "neighbour",
            other.label or other.key,
            other.asset,
            "its expected value is told by the season alone, or not at all",
        )
    compared: set[int] = set()
    for model in recorder.suspicion.models:
        at = np.flatnonzero(model.datastream == stream.id)
        if at.size:
            rows = (model.neighbour == at[0]).any(axis=1)
            compared |= {int(d) for d in model.datastream[rows]}
    if compared - {stream.id}:
        yield Loss(
            "comparison",
            f"{len(compared - {stream.id})} datastreams",
            stream.asset,
            "are compared without it; what its neighbours say stands in its place",
        )
