"""Units as cities write them: one spelling for each, and the conversions that need no library.

A unit that stands here is known to every part of the program, the window included. What does not
may still be converted by the pipeline with a unit library; what nobody knows is shown as it is.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Unit(NamedTuple):
    """A unit: value in the dimension's base = value * scale + offset."""

    dimension: str
    scale: float
    offset: float = 0.0


UNITS: Final[dict[str, Unit]] = {
    "°C": Unit("temperature", 1.0, 273.15),
    "K": Unit("temperature", 1.0),
    "°F": Unit("temperature", 5 / 9, 459.67 * 5 / 9),
    "Pa": Unit("pressure", 1.0),
    "hPa": Unit("pressure", 100.0),
    "kPa": Unit("pressure", 1_000.0),
    "MPa": Unit("pressure", 1e6),
    "mbar": Unit("pressure", 100.0),
    "bar": Unit("pressure", 100_000.0),
    "psi": Unit("pressure", 6_894.757293168),
    "mWS": Unit("pressure", 9_806.65),
    "m³/s": Unit("flow", 1.0),
    "m³/h": Unit("flow", 1 / 3_600),
    "m³/d": Unit("flow", 1 / 86_400),
    "L/s": Unit("flow", 1e-3),
    "L/min": Unit("flow", 1e-3 / 60),
    "L/h": Unit("flow", 1e-3 / 3_600),
    "m³": Unit("volume", 1.0),
    "L": Unit("volume", 1e-3),
    "mL": Unit("volume", 1e-6),
    "m": Unit("length", 1.0),
    "km": Unit("length", 1_000.0),
    "cm": Unit("length", 0.01),
    "mm": Unit("length", 1e-3),
    "µm": Unit("length", 1e-6),
    "ft": Unit("length", 0.3048),
    "in": Unit("length", 0.0254),
    "m/s": Unit("speed", 1.0),
    "km/h": Unit("speed", 1 / 3.6),
    "mph": Unit("speed", 0.44704),
    "kn": Unit("speed", 1_852 / 3_600),
    "mm/s": Unit("speed", 1e-3),
    "W": Unit("power", 1.0),
    "kW": Unit("power", 1e3),
    "MW": Unit("power", 1e6),
    "mW": Unit("power", 1e-3),
    "VA": Unit("apparent power", 1.0),
    "kVA": Unit("apparent power", 1e3),
    "MVA": Unit("apparent power", 1e6),
    "var": Unit("reactive power", 1.0),
    "kvar": Unit("reactive power", 1e3),
    "Wh": Unit("energy", 3_600.0),
    "kWh": Unit("energy", 3.6e6),
    "MWh": Unit("energy", 3.6e9),
    "J": Unit("energy", 1.0),
    "kJ": Unit("energy", 1e3),
    "MJ": Unit("energy", 1e6),
    "V": Unit("voltage", 1.0),
    "mV": Unit("voltage", 1e-3),
    "kV": Unit("voltage", 1e3),
    "A": Unit("current", 1.0),
    "mA": Unit("current", 1e-3),
    "kA": Unit("current", 1e3),
    "Ω": Unit("resistance", 1.0),
    "kΩ": Unit("resistance", 1e3),
    "Hz": Unit("frequency", 1.0),
    "kHz": Unit("frequency", 1e3),
    "mHz": Unit("frequency", 1e-3),
    "rpm": Unit("frequency", 1 / 60),
    "s": Unit("time", 1.0),
    "ms": Unit("time", 1e-3),
    "min": Unit("time", 60.0),
    "h": Unit("time", 3_600.0),
    "d": Unit("time", 86_400.0),
    "kg": Unit("mass", 1.0),
    "g": Unit("mass", 1e-3),
    "t": Unit("mass", 1e3),
    "kg/m³": Unit("density", 1.0),
    "g/m³": Unit("density", 1e-3),
    "mg/m³": Unit("density", 1e-6),
    "µg/m³": Unit("density", 1e-9),
    "mg/L": Unit("density", 1e-3),
    "µg/L": Unit("density", 1e-6),
    "g/L": Unit("density", 1.0),
    "1": Unit("ratio", 1.0),
    "%": Unit("ratio", 0.01),
    "‰": Unit("ratio", 1e-3),
    "ppm": Unit("ratio", 1e-6),
    "ppb": Unit("ratio", 1e-9),
    "°": Unit("angle", 1.0),
    "rad": Unit("angle", 57.29577951308232),
    "S/m": Unit("conductivity", 1.0),
    "mS/cm": Unit("conductivity", 0.1),
    "µS/cm": Unit("conductivity", 1e-4),
    "lx": Unit("illuminance", 1.0),
    "lm": Unit("luminous flux", 1.0),
    "W/m²": Unit("irradiance", 1.0),
    "dB(A)": Unit("sound level", 1.0),
    "mm/h": Unit("rain", 1.0),
    "NTU": Unit("turbidity", 1.0),
}
"""by the spelling the program shows"""

SPELLINGS: Final[dict[str, str]] = {
    "degC": "°C", "celsius": "°C", "Celsius": "°C", "deg C": "°C", "Cel": "°C", "℃": "°C",
    "degF": "°F", "fahrenheit": "°F", "deg F": "°F", "℉": "°F", "kelvin": "K",
    "m3/s": "m³/s", "m3/h": "m³/h", "m^3/h": "m³/h", "cmh": "m³/h", "m3/d": "m³/d", "m3": "m³",
    "m^3": "m³", "m^3/s": "m³/s", "l/s": "L/s", "lps": "L/s", "l/min": "L/min", "l/h": "L/h",
    "l": "L", "ltr": "L", "liter": "L", "litre": "L", "meter": "m", "metre": "m", "um": "µm",
    "μm": "µm", "mps": "m/s", "kmh": "km/h", "kph": "km/h", "ug/m3": "µg/m³", "μg/m³": "µg/m³",
    "µg/m3": "µg/m³", "ug/m³": "µg/m³", "mg/m3": "mg/m³", "mg/l": "mg/L", "ug/l": "µg/L",
    "µg/l": "µg/L", "kg/m3": "kg/m³", "ohm": "Ω", "Ohm": "Ω", "ohms": "Ω", "hz": "Hz",
    "percent": "%", "Pct": "%", "%RH": "%", "% RH": "%", "deg": "°", "degree": "°", "sec": "s",
    "secs": "s", "mins": "min", "hr": "h", "hours": "h", "kwh": "kWh", "KWH": "kWh", "kw": "kW",
    "KW": "kW", "Volt": "V", "volt": "V", "amp": "A", "Amp": "A", "uS/cm": "µS/cm",
    "μS/cm": "µS/cm", "lux": "lx", "dBA": "dB(A)", "dB[A]": "dB(A)", "W/m2": "W/m²",
    "W/m^2": "W/m²", "Varh": "varh", "RPM": "rpm", "1/min": "rpm", "mH2O": "mWS", "hpa": "hPa",
    "kpa": "kPa", "/": "1",
}  # fmt: skip


def spelled(unit: str) -> str:
    """The unit as the program writes it; one it does not know stays as it is."""
    text = unit.strip()
    return text if text in UNITS else SPELLINGS.get(text, text)


def conversion(unit: str, to: str) -> tuple[float, float] | None:
    """(scale, offset): value in `to` = value in `unit` * scale + offset; None when not known."""
    a, b = spelled(unit), spelled(to)
    if a == b:
        return 1.0, 0.0
    one, other = UNITS.get(a), UNITS.get(b)
    if one is None or other is None or one.dimension != other.dimension:
        return None
    return one.scale / other.scale, (one.offset - other.offset) / other.scale
