"""How a link to a broker comes, goes and ends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class LinkEnded(Exception):
    """Why a link ended. `refused`: the broker said no; `version`: it does not speak this one;
    `closed`: it closed the connection without a word."""

    def __init__(
        self,
        what: str,
        *,
        refused: bool = False,
        version: bool = False,
        taken_over: bool = False,
        closed: bool = False,
        cause: BaseException | None = None,
    ) -> None:
        super().__init__(what)
        self.refused = refused
        self.version = version
        self.taken_over = taken_over
        self.closed = closed
        self.cause = cause


class Out(NamedTuple):
    """A message on its way to the broker."""

    topic: str
    payload: bytes
    qos: int = 1
    retain: bool = False


@dataclass(frozen=True, slots=True)
class Manners:
    """How a link comes and goes. By default it takes up its session where it was left."""

    clean: bool = False
    """the broker keeps nothing for us while we are away"""
    will: Out | None = None
    """what the broker says when we are gone without a word"""
    hello: Out | None = None
    """said as soon as the subscriptions stand"""
    goodbye: Out | None = None
    """said before we leave"""
