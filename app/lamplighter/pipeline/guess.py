"""What the name and the values of a foreign field suggest: a time, a device, a unit, a quality.

Only suggestions for a person to confirm: nothing of this is applied to a feed by itself.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

_TIMES: Final = (
    "time", "timestamp", "ts", "t", "datetime", "date", "observedat", "resulttime",
    "phenomenontime", "dateobserved", "measuredat", "recordedat", "updatedat", "lastupdate",
    "lastupdated", "lastseen", "createdat", "at", "when", "epoch", "utc", "zeit", "zeitstempel",
    "datum", "messzeit", "tijd", "date_time", "aika",
)  # fmt: skip
_NAMES: Final = (
    "id", "device", "deviceid", "dev", "devid", "sensor", "sensorid", "station", "stationid",
    "stationcode", "node", "nodeid", "serial", "serialnumber", "eui", "deveui", "meter", "meterid",
    "name", "devicename", "sensorname", "entity", "asset", "assetid", "tag", "code", "uid", "uuid",
    "mac", "kennung", "geraet", "messstelle", "naam",
)  # fmt: skip
_PARAMETERS: Final = (
    "parameter", "param", "metric", "quantity", "type", "n", "measurement", "property",
    "observedproperty", "component", "channel", "field", "kind",
)  # fmt: skip
_BARE_VALUES: Final = ("value", "v", "val", "result", "reading", "wert", "waarde", "valeur")
_QUALITIES: Final = ("quality", "q", "qualitycode", "qc", "valid", "validity", "flag")
_GOOD: Final = ("ok", "good", "valid", "v", "true", "1", "normal", "0", "gut")
_BAD: Final = ("bad", "fault", "error", "invalid", "failed", "false", "defect", "nok", "schlecht")
_DOUBTFUL: Final = ("uncertain", "suspect", "estimated", "questionable", "warning")
_NOT_WANTED: Final = (
    "rssi", "snr", "lqi", "lat", "latitude", "lon", "lng", "long", "longitude", "seq", "sequence",
    "counter", "fcnt", "port", "fport", "version", "fw", "firmware", "hw", "count", "msgid",
    "interval", "period", "channel", "sf", "retries", "uptime", "heap", "index", "page", "total",
    "x", "y",
)  # fmt: skip
_STATES: Final = ("state", "status", "mode", "position", "phase", "alarm", "door", "valve")
_FORMATS: Final = (
    "%d.%m.%Y %H:%M:%S", "%d.%m.%Y %H:%M", "%d/%m/%Y %H:%M:%S", "%d/%m/%Y %H:%M",
    "%m/%d/%Y %H:%M:%S", "%Y/%m/%d %H:%M:%S", "%Y%m%d%H%M%S", "%Y%m%d%H%M", "%d.%m.%Y",
    "%d.%m.%y %H:%M", "%d/%m/%y %H:%M", "%d/%m/%y %H",
)  # fmt: skip
_ENDINGS: Final[tuple[tuple[str, str], ...]] = (
    ("degc", "°C"), ("celsius", "°C"), ("_c", "°C"), ("degf", "°F"), ("fahrenheit", "°F"),
    ("kwh", "kWh"), ("mwh", "MWh"), ("_wh", "Wh"), ("kvar", "kvar"), ("_kva", "kVA"),
    ("_kw", "kW"), ("_mw", "MW"), ("_w", "W"), ("_kv", "kV"), ("_mv", "mV"), ("_v", "V"),
    ("_ma", "mA"), ("_a", "A"), ("_hz", "Hz"), ("mbar", "mbar"), ("hpa", "hPa"), ("kpa", "kPa"),
    ("_pa", "Pa"), ("bar", "bar"), ("m3h", "m³/h"), ("m3_h", "m³/h"), ("m3", "m³"),
    ("l_s", "l/s"), ("lps", "l/s"), ("l_min", "l/min"), ("_mm", "mm"), ("_cm", "cm"),
    ("_km", "km"), ("kmh", "km/h"), ("km_h", "km/h"), ("m_s", "m/s"), ("_ms", "ms"),
    ("percent", "%"), ("_pct", "%"), ("_perc", "%"), ("ppm", "ppm"), ("ppb", "ppb"),
    ("ugm3", "µg/m³"), ("ug_m3", "µg/m³"), ("_lux", "lx"), ("_lx", "lx"), ("dba", "dB(A)"),
    ("_db", "dB"), ("_deg", "°"), ("_m", "m"), ("_s", "s"), ("_min", "min"), ("_h", "h"),
    ("_l", "l"), ("_kg", "kg"), ("_t", "t"),
)  # fmt: skip
_WORDS: Final[tuple[tuple[str, str], ...]] = (
    ("temp", "°C"), ("dewpoint", "°C"), ("humid", "%"), ("feuchte", "%"), ("moisture", "%"),
    ("soc", "%"), ("laeq", "dB(A)"), ("lamax", "dB(A)"), ("lmax", "dB(A)"), ("noise", "dB(A)"),
    ("pm10", "µg/m³"), ("pm25", "µg/m³"), ("pm2", "µg/m³"), ("pm1", "µg/m³"), ("no2", "µg/m³"),
    ("ozone", "µg/m³"), ("so2", "µg/m³"), ("co2", "ppm"), ("windspeed", "m/s"),
    ("wind_speed", "m/s"), ("gust", "m/s"), ("winddir", "°"), ("wind_dir", "°"),
    ("rain", "mm"), ("precip", "mm"), ("lux", "lx"), ("illumin", "lx"), ("voltage", "V"),
    ("spannung", "V"), ("current", "A"), ("strom", "A"), ("frequency", "Hz"), ("energy", "kWh"),
    ("power", "W"), ("battery", "V"), ("vbat", "V"), ("flow", "m³/h"), ("conductivity", "µS/cm"),
)  # fmt: skip


def plain(name: str) -> str:
    """A field's name without case and separators, as these tables have it."""
    return re.sub(r"[^a-z0-9]", "", name.casefold())


def is_time_name(name: str) -> bool:
    """Whether a field of this name is probably a moment."""
    word = plain(name)
    return word in _TIMES or word.endswith(("timestamp", "datetime", "time"))


def time_format(values: Sequence[Any]) -> str:
    """`ms`, `s`, `us`, `iso` or a pattern that reads all of these values; empty for none."""
    if not values:
        return ""
    numbers = [n for v in values if (n := _as_number(v)) is not None]
    if len(numbers) == len(values):
        least, most = min(numbers), max(numbers)
        for form, factor in (("s", 1), ("ms", 1_000), ("us", 1_000_000)):
            if 9.4e8 * factor <= least and most <= 4.2e9 * factor:  # the years 1999 to 2103
                return form
        if not all(isinstance(v, str) and len(v.strip()) in (12, 14) for v in values):
            return ""
    texts = [v.strip() for v in values if isinstance(v, str)]
    if len(texts) != len(values):
        return ""
    if all(_reads(text, "iso") for text in texts):
        return "iso"
    return next((f for f in _FORMATS if all(_reads(text, f) for text in texts)), "")


def _as_number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return float(value)
    except ValueError:
        return None


def _reads(text: str, form: str) -> bool:
    try:
        if form == "iso":
            return len(text) >= 10 and datetime.fromisoformat(text).year > 1900
        return datetime.strptime(text, form).year > 1900
    except ValueError:
        return False


def is_name(name: str) -> int:
    """How much a field of this name looks like the device's name: 0 not at all, more is better."""
    word = plain(name)
    if word in _NAMES:
        return len(_NAMES) - _NAMES.index(word)
    return 1 if word.endswith(("id", "name")) else 0


def is_parameter(name: str) -> bool:
    """Whether the field says which quantity the value beside it is."""
    return plain(name) in _PARAMETERS


def is_bare_value(name: str) -> bool:
    """Whether the field is called just `value`: what it is stands elsewhere."""
    return plain(name) in _BARE_VALUES


def is_not_wanted(name: str) -> bool:
    """Radio levels, counters, positions: sent along and seldom worth a history."""
    return plain(name) in _NOT_WANTED


def is_state(name: str) -> bool:
    """Whether words of this field are probably states worth keeping."""
    return plain(name) in _STATES


def quality_words(name: str, values: Sequence[Any]) -> dict[str, str] | None:
    """Words of a quality field with their meaning; None when it is none."""
    if plain(name) not in _QUALITIES:
        return None
    found: dict[str, str] = {}
    for value in values:
        text = str(value)
        word = text.casefold()
        meaning = (
            "bad" if word in _BAD
            else "uncertain" if word in _DOUBTFUL
            else "good" if word in _GOOD
            else ""
        )  # fmt: skip
        if not meaning:
            return None
        if text not in ("good", "uncertain", "bad"):
            found[text] = meaning
    return found


def unit_of(name: str) -> tuple[str, str]:
    """(unit, why) that a field's name suggests; two empty texts for none."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    word = "_" + re.sub(r"[^a-z0-9]+", "_", spaced.casefold()).strip("_")
    bracket = re.search(r"[\[(]\s*([^\])]{1,12})\s*[\])]", name)
    if bracket is not None:
        return bracket.group(1).strip(), "the unit stands in its name"
    for ending, unit in _ENDINGS:
        if word.endswith(ending) and word != ending and word != f"_{ending}":
            return unit, f"its name ends in {ending.strip('_')}"
    if word in ("_bat", "_batt"):
        return "V", "a usual unit of such values: check it"
    if word in ("_hum", "_rh"):
        return "%", "a usual unit of such values: check it"
    for start, unit in _WORDS:
        if start in word.replace("_", "") or start in word:
            return unit, "a usual unit of such values: check it"
    return "", ""
