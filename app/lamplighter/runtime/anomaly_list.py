"""Anomalies and what was learned of each datastream, read from a project as plain values."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from lamplighter.analytics import model_files
from lamplighter.domain import wire
from lamplighter.domain.anomaly import FALSE, REAL
from lamplighter.domain.clock import iso
from lamplighter.domain.models import EXPECTED, ModelState
from lamplighter.domain.problems import LamplighterError, fault
from lamplighter.governance.keys import PUBLIC
from lamplighter.runtime.leaks import STATE
from lamplighter.runtime.model_registry import FOLDER
from lamplighter.runtime.own_cards import TOLD
from lamplighter.runtime.project import opened, optional_time


def anomalies_of(project: Path, from_: str = "", to: str = "", asset: str = "") -> dict[str, Any]:
    """`anomalies` found in [from, to), newest first; what became of the look for leaks in each
    network; how many people called real or false."""
    begin, end = optional_time(from_, "anomalies"), optional_time(to, "anomalies")
    with opened(project) as store:
        every = store.anomalies()
        known = {a.asset for a in every} | {a.id for a in store.assets()} if asset else {""}
        leaks = [json.loads(text) for _, text in sorted(store.settings(STATE).items())]
    if asset not in known:
        raise fault("U-809", what="asset", name=asset, lists="assets")
    found = [
        a
        for a in reversed(every)
        if (begin is None or a.found_ms >= begin)
        and (end is None or a.found_ms < end)
        and asset in ("", a.asset)
    ]
    return {
        "anomalies": [
            {
                **msgspec.to_builtins(a),
                "found": iso(a.found_ms),
                "until": iso(a.until_ms) if a.until_ms else "",
                "verdict": a.verdict,
                "similar": msgspec.to_builtins(a.similar),
            }
            for a in found
        ],
        "leaks": leaks,
        "real": sum(a.verdict == REAL for a in every),
        "false": sum(a.verdict == FALSE for a in every),
    }


def expected_of(project: Path) -> dict[str, Any]:
    """The signed record of the last time of learning; `made` is empty when there is none."""
    with opened(project) as store:
        names = {d.id: d.key for d in store.datastreams()}
        folder = store.folder
        used = [
            r.card
            for r in store.models()
            if r.card.kind == EXPECTED and r.state is ModelState.IN_USE
        ]
    try:
        key = bytes.fromhex((folder / "keys" / PUBLIC).read_text(encoding="ascii").strip())
        place = folder / FOLDER / EXPECTED / f"{used[0].version:04d}"
        model_files.check(place, Ed25519PublicKey.from_public_bytes(key))
        card = msgspec.json.decode((place / TOLD).read_bytes(), type=wire.ExpectedCard)
    except (LamplighterError, OSError, ValueError, IndexError):
        card = wire.ExpectedCard()
    return {
        "made": iso(card.made_ms) if card.made_ms else "",
        "from": iso(card.first_ms) if card.made_ms else "",
        "to": iso(card.last_ms) if card.made_ms else "",
        "seconds": card.seconds,
        "used": card.used,
        "datastreams": card.datastreams,
        "counts": card.counts,
        "rows": [
            {
                "datastream": names.get(r.datastream, str(r.datastream)),
                "why": r.why, "season": r.season, "error": r.error, "naive": r.naive,
                "rule": r.rule, "judged": r.judged,
            }
            for r in card.rows
        ],
    }  # fmt: skip
