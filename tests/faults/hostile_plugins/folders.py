"""Writes whole plugin folders whose model misbehaves in one way each. Never imported by a plugin.

Each plugin has one kind of its own, named `<id>_kind`, and an alarm rule on it, so that what must
go on (its data and rules) can be told from what stops (its model).
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

GOOD: Final = """
import numpy as np
from lamplighter.plugin_api import ExpectedColumns

def expected(inputs):
    count = len(inputs.datastream)
    return ExpectedColumns(inputs.datastream, np.full(count, 21.5), np.full(count, 0.5), 600.0)
"""

_ANSWER: Final = """
import numpy as np
from lamplighter.plugin_api import ExpectedColumns

def expected(inputs):
    ids = inputs.datastream
    level, spread, valid = np.full(len(ids), 20.0), np.full(len(ids), 0.5), 600.0
    {change}
    return ExpectedColumns(ids, level, spread, valid)
"""

_ACT: Final = """
import os, signal, sys, time

def expected(inputs):
{body}
"""


def _act(*lines: str) -> str:
    return _ACT.format(body="\n".join(f"    {line}" for line in lines))


HOSTILE: Final = {
    "raises": (_act('raise ValueError("the valve\\nis stuck")'), "the valve is stuck"),
    "hangs": (
        _act(
            "signal.signal(signal.SIGTERM, signal.SIG_IGN)",
            'print("begun", time.time_ns() // 1_000_000, file=sys.stderr, flush=True)',
            "while True: time.sleep(60)",
        ),
        "no answer within",
    ),
    "spins": (_act("while True: pass"), "no answer within"),
    "exits": (_act("os._exit(0)"), "ended by itself with code 0"),
    "crashes": (_act("os.kill(os.getpid(), signal.SIGSEGV)"), "SIGSEGV"),
    "eats": (_act("return len(bytearray(2_000_000_000))"), "memory"),
    "floods": (
        _act("while True: os.write(1, b'x' * 65_535 + b'\\n')"),
        "bytes of log",
    ),
    "lies": (
        _act(
            "for pipe in range(3, 12):",
            "    try: os.write(pipe, (100_000_000).to_bytes(4, 'big'))",
            "    except OSError: pass",
            "time.sleep(60)",
        ),
        "100,000,000",
    ),
    "nonsense": (_act("return 42"), "cannot be read"),
    "foreign": (_ANSWER.format(change="ids = ids - 1"), "not its own"),
    "infinite": (_ANSWER.format(change="level[0] = np.inf"), "not finite"),
    "shapeless": (_ANSWER.format(change="level = level[:-1]"), "shape"),
    "hoards": (_ANSWER.format(change="level = np.zeros((len(ids), 3_000_000))"), "bytes of arrays"),
    "stillborn": ('raise RuntimeError("no licence here")', "no licence here"),
    "reaches": (_act('open("/etc/passwd").read()'), "Permission denied"),
}
"""by plugin id: its model's source and a word of what is said about it"""


def write_plugin(parent: Path, ident: str, model: str | None) -> Path:
    """The folder of a plugin that is sound but for its model; without one it is data only."""
    folder = parent / ident
    folder.mkdir(parents=True)
    provides = '"assets", "decoders", "rules", "views"' + (', "model"' if model else "")
    parts = {
        "plugin.toml": f"""
id = "{ident}"
name = "{ident}"
version = "0.1.0"
api = ">=0.1,<0.2"
description = "A plugin of a test."
owners = ["Test"]
domain = "{ident}"
provides = [{provides}]
engines = ["numpy"]
""",
        "assets.toml": f"""
[[asset_type]]
id = "Thing"
name = "Thing"

[[kind]]
id = "{ident}_kind"
name = "Something measured"
unit = "bar"
limits = {{ high = 90.0 }}
""",
        "decoders.toml": "",
        "rules.toml": f"""
[[rule]]
id = "too-high"
kind = "{ident}_kind"
condition = "above"
threshold = "high"
priority = 3
text = "Too high"
deadband = 1.0
cause = "A test."
consequence = "None."
guidance = ["Look."]
respond_within_s = 3600
""",
        "views.toml": "",
        "quality.toml": "[items]\n",
    }
    for name, text in parts.items():
        (folder / name).write_text(text, encoding="utf-8")
    if model:
        (folder / "model.py").write_text(model, encoding="utf-8")
    return folder
