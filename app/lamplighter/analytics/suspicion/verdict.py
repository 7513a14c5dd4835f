"""Says which channel is suspect, of what, and why: one sentence that a person can check.

A lie pulls along those who are compared with it. So a channel is accused only when putting its
neighbours' opinion in its place makes the others agree again; where no single channel explains
what is seen, the process itself has changed (a leak moves several pressures and the flow), and
nobody is called a liar.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations
from typing import Final

import numpy as np
from msgspec import Struct

from lamplighter.analytics.suspicion import scores as checks
from lamplighter.analytics.suspicion.model import (
    CHECKS,
    COLUMN,
    OWN,
    SHIFTS,
    Floats,
    Longs,
    SuspicionModel,
    crooked,
)

RECENT: Final = 24
"""samples that a verdict looks at closely"""
ACCUSED: Final = 6
"""channels accused of one stretch at most"""
TRIED: Final = 6
"""candidates tried for one accusation"""
SURELY: Final = 0.9
PAIRED: Final = 6
PAIR_LEAVES: Final = 0.5
"""of what one alone leaves unexplained: two are accused at once only when they leave less"""
PULLED: Final = 0.5
"""of its disagreement: who is left with less once a liar is gone was pulled along by him"""
EXPLAINS: Final = 0.5
"""share of the others' disagreement that a lie must explain"""
SEVERAL: Final = 3
"""disagreeing channels from which the process may be what changed"""
FACTORS: Final = (3.6, 10.0, 100.0, 1000.0, 1.8, 60.0, 24.0, 9.80665)
NEAR: Final = 0.07
SUDDEN: Final = 4
"""newest samples that must all be off by a well-known factor"""

COMPARED: Final = np.array([at for name, at in COLUMN.items() if name not in OWN])
EARLY: Final = np.array(
    [1.0 if name in OWN or name.startswith("step ") else 0.0 for name in CHECKS]
)
SOONER: Final = np.array([COLUMN[name] for name in ("gap", "lost", "repeat")])
COUNTED: Final = 2.0
"""times their limit at which those speak at the latest"""
WORDS: Final = {
    "stuck": "it stands still although its neighbours move",
    "stuck but noisy": "it moves far less than its neighbours say it should",
    "noisy": "it jumps about far more than its neighbours do",
    "dropout": "its values fail to come",
    "replay": "it repeats its own past, value for value",
    "unit change": "it reads a fixed multiple of what its neighbours say",
    "scale": "it reads a fixed multiple of what its neighbours say",
    "swap": "it fits the place of another sensor better than its own",
    "clock shift": "it fits its neighbours better when it is moved in time",
    "offset": "it stands apart from what its neighbours say",
    "slow drift": "it moves away slowly from what its neighbours say",
    "impossible rate": "it changed faster than it ever did",
    "mismatch": "it does not go with its neighbours",
    "process": "several sensors moved together",
}
BROKEN: Final = frozenset({"stuck", "stuck but noisy", "noisy", "dropout", "slow drift"})


class Finding(Struct, frozen=True):
    """One suspicion about a channel, or about the process when `kind` is so."""

    row: int
    kind: str
    looks: str
    """broken | tampered | process"""
    reason: str
    check: str
    score: float
    """how far above its limit the deciding check is"""
    neighbours: tuple[int, ...]
    """rows it was compared with"""
    expected: float
    """what the neighbours say it should read now, in its unit; NaN when unknown"""
    evidence: tuple[str, ...]


def judged(model: SuspicionModel, values: Floats, time_ms: Longs) -> Floats:
    """(n, m, checks) scores as multiples of their limits; above 1 is more than clean history."""
    found = _bare(model, values, time_ms)
    found[..., COMPARED] *= ~checks.strange(model, values)[..., None]
    return found


def _bare(model: SuspicionModel, values: Floats, time_ms: Longs) -> Floats:
    """The same, also where too much is strange to say anything."""
    with np.errstate(invalid="ignore"):
        found: Floats = checks.raw_scores(model, values, time_ms) / model.limit
    return np.where(np.isfinite(found), found, 0.0)


def findings(
    model: SuspicionModel,
    values: Floats,
    time_ms: Longs,
    names: Sequence[str],
    *,
    last: int = 1,
    strict: float = 1.0,
    apart: Sequence[int] = (),
    early: bool = False,
) -> list[Finding]:
    """What is suspect in the last `last` rows of (n, m) values, worst first.

    `strict`: how far above its limit a score must be. `apart`: rows that are withheld already;
    what their neighbours say stands in their place. `early`: a whole day was not learned yet, so
    only jumps and what a channel does by itself count. Uses nothing after the last row.
    """
    if apart:
        values = _replaced(model, values, time_ms, apart)

    strange = checks.strange(model, values)[-last:]

    def highest(of: Floats) -> tuple[Floats, Floats]:
        """(what may be said, all there is): (m, checks), of what was measured or opinions."""
        bare = _bare(model, of, time_ms)[-last:]
        # what did not come, or came again, need not be found so late as what is measured
        bare[..., SOONER] *= strict / min(strict, COUNTED)
        if early:
            bare *= EARLY
        loud = bare.max(axis=0)
        # by what was measured: a wild opinion would silence the others and seem to explain them
        bare[..., COMPARED] *= ~strange[..., None]
        return bare.max(axis=0), loud

    ratio, bare = highest(values)
    found: list[Finding] = []
    own = [COLUMN[c] for c in OWN]
    alone = ratio[:, own].max(axis=1) > strict
    alone[list(apart)] = False
    clean = values.copy()
    accused: list[int] = []
    for row in np.flatnonzero(alone).tolist()[:ACCUSED]:
        accused.append(int(row))
        clean = _replaced(model, clean, time_ms, [int(row)])
    first = Dissent(_excess(ratio, strict), _excess(bare, strict)).without([*accused, *apart])
    seen = first
    if accused:
        seen = Dissent(*(_excess(r, strict) for r in highest(clean))).without([*accused, *apart])
    process: list[int] = []
    while (seen.said > 0).any() and len(accused) < ACCUSED:
        best, rest, share = _accuse(model, clean, time_ms, seen, highest, strict)
        if share < EXPLAINS:
            if (seen.said > 0).sum() >= SEVERAL:
                process = np.flatnonzero(seen.said > 0).tolist()
            break
        accused += best
        clean = _replaced(model, clean, time_ms, best)
        pulled = np.flatnonzero(rest.loud < PULLED * first.loud).tolist()
        seen = rest.without([*accused, *apart, *pulled])
    expected, _ = checks.predictions(model, clean, time_ms)
    found += [_finding(model, values, expected, bare, row, names, accused) for row in accused]
    if process:
        found.append(_process(model, ratio, process, names))
    return sorted(found, key=lambda f: -f.score)


class Dissent(Struct, frozen=True):
    """(m,) how far each channel's comparisons are above the limit: what may be `said`, and `loud`
    also of those whose neighbours are in a state that was never learned. Such a channel starts no
    accusation, but it may be the one that explains the others.
    """

    said: Floats
    loud: Floats

    def without(self, rows: Sequence[int]) -> Dissent:
        """Those are settled."""
        keep = np.ones(self.said.size)
        keep[list(rows)] = 0.0
        return Dissent(self.said * keep, self.loud * keep)


def _excess(ratio: Floats, strict: float) -> Floats:
    """(m,) how far each channel's comparisons with others are above the limit, dampened."""
    own = [COLUMN[c] for c in OWN]
    compared: Floats = np.delete(ratio, own, axis=1).max(axis=1)
    damped: Floats = np.log1p(np.maximum(compared / strict - 1.0, 0.0))
    return damped


def _replaced(model: SuspicionModel, values: Floats, time_ms: Longs, rows: Sequence[int]) -> Floats:
    """The values with what the others say in the place of some channels."""
    made = values.copy()
    for _ in range(len(rows)):  # the places depend on each other
        alone, _step = checks.predictions(model, made, time_ms)
        for row in rows:
            made[:, row] = natural(model, alone, row)
    return made


def natural(model: SuspicionModel, z: Floats, row: int) -> Floats:
    """(n,) a column of spreads as values of channel `row`, in its unit."""
    column = z[:, row] * model.scale[row] + model.mean[row]
    return crooked(column[:, None], model.offset[row : row + 1])[:, 0]


def _accuse(
    model: SuspicionModel,
    values: Floats,
    time_ms: Longs,
    seen: Dissent,
    highest: Callable[[Floats], tuple[Floats, Floats]],
    strict: float,
) -> tuple[list[int], Dissent, float]:
    """(the channel whose lie explains most, or two that were exchanged; what is left without
    them; the share of the others' disagreement they explain).
    """
    order = np.argsort(-seen.loud)[: min(TRIED, int((seen.loud > 0).sum()))].tolist()

    def tried(rows: list[int]) -> tuple[list[int], Dissent, float]:
        said, loud = highest(_replaced(model, values, time_ms, rows))
        rest = Dissent(_excess(said, strict), _excess(loud, strict)).without(rows)
        return rows, rest, float(rest.loud.sum())

    best = min((tried([row]) for row in order), key=lambda t: t[2])
    if best[2] > (1.0 - SURELY) * seen.loud.sum():  # two exchanged pull the others both ways
        pairs = (tried(list(pair)) for pair in combinations(order[:PAIRED], 2))
        both = min(pairs, key=lambda t: t[2], default=best)
        if both[2] < PAIR_LEAVES * best[2]:
            best = both
    others = seen.loud.sum() - seen.loud[best[0]].sum()
    return best[0], best[1], (1.0 - best[2] / others) if others > 0 else 1.0


# ------------------------------------------------------------------ words
def _finding(
    model: SuspicionModel,
    values: Floats,
    expected: Floats,
    ratio: Floats,
    row: int,
    names: Sequence[str],
    accused: Sequence[int],
) -> Finding:
    z = checks.units(model, values)[:, row]
    own = natural(model, expected, row)
    kind, detail = _kind(model, values, z, expected, own, ratio[row], row, names, accused)
    check = CHECKS[int(np.argmax(ratio[row]))]
    near = nearest(model, row)
    said = ", ".join(names[i] for i in near)
    if kind in ("stuck", "dropout", "replay") and ratio[row].max() == ratio[row][
        [COLUMN[c] for c in OWN]
    ].max():  # fmt: skip
        reason = f"{names[row]}: {WORDS[kind]}{detail}"
    elif said:
        reason = f"{names[row]} is physically inconsistent with neighbours {said}: {WORDS[kind]}"
        reason += detail
    else:
        reason = f"{names[row]}: {WORDS[kind]}{detail}"
    evidence = (
        f"decided by: {check}, {ratio[row].max():.1f} times the highest of clean history",
        "one channel moved; with its neighbours' opinion in its place the others agree: "
        "a sensor, not the process",
    )
    looks = "broken" if kind in BROKEN else "tampered"
    return Finding(row, kind, looks, reason, check, float(ratio[row].max()), near, float(own[-1]),
                   evidence)  # fmt: skip


def _process(
    model: SuspicionModel, ratio: Floats, rows: list[int], names: Sequence[str]
) -> Finding:
    worst = max(rows, key=lambda r: float(ratio[r].max()))
    said = ", ".join(names[r] for r in sorted(rows, key=lambda r: -float(ratio[r].max()))[:4])
    more = f" and {len(rows) - 4} more" if len(rows) > 4 else ""
    return Finding(
        worst, "process", "process",
        f"{said}{more} moved together: a leak, a changed demand or a switched device, not a "
        "single sensor",
        CHECKS[int(np.argmax(ratio[worst]))], float(ratio[worst].max()), tuple(rows),
        float("nan"),
        (f"{len(rows)} sensors moved and no single one explains the others: the process, "
         "not a sensor",),
    )  # fmt: skip


def nearest(model: SuspicionModel, row: int, most: int = 3) -> tuple[int, ...]:
    """Rows of the neighbours that say most about this channel."""
    k = model.neighbour.shape[1]
    strength = np.abs(model.weight[row, :k]) + np.abs(model.weight[row, k : 2 * k])
    order = np.argsort(-strength)
    return tuple(int(model.neighbour[row, i]) for i in order[:most] if model.neighbour[row, i] >= 0)


def _kind(
    model: SuspicionModel,
    values: Floats,
    z: Floats,
    expected: Floats,
    own: Floats,
    ratio: Floats,
    row: int,
    names: Sequence[str],
    accused: Sequence[int],
) -> tuple[str, str]:
    """(kind, what else can be said of it)."""
    of = {name: float(ratio[at]) for name, at in COLUMN.items()}
    if of["repeat"] > 1:
        return "replay", ""
    if of["gap"] > 1 or of["lost"] > 1:
        return "dropout", ""
    if of["still"] > 1:
        return "stuck", ""
    column = values[:, row]
    sudden = _sudden_factor(column, own)
    if sudden:
        return "unit change", f" (times {sudden})"
    simple = _simplest(model, column, z, expected, own, row, accused)
    if simple == "scale":
        factor = float(_middle((column / own)[-RECENT:]))
        near = next((f for f in FACTORS for g in (f, 1 / f) if abs(factor / g - 1) < NEAR), None)
        if near is not None:
            return "unit change", f" (times {near:g})" if factor > 1 else f" (times 1/{near:g})"
        return "scale", f" (times {factor:.2g})"
    if simple.startswith("swap "):
        return "swap", f" ({names[int(simple[5:])]})"
    if simple == "offset":
        return "offset", f" (by {column[-1] - own[-1]:+.3g})"
    if simple:
        return simple, ""
    if of["quiet"] > 1:
        return "stuck but noisy", ""
    if of["noisy"] > 1:
        return "noisy", ""
    if max(of["rate"], of["step 1"]) > 1:
        return "impossible rate", ""
    return "mismatch", ""


def _sudden_factor(column: Floats, own: Floats) -> str:
    """The well-known factor that the newest values are off by, as text; empty when by none."""
    with np.errstate(divide="ignore", invalid="ignore"):
        share = (column / own)[-SUDDEN:]
    for factor in FACTORS:
        if (np.abs(share / factor - 1.0) < NEAR).all():
            return f"{factor:g}"
        if (np.abs(share * factor - 1.0) < NEAR).all():
            return f"1/{factor:g}"
    return ""


def _simplest(
    model: SuspicionModel,
    column: Floats,
    z: Floats,
    expected: Floats,
    own: Floats,
    row: int,
    accused: Sequence[int],
) -> str:
    """The plain change of a curve that leaves least unexplained; empty when none does."""
    mine, theirs = z[-RECENT:], expected[-RECENT:, row]
    rest = mine - theirs
    if np.isfinite(rest).sum() < 6:
        return ""
    at = np.arange(rest.size)
    known = np.isfinite(rest)
    line = np.polyval(np.polyfit(at[known], rest[known], 1), at)
    left = {"offset": _mean(rest - _middle(rest)), "slow drift": 1.25 * _mean(rest - line)}
    with np.errstate(divide="ignore", invalid="ignore"):
        share = (column / own)[-RECENT:]
    factor = _middle(share)
    plain = max(_mean((column - own)[-RECENT:]), 1e-12)
    if factor > 0 and abs(np.log(factor)) > 0.3:
        turned = column[-RECENT:] / factor - own[-RECENT:]
        left["scale"] = _mean(turned) / plain * _mean(rest)
    moved = []
    for by in range(1, SHIFTS + 1):
        moved.append(_mean(mine - expected[-RECENT - by : -by, row]))
        moved.append(_mean(z[-RECENT - by : -by] - theirs))
    left["clock shift"] = 1.1 * min(moved)
    for other in accused:
        if other != row:
            crossed = _mean((column - natural(model, expected, other))[-RECENT:])
            left[f"swap {other}"] = crossed / plain * _mean(rest)
    best = min(left, key=lambda name: left[name])
    return best if left[best] < 0.5 * _mean(rest) else ""


def _mean(rest: Floats) -> float:
    known = rest[np.isfinite(rest)]
    return float(np.abs(known).mean()) if known.size else float("inf")


def _middle(rest: Floats) -> float:
    known = rest[np.isfinite(rest)]
    return float(np.median(known)) if known.size else 0.0
