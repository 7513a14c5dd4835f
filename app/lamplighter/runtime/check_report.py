"""The report of a check: one JSON document, or one HTML page that needs nothing else."""

from __future__ import annotations

import json
from collections import Counter
from html import escape
from pathlib import Path
from typing import Any, Final

import msgspec

from lamplighter.domain.clock import SystemClock, iso
from lamplighter.domain.findings import CheckResult, Finding
from lamplighter.domain.problems import fault

_MOST_ROWS: Final = 5_000
_STYLE: Final = """
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 76rem; padding: 0 1rem;
  color: #14181f; background: #fff; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
table { border-collapse: collapse; width: 100%; } th, td { text-align: left; padding: .3rem .6rem;
  border-bottom: 1px solid #d9dee6; vertical-align: top; overflow-wrap: anywhere; }
td.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.error { font-weight: 700; } .fixed { color: #55606e; text-decoration: line-through; }
@media (prefers-color-scheme: dark) { body { color: #e6eaf0; background: #12161c; }
  th, td { border-color: #2c3440; } .fixed { color: #93a0b0; } }
"""


def document(project: str, result: CheckResult) -> dict[str, Any]:
    """The report as plain values; `findings` as the verb's `--json` prints them."""
    standing = [f for f in result.findings if not f.fixed]
    count = Counter(f.severity for f in standing)
    return {
        "project": project,
        "time": iso(SystemClock().wall_ms()),
        "errors": count["error"],
        "warnings": count["warning"],
        "notes": count["note"],
        "fixed": len(result.findings) - len(standing),
        "layers_checked": result.files,
        "objects_checked": result.objects,
        "not_checked": result.unread,
        "repairs": result.repairs,
        "seconds": result.seconds,
        "codes": dict(Counter(f.code for f in standing).most_common()),
        "findings": [msgspec.to_builtins(f) for f in result.findings],
    }


def write(path: Path, project: str, result: CheckResult) -> None:
    """HTML or JSON by the ending. Raises LamplighterError (U-801, P-606)."""
    ending = path.suffix.lower()
    if ending not in (".html", ".htm", ".json"):
        raise fault(
            "U-801", what=f"--report {path.name} ends neither .html nor .json", name="check"
        )
    if ending == ".json":
        text = json.dumps(document(project, result), indent=1, ensure_ascii=False) + "\n"
    else:
        text = page(project, result)
    try:
        part = path.with_name(path.name + ".part")
        part.write_text(text, encoding="utf-8")
        part.replace(path)
    except OSError as error:
        raise fault("P-606", name="Report", what=error.strerror or "not written") from error


def page(project: str, result: CheckResult) -> str:
    """A self-contained page."""
    known = document(project, result)
    head = (
        f"{known['errors']} errors, {known['warnings']} warnings, {known['notes']} notes"
        f" · {known['fixed']} mended · {known['layers_checked']} files,"
        f" {known['objects_checked']} objects looked at · {known['time']}"
    )
    rows = "".join(_row(f) for f in result.findings[:_MOST_ROWS])
    more = len(result.findings) - _MOST_ROWS
    cut = f"<p>{more} more are in the JSON report.</p>" if more > 0 else ""
    unread = "".join(f"<li>{escape(text)}</li>" for text in result.unread)
    return (
        "<!doctype html><html lang='en'><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width, initial-scale=1'>"
        f"<title>Check of {escape(project)}</title><style>{_STYLE}</style>"
        f"<h1>Check of {escape(project)}</h1><p>{escape(head)}</p>"
        f"{'<h2>Not checked</h2><ul>' + unread + '</ul>' if unread else ''}"
        "<h2>Findings by kind</h2><table><tr><th>code</th><th>severity</th><th>count</th></tr>"
        f"{_kinds(result)}</table><h2>Findings</h2>"
        "<table><tr><th>severity</th><th>code</th><th>object</th><th>finding</th><th>place</th>"
        f"<th>fix</th></tr>{rows}</table>{cut}</html>\n"
    )


def _kinds(result: CheckResult) -> str:
    standing = [f for f in result.findings if not f.fixed]
    names = {f.code: (f.name, f.severity) for f in standing}
    return "".join(
        f"<tr><td>{escape(code)} {escape(names[code][0])}</td><td>{names[code][1]}</td>"
        f"<td class='n'>{count}</td></tr>"
        for code, count in Counter(f.code for f in standing).most_common()
    )


def _row(finding: Finding) -> str:
    place = "" if finding.lon is None else f"{finding.lat:.6f}, {finding.lon:.6f}"
    fix = "mended" if finding.fixed else "can be mended" if finding.fixable else ""
    kind = "fixed" if finding.fixed else finding.severity
    surface = f" (surface {finding.surface})" if finding.surface >= 0 else ""
    return (
        f"<tr class='{kind}'><td>{finding.severity}</td>"
        f"<td>{escape(finding.code)}<br>{escape(finding.name)}</td>"
        f"<td>{escape(finding.object or finding.layer)}</td>"
        f"<td>{escape(finding.message)}{surface}</td><td class='n'>{place}</td><td>{fix}</td></tr>"
    )
