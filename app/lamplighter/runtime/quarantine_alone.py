"""Changes of a project nobody records, with their entry in the audit record."""

from __future__ import annotations

import socket
from pathlib import Path

from lamplighter.domain import wire
from lamplighter.domain.clock import SystemClock
from lamplighter.governance.audit import AuditFile
from lamplighter.governance.keys import signing_key
from lamplighter.governance.roles import local_identity
from lamplighter.runtime.feeds import opened
from lamplighter.runtime.quarantine_answers import delete


def delete_alone(project: Path, ask: wire.DeleteQuarantined) -> int:
    """Delete rows of the quarantine; says how many. Raises LamplighterError (U-801)."""
    with opened(project, write=True) as store:
        count = delete(store, ask)
        what = f"{count} rows" + (f" of {ask.code}" if ask.code else "")
        note(store.folder, "delete quarantine", what, ask.reason)
    return count


def note(folder: Path, action: str, object: str, reason: str = "") -> None:
    """One entry in the audit record, in the name of who sits here."""
    who = local_identity()
    key = signing_key(folder / "keys")
    audit = AuditFile(folder / "audit.db", key, SystemClock(), socket.gethostname())
    try:
        audit.record(
            actor=who.user, role=who.role.value, action=action, object=object, reason=reason,
            result="done",
        )  # fmt: skip
    finally:
        audit.close()
