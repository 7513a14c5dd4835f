"""`plugin.toml`: what a plugin is, which contract it was written for, what it provides and asks.

The contract's version is `API_VERSION`. A plugin names a range of it; outside that range it is
not loaded. Reading a manifest runs none of the plugin's code.
"""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator

API_VERSION: Final = "0.1"

Identifier = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{1,39}$")]
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{1,63}$")]
Line = Annotated[
    str,
    StringConstraints(min_length=1, max_length=200, pattern=r"^[^\r\n]+$", strip_whitespace=True),
]
Version = Annotated[str, StringConstraints(pattern=r"^\d+\.\d+\.\d+$")]
Part = Literal["assets", "decoders", "rules", "views", "simulator", "model", "importer"]

_CLAUSE = re.compile(r"^(>=|<=|==|<|>)(\d+)\.(\d+)$")


class Contract(BaseModel):
    """Base of every model of the contract: frozen, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Rights(Contract):
    """What the plugin asks for; nothing is granted that does not stand here."""

    commands: tuple[str, ...] = ()
    """`AssetType.action`; its commands pass the same gate as a person's"""
    network: bool = False
    files: bool = False
    personal_data: bool = False


class Manifest(Contract):
    """The facts of `plugin.toml`."""

    id: Identifier
    name: Line
    version: Version
    api: str
    """range of contract versions, e.g. `>=0.1,<0.2`"""
    description: Line
    owners: Annotated[tuple[Line, ...], Field(min_length=1)]
    licence: Line = "Apache-2.0"
    domain: Identifier
    """the domain of its asset types"""
    provides: Annotated[tuple[Part, ...], Field(min_length=1)]
    engines: tuple[Line, ...] = ()
    """import names of the libraries its Python files need beside the standard library"""
    rights: Rights = Rights()

    @field_validator("api")
    @classmethod
    def _readable(cls, text: str) -> str:
        clauses(text)
        return text

    @property
    def fits(self) -> bool:
        """True when this program's contract lies within the plugin's range."""
        return in_range(API_VERSION, self.api)


def clauses(text: str) -> list[tuple[str, tuple[int, int]]]:
    """`>=0.1,<0.2` as comparisons. Raises ValueError when it is no such range."""
    found = []
    for part in text.split(","):
        match = _CLAUSE.match(part.strip())
        if match is None:
            raise ValueError(f"'{part.strip()}' is no version range like '>=0.1,<0.2'")
        found.append((match[1], (int(match[2]), int(match[3]))))
    return found


def in_range(version: str, text: str) -> bool:
    """Whether `version` (`major.minor`) satisfies every clause of the range."""
    major, minor = (int(p) for p in version.split(".")[:2])
    here = (major, minor)
    tests = {
        ">=": here.__ge__,
        "<=": here.__le__,
        "==": here.__eq__,
        "<": here.__lt__,
        ">": here.__gt__,
    }
    return all(tests[sign](there) for sign, there in clauses(text))
