"""One connection to the historian: how it is opened, and how it never hangs for ever."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from msgspec import Struct

from lamplighter.domain.problems import LamplighterError, fault
from lamplighter.exchange.schema import VERSION, statements

if TYPE_CHECKING:
    import psycopg

    Connection = psycopg.Connection[tuple[Any, ...]]

SCHEMES: Final = ("postgresql", "postgres")
ANSWER_S: Final = 30.0
"""silence of the historian within one exchange after which the link is cut"""
_LOCAL: Final = ("", "localhost", "127.0.0.1", "::1")


class HistorianConfig(Struct, frozen=True):
    """Where the historian is. `url` never holds a password."""

    url: str
    ca: str = ""
    cert: str = ""
    key: str = ""
    password_file: str = ""
    receive: bool = True
    """also take in what other consoles recorded"""


def parted(url: str) -> tuple[str, str]:
    """(address without password, password). Raises LamplighterError (U-801)."""
    try:
        parts = urlsplit(url)
        known = parts.scheme in SCHEMES and bool(parts.path.strip("/"))
        password = unquote(parts.password or "")
        user, host, port = parts.username or "", parts.hostname or "", parts.port
    except ValueError:
        known = False
    if not known:
        what = "the historian's address is not postgresql://USER@HOST/DATABASE"
        raise fault("U-801", what=what, name="sync")
    place = f"[{host}]" if ":" in host else host
    where = (f"{quote(unquote(user))}@" if user else "") + place + (f":{port}" if port else "")
    return urlunsplit((parts.scheme, where, parts.path, parts.query, "")), password


def shown(url: str) -> str:
    """Host and database, for a person; without user, password and options."""
    parts = urlsplit(url)
    return f"{parts.hostname or 'this machine'}/{parts.path.strip('/')}"


def connect(config: HistorianConfig, password: str = "") -> Connection:
    """A connection in autocommit, or LamplighterError (N-330)."""
    try:
        import psycopg
    except ImportError as error:
        what = f"the part of the program that speaks to PostgreSQL is not installed ({error})"
        raise fault("N-330", name=shown(config.url), what=what) from None
    try:
        return psycopg.connect(
            config.url, autocommit=True, **_options(config, password or _kept(config))
        )
    except (psycopg.Error, OSError, UnicodeError) as error:
        raise refused(config, error, password) from None


def _options(config: HistorianConfig, password: str) -> dict[str, Any]:
    options: dict[str, Any] = {
        "connect_timeout": 5,
        "keepalives_idle": 5,
        "keepalives_interval": 2,
        "keepalives_count": 3,
        "tcp_user_timeout": 10_000,
        "application_name": "lamplighter",
        "options": "-c synchronous_commit=on -c timezone=UTC",
    }
    parts = urlsplit(config.url)
    named = "sslmode=" in parts.query
    if config.ca:
        options |= {"sslmode": "verify-full", "sslrootcert": config.ca}
    elif not named and (parts.hostname or "") not in _LOCAL:
        options |= {"sslmode": "verify-full", "sslrootcert": "system"}
    if config.cert:
        options |= {"sslcert": config.cert, "sslkey": config.key}
    if password:
        options["password"] = password
    return options


def _kept(config: HistorianConfig) -> str:
    """The password of the environment or the file; else libpq looks into its own files."""
    given = os.environ.get("LAMPLIGHTER_HISTORIAN_PASSWORD", "")
    if given or not config.password_file:
        return given
    try:
        return Path(config.password_file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeError) as error:
        what = f"its password file cannot be read ({type(error).__name__})"
        raise fault("N-330", name=shown(config.url), what=what) from None


def refused(config: HistorianConfig, error: BaseException, password: str = "") -> LamplighterError:
    """Any failure of the link as one line without secrets."""
    if isinstance(error, LamplighterError):
        return error
    lines = [part.strip() for part in str(error).splitlines() if part.strip()]
    text = lines[0] if lines else type(error).__name__
    if password:
        text = text.replace(password, "***")
    return fault("N-330", name=shown(config.url), what=text[:200])


def historian_id(connection: Connection, config: HistorianConfig) -> str:
    """Its identity. Raises LamplighterError (N-330) when it has no tables of ours."""
    import psycopg

    try:
        about: dict[str, str] = dict(
            connection.execute("SELECT key, value FROM lamplighter.about").fetchall()
        )
    except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName):
        what = "it has no tables of Lamplighter yet; run 'lamplighter historian prepare' once"
        raise fault("N-330", name=shown(config.url), what=what) from None
    except psycopg.errors.InsufficientPrivilege:
        what = "this user is not in the role lamplighter_console"
        raise fault("N-330", name=shown(config.url), what=what) from None
    if about.get("version") != VERSION:
        what = f"its tables are of version {about.get('version')}, this program knows {VERSION}"
        raise fault("N-330", name=shown(config.url), what=what)
    return str(about["id"])


def prepare(config: HistorianConfig, password: str = "", console: str = "") -> dict[str, Any]:
    """Make or extend the tables, as the database's administrator; `console` joins the role."""
    import psycopg
    from psycopg import sql

    with contextlib.closing(connect(config, password)) as connection:
        try:
            found = connection.execute(
                "SELECT 1 FROM pg_extension WHERE extname='timescaledb'"
            ).fetchone()
            with connection.transaction():
                connection.execute("SET LOCAL client_min_messages = warning")
                connection.execute("SELECT pg_advisory_xact_lock(726911)")
                for statement in statements(found is not None):
                    connection.execute(statement.encode())
                if console:
                    connection.execute(
                        sql.SQL("GRANT lamplighter_console TO {}").format(sql.Identifier(console))
                    )
            parts = connection.execute(
                "SELECT count(*) FROM pg_inherits"
                " WHERE inhparent='lamplighter.observation'::regclass"
            ).fetchone()
        except psycopg.Error as error:
            raise refused(config, error, password) from None
        return {
            "historian": shown(config.url),
            "id": historian_id(connection, config),
            "timescale": found is not None,
            "partitions": int(parts[0]) if parts else 0,
        }


@contextlib.contextmanager
def watched(connection: Connection, seconds: float | None = None) -> Iterator[None]:
    """Cut the link when what is inside takes longer: a silent peer must not hold us for ever."""

    def cut() -> None:
        with contextlib.suppress(OSError):
            double = socket.socket(fileno=os.dup(connection.fileno()))
            with double:
                double.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(ANSWER_S if seconds is None else seconds, cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
