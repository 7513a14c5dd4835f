"""Tries the packaged program as a user would, with nothing of the checkout, and writes down sizes.

Every step starts `dist/lamplighter/lamplighter` in an empty home folder. A step that fails is named
and ends with exit code 1. Results: `resources/docs/results/package.md` and `package.json`.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import smoke_servers

ROOT: Final = Path(__file__).resolve().parents[1]
PROGRAM: Final = ROOT / "dist" / "lamplighter"
WHOLE: Final = ROOT / "build" / "package" / "whole.txt"
"""the size in MB of the last build without trimming, where one was made"""
RESULTS: Final = ROOT / "resources" / "docs" / "results"
BLOCKS: Final = 12
COLOURS: Final = 300
"""an empty or white window has a few dozen colours, the live one thousands"""
LIVE_SHARE: Final = 0.8
MB: Final = 1_000_000


class Failed(Exception):
    """A step did not do what it should; the text says what it did."""


class Trial:
    """The program, its home folder and what was found out."""

    def __init__(self, program: Path, home: Path) -> None:
        self._program, self.home = program / "lamplighter", home
        self.figures: dict[str, Any] = {}
        self.steps: list[dict[str, Any]] = []

    def environment(self, **more: str) -> dict[str, str]:
        """A user's environment: no Python path, no display, own folders."""
        kept = {k: v for k, v in os.environ.items() if k in ("LANG", "DISPLAY", "XAUTHORITY")}
        (self.home / "run").mkdir(parents=True, exist_ok=True, mode=0o700)
        return {
            "LANG": "C.UTF-8",
            **kept,
            "HOME": str(self.home),
            "PATH": "/usr/bin:/bin",
            "XDG_RUNTIME_DIR": str(self.home / "run"),
            **more,
        }

    def start(
        self,
        *arguments: object,
        screen: bool = False,
        timeout: float = 180,
        codes: tuple[int, ...] = (0,),
        **more: str,
    ) -> Any:
        """Run one verb to its end; its finished process. Raises Failed on another exit code."""
        command = [str(self._program), *(str(a) for a in arguments)]
        if screen and "DISPLAY" not in os.environ:
            command = ["xvfb-run", "-a", "-s", "-screen 0 1600x1000x24", *command]
        done = subprocess.run(
            command,
            capture_output=True,
            timeout=timeout,
            check=False,
            cwd=self.home,
            env=self.environment(**more),
        )
        if done.returncode not in codes:
            words = (done.stderr + done.stdout).decode(errors="replace").strip()
            raise Failed(f"{arguments[0]} ended with {done.returncode}: {words[-400:]}")
        return done

    def answer(self, *arguments: object, **options: Any) -> Any:
        """The JSON document a verb prints."""
        return json.loads(self.start(*arguments, "--json", **options).stdout)

    def step(self, name: str, work: Callable[[], str]) -> None:
        """One step; keeps its words and seconds."""
        begun = time.monotonic()
        try:
            said, good = work(), True
        except (Failed, KeyError, ValueError, OSError, subprocess.TimeoutExpired) as error:
            said, good = f"{type(error).__name__}: {error}", False
        took = round(time.monotonic() - begun, 1)
        self.steps.append({"step": name, "ok": good, "seconds": took, "found": said})
        print(f"{'ok  ' if good else 'FAIL'} {name:22} {took:6.1f} s  {said}", flush=True)


# ---------------------------------------------------------------- the steps
def doctor(trial: Trial) -> str:
    checks = trial.answer("doctor")["checks"]
    bad = [f"{c['name']}: {c['message']}" for c in checks if not c["ok"]]
    if bad:
        raise Failed("; ".join(bad))
    return str(next(c["message"] for c in checks if c["name"] == "program"))


def plugins(trial: Trial) -> str:
    rows = trial.answer("plugins", "list")["plugins"]
    bad = [r["id"] for r in rows if r["state"] != "enabled" or not r["signed"]]
    if bad or len(rows) < 5:
        raise Failed(f"{len(rows)} plugins, not signed and enabled: {bad}")
    return f"{len(rows)} enabled and signed"


def changed_plugin(trial: Trial) -> str:
    """One changed byte, in a copy of the data the program is pointed at."""
    copy = trial.home / "changed"
    for name in ("resources", "plugins"):
        shutil.copytree(PROGRAM / "_internal" / name, copy / name)
    with (copy / "plugins" / "water" / "rules.toml").open("a") as file:
        file.write("\n")
    rows = trial.answer("plugins", "list", LAMPLIGHTER_RESOURCES=str(copy / "resources"))["plugins"]
    states = {r["id"]: r["state"] for r in rows}
    if states.get("water") != "refused" or list(states.values()).count("enabled") < 4:
        raise Failed(f"a changed plugin was not refused alone: {states}")
    return "refused, the others go on"


def import_city(trial: Trial) -> str:
    city = trial.home / "blocks.city.json"
    city.write_text(json.dumps(block_city()), encoding="utf-8")
    trial.answer("new", trial.home / "project")
    report = trial.answer("import", trial.home / "project", city)["files"][0]
    if report["placed"] != BLOCKS * BLOCKS:
        raise Failed(f"{report['placed']} of {BLOCKS * BLOCKS} placed: {report['error']}")
    return f"{report['placed']} buildings placed, {report['crs']}"


def import_table(trial: Trial) -> str:
    """A GeoPackage: GDAL with its data, and the grid files of PROJ."""
    import numpy as np
    import shapely
    from pyogrio.raw import write

    file = trial.home / "points.gpkg"
    points = [shapely.to_wkb(shapely.Point(91000 + 10 * i, 435690)) for i in range(20)]
    write(
        str(file),
        np.array(points, dtype=object),
        [np.arange(20)],
        ["number"],
        geometry_type="Point",
        crs="EPSG:28992",
        driver="GPKG",
    )
    report = trial.answer("import", trial.home / "project", file)["files"][0]
    if report["placed"] != 20:
        raise Failed(f"{report['placed']} of 20 placed: {report['error']}")
    return f"20 points placed, {report['crs']}"


def import_others(trial: Trial) -> str:
    """A drawing, a cloud and terrain: libraries that the program must have brought along."""
    import ezdxf
    import laspy
    import numpy as np
    import rasterio
    from rasterio.transform import from_origin

    folder = trial.home / "others"
    folder.mkdir()
    drawing = ezdxf.new("R2018", units=6)
    drawing.modelspace().add_line((91000, 435700), (91200, 435800))
    drawing.saveas(folder / "plan.dxf")
    cloud = laspy.create(point_format=2, file_version="1.2")
    cloud.header.scales = [0.01] * 3
    cloud.x = 91000 + np.arange(500) % 50
    cloud.y = 435700 + np.arange(500) // 50
    cloud.z = np.full(500, 3.0)
    cloud.write(folder / "scan.laz")
    heights = np.fromfunction(lambda row, column: row + column, (40, 40)).astype(np.float32)
    place = {"crs": "EPSG:28992", "transform": from_origin(91000, 435900, 10, 10)}
    with rasterio.open(
        folder / "ground.tif", "w", driver="GTiff", width=40, height=40, count=1,
        dtype="float32", **place,
    ) as file:  # fmt: skip
        file.write(heights, 1)
    reports = trial.answer("import", trial.home / "project", folder)["files"]
    bad = [f"{r['file']}: {r['error'] or r['unplaced'][:1]}" for r in reports if not r["placed"]]
    if bad or len(reports) != 3:
        raise Failed("; ".join(bad) or f"{len(reports)} files")
    return ", ".join(r["format"] for r in reports)


def export(trial: Trial) -> str:
    """Out again, in the formats whose libraries are in the program."""
    found = []
    for form in ("cityjson", "geopackage", "gltf", "csv"):
        out = trial.home / f"out.{form}"
        done = trial.start(
            "export", trial.home / "project", "--format", form, "--out", out, "--json",
            codes=(0, 1),
        )  # fmt: skip
        found.append(f"{form} {json.loads(done.stdout)['objects']}")
    return ", ".join(found)


def picture(trial: Trial) -> str:
    out = trial.home / "shot.png"
    drawn = trial.answer("shot", trial.home / "project", "--out", out)
    found = colours(out)
    if found < 20:
        raise Failed(f"only {found} colours")
    return f"{drawn['triangles']} triangles, {found} colours, without a display"


def demo(trial: Trial, seconds: int, shot: Path) -> str:
    """The live demo in the window; a first run generates the city and is not timed."""
    report_file = trial.home / "report.json"
    trial.start(
        "run",
        "--demo",
        "--seconds",
        seconds,
        "--shot",
        shot,
        "--report",
        report_file,
        screen=True,
        timeout=seconds + 240,
    )
    report = json.loads(report_file.read_text(encoding="utf-8"))
    trial.figures["run"] = {
        k: v for k, v in report.items() if not isinstance(v, list) and k != "shot"
    }
    trial.figures["run"]["incidents"] = len(report["incidents"])
    trial.figures["run"]["forecasts"] = len(report["prognosis"])
    found = colours(shot)
    live, all_ = report["datastreams_live"], report["datastreams"]
    faults = []
    if found < COLOURS:
        faults.append(f"the picture has only {found} colours")
    if not all_ or live < LIVE_SHARE * all_:
        faults.append(f"{live} of {all_} datastreams live")
    if report["waiting"] or report["received"] == 0:
        faults.append(f"{report['received']} received, {report['waiting']} waiting")
    if faults:
        raise Failed("; ".join(faults) + f"; problems: {report['problems'][:3]}")
    return (
        f"{live} of {all_} datastreams live, {report['received']} values received, "
        f"{len(report['incidents'])} incidents, {len(report['prognosis'])} forecasts, "
        f"{found} colours"
    )


def what_if(trial: Trial) -> str:
    """EPANET in a worker, on the demo's own network."""
    project = next((trial.home / ".local/share/lamplighter/demo").glob("*/project"))
    assets = trial.answer("assets", project)["assets"]
    pump = next((a["id"] for a in assets if a["type"] == "Pump"), "none")
    result = trial.answer("scenario", project, "stop-pump", "--set", f"pump={pump}")
    return f"{len(result['difference'])} values change; {result['summary']}"


# ---------------------------------------------------------------- figures
def block_city() -> dict[str, Any]:
    """A CityJSON file of `BLOCKS` x `BLOCKS` houses near Rotterdam."""
    vertices: list[list[float]] = []
    objects: dict[str, Any] = {}
    sides = ([0, 3, 2, 1], [4, 5, 6, 7], [0, 1, 5, 4], [1, 2, 6, 5], [2, 3, 7, 6], [3, 0, 4, 7])
    for number in range(BLOCKS * BLOCKS):
        x, y = 91000 + 30 * (number % BLOCKS), 435700 + 25 * (number // BLOCKS)
        high, base = 6 + number % 17, len(vertices)
        vertices += [
            [x + dx, y + dy, z]
            for z in (2, 2 + high)
            for dx, dy in ((0, 0), (20, 0), (20, 12), (0, 12))
        ]
        rings = [[[base + corner for corner in side]] for side in sides]
        objects[f"block-{number}"] = {
            "type": "Building",
            "geometry": [{"type": "Solid", "lod": "2.2", "boundaries": [rings]}],
        }
    system = "https://www.opengis.net/def/crs/EPSG/0/28992"
    return {
        "type": "CityJSON",
        "version": "2.0",
        "CityObjects": objects,
        "vertices": vertices,
        "transform": {"scale": [1, 1, 1], "translate": [0, 0, 0]},
        "metadata": {"referenceSystem": system},
    }


def colours(file: Path) -> int:
    """Different colours of a picture."""
    from PIL import Image

    with Image.open(file) as image:
        found = image.convert("RGB").getcolors(maxcolors=1 << 24)
    return len(found or ())


def size_mb(folder: Path) -> float:
    """Bytes of all files, links counted once."""
    return round(sum(f.lstat().st_size for f in folder.rglob("*") if f.is_file()) / MB, 1)


def biggest(folder: Path, count: int = 12) -> list[tuple[str, float]]:
    """The largest parts of the program, in MB; links to files inside a part are none."""
    parts = [
        (p.name, size_mb(p) if p.is_dir() else round(p.stat().st_size / MB, 1))
        for p in folder.iterdir()
        if not p.is_symlink()
    ]
    return sorted(parts, key=lambda part: -part[1])[:count]


def packed_mb(program: Path, out: Path) -> tuple[float, float]:
    """Size of the .tar.xz in MB and the seconds it took."""
    begun = time.monotonic()
    with out.open("wb") as file:
        tar = subprocess.Popen(
            ["tar", "-C", str(program.parent), "-c", program.name], stdout=subprocess.PIPE
        )
        subprocess.run(["xz", "-2", "-T2", "-c"], stdin=tar.stdout, stdout=file, check=True)
        tar.wait()
    return round(out.stat().st_size / MB, 1), round(time.monotonic() - begun, 1)


def verb_seconds(trial: Trial) -> float:
    """The best of three starts of a verb that does nothing."""
    took = []
    for _ in range(3):
        begun = time.monotonic()
        trial.start("--version")
        took.append(time.monotonic() - begun)
    return round(min(took), 2)


def text(found: dict[str, Any]) -> str:
    """`package.md`."""
    run = found["run"]
    lines = [
        "# The packaged program",
        "",
        "Written by `make package` (`packaging/smoke.py`); do not edit.",
        "",
        f"Machine: {found['machine']}. Load before the trial: {found['load']}.",
        "",
        "| what | figure |",
        "|---|---|",
        f"| unpacked | {found['unpacked_mb']} MB, {found['files']} files |",
        *([f"| unpacked without trimming | {found['whole_mb']} MB |"] if found["whole_mb"] else []),
        *(
            [f"| packed (.tar.xz, level 2) | {found['packed_mb']} MB |"]
            if found["packed_mb"]
            else []
        ),
        f"| build | {found['build_s']} s |",
        *([f"| packing | {found['packing_s']} s |"] if found["packed_mb"] else []),
        f"| a verb that does nothing | {found['verb_s']} s |",
        f"| window shown, after the demo was prepared | {run.get('first_window_s')} s |",
        f"| first live value after (its feed waits 10 s) | {run.get('first_live_value_s')} s |",
        f"| memory of the window | {run.get('rss_mb')} MB |",
        "",
        "| trial | | seconds | found |",
        "|---|---|---|---|",
        *(
            f"| {s['step']} | {'ok' if s['ok'] else 'FAILED'} | {s['seconds']} | {s['found']} |"
            for s in found["steps"]
        ),
        "",
        "| largest parts | MB |",
        "|---|---|",
        *(f"| {name} | {mb} |" for name, mb in found["largest"]),
        "",
    ]
    return "\n".join(lines)


def write(found: dict[str, Any]) -> None:
    """Both forms of the results."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / "package.json").write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    (RESULTS / "package.md").write_text(text(found), encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build-seconds", type=int, default=0)
    parser.add_argument("--seconds", type=int, default=60, help="length of the live run")
    parser.add_argument("--no-pack", action="store_true", help="leave out the .tar.xz")
    options = parser.parse_args()
    load = ", ".join(f"{x:.1f}" for x in os.getloadavg())
    with tempfile.TemporaryDirectory(prefix="lamplighter-package-") as folder:
        trial = Trial(PROGRAM, Path(folder))
        shot = ROOT / "build" / "package" / "window.png"
        trial.step("doctor", lambda: doctor(trial))
        trial.step("plugins", lambda: plugins(trial))
        trial.step("changed plugin", lambda: changed_plugin(trial))
        trial.step("import, in a worker", lambda: import_city(trial))
        trial.step("import of a GeoPackage", lambda: import_table(trial))
        trial.step("import of CAD, cloud, GeoTIFF", lambda: import_others(trial))
        trial.step("export", lambda: export(trial))
        trial.step("shot", lambda: picture(trial))
        trial.step("demo, first start", lambda: demo(trial, options.seconds, shot))
        trial.step("demo, second start", lambda: demo(trial, options.seconds, shot))
        trial.step("what-if, in a worker", lambda: what_if(trial))
        for name, work in smoke_servers.STEPS.items():
            trial.step(name, lambda work=work: work(trial))
        verb_s = verb_seconds(trial)
    found = {
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors",
        "load": load,
        "unpacked_mb": size_mb(PROGRAM),
        "files": sum(1 for f in PROGRAM.rglob("*") if f.is_file()),
        "whole_mb": float(WHOLE.read_text()) if WHOLE.exists() else None,
        "packed_mb": None,
        "packing_s": None,
        "build_s": options.build_seconds,
        "verb_s": verb_s,
        "run": trial.figures.get("run", {}),
        "steps": trial.steps,
        "largest": biggest(PROGRAM / "_internal"),
    }
    write(found)
    print(f"{found['unpacked_mb']} MB unpacked; picture {shot}", flush=True)
    if not options.no_pack:
        packed, packing = packed_mb(PROGRAM, PROGRAM.with_suffix(".tar.xz"))
        write({**found, "packed_mb": packed, "packing_s": packing})
        print(f"{packed} MB as .tar.xz")
    return 0 if all(s["ok"] for s in trial.steps) else 1


if __name__ == "__main__":
    sys.exit(main())
