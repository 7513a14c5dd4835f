"""Names are looked at before a recorder: who mistypes one hears of the name, and ends with 2.

A running recorder looks at names by itself; these are asked where a verb would only find out that
none runs.
"""

from __future__ import annotations

from pathlib import Path

from lamplighter.domain.problems import fault


def need_datastream(project: Path, key: str) -> None:
    """Raises LamplighterError (U-802) when no datastream is called `source/name` like this."""
    from lamplighter.runtime.project import opened

    with opened(project) as store:
        if all(d.key != key for d in store.datastreams()):
            raise fault("U-802", name=key)


def need_feed(project: Path, feed: str) -> None:
    """Raises LamplighterError (U-801) when no feed has this id or name."""
    from lamplighter.runtime.feeds import stored_feed
    from lamplighter.runtime.project import opened

    with opened(project) as store:
        stored_feed(store, feed)


def need_way(project: Path, way: str) -> None:
    """Raises LamplighterError (U-809) when nobody can be called by a way of this id."""
    from lamplighter.runtime.alarm_design import stored_design
    from lamplighter.runtime.project import opened

    with opened(project) as store:
        if all(w.id != way for w in stored_design(store).ways):
            raise fault("U-809", what="way to call", name=way, lists="calls list")


def need_model(project: Path, kind: str) -> None:
    """Raises LamplighterError (U-809) when there is no kind of model like this."""
    from lamplighter.runtime.model_answers import ON_DEMAND
    from lamplighter.runtime.project import opened

    with opened(project) as store:
        if kind not in ON_DEMAND and all(r.card.kind != kind for r in store.models()):
            raise fault("U-809", what="model", name=kind, lists="models list")


def need_aside(project: Path, numbers: tuple[int, ...]) -> None:
    """Raises LamplighterError (U-809) for a row that is not in the quarantine."""
    from lamplighter.runtime.project import opened

    with opened(project) as store:
        known = {row.number for row in store.aside_rows(limit=len(numbers), only=numbers)}
    if missing := sorted(set(numbers) - known):
        raise fault("U-809", what="row", name=str(missing[0]), lists="quarantine list")
