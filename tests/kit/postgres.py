"""A PostgreSQL of our own: its own cluster and port, as an unprivileged user, for one test."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Final

import pytest

from tests.kit.broker import free_port

_PLACES: Final = ("/usr/lib/postgresql", "/usr/pgsql-15", "/usr/local/pgsql")
USER: Final = "historian_admin"
CONSOLE: Final = "console"


def programs() -> Path | None:
    """The folder with initdb and pg_ctl, None when PostgreSQL is not here."""
    found = shutil.which("initdb")
    if found:
        return Path(found).parent
    for place in _PLACES:
        every = sorted(Path(place).glob("**/bin/initdb"))
        if every:
            return every[-1].parent
    return None


def needs_postgres() -> Path:
    """Skips the calling test when there is no PostgreSQL."""
    found = programs()
    if found is None:
        pytest.skip("PostgreSQL is not installed")
    return found


class Postgres:
    """Use it as a context manager. It is stopped by pg_ctl, never by name."""

    def __init__(self, *, port: int = 0, lines: tuple[str, ...] = ()) -> None:
        found = programs()
        if found is None:
            raise RuntimeError("PostgreSQL is not installed")
        self._bin = found
        self.port = port or free_port()
        self._folder = Path(tempfile.mkdtemp(prefix="pg-"))
        self.data = self._folder / "data"
        self._lines = lines
        self._user = "nobody" if os.geteuid() == 0 else ""
        if self._user:
            os.chown(self._folder, pwd.getpwnam(self._user).pw_uid, -1)

    @property
    def url(self) -> str:
        """As an ordinary console."""
        return f"postgresql://{CONSOLE}@127.0.0.1:{self.port}/postgres"

    @property
    def admin_url(self) -> str:
        return f"postgresql://{USER}@127.0.0.1:{self.port}/postgres"

    def __enter__(self) -> Postgres:
        try:
            self._run("initdb", "-D", str(self.data), "-U", USER, "-A", "trust", "-N",
                      "--no-locale", "-E", "UTF8")  # fmt: skip
            with (self.data / "postgresql.conf").open("a") as config:
                config.write("\n".join(self._config()) + "\n")
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        with contextlib.suppress(Exception):
            self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def start(self) -> None:
        """Returns when it answers."""
        self._run("pg_ctl", "-D", str(self.data), "-w", "-t", "60", "-l",
                  str(self._folder / "log"), "start")  # fmt: skip

    def stop(self, mode: str = "fast") -> None:
        """`immediate` is as good as a crash: nothing is written out."""
        self._run("pg_ctl", "-D", str(self.data), "-w", "-t", "60", "-m", mode, "stop")

    def secure(self, cert: Path, key: Path, ca: Path, *, rules: tuple[str, ...] = ()) -> None:
        """From now on with this certificate; `rules` go before the others in pg_hba.conf."""
        for name, source in (("server.crt", cert), ("server.key", key), ("ca.crt", ca)):
            target = self._folder / name
            target.unlink(missing_ok=True)
            target.write_bytes(source.read_bytes())
            target.chmod(0o600)
            if self._user:
                os.chown(target, pwd.getpwnam(self._user).pw_uid, -1)
        settings = (
            ("ssl", "on"), ("ssl_cert_file", self._folder / "server.crt"),
            ("ssl_key_file", self._folder / "server.key"), ("ssl_ca_file", self._folder / "ca.crt"),
        )  # fmt: skip
        for setting, value in settings:
            self.sql(f"ALTER SYSTEM SET {setting} = '{value}'")
        access = self.data / "pg_hba.conf"
        kept = [r for r in access.read_text().splitlines() if " strict " not in f"{r} "]
        access.write_text("\n".join([*rules, *kept]) + "\n")
        self._run("pg_ctl", "-D", str(self.data), "reload")
        time.sleep(0.3)

    def plain(self) -> None:
        """From now on without TLS."""
        self.sql("ALTER SYSTEM SET ssl = off")
        self._run("pg_ctl", "-D", str(self.data), "reload")

    def prepared(self) -> Postgres:
        """With the tables and a console's user, ready to be used."""
        from lamplighter.exchange import HistorianConfig, prepare

        if not self.sql("SELECT 1 FROM pg_roles WHERE rolname=%s", CONSOLE):
            self.sql(f"CREATE ROLE {CONSOLE} LOGIN")
        prepare(HistorianConfig(self.admin_url), console=CONSOLE)
        return self

    def sql(self, query: str, *values: object, url: str = "") -> list[tuple[Any, ...]]:
        """One statement as the administrator; its rows, if any."""
        import psycopg

        with psycopg.connect(url or self.admin_url, autocommit=True) as connection:
            cursor = connection.execute(query.encode(), values or None)
            return cursor.fetchall() if cursor.description else []

    def wait(self, seconds: float = 30.0) -> None:
        """Until it takes connections again."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                self.sql("SELECT 1")
                return
            except Exception:
                time.sleep(0.1)
        raise RuntimeError("PostgreSQL does not answer")

    def _config(self) -> list[str]:
        return [
            f"port = {self.port}",
            "listen_addresses = '127.0.0.1'",
            "unix_socket_directories = ''",
            "shared_buffers = 128MB",
            "max_wal_size = 1GB",
            "max_connections = 40",
            "log_min_messages = warning",
            *self._lines,
        ]

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._bin / program), *arguments]
        if self._user:
            command = ["setpriv", "--reuid", self._user, "--clear-groups", "--", *command]
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, text=True, timeout=120, check=False, cwd=self._folder,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"{program} failed: {done.stderr[-400:]}")
