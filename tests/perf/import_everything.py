"""Every file of the real city data imported, one command per folder, as a table.

`python -m tests.perf.import_everything [--out FOLDER] [--only TOPIC ...]`. Each topic gets a
project of its own. The table says of every file what it is, what came of it, where it lies and
why, and
whether the counts are those its SOURCE.txt states. Names are given inside the test data only.
"""

from __future__ import annotations

import argparse
import ast
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

from tests.kit.machine import machine_line
from tests.kit.program import ROOT, environment
from tests.kit.testdata import city_data

TITLE: Final = "Every file of the test data"
TIMEOUT_S: Final = 1_500
ELSEWHERE: Final = "it lies "
"""how the reason begins when a file has its place on the Earth, but in another city"""
EXPLAINED: Final = {
    "cityjsonfeature_minimal.city.jsonl": "a lone feature without a CityJSON line before it: the "
    "source's parser counted nothing, its one object is taken",
    "invalid_cityjsonfeature_root_id_unresolved.city.jsonl": "a lone feature without a CityJSON "
    "line before it: the source's parser counted nothing, its one object is taken",
    "cube_20.jsonl": "a line of type CityJSONFeatur is refused; the source's parser counted it",
    "extension.jsonl": "a line of type CityJSONFeatur is refused; the source's parser counted it",
}
"""files whose count is not the stated one, and why"""
Row = dict[str, Any]


def import_topic(folder: Path, work: Path) -> list[Row]:
    """One folder by one command; a row per file."""
    project = work / folder.name
    lamplighter("new", project)
    found = lamplighter("import", project, folder)
    stated = stated_counts(folder)
    rows = [_row(f, folder, stated) for f in found["files"]]
    rows += [
        {"file": _name(p["file"], folder), "verdict": "passed over", "reason": p["why"]}
        for p in found["passed_over"]
    ]
    print(
        f"{folder.name}: {len(rows)} files, {found['seconds']} s, {found['peak_rss_mb']} MB",
        flush=True,
    )
    return rows


def lamplighter(*words: object) -> Any:
    """A verb's JSON; an exit with refusals is an answer too."""
    command = [sys.executable, "-m", "lamplighter", *map(str, words), "--json"]
    done = subprocess.run(
        command, capture_output=True, text=True, env=environment(), timeout=TIMEOUT_S, check=False
    )
    if done.returncode not in (0, 1):
        raise RuntimeError(f"{words[0]} ended with {done.returncode}: {done.stderr[-500:]}")
    return json.loads(done.stdout)


def _name(path: str, folder: Path) -> str:
    return Path(path).relative_to(folder).as_posix()


def _row(report: Row, folder: Path, stated: dict[str, str]) -> Row:
    name = _name(report["file"], folder)
    if report["part_of"]:
        return {"file": name, "verdict": "part", "reason": f"of {_name(report['part_of'], folder)}"}
    unplaced = report["unplaced"]
    if report["error"]:
        verdict, reason = "refused", report["error"]
    elif unplaced and not report["placed"]:
        reason = unplaced[0]["reason"]
        verdict = "elsewhere" if reason.startswith(ELSEWHERE) else "unplaced"
    elif unplaced:
        verdict, reason = "imported", f"{len(unplaced)} unplaced: {unplaced[0]['reason']}"
    else:
        verdict, reason = "imported", ""
    row = {
        "file": name,
        "format": f"{report['format']} {report['version']}".strip(),
        "objects": sum(_things(report["objects"]).values()),
        "triangles": report["triangles"],
        "placed": report["placed"],
        "unplaced": len(unplaced),
        "crs": report["crs"],
        "evidence": report["crs_evidence"],
        "licence": report["licence"],
        "verdict": verdict,
        "reason": reason.replace(f"{folder}/", ""),
        "seconds": report["seconds"],
        "stated": "",
        "agrees": None,
    }
    if name in stated and not report["error"]:
        row["stated"], row["agrees"] = compare(stated[name], report["objects"])
    return row


def stated_counts(folder: Path) -> dict[str, str]:
    """File -> what SOURCE.txt says a parser found in it."""
    found: dict[str, str] = {}
    source = folder / "SOURCE.txt"
    for line in source.read_text(encoding="utf-8").splitlines() if source.exists() else []:
        fields = line.split("\t")
        if len(fields) >= 4 and fields[3].strip():
            found[fields[0]] = fields[3].strip()
    return found


def compare(words: str, objects: dict[str, int]) -> tuple[str, bool | None]:
    """The stated count as words, and whether ours is the same; None where none is stated."""
    types = _types(words)
    if types is not None:
        short = ", ".join(f"{n} {kind}" for kind, n in types.items())[:120]
        ours = {kind.lstrip("+"): count for kind, count in objects.items()}
        same = all(ours.get(kind.lstrip("+"), 0) == n for kind, n in types.items())
        return short, same
    numbers = [int(n) for n in _numbers(words)]
    if not numbers:
        return "", None
    ours_all = {sum(objects.values()), sum(_things(objects).values()), *objects.values()}
    return " + ".join(map(str, numbers)), sum(numbers) in ours_all or all(
        n in ours_all for n in numbers
    )


def _things(objects: dict[str, int]) -> dict[str, int]:
    """Objects without the triangles and points they are made of."""
    return {kind: n for kind, n in objects.items() if kind not in ("triangles", "points")}


def _types(words: str) -> dict[str, int] | None:
    """`{'Building': 3}` in the words; None where there is none or it is empty."""
    match = re.search(r"(\{[^{}]*\})", words)
    if match is None or words.startswith(("IFC", "OSM", "b3dm", "GeoJSON")):
        return None
    try:
        found = ast.literal_eval(match[1])
    except (ValueError, SyntaxError):
        return None
    found = {str(k): int(v) for k, v in found.items() if not str(k).endswith("Member")}
    return found or None


def _numbers(words: str) -> list[str]:
    for pattern in (
        r"nodes=(\d+) links=(\d+)", r"\bn=(\d+)", r"\bents=(\d+)", r"\bpoints=(\d+)",
        r"products=(\d+)", r"stops=(\d+)", r"\bobjects=(\d+)",
        r"edges=(\d+) junctions=(\d+) tls=(\d+)",
        r"bus=(\d+)", r"BATCH_LENGTH=(\d+)",
    ):  # fmt: skip
        match = re.search(pattern, words)
        if match is not None:
            return [n for n in match.groups() if n]
    return []


def page(topics: dict[str, list[Row]], machine: str) -> str:
    """The table in Markdown."""
    lines = [
        f"# {TITLE}",
        "",
        "Made by a script of `make bench`; do not edit. Each folder was imported by one command "
        "into a project of its own, so files of several cities meet in one frame: those "
        "`elsewhere` keep their place in degrees and are not drawn. `agrees` compares with the "
        "count its SOURCE.txt states.",
        "",
        f"{machine}.",
        "",
        "| folder | files | imported | elsewhere | unplaced | refused | parts | passed over "
        "| objects | triangles | counts agree | seconds |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    lines += [_topic_line(topic, rows) for topic, rows in topics.items()]
    lines.append(_topic_line("all", [row for rows in topics.values() for row in rows]))
    lines += ["", *_differences(topics)]
    for topic, rows in topics.items():
        lines += ["", f"## {topic}", "",
                  "| file | format | objects | triangles | placed | unplaced | system | evidence "
                  "| verdict | stated | agrees |",
                  "|---|---|---:|---:|---:|---:|---|---|---|---|---|"]  # fmt: skip
        lines += [_line(row) for row in rows if row["verdict"] not in ("part", "passed over")]
        rest = [r for r in rows if r["verdict"] in ("part", "passed over")]
        if rest:
            parts = sum(r["verdict"] == "part" for r in rest)
            lines += ["", f"{parts} files are parts of others, {len(rest) - parts} passed over "
                          "(texts, licences, pictures nobody names)."]  # fmt: skip
    return "\n".join([*lines, ""])


def _differences(topics: dict[str, list[Row]]) -> list[str]:
    """Each count that is not the stated one, with its explanation."""
    found = []
    for topic, rows in topics.items():
        for row in rows:
            if row.get("agrees") is False:
                why = EXPLAINED.get(Path(row["file"]).name, "not explained")
                found.append(f"- {topic}/{row['file']}: {row['objects']} objects; {why}.")
    return ["Counts that differ from the stated ones:", "", *found] if found else []


def _topic_line(topic: str, rows: list[Row]) -> str:
    def count(verdict: str) -> int:
        return sum(row["verdict"] == verdict for row in rows)

    stated = [row["agrees"] for row in rows if row.get("agrees") is not None]
    sums = [sum(row.get(key, 0) for row in rows) for key in ("objects", "triangles")]
    seconds = sum(row.get("seconds", 0.0) for row in rows)
    verdicts = [
        count(v) for v in ("imported", "elsewhere", "unplaced", "refused", "part", "passed over")
    ]
    cells = [topic, len(rows), *verdicts, *(f"{n:,}" for n in sums),
             f"{sum(stated)} of {len(stated)}", f"{seconds:.1f}"]  # fmt: skip
    return "| " + " | ".join(map(str, cells)) + " |"


def _line(row: Row) -> str:
    agrees = {True: "yes", False: "no", None: ""}[row["agrees"]]
    verdict = row["verdict"] + (f": {row['reason']}" if row["reason"] else "")
    cells = [row["file"], row["format"], f"{row['objects']:,}", f"{row['triangles']:,}",
             f"{row['placed']:,}", f"{row['unplaced']:,}", row["crs"], row["evidence"], verdict,
             row["stated"], agrees]  # fmt: skip
    return "| " + " | ".join(str(c).replace("|", "\\|").replace("\n", " ") for c in cells) + " |"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "resources" / "docs" / "results")
    parser.add_argument("--only", nargs="*", default=[])
    given = parser.parse_args()
    try:
        root = city_data()
    except BaseException as skipped:  # pytest's skip: the data is not here
        print(f"every file of the test data: not run, {skipped}")
        return 0
    file = given.out / "import.json"
    known = json.loads(file.read_text(encoding="utf-8"))["topics"] if file.exists() else {}
    topics: dict[str, list[Row]] = {}
    for folder in sorted(f for f in root.iterdir() if f.is_dir()):
        if given.only and folder.name not in given.only:
            if folder.name in known:
                topics[folder.name] = known[folder.name]
            continue
        with tempfile.TemporaryDirectory() as work:
            topics[folder.name] = import_topic(folder, Path(work))
    machine = machine_line()
    given.out.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"machine": machine, "topics": topics}, indent=1, ensure_ascii=False)
    file.write_text(text + "\n", encoding="utf-8")
    (given.out / "import.md").write_text(page(topics, machine), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
