"""Canary secrets go in by every door; afterwards no file and no word may hold one.

Each secret is looked for plainly, in base64 (at each of its three places), hexadecimal, percent
signs and UTF-16, in everything that was written: the project, logs, crash reports, the audit
record, a backup and what a restore makes of it, and all that the programs said.
"""

from __future__ import annotations

import base64
import contextlib
import gzip
import os
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import psutil
from tests.kit.broker import Broker

ROOT: Final = Path(__file__).resolve().parents[2]
KEPT: Final = "keys/secrets.json"
"""the one file that may hold them"""
Row = dict[str, Any]


def canary(number: int) -> str:
    """A password with characters that must be escaped somewhere."""
    return f"Canary{number:02d}/x@y:z+{number * 7919:05d}"


def forms(secret: str) -> list[bytes]:
    """The secret in every spelling that is looked for."""
    plain = secret.encode()
    found = [
        plain,
        plain.hex().encode(),
        secret.encode("utf-16-le"),
        quote(secret, safe="").encode(),
    ]
    found.append(quote(secret).encode())
    for lead in range(3):  # inside of a longer text it may begin at any place of three
        coded = base64.b64encode(b"x" * lead + plain)
        found.append(coded[4 if lead else 0 : -4])
    return list(dict.fromkeys(found))


def hits(folders: list[Path], secrets: list[str]) -> list[str]:
    """`file: secret` for everything found, packed files unpacked."""
    wanted = [(secret, form) for secret in secrets for form in forms(secret)]
    found = []
    for folder in folders:
        for file in sorted(folder.rglob("*")):
            if not file.is_file() or file.is_symlink():
                continue
            data = file.read_bytes()
            if data[:2] == b"\x1f\x8b":
                with contextlib.suppress(OSError, EOFError):
                    data += gzip.decompress(data)
            if str(file.relative_to(folder)).endswith(KEPT):
                if stat.S_IMODE(file.stat().st_mode) != 0o600:
                    found.append(f"{file.name} can be read by others")
                continue
            found += [f"{file.relative_to(folder)}: {s}" for s, form in wanted if form in data]
    return sorted(set(found))


class Desk:
    """Runs the program with a home of its own and keeps what it said."""

    def __init__(self, folder: Path) -> None:
        self.said = folder / "said"
        self.home = folder / "home"
        self.project = folder / "project"
        for place in (self.said, self.home):
            place.mkdir(parents=True)
        self._count = 0
        self.seen: list[str] = []
        """command lines of the recorder while it ran"""
        self.environment = {
            **os.environ,
            "HOME": str(self.home),
            "PYTHONPATH": str(ROOT / "app"),
            "LAMPLIGHTER_SECRETS": "file",
            **{f"XDG_{kind}_HOME": str(self.home / kind.lower())
               for kind in ("CONFIG", "DATA", "STATE", "CACHE")},
        }  # fmt: skip

    def __call__(self, *words: str, stdin: str = "", **environment: str) -> int:
        self._count += 1
        done = subprocess.run(
            [sys.executable, "-m", "lamplighter", *words],
            env={**self.environment, **environment}, input=stdin,
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        text = done.stdout + done.stderr
        (self.said / f"{self._count:02d}.txt").write_text(text, encoding="utf-8")
        return done.returncode

    @contextlib.contextmanager
    def recording(self) -> Iterator[None]:
        with (self.said / "recorder.txt").open("w") as out:
            child = subprocess.Popen(
                [sys.executable, "-m", "lamplighter", "record", str(self.project)],
                env=self.environment, stdout=out, stderr=out,
            )  # fmt: skip
            try:
                end = time.monotonic() + 60
                while "recording" not in (self.said / "recorder.txt").read_text():
                    if time.monotonic() > end or child.poll() is not None:
                        raise RuntimeError("the recorder did not start")
                    time.sleep(0.1)
                self.seen += psutil.Process(child.pid).cmdline()
                yield
            finally:
                child.terminate()
                child.wait(30)


def run(folder: Path) -> tuple[list[str], int, list[str]]:
    """(hits, how many secrets went in, what did not work as it should)."""
    desk, wrong = Desk(folder), []
    project = str(desk.project)
    secrets = [canary(n) for n in range(12)]
    word = [quote(s, safe="") for s in secrets]
    file = folder / "given"
    logins = [(f"user{n}", secret) for n, secret in enumerate(secrets)]
    lines = [f"password_file {_password_file(folder, logins)}", "allow_anonymous false"]
    with Broker(folder / "broker", lines=lines) as broker:
        at = f"127.0.0.1:{broker.port}"
        desk("new", project)
        entries: list[tuple[str, ...]] = [
            ("feed", "add", project, f"mqtt://user0:{word[0]}@{at}"),
            ("feed", "add", project, f"mqtt://user1@{at}", "--password-file", str(file)),
            ("feed", "add", project, f"mqtt://user2@{at}"),
            ("feed", "add", project, f"sparkplug://user3:{word[3]}@{at}/plant"),
            ("feed", "add", project, f"http://127.0.0.1:9/x.json?api_key={word[4]}"),
            ("feed", "add", project, f"mqtt://user5:{word[5]}@{at}:99999"),  # no address
            ("feed", "add", project, f"nothing://user6:{word[6]}@{at}"),
            ("feed", "test", project, "--seconds", "3"),
            ("feed", "list", project),
        ]
        file.write_text(secrets[1])
        for words in entries:
            desk(*words, LAMPLIGHTER_FEED_PASSWORD=secrets[2] if "user2@" in words[-1] else "")
        file.unlink()
        with desk.recording():
            file.write_text(secrets[8])
            desk("feed", "add", project, f"mqtt://user7:{word[7]}@{at}")
            desk("feed", "edit", project, "feed-1", "--url", f"mqtt://user8@{at}",
                 "--password-file", str(file))  # fmt: skip
            file.unlink()
            desk("feed", "add", project, f"mqtt://user9:{word[9]}wrong@{at}")
            desk("feed", "propose", f"mqtt://user10:{word[10]}@{at}", "--seconds", "2")
            desk("feed", "add", project, f"mqtt://user11:{word[11]}@127.0.0.1:1")
            time.sleep(3)
            desk("feed", "list", project, "--json")
        states = sorted(desk.said.glob("*.txt"))[-2].read_text()
        if states.count('"live"') < 4:
            wrong.append(f"the passwords do not open the broker: {states[:400]}")
        desk("backup", project, str(folder / "backup.file"))
        desk("restore", str(folder / "backup.file"), str(folder / "restored"))
        desk("doctor", "--bundle", str(folder / "bundle.zip"))
    for name in ("broker", "given"):
        _forget(folder / name)
    (folder / "passwords").unlink()
    found = hits([folder], secrets)
    found += [f"command line: {s}" for s in secrets if s in " ".join(desk.seen)]
    if not (desk.project / KEPT).exists():
        wrong.append("no secret was kept at all")
    return found, len(secrets), wrong


def words_of_refusals(secret: str) -> list[str]:
    """What is said about addresses that cannot be, each with this secret in it."""
    from lamplighter.domain.problems import LamplighterError
    from lamplighter.runtime.feeds import FeedConfig, check_feed

    word = quote(secret, safe="")
    said = []
    for url in (
        f"mqtt://u:{word}@h:99999",
        f"mqtts://u:{word}@",
        f"nothing://u:{word}@h",
        f"sparkplug://u:{word}@h/a%23",
        f"modbus://u:{word}@h:1/x/y",
        f"http://h:0x/?token={word}",
        f"replay:/absent.csv?token={word}",
    ):
        try:
            check_feed(FeedConfig("f", url))
        except LamplighterError as error:
            said.append(str(error))
    return said


def _password_file(folder: Path, logins: list[tuple[str, str]]) -> Path:
    file = folder / "passwords"
    file.touch()
    for user, secret in logins:
        command = ["mosquitto_passwd", "-b", str(file), user, secret]
        subprocess.run(command, check=True, capture_output=True)
    return file


def _forget(place: Path) -> None:
    if place.is_dir():
        for file in place.glob("*"):
            file.unlink()
    else:
        place.unlink(missing_ok=True)


def part(size: dict[str, int], folder: Path) -> Row:
    found, count, wrong = run(folder)
    return {
        "promise": "No secret stands in a file, a log, the audit record or a command line",
        "trials": f"{count} secrets by 12 doors, each looked for in 8 spellings",
        "result": "; ".join([*found[:5], *wrong]) or "0 found outside the one file of the owner",
        "not_shown": "the keyring of a desktop; core dumps; what other programs see of a password "
        "typed into an address on the command line",
        "bound": "",
        "passed": not found and not wrong,
        "figures": {"secrets": count, "hits": len(found)},
    }


PARTS: Final[dict[str, Callable[[dict[str, int], Path], Row]]] = {"secrets": part}
SHORT: Final[dict[str, int]] = {}
LONG: Final[dict[str, int]] = {}
TIER: Final = "N1"
