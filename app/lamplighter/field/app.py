"""The field simulator as a program: generate a district, or play one over MQTT."""

from __future__ import annotations

import argparse
import csv
import json
import os
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec

from lamplighter.domain.clock import SystemClock, parse_time
from lamplighter.domain.problems import LamplighterError, fault
from lamplighter.field.broker import Broker, start_broker
from lamplighter.field.city_generator import (
    ASSETS_FILE,
    DEVICE_FILE,
    DEVICE_FOLDER,
    IMPORT_FOLDER,
    DeviceFile,
    generate,
)
from lamplighter.field.device import Device
from lamplighter.field.figures import write_figures
from lamplighter.field.gateway import leave_all
from lamplighter.field.guard import TRUST_FILE
from lamplighter.field.ledger import Ledger
from lamplighter.field.networks import Networks

CONNECT_S: Final = 15.0
LINGER_S: Final = 1.5
DEMO: Final = "demo"


def run_field(
    definition: str | Path,
    *,
    resources: Path,
    seconds: float | None = None,
    broker_url: str | None = None,
    start_delay_s: float = 0.0,
    start_file: Path | None = None,
    ledger: Path | None = None,
    trust: Path | None = None,
    ready: Path | None = None,
    plugins: Path | None = None,
    mosquitto: str | None = None,
    say: Callable[[str], None] = lambda text: None,
    stopped: Callable[[], bool] = lambda: False,
) -> dict[str, Any]:
    """Plays a district's devices; returns `messages`, `points`, `resent`, `commands`, `ledger`.

    `definition` is a folder made by `generate`, or one with a `district.toml`, or `demo`. The feed
    begins after `start_delay_s`, and not before `start_file` exists. `ready` gets the broker's URL
    as soon as the devices are connected to it. `trust` names the public key of the console whose
    commands count. Raises LamplighterError when a file or the broker is missing.
    """
    with tempfile.TemporaryDirectory(prefix="lamplighter-field-") as scratch:
        folder = _folder(definition, resources, Path(scratch), say)
        device_file = _read(folder / DEVICE_FOLDER / DEVICE_FILE)
        book = Ledger(ledger or Path(scratch) / "ledger", safe=ledger is not None)
        networks: Networks | None = None
        broker: Broker | None = None
        device: Device | None = None
        try:
            networks = Networks(folder, device_file, plugins or resources.parent / "plugins", say)
            if broker_url is None:
                broker = start_broker(mosquitto)
                broker_url = broker.url
            key = trust or folder / TRUST_FILE
            rated = _rated_kw(folder, device_file)
            device = Device(device_file, networks, book, key, SystemClock(), say, rated)
            _connect(device, broker_url, stopped)
            say(f"broker {broker_url}")
            if ready is not None:
                _tell_ready(ready, broker_url)
            _play(device, seconds, start_delay_s, start_file, stopped)
            return {
                "messages": device.messages,
                "points": device.points,
                "resent": device.resent,
                "commands": device.guard.operated,
                "void": device.guard.void,
                "late_s": round(device.late_s, 3),
                "broker": broker_url,
                "ledger": str(book.folder) if ledger is not None else None,
            }
        finally:
            if device is not None:
                leave_all(device.gateways.values())
            if broker is not None:
                broker.stop()
            if networks is not None:
                networks.close()
            book.close()


def _folder(
    definition: str | Path, resources: Path, scratch: Path, say: Callable[[str], None]
) -> Path:
    """A folder with generated files; generates them when only a definition is there."""
    source = resources / DEMO if str(definition) == DEMO else Path(definition)
    if (source / DEVICE_FOLDER / DEVICE_FILE).exists():
        return source
    folder = scratch / "district"
    began = time.monotonic()
    generate(source, folder)
    say(f"district generated in {time.monotonic() - began:.1f} s")
    return folder


def _read(path: Path) -> DeviceFile:
    try:
        return msgspec.json.decode(path.read_bytes(), type=DeviceFile)
    except (OSError, msgspec.MsgspecError) as error:
        raise fault("I-507", name=path.name, what=str(error)) from None


def _rated_kw(folder: Path, device: DeviceFile) -> dict[str, float]:
    with (folder / IMPORT_FOLDER / ASSETS_FILE).open(encoding="utf-8", newline="") as file:
        rows = {row["id"]: row for row in csv.DictReader(file)}
    return {pump: float(rows[pump]["rated_kw"]) for pump in device.pumps}


def _connect(device: Device, url: str, stopped: Callable[[], bool]) -> None:
    for gateway in device.gateways.values():
        try:
            gateway.connect(url)
        except ValueError as error:
            raise fault("N-304", name=url, what=str(error)) from None
    end = time.monotonic() + CONNECT_S
    while not all(g.connected for g in device.gateways.values()):
        if time.monotonic() > end or stopped():
            raise fault("N-304", name=url, what="the broker does not answer")
        time.sleep(0.02)


def _tell_ready(path: Path, url: str) -> None:
    beside = path.with_suffix(".new")
    beside.write_text(url + "\n", encoding="utf-8")
    beside.replace(path)


def _play(
    device: Device,
    seconds: float | None,
    delay_s: float,
    start_file: Path | None,
    stopped: Callable[[], bool],
) -> None:
    begin = time.monotonic() + delay_s

    def may_begin() -> bool:
        waiting = time.monotonic() < begin or (start_file is not None and not start_file.exists())
        return stopped() or not waiting

    device.idle(may_begin)
    device.run(seconds, stopped)
    end = time.monotonic() + LINGER_S
    device.idle(lambda: time.monotonic() > end)


def main(arguments: list[str], *, resources: Path, mosquitto: str | None = None) -> int:
    """The verb `field`; prints exactly one JSON document with `--json`. Returns the exit code."""
    options = _parser().parse_args(arguments)

    def say(text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    try:
        if options.generate is not None:
            report = _generate(options, resources)
        elif options.figures is not None:
            report = _figures(options, resources, say)
        else:
            report = _run(options, resources, mosquitto, say)
    except LamplighterError as error:
        print(error, file=sys.stderr)
        return 3
    if options.json:
        print(json.dumps(report), flush=True)
    else:
        print(", ".join(f"{key} {value}" for key, value in report.items()), flush=True)
    return 0


def _generate(options: argparse.Namespace, resources: Path) -> dict[str, Any]:
    source = resources / DEMO if options.definition == DEMO else Path(options.definition)
    end = parse_time(options.past_end) if options.past_end else None
    options.generate.mkdir(parents=True, exist_ok=True)
    return dict(generate(source, options.generate, end)) | {"folder": str(options.generate)}


def _figures(
    options: argparse.Namespace, resources: Path, say: Callable[[str], None]
) -> dict[str, Any]:
    """Beside a district that plays already, and never in its way."""
    if hasattr(os, "nice"):
        os.nice(10)
    end = parse_time(options.past_end) if options.past_end else SystemClock().wall_ms()
    with tempfile.TemporaryDirectory(prefix="lamplighter-field-") as scratch:
        folder = _folder(options.definition, resources, Path(scratch), say)
        device = _read(folder / DEVICE_FOLDER / DEVICE_FILE)
        networks = Networks(folder, device, resources.parent / "plugins", say)
        try:
            rated = _rated_kw(folder, device)
            made = write_figures(device, networks, rated, options.figures, end)
        finally:
            networks.close()
    return dict(made) | {"file": str(options.figures)}


def _run(
    options: argparse.Namespace, resources: Path, mosquitto: str | None, say: Callable[[str], None]
) -> dict[str, Any]:
    halt = threading.Event()
    previous = {s: signal.signal(s, lambda *_: halt.set()) for s in (signal.SIGTERM, signal.SIGINT)}

    def stopped() -> bool:
        return halt.is_set() or not _alive(options.with_parent)

    try:
        return run_field(
            options.definition,
            resources=resources,
            seconds=options.seconds,
            broker_url=options.broker,
            start_delay_s=options.start_delay,
            start_file=options.start_file,
            ledger=options.ledger,
            trust=options.trust,
            ready=options.ready_file,
            mosquitto=mosquitto,
            say=say,
            stopped=stopped,
        )
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _alive(pid: int | None) -> bool:
    """Whether the process this program shall end with still runs."""
    return pid is None or pid == os.getppid()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="lamplighter field", description="Plays a city's devices over MQTT."
    )
    parser.add_argument("definition", help="a district's folder, or demo")
    parser.add_argument("--seconds", type=float, help="length of the feed; default: until stopped")
    parser.add_argument("--broker", metavar="URL", help="mqtt://host:port; default: an own broker")
    parser.add_argument("--start-delay", type=float, default=0.0, metavar="S")
    parser.add_argument("--start-file", type=Path, help="the feed waits until this file exists")
    parser.add_argument("--ledger", type=Path, metavar="FOLDER", help="write down before sending")
    parser.add_argument("--trust", type=Path, metavar="KEYFILE", help="the console's public key")
    parser.add_argument("--ready-file", type=Path, metavar="FILE", help="gets the broker's address")
    parser.add_argument("--with-parent", type=int, metavar="PID", help="end with this parent")
    parser.add_argument("--generate", type=Path, metavar="FOLDER", help="only write the files")
    parser.add_argument("--figures", type=Path, metavar="FILE", help="only write their past")
    parser.add_argument(
        "--past-end", metavar="TIME", help="with --generate or --figures: end of the past"
    )
    parser.add_argument("--json", action="store_true")
    return parser
