"""How the city looked at another moment, as a table of states for a comparison with now."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from msgspec import Struct

from lamplighter.domain import wire
from lamplighter.domain.newest_block import NewestValues
from lamplighter.scene.states import StateTable
from lamplighter.ui.beat import Shown
from lamplighter.ui.desk import STANDING, Desk
from lamplighter.ui.time_model import Mode
from lamplighter.ui.twin_labels import Badge
from lamplighter.ui.twin_states import Sources, TrustOf, alarm_looks, merged_states

if TYPE_CHECKING:
    from lamplighter.ui.colour_by import ColourBy


class Look(Struct, frozen=True):
    """States and badges of one side."""

    states: StateTable
    badges: tuple[Badge, ...]


def look_at(desk: Desk, moment: wire.Moment, colour: ColourBy | None = None) -> Look:
    """The city at a moment of the record."""
    size = len(moment.value)
    nothing = np.full(size, np.nan)
    values = NewestValues(
        moment.batch, moment.at_ms, moment.time_ms, moment.value, nothing, nothing,
        np.ones(size, np.float32), moment.quality,
    )  # fmt: skip
    standing = [a for a in moment.alarms if a.state in STANDING]
    return _look(desk, values, moment.at_ms, (standing, moment.incidents), colour)


def look_now(desk: Desk, colour: ColourBy | None = None) -> Look:
    """The city as it is live, whatever the window shows."""
    standing = [a for a in desk.live_alarms.values() if a.state in STANDING]
    now_ms = desk.time.wall_ms
    return _look(desk, desk.live_values, now_ms, (standing, desk.live_incidents), colour)


def _look(
    desk: Desk,
    values: NewestValues | None,
    now_ms: int,
    alarms: tuple,  # type: ignore[type-arg]
    colour: ColourBy | None,
) -> Look:
    city = desk.city
    stale = desk.stale_of(values, now_ms)
    trust = TrustOf(city)
    looks = alarm_looks(city, *alarms)
    tint = colour.tint_of(Shown(values, now_ms, Mode.REPLAY, 0)) if colour is not None else {}
    silent = Sources(city).silent(values, stale)
    table = merged_states(looks, trust.assets, trust.levels(values, stale), tint, silent)
    return Look(table, looks.badges)
