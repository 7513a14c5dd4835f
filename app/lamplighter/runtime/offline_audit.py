"""One entry in the audit record of a project nobody records: changes by a verb are kept too."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from pathlib import Path

from lamplighter.domain.clock import SystemClock
from lamplighter.governance.audit import AuditFile
from lamplighter.governance.keys import signing_key
from lamplighter.governance.roles import local_identity


def named(paths: Sequence[str]) -> str:
    """What is brought in, in short: the name of the one file, or how many there are."""
    return Path(paths[0]).name if len(paths) == 1 else f"{len(paths)} paths"


def note(folder: Path, action: str, object: str, *, reason: str = "", result: str = "done") -> None:
    """In the name of who sits here. The caller holds the project's lock.

    Raises LamplighterError (A-401, A-402) when it cannot be written.
    """
    audit = AuditFile(
        folder / "audit.db", signing_key(folder / "keys"), SystemClock(), socket.gethostname()
    )
    who = local_identity()
    try:
        audit.record(
            actor=who.user,
            role=who.role.value,
            action=action,
            object=object,
            reason=reason,
            result=result,
        )
    finally:
        audit.close()
