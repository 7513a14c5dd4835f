"""Tries the packaged program against real servers: feeds, historian, a past in Parquet, a fit.

The servers are those of the tests, started here from the environment that builds; the program
meets them as a stranger would, over loopback, with nothing but its own libraries.
"""

from __future__ import annotations

import csv
import datetime as dt
import json
import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

ROOT: Final = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "app")]
if TYPE_CHECKING:
    from smoke import Trial

RECORD_S: Final = 12
NODES: Final = """
name = "plant"
security = "none"
[[nodes]]
node = "nsu={uri};s=Speed"
datastream = "P-1/speed"
unit = "rpm"
"""
REGISTERS: Final = """
name = "pump plc"
interval_s = 1
[[registers]]
datastream = "P-17/power"
address = 36
type = "int32"
scale = 0.1
unit = "kW"
"""
PAGE: Final = """
name = "air"
interval_s = 1
records = "stations[]"
[[values]]
datastream = "{id}/no2"
value = "no2"
unit = "µg/m³"
"""
PAST: Final = """
source = "old historian"
[time]
column = "time"
[long]
datastream = "tag"
value = "value"
"""


class Wrong(ValueError):
    """The program answered, but not as it should."""


def feeds_and_historian(trial: Trial) -> str:
    """OPC UA, Modbus and a polled page are recorded, and PostgreSQL holds what was."""
    from tests.kit.modbus_device import ModbusDevice
    from tests.kit.opcua_server import URI, OpcUaServer
    from tests.kit.postgres import Postgres
    from tests.kit.web import WebServer

    project = trial.home / "lines"
    trial.answer("new", project)
    plant, device, web = OpcUaServer(), ModbusDevice(holding={36: [0, 85]}), WebServer()
    with plant, device, web, Postgres() as base:
        plant.add("Speed", 1450.5, unit="rpm")
        web.put("/now", json.dumps({"stations": [{"id": "A", "no2": 31.5}]}).encode())
        feeds = (
            (plant.url, NODES.format(uri=URI)), (device.url, REGISTERS), (web.url + "/now", PAGE),
        )  # fmt: skip
        for number, (url, text) in enumerate(feeds):
            mapping = trial.home / f"map{number}.toml"
            mapping.write_text(text, encoding="utf-8")
            trial.answer("feed", "add", project, url, "--map", mapping)
        base.prepared()
        trial.answer("historian", "set", project, base.url)
        trial.answer("record", project, "--seconds", RECORD_S, timeout=RECORD_S + 90)
        trial.answer("sync", project, "--historian", base.url)
        (kept,) = base.sql("SELECT count(*) FROM lamplighter.observation")[0]
    out = trial.home / "lines.csv"
    trial.start("export", project, "--observations", out)
    with out.open(encoding="utf-8", newline="") as text_file:
        found = {r["datastream"]: float(r["value"]) for r in csv.DictReader(text_file)}
    wanted = {"P-1/speed": 1450.5, "P-17/power": 8.5, "A/no2": 31.5}
    if found != wanted or not kept:
        raise Wrong(f"{found} recorded, {kept} rows in the historian")
    return f"OPC UA, Modbus and a polled page recorded, {kept} values in PostgreSQL"


def past_in(trial: Trial) -> str:
    """A Parquet file of old values with a mapping; it comes out as Parquet again."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    project, file = trial.home / "past", trial.home / "history.parquet"
    begin = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    times = [begin + dt.timedelta(minutes=m) for m in range(3000)]
    rows = {
        "time": pa.array(times, pa.timestamp("us", "UTC")),
        "tag": ["T-1/level"] * len(times),
        "value": [math.sin(m / 200) for m in range(len(times))],
    }
    pq.write_table(pa.table(rows), file)
    mapping = trial.home / "past.toml"
    mapping.write_text(PAST, encoding="utf-8")
    trial.answer("new", project)
    trial.answer("import", project, file, "--map", mapping)
    out = trial.home / "past-out.parquet"
    trial.start("export", project, "--history", "--format", "parquet", "--out", out)
    back = pq.read_table(out).num_rows
    if back != len(times):
        raise Wrong(f"{back} of {len(times)} rows came back")
    return f"{back} rows in from Parquet and out again"


def fitted(trial: Trial) -> str:
    """A forecast is fitted and judged in a worker with the program's own scikit-learn."""
    file = trial.home / "hours.csv"
    begin = dt.datetime(2026, 1, 1)
    with file.open("w", encoding="utf-8", newline="") as text:
        out = csv.writer(text)
        out.writerow(("time", "count"))
        for hour in range(24 * 90):
            daily = 100 + 50 * math.sin(2 * math.pi * hour / 24) + (hour * 7919) % 13
            out.writerow(((begin + dt.timedelta(hours=hour)).isoformat(), round(daily, 2)))
    said = trial.answer("evaluate", "forecast", "--csv", file, "--time", "time",
                        "--target", "count", timeout=400)  # fmt: skip
    naive = min(said["naive_day_mae"], said["naive_week_mae"])
    return f"mean absolute error {said['mae']:.3g}, the better naive rule {naive:.3g}"


STEPS: Final = {
    "feeds and historian": feeds_and_historian,
    "a past in Parquet": past_in,
    "a forecast fitted": fitted,
}
