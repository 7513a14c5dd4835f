"""Which 5,000 values the district's gateways send, and how the device makes each of them."""

from __future__ import annotations

import numpy as np

from lamplighter.field import strain
from lamplighter.field.buildings import Building
from lamplighter.field.definition import Definition
from lamplighter.field.equipment import NORTHBANK_U
from lamplighter.field.layout import Layout
from lamplighter.field.register import AssetRow, Register, Signal, StreamRow
from lamplighter.field.water_network import WaterNetwork

Limits = tuple[float | None, float | None, float | None, float | None]
NONE: Limits = (None, None, None, None)
PRESSURE_LIMITS: dict[int, Limits] = {
    1: (2.0, 2.8, 5.2, 5.8),
    2: (2.2, 3.0, 6.2, 6.8),
    3: (2.0, 2.8, 5.2, 5.8),
}
PUMP_STATES = ("running", "standby", "stopped", "no supply")
BREAKER_STATES = ("closed", "open", "tripped")
SIGNAL_STATES = ("green", "amber", "red", "dark")
LOGGERS_PER_ZONE = 10
NORTHBANK = "gw-7"
_HIGH = {
    "bus_voltage": "medium_voltage",
    "load": "through_load",
    "current": "through_current",
}
_LOW = {
    "voltage": "low_voltage",
    "current": "low_current",
    "load": "own_load",
    "oil_temperature": "oil_temperature",
}
NORTHBANK_STREAMS = 211


class StreamBook:
    """Adds streams one by one and gives each to the gateway of its place and domain."""

    def __init__(self, register: Register, rng: np.random.Generator) -> None:
        self.register = register
        self.rng = rng
        self.feeder_of = {t: s for s, kind, t in register.connections if kind == "feeds"}

    def add(
        self,
        source: str,
        asset: AssetRow | str,
        kind: str,
        unit: str,
        label: str,
        signal: Signal,
        resolution: float = 0.01,
        limits: Limits = NONE,
        states: tuple[str, ...] = (),
    ) -> None:
        name = asset if isinstance(asset, str) else asset.id
        if not isinstance(asset, str) and asset.u > NORTHBANK_U:
            source = NORTHBANK
        phenomenon = kind.rsplit("_", 1)[0] if kind.startswith("strain_") else kind
        self.register.streams.append(
            StreamRow(
                source, f"{name}.{kind}", name, phenomenon, unit, label, signal, resolution, limits,
                states,
            )
        )  # fmt: skip

    def vary(self, base: float, share: float = 0.1) -> float:
        return round(base * float(self.rng.uniform(1 - share, 1 + share)), 3)


def add_streams(
    definition: Definition,
    layout: Layout,
    network: WaterNetwork,
    register: Register,
    buildings: list[Building],
) -> None:
    """Fills `register.streams` with exactly as many as the definition asks for."""
    book = StreamBook(register, np.random.default_rng([definition.seed, 5]))
    _water(book, network)
    _power(book)
    _mobility(book)
    _environment(book)
    _structures(book)
    _meters(book, definition, layout, buildings)


def _water(book: StreamBook, network: WaterNetwork) -> None:
    gateway = {0: "gw-1", 1: "gw-1", 2: "gw-2", 3: "gw-3"}
    plain = [n for n in network.junctions.values() if n.id.startswith("J-")]
    loggers: set[str] = set()
    for zone in (1, 2, 3):
        mine = [n for n in plain if n.zone == zone and n.u < NORTHBANK_U]
        loggers |= {
            mine[int((k + 0.5) * len(mine) / LOGGERS_PER_ZONE)].id for k in range(LOGGERS_PER_ZONE)
        }
    for node in plain:
        row = AssetRow(node.id, "Junction", node.id, "water", node.u, node.v)
        limits = PRESSURE_LIMITS[node.zone] if node.id in loggers else NONE
        signal = Signal("net", f"water/{node.id}/pressure", noise=0.012, tau_s=5.0)
        book.add(
            gateway[node.zone],
            row,
            "pressure",
            "bar",
            f"Pressure, {node.id}",
            signal,
            0.001,
            limits,
        )
        if node.id in loggers and node.zone == 3:
            for pump in ("P-14", "P-17"):
                book.register.connect(pump, "feeds", node.id)
    for pipe in network.pipes.values():
        if pipe.id[0] not in "MT" and not pipe.id.startswith("O-"):
            continue
        start = network.position(pipe.start)
        zone = network.junctions[pipe.end].zone
        row = AssetRow(pipe.id, "Pipe", pipe.id, "water", *start)
        signal = Signal("net", f"water/{pipe.id}/flow", noise=0.06, tau_s=3.0)
        book.add(gateway[zone], row, "flow", "l/s", f"Flow, main {pipe.id}", signal)
    for name, tank in network.tanks.items():
        signal = Signal("net", f"water/{name}/level", noise=0.004, tau_s=2.0)
        limits = (1.0, 2.0, 7.6, 7.9)
        book.add(
            gateway[tank.zone],
            book.register.assets[name],
            "level",
            "m",
            f"Level, {name}",
            signal,
            0.001,
            limits,
        )
    for name, valve in network.valves.items():
        source = gateway[network.junctions[valve.end].zone]
        asset = book.register.assets[name]
        position = Signal("net", f"water/{name}/position", tau_s=0.2)
        book.add(source, asset, "valve_position", "%", f"Position, {name}", position, 1)
        flow = Signal("net", f"water/{name}/flow", noise=0.05, tau_s=3.0)
        book.add(source, asset, "flow", "l/s", f"Flow, {name}", flow)
    for asset in list(book.register.assets.values()):
        if asset.type == "Pump":
            zone = int(asset.attributes.get("zone", 1))
            _pump(book, asset, gateway[zone], in_network=asset.id in network.pumps)


def _pump(book: StreamBook, asset: AssetRow, source: str, *, in_network: bool) -> None:
    name = asset.id
    state = Signal("state", f"water/{name}/state")
    book.add(source, asset, "pump_state", "", f"State, {asset.name}", state, 1, NONE, PUMP_STATES)
    if in_network:
        flow = Signal("net", f"water/{name}/flow", noise=0.05, tau_s=1.5)
        book.add(source, asset, "flow", "l/s", f"Flow, {asset.name}", flow)
        out = Signal("net", f"water/{name}/outlet_pressure", noise=0.01, tau_s=4.0)
        limits = PRESSURE_LIMITS[3] if int(asset.attributes["zone"]) == 3 else NONE
        book.add(
            source,
            asset,
            "discharge_pressure",
            "bar",
            f"Discharge pressure, {asset.name}",
            out,
            0.001,
            limits,
        )
    for kind, unit, label, resolution, limits in (
        ("vibration_rms", "mm/s", "Vibration, drive end", 0.01, (None, None, 9.0, 11.2)),
        ("vibration_kurtosis", "", "Vibration kurtosis, drive end", 0.01, NONE),
        ("bearing_temperature", "°C", "Bearing temperature", 0.1, (None, None, 88.0, 95.0)),
        ("motor_current", "A", "Motor current", 0.1, NONE),
        ("service_hours", "h", "Hours since grease", 1.0, NONE),
    ):
        wear = Signal("wear", f"{name}/{kind}")
        book.add(source, asset, kind, unit, f"{label}, {name}", wear, resolution, limits)


def _power(book: StreamBook) -> None:
    gateway = {"SS-01": "gw-4", "SS-02": "gw-4", "SS-03": "gw-4", "SS-04": "gw-5", "SS-05": "gw-5"}
    gateway |= {"SS-06": "gw-6", "SS-07": "gw-6", "SS-08": "gw-6"}
    for asset in list(book.register.assets.values()):
        name = asset.id
        if asset.type == "Substation":
            source = gateway[name]
            state = Signal("state", f"power/{name}/breaker")
            book.add(
                source,
                asset,
                "breaker_state",
                "",
                f"Breaker, {asset.name}",
                state,
                1,
                NONE,
                BREAKER_STATES,
            )
            for kind, unit, noise in (
                ("bus_voltage", "kV", 0.008),
                ("load", "MW", 0.01),
                ("current", "A", 1.2),
            ):
                signal = Signal("net", f"power/{name}/{_HIGH[kind]}", noise=noise, tau_s=0.4)
                book.add(
                    source,
                    asset,
                    kind,
                    unit,
                    f"{kind.replace('_', ' ').capitalize()}, {asset.name}",
                    signal,
                )
        elif asset.type == "Feeder":
            source = gateway[str(asset.attributes["substation"])]
            for kind, unit, noise in (("current", "A", 0.4), ("load", "MW", 0.004)):
                signal = Signal("net", f"power/{name}/{_HIGH[kind]}", noise=noise, tau_s=0.4)
                limits = (None, None, 380.0, 420.0) if kind == "current" else NONE
                book.add(
                    source,
                    asset,
                    kind,
                    unit,
                    f"{kind.capitalize()}, {asset.name}",
                    signal,
                    0.01,
                    limits,
                )
        elif asset.type == "Transformer":
            source = gateway[str(asset.attributes["substation"])]
            for kind, unit, noise, tau, limits in (
                ("voltage", "V", 0.35, 0.4, (200.0, 207.0, 253.0, 260.0)),
                ("current", "A", 1.0, 0.4, NONE),
                ("load", "kW", 0.5, 0.4, NONE),
                ("oil_temperature", "°C", 0.05, 240.0, (None, None, 95.0, 105.0)),
            ):
                signal = Signal("net", f"power/{name}/{_LOW[kind]}", noise=noise, tau_s=tau)
                label = f"{kind.replace('_', ' ').capitalize()}, {name}"
                book.add(source, asset, kind, unit, label, signal, 0.01, limits)


def _mobility(book: StreamBook) -> None:
    for asset in list(book.register.assets.values()):
        if asset.type == "TrafficSignal":
            gate = book.feeder_of[asset.id]
            state = Signal("state", f"signal/{asset.id}", gate=gate)
            book.add(
                "gw-8",
                asset,
                "signal_state",
                "",
                f"Signal, {asset.id}",
                state,
                1,
                NONE,
                SIGNAL_STATES,
            )
            lamp = Signal("daily", base=book.vary(4.2), noise=0.03, tau_s=0.3, gate=gate)
            book.add("gw-8", asset, "lamp_current", "A", f"Lamp current, {asset.id}", lamp)
            queue = Signal(
                "daily", base=book.vary(7, 0.4), amp=0.7, shape="traffic", noise=0.4, tau_s=20
            )
            book.add("gw-8", asset, "queue_length", "m", f"Queue, {asset.id}", queue, 0.1)
        elif asset.type == "TrafficCounter":
            for kind, unit, base, amp, noise in (
                ("traffic_flow", "veh/h", 620.0, 0.8, 9.0),
                ("speed", "km/h", 43.0, -0.14, 0.5),
                ("occupancy", "%", 11.0, 0.7, 0.3),
            ):
                signal = Signal("daily", "", book.vary(base, 0.3), amp, "traffic", noise, 30.0)
                book.add(
                    "gw-8",
                    asset,
                    kind,
                    unit,
                    f"{kind.replace('_', ' ').capitalize()}, {asset.name}",
                    signal,
                )


def _environment(book: StreamBook) -> None:
    for asset in list(book.register.assets.values()):
        if asset.type == "AirStation":
            for kind, unit, base, amp, shape, noise, limits in (
                ("no2", "µg/m³", 26.0, 0.4, "traffic", 0.25, (None, None, 100.0, 200.0)),
                ("pm25", "µg/m³", 9.0, 0.25, "traffic", 0.12, (None, None, 50.0, 75.0)),
                ("pm10", "µg/m³", 17.0, 0.25, "traffic", 0.2, (None, None, 80.0, 120.0)),
                ("ozone", "µg/m³", 48.0, 0.3, "sun", 0.3, (None, None, 180.0, 240.0)),
                ("air_temperature", "°C", 9.0, 0.35, "sun", 0.03, NONE),
                ("humidity", "%", 76.0, -0.12, "sun", 0.15, NONE),
            ):
                signal = Signal("daily", "", book.vary(base, 0.15), amp, shape, noise, 40.0)
                book.add(
                    "gw-9", asset, kind, unit, f"{kind.upper()}, {asset.name}", signal, 0.1, limits
                )
        elif asset.type == "NoiseStation":
            for kind, base, noise in (("noise", 57.0, 0.7), ("noise_peak", 66.0, 1.1)):
                limits = (None, None, 75.0, 85.0) if kind == "noise" else NONE
                signal = Signal("daily", "", book.vary(base, 0.05), 0.09, "traffic", noise, 8.0)
                book.add("gw-9", asset, kind, "dB(A)", f"Noise, {asset.name}", signal, 0.1, limits)


def _structures(book: StreamBook) -> None:
    for asset in list(book.register.assets.values()):
        if asset.type != "Bridge":
            continue
        for k in range(1, 9):
            signal = Signal("daily", "", book.vary(62.0, 0.4), 0.35, "traffic", 1.6, 6.0)
            if (asset.id, f"strain_{k}") == (strain.BRIDGE, strain.KIND):
                signal = Signal(
                    "daily", "", strain.LEVEL, strain.SWING, strain.SHAPE, signal.noise, 6.0
                )
            limits = (None, None, 180.0, 240.0)
            book.add(
                "gw-10",
                asset,
                f"strain_{k}",
                "µε",
                f"Strain {k}, {asset.name}",
                signal,
                0.1,
                limits,
            )
        for kind, unit, base, noise in (
            ("deck_temperature", "°C", 8.0, 0.03),
            ("tilt", "mrad", 0.4, 0.004),
            ("acceleration", "mm/s²", 14.0, 1.4),
            ("bearing_travel", "mm", 6.0, 0.02),
        ):
            signal = Signal("daily", "", book.vary(base, 0.2), 0.2, "sun", noise, 20.0)
            book.add(
                "gw-10",
                asset,
                kind,
                unit,
                f"{kind.replace('_', ' ').capitalize()}, {asset.name}",
                signal,
            )


def _meters(
    book: StreamBook, definition: Definition, layout: Layout, buildings: list[Building]
) -> None:
    """Fills up to the wanted number with power, water and heat meters of buildings."""
    serving = {
        t: s for s, kind, t in book.register.connections if kind == "serves" and s.startswith("TR-")
    }
    north = sum(s.source == NORTHBANK for s in book.register.streams)
    quota = NORTHBANK_STREAMS - north
    rest = definition.datastreams - len(book.register.streams) - quota
    if quota < 0 or rest < 0:
        raise ValueError(
            f"too many datastreams before the meters: {north} at {NORTHBANK}, {rest} left"
        )
    here = [b for b in buildings if b.residents > 0 and b.centre[0] <= NORTHBANK_U - 10]
    there = [b for b in buildings if b.residents > 0 and b.centre[0] > NORTHBANK_U + 10]
    for pool, wanted in ((there, quota), (here, rest)):
        order = np.sort(book.rng.permutation(len(pool))[: (wanted + 1) // 2])
        count = 0
        for k in order:
            building = pool[int(k)]
            gate = serving.get(f"SA-{building.block:03d}", "")
            for kind, unit, base, shape in (
                ("power_use", "kW", 0.32 * building.residents + 0.8, "load"),
                ("water_use", "l/h", 5.4 * building.residents + 4.0, "water"),
            ):
                if count == wanted:
                    break
                count += 1
                source = NORTHBANK if pool is there else f"gw-{11 + (int(k) * 4) // len(pool)}"
                signal = Signal(
                    "daily", "", round(base, 2), 0.45, shape, round(base * 0.02, 3), 12.0,
                    gate if kind == "power_use" else "",
                )  # fmt: skip
                word = "Power" if kind == "power_use" else "Water"
                book.add(source, building.id, kind, unit, f"{word} use, {building.id}", signal)
        if count != wanted:
            raise ValueError(f"only {count} of {wanted} meters fit")
