"""Binding datastreams to assets as a person chose in a preview, of a feed or of the past."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from msgspec.structs import replace

from lamplighter.domain.city import Datastream
from lamplighter.domain.problems import fault

if TYPE_CHECKING:
    from lamplighter.runtime.recorder import Recorder


def bind_streams(
    recorder: Recorder,
    bindings: Sequence[tuple[str, str, str]],
    whose: str,
    *,
    only_known: bool = False,
) -> int:
    """Bind (datastream, asset, unit); those bound elsewhere stay as they are. Returns how many.

    `only_known` leaves out datastreams that nothing was recorded of. Raises LamplighterError
    (U-801) when there is no such asset.
    """
    assets = recorder.core.city.assets
    known = {s.key: s for s in recorder.store.datastreams()}
    wanted = []
    kinds = recorder.plugins.kinds
    for key, asset, unit in bindings:
        if asset not in assets:
            raise fault("U-801", what=f"there is no asset {asset}", name=whose)
        if only_known and key not in known:
            continue
        source, _, name = key.partition("/")
        last = name.rpartition("/")[2]
        kind = last if last in kinds else ""
        stream = known.get(key, Datastream(0, source, name, unit, kind, label=last))
        if not stream.asset:
            wanted.append(replace(stream, asset=asset, kind=stream.kind or kind))
    if not wanted:
        return 0
    recorder.store.writer.call(lambda access: access.put_datastream_meta(wanted)).result()
    recorder.adopt_streams()
    recorder.core.city_changed()
    who = recorder.identity
    recorder.audit.record(
        actor=who.user, role=who.role.value, action="bind datastreams",
        object=f"{len(wanted)} of {whose}", reason="", result="done",
    )  # fmt: skip
    return len(wanted)
