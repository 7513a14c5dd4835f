"""The demo project: made and imported once by the ordinary doors, copied fresh for each run."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Final

from platformdirs import user_data_path

from lamplighter import __version__
from lamplighter.domain.clock import SystemClock
from lamplighter.domain.crew_plan import Crew
from lamplighter.domain.problems import fault
from lamplighter.runtime.crews import CrewDesk
from lamplighter.runtime.edits import EditDesk
from lamplighter.runtime.import_alone import import_into
from lamplighter.runtime.past import import_past
from lamplighter.runtime.project import create, opened
from lamplighter.runtime.resources import own_command, plugin_folders, resources

Say = Callable[[str], None]
READY: Final = ".ready"
NAME: Final = "Harbour District"
DAY_MS: Final = 86_400_000
HOUR_MS: Final = 3_600_000


def definition() -> Path:
    """The demo district's definition."""
    return resources() / "demo"


@cache
def _key() -> str:
    """Changes with the definition, the plugins' data, the program and the day the past ends; not
    while this program runs, or a demo would be looked for elsewhere after midnight.
    """
    digest = hashlib.blake2b(__version__.encode(), digest_size=6)
    digest.update(str(SystemClock().wall_ms() // DAY_MS).encode())
    folders = [definition(), *plugin_folders()]
    for folder in folders:
        for file in sorted(folder.rglob("*")):
            if file.is_file() and "__pycache__" not in file.parts:
                digest.update(file.name.encode())
                digest.update(file.read_bytes())
    program = Path(__file__).parents[1]
    for room in ("field", "spatial", "store"):
        for file in sorted((program / room).glob("*.py")):
            digest.update(file.read_bytes())
    if getattr(sys, "frozen", False):  # the rooms lie inside the program's one file
        digest.update(Path(sys.executable).read_bytes())
    return digest.hexdigest()


def demo_home() -> Path:
    """The folder of the prepared demo: `city/` (the generated files) and `template/`."""
    return Path(user_data_path("lamplighter")) / "demo" / _key()


def prepare(say: Say) -> Path:
    """The demo project, fresh; generated and imported first when this version never did."""
    home = demo_home()
    template = home / "template"
    if not (home / READY).exists():
        _build(home, template, say)
    project = home / "project"
    if project.exists():
        shutil.rmtree(project)
    shutil.copytree(template, project)
    return project


def _build(home: Path, template: Path, say: Say) -> None:
    _clear_old(home.parent)
    if home.exists():
        shutil.rmtree(home)
    home.mkdir(parents=True)
    city = home / "city"
    say("the demo city is generated (once)")
    command = [*own_command(), "field", str(definition()), "--generate", str(city)]
    command += ["--past-end", str(SystemClock().wall_ms() // HOUR_MS * HOUR_MS)]
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    if made.returncode:
        last = made.stderr.strip().splitlines()[-1:] or ["no reason given"]
        raise fault("U-804", name="The demo city", what=last[0])
    say("the demo city is imported (once)")
    create(template, demo=True, name=NAME)
    result = import_into(template, [city / "import"], say=lambda text: None)
    refused = [f["error"] for f in result["files"] if f["error"]]
    if refused:
        raise fault("U-804", name="The demo city", what=refused[0])
    import_past(template, city / "past", simulated=True, say=say)
    _crews(template)
    (home / READY).touch()


def _crews(template: Path) -> None:
    """The crews of `crews.toml`, as `crew add` keeps them."""
    found = tomllib.loads((definition() / "crews.toml").read_text(encoding="utf-8"))["crew"]
    with opened(template, write=True) as store:
        desk = CrewDesk(store, EditDesk(store, author="demo", now_ms=SystemClock().wall_ms))
        for row in found:
            begin, end = (int(t[:2]) * 60 + int(t[3:]) for t in row["shift"])
            desk.put(Crew("", row["name"], tuple(row["skills"]), begin, end, None, None,
                          row["people"]))  # fmt: skip


def _clear_old(folder: Path) -> None:
    """Demos of earlier days or versions; one that may still be open is left alone."""
    now = time.time()
    for old in folder.glob("*"):
        newest = max((f.stat().st_mtime for f in old.glob("project/*")), default=0.0)
        if now - max(newest, old.stat().st_mtime) > DAY_MS / 1000:
            shutil.rmtree(old, ignore_errors=True)
