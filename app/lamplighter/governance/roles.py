"""Who may do what: one table from roles to permissions, deny by default."""

from __future__ import annotations

import getpass
import socket
from enum import StrEnum
from typing import Final

from msgspec import Struct


class Permission(StrEnum):
    """Every function that changes something names one of these."""

    VIEW = "view"
    ACKNOWLEDGE = "acknowledge alarms"
    SHELVE = "shelve alarms"
    DISABLE = "take alarms out of service"
    RULES = "change alarm rules"
    WORK = "edit work orders"
    SCENARIO = "run scenarios"
    COMMAND = "send commands"
    ARM = "switch assets between shadow and twin"
    IMPORT = "import files"
    FEED = "change feeds"
    BY_HAND = "set values by hand"
    PLUGIN = "change plugins"
    STOP = "stop the recorder"
    BACKUP = "take backups"
    RETENTION = "change how long history is kept"
    MODEL = "promote and roll back models"


class Role(StrEnum):
    VIEWER = "viewer"
    CREW = "crew"
    OPERATOR = "operator"
    LOCAL_OPERATOR = "operator (local)"
    ENGINEER = "engineer"
    ADMIN = "admin"


_WATCH: Final = frozenset({Permission.VIEW})
_OPERATE: Final = _WATCH | {
    Permission.ACKNOWLEDGE,
    Permission.SHELVE,
    Permission.WORK,
    Permission.SCENARIO,
    Permission.COMMAND,
    Permission.BY_HAND,
    Permission.STOP,
}
_ENGINEER: Final = _OPERATE | {
    Permission.DISABLE,
    Permission.RULES,
    Permission.ARM,
    Permission.IMPORT,
    Permission.FEED,
    Permission.BACKUP,
    Permission.RETENTION,
    Permission.MODEL,
}

PERMISSIONS: Final[dict[Role, frozenset[Permission]]] = {
    Role.VIEWER: _WATCH,
    Role.CREW: _WATCH | {Permission.WORK, Permission.ACKNOWLEDGE},
    Role.OPERATOR: _OPERATE,
    # One person on one machine without configured users does everything but plugins.
    Role.LOCAL_OPERATOR: _ENGINEER,
    Role.ENGINEER: _ENGINEER,
    Role.ADMIN: frozenset(Permission),
}


class Identity(Struct, frozen=True):
    """Who acts, in which role, from which machine."""

    user: str
    role: Role
    host: str

    def may(self, permission: Permission) -> bool:
        return permission in PERMISSIONS[self.role]


def local_identity() -> Identity:
    """Without configured users the operating-system user acts as local operator."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError):
        user = "unknown"
    return Identity(user, Role.LOCAL_OPERATOR, socket.gethostname())
