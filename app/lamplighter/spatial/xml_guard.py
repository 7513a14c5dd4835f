"""Looks at an XML file's prolog before any real parser sees it.

A document type or entity declaration is refused with its line: city files need neither, and
both are the way to make a reader fetch foreign files or blow a small text up to terabytes.
"""

from __future__ import annotations

from pathlib import Path
from xml.parsers import expat

from lamplighter.spatial.model import Refused

_CHUNK = 65_536
_MAX_PROLOG = 5_000_000


class _Found(Exception):
    pass


def root_of(path: Path) -> str:
    """`namespace name` of the root element (one space between, or the bare name).

    Raises `Refused` for declarations (I-501) and for what is no XML (I-503, I-505).
    """
    parser = expat.ParserCreate(namespace_separator=" ")
    roots: list[str] = []

    def on_declaration(*_: object) -> None:
        raise Refused("I-501", str(parser.CurrentLineNumber))

    def on_element(name: str, _: object) -> None:
        roots.append(name)
        raise _Found

    parser.StartDoctypeDeclHandler = on_declaration
    parser.EntityDeclHandler = on_declaration
    parser.StartElementHandler = on_element
    read = 0
    with path.open("rb") as file:
        try:
            while chunk := file.read(_CHUNK):
                read += len(chunk)
                if read > _MAX_PROLOG:
                    raise Refused("I-503", "no element within its first 5 MB")
                parser.Parse(chunk, False)
            parser.Parse(b"", True)
        except _Found:
            return roots[0]
        except expat.ExpatError as error:
            what = f"line {error.lineno}: {expat.ErrorString(error.code)}"
            early = error.code in (3, 5)  # no element found, unclosed token
            raise Refused("I-505" if early else "I-503", what) from error
        except (LookupError, ValueError) as error:
            raise Refused("I-503", f"unknown text encoding: {error}") from error
    raise Refused("I-505", "no element")
