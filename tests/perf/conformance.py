"""Every file of the conformance data through the check and the import, beside its expectation.

`python -m tests.perf.conformance --out FOLDER` writes `conformance.json` and `conformance.md`.
Each file says what it was made for: the data's own table, or the tests of its source. A file made
for its structure is judged by its structure alone; what is wrong with its shapes is listed too.
Differences are explained in `conformance_notes.toml`; one without a reason fails the run.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
import tempfile
import time
import tomllib
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from tests.kit.program import ROOT

from lamplighter.domain.findings import Finding
from lamplighter.spatial.checking import raw_files
from lamplighter.spatial.checking.check import check_file, check_model
from lamplighter.spatial.reader import read_file

HERE: Final = Path(__file__).parent
NOT_DATA: Final = ("case.json", "invariants.json", "SOURCE.txt", "EXPECTED.csv", "LICENSE-DATA")
SLOW_S: Final = 20.0


@dataclass(slots=True)
class Row:
    """One file, or one file with inner shells put into it."""

    file: str
    stated: str
    """what its source expects of it"""
    codes: list[str] = field(default_factory=list)
    """our errors"""
    other: list[str] = field(default_factory=list)
    """our warnings and notes"""
    taken: str = ""
    """what an import does with it"""
    agree: bool = False
    message: str = ""
    reason: str = ""
    """why we differ"""
    seconds: float = 0.0


def rows(folder: Path) -> list[Row]:
    """All files of the conformance folder."""
    notes = tomllib.loads((HERE / "conformance_notes.toml").read_text(encoding="utf-8"))
    cases = tomllib.loads((HERE / "conformance_expected.toml").read_text(encoding="utf-8"))["case"]
    with (folder / "EXPECTED.csv").open(encoding="utf-8", newline="") as file:
        table = {row["file"]: row for row in csv.DictReader(file)}
    found: list[Row] = []
    with tempfile.TemporaryDirectory() as scratch:
        found.extend(_shape(folder, c, table.get(c["file"], {}), Path(scratch)) for c in cases)
        done = {case["file"] for case in cases} | {s for c in cases for s in c.get("shells", [])}
        for path in sorted(folder.rglob("*")):
            name = path.relative_to(folder).as_posix()
            skip = path.name in NOT_DATA or name.startswith("schemas/") or name in done
            if path.is_file() and not skip:
                found.append(_structure(path, name, table.get(name, {}), Path(scratch)))
    for row in found:
        row.reason = notes["files"].get(row.file, "") if not row.agree else ""
    return found


def _shape(folder: Path, case: dict[str, Any], row: dict[str, str], scratch: Path) -> Row:
    """A file whose source expects certain codes."""
    begun = time.monotonic()
    paths = [folder / case["file"], *(folder / s for s in case.get("shells", []))]
    solid = case.get("solid", "Solid")
    if len(paths) > 1:
        found = check_model(raw_files.read_poly(paths, solid))
    else:
        found = check_file(paths[0], solid=solid)
    stated = row.get("expectation_stated_by_source") or case.get("stated", "")
    expected = " or ".join(", ".join(codes) or "valid" for codes in case["expect"])
    name = " + ".join([case["file"], *(Path(s).name for s in case.get("shells", []))])
    if "solid" in case:
        name += f" as {solid}"
    one = _row(name, f"{expected} ({stated})" if stated else expected, found)
    one.agree = any(set(one.codes) == set(codes) for codes in case["expect"])
    one.taken = _taken(paths[0], scratch)
    one.seconds = round(time.monotonic() - begun, 2)
    return one


def _structure(path: Path, name: str, row: dict[str, str], scratch: Path) -> Row:
    """A file made for its structure: is it taken, refused or reported as it should be."""
    begun = time.monotonic()
    stated = row.get("expectation_stated_by_source", "")
    reading = row.get("suggested_verdict(our reading)", "")
    one = _row(name, stated or reading or "no crash", check_file(path))
    one.taken = _taken(path, scratch)
    one.seconds = round(time.monotonic() - begun, 2)
    broken = [c for c in one.codes if not c.isdigit() or c.startswith("9")]
    if stated.startswith("INVALID") or reading.startswith("reject"):
        one.agree = bool(broken) or one.taken.startswith("refused")
    elif "or reject" in reading or reading.startswith("unsupported") or not reading:
        one.agree = True
    else:
        one.agree = not broken and not one.taken.startswith("refused")
    if reading.startswith("unsupported"):
        one.agree = "odd-structure" in one.other
    return one


def _row(name: str, stated: str, found: list[Finding]) -> Row:
    codes = sorted({f.code for f in found if f.severity == "error"})
    other = sorted({f.code for f in found if f.severity != "error"})
    first = next((f for f in found if f.severity == "error"), found[0] if found else None)
    message = "" if first is None else f"{first.object}: {first.message}".removeprefix(": ")
    return Row(name, stated, codes, other, message=message[:160])


def _taken(path: Path, scratch: Path) -> str:
    """What an import says; it never takes a part of a file without saying so."""
    report = read_file(path, project_frame=None, tiles_folder=scratch).report
    if report.error is not None:
        return "refused: " + report.error
    count = sum(report.objects.values())
    if not report.unplaced:
        return f"{count} objects"
    return f"{count} objects, {len(report.unplaced)} listed as not placed"


def page(found: list[Row]) -> str:
    """The table as Markdown."""
    agreed = sum(row.agree for row in found)
    explained = sum(bool(row.reason) for row in found if not row.agree)
    lines = [
        "# Conformance of the reader and of the geometry check",
        "",
        "Made by `make bench` from the conformance files; do not edit. The first expectation of a "
        "file is what its source states; codes are those of ISO 19107. Files that were made to "
        "test structure are judged by structure; faults of their shapes are listed all the same.",
        "",
        f"{len(found)} cases, {agreed} as expected, {len(found) - agreed} different, of these "
        f"{explained} explained. None crashed.",
        "",
        "| file | expected | errors found | also | import | agrees | message |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in found:
        cells = [
            row.file,
            row.stated,
            ", ".join(row.codes) or "none",
            ", ".join(row.other),
            row.taken,
            "yes" if row.agree else "no: " + row.reason,
            row.message,
        ]
        lines.append(
            "| " + " | ".join(c.replace("|", "/").replace("\n", " ") for c in cells) + " |"
        )
    return "\n".join([*lines, ""])


def write(found: list[Row], out: Path) -> None:
    """`conformance.json` and `conformance.md`."""
    out.mkdir(parents=True, exist_ok=True)
    agreed = sum(row.agree for row in found)
    listed = [{k: v for k, v in asdict(row).items() if k != "seconds"} for row in found]
    whole = {"cases": len(found), "agree": agreed, "different": len(found) - agreed, "rows": listed}
    text = json.dumps(whole, indent=1, ensure_ascii=False)
    (out / "conformance.json").write_text(text + "\n", encoding="utf-8")
    (out / "conformance.md").write_text(page(found), encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "resources" / "docs" / "results")
    parser.add_argument("--data", type=Path, default=None, help="the folder `conformance`")
    given = parser.parse_args()
    folder = given.data or _data()
    if folder is None:
        print("conformance: not run, the test data is not here")
        return 0
    found = rows(folder)
    write(found, given.out)
    silent = [row.file for row in found if not row.agree and not row.reason]
    slow = [row.file for row in found if row.seconds > SLOW_S]
    print(f"conformance: {sum(r.agree for r in found)} of {len(found)} as expected")
    for name in silent:
        print(f"  different without a reason: {name}")
    for name in slow:
        print(f"  slow: {name}")
    return 1 if silent or slow else 0


def _data() -> Path | None:
    import pytest
    from tests.kit.testdata import city_data

    try:
        return city_data("conformance")
    except pytest.skip.Exception:
        return None


if __name__ == "__main__":
    sys.exit(main())
