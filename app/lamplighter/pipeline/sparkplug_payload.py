"""Reads the payload of Sparkplug B: protobuf in, plain metrics out; no payload can make it raise.

The message type is built here from a table, so no generated code and no compiler is needed. Only
single values become metrics with a value; data sets, templates, files and arrays are named as what
they are, so that they can be set aside with a reason.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass, field
from typing import Any, Final

from lamplighter.domain.quality import Quality
from lamplighter.pipeline.careful import MAX_NAME, Fault, storable

_SIGNED_BITS: Final = {1: 8, 2: 16, 3: 32, 4: 64}
_NOT_SINGLE: Final = {
    16: "a data set (a table)", 17: "bytes", 18: "a file", 19: "a template (several metrics)",
    20: "a set of properties", 21: "a list of sets of properties",
}  # fmt: skip
_FIRST_ARRAY: Final = 22
_LAST_TYPE: Final = 34
_VALUE_FIELDS: Final = (
    "int_value", "long_value", "float_value", "double_value", "boolean_value", "string_value",
)  # fmt: skip
MOST_METRICS: Final = 50_000
_GOOD: Final = 192
_STALE: Final = 500
_UNCERTAIN: Final = 64

# message -> (field, number, type); a type in capitals is a message, a `*` before it: repeated
_TYPES: Final[dict[str, tuple[tuple[str, int, str], ...]]] = {
    "Value": (
        ("type", 1, "uint32"), ("is_null", 2, "bool"), ("int_value", 3, "uint32"),
        ("long_value", 4, "uint64"), ("float_value", 5, "float"), ("double_value", 6, "double"),
        ("boolean_value", 7, "bool"), ("string_value", 8, "string"),
    ),
    "Properties": (("keys", 1, "*string"), ("values", 2, "*Value")),
    "Metric": (
        ("name", 1, "string"), ("alias", 2, "uint64"), ("timestamp", 3, "uint64"),
        ("datatype", 4, "uint32"), ("is_historical", 5, "bool"), ("is_transient", 6, "bool"),
        ("is_null", 7, "bool"), ("properties", 9, "Properties"), ("int_value", 10, "uint32"),
        ("long_value", 11, "uint64"), ("float_value", 12, "float"), ("double_value", 13, "double"),
        ("boolean_value", 14, "bool"), ("string_value", 15, "string"), ("bytes_value", 16, "bytes"),
        ("dataset_value", 17, "bytes"), ("template_value", 18, "bytes"),
    ),
    "Payload": (
        ("timestamp", 1, "uint64"), ("metrics", 2, "*Metric"), ("seq", 3, "uint64"),
        ("uuid", 4, "string"), ("body", 5, "bytes"),
    ),
}  # fmt: skip
_SCALARS: Final = {
    "double": 1, "float": 2, "uint64": 4, "bool": 8, "string": 9, "bytes": 12, "uint32": 13,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric as sent. `name` is empty when it is named by its alias alone."""

    name: str
    alias: int
    """-1: none"""
    time_ms: int
    """0: not said"""
    value: float | int | str | None
    """None: null, or not a single value (then `odd` says what it is); a whole number only when it
    was sent without its type: its sign is then not known here"""
    datatype: int = 0
    historical: bool = False
    unit: str = ""
    quality: Quality = Quality.GOOD
    odd: str = ""


@dataclass(frozen=True, slots=True)
class Payload:
    """One payload as sent. `seq` is -1 when there is none, `time_ms` 0."""

    time_ms: int
    seq: int
    metrics: tuple[Metric, ...] = field(default=())

    def number(self, name: str) -> int | None:
        """The whole number of a metric, e.g. of `bdSeq`."""
        for metric in self.metrics:
            value = metric.value
            if metric.name == name and isinstance(value, float | int) and value >= 0:
                return int(value)
        return None


def read_payload(body: bytes) -> Payload | Fault:
    """Never raises."""
    if not body:
        return Fault("D-109", "it is empty")
    from google.protobuf.message import DecodeError

    raw = payload_type()()
    try:
        raw.ParseFromString(body)
    except (DecodeError, ValueError, RecursionError):
        return Fault("D-113", "no Sparkplug B payload")
    if len(raw.metrics) > MOST_METRICS:
        return Fault("D-109", f"it has {len(raw.metrics)} metrics")
    seq = int(raw.seq) if raw.HasField("seq") else -1
    if seq > 255:
        return Fault("D-113", f"its sequence number is {seq}")
    if not raw.HasField("timestamp") and seq < 0 and not raw.metrics:
        return Fault("D-113", "no Sparkplug B payload")
    return Payload(int(raw.timestamp), seq, tuple(_metric(m) for m in raw.metrics))


@functools.cache
def payload_type() -> Any:
    """The protobuf class of a payload."""
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    file = descriptor_pb2.FileDescriptorProto(
        name="lamplighter/sparkplug.proto", package="lamplighter.sparkplug", syntax="proto2"
    )
    for name, fields in _TYPES.items():
        message = file.message_type.add(name=name)
        for label, number, kind in fields:
            entry = message.field.add(name=label, number=number)
            entry.label = 3 if kind.startswith("*") else 1
            kind = kind.removeprefix("*")
            if kind in _SCALARS:
                entry.type = _SCALARS[kind]
            else:
                entry.type = 11
                entry.type_name = f".lamplighter.sparkplug.{kind}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(
        pool.FindMessageTypeByName("lamplighter.sparkplug.Payload")
    )


def value_of(metric: Any, datatype: int) -> tuple[float | int | str | None, str]:
    """(value, what it is when it is no single value) of a protobuf metric."""
    if datatype in _NOT_SINGLE or _FIRST_ARRAY <= datatype <= _LAST_TYPE:
        return None, _NOT_SINGLE.get(datatype, "an array")
    if metric.is_null:
        return None, ""
    for name in _VALUE_FIELDS:
        if metric.HasField(name):
            return _single(getattr(metric, name), datatype)
    for name, code in (("dataset_value", 16), ("bytes_value", 17), ("template_value", 19)):
        if metric.HasField(name):
            return None, _NOT_SINGLE[code]
    return None, ""


def _single(value: Any, datatype: int) -> tuple[float | int | str | None, str]:
    if isinstance(value, str):
        text = storable(value)[0]
        return (text, "") if len(text) <= MAX_NAME else (None, "a text that is too long")
    if isinstance(value, bool):
        return float(value), ""
    if isinstance(value, float):
        return (value, "") if math.isfinite(value) else (None, "not a finite number")
    return (signed(value, datatype) if datatype else value), ""


def signed(value: int, datatype: int) -> float:
    """A whole number as sent, read as the type its birth named."""
    return float(_signed(value, datatype))


def _signed(value: int, datatype: int) -> int:
    bits = _SIGNED_BITS.get(datatype)
    if bits is None:
        return value
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >= 1 << (bits - 1) else value


def _metric(raw: Any) -> Metric:
    datatype = int(raw.datatype)
    value, odd = value_of(raw, datatype)
    unit, quality = "", Quality.GOOD
    if raw.HasField("properties"):
        unit, quality = _properties(raw.properties)
    return Metric(
        storable(raw.name)[0],
        int(raw.alias) if raw.HasField("alias") else -1,
        int(raw.timestamp),
        value,
        datatype,
        bool(raw.is_historical),
        unit,
        quality,
        odd,
    )


def _properties(properties: Any) -> tuple[str, Quality]:
    """(unit, quality) from the properties that are in use for them."""
    unit, quality = "", Quality.GOOD
    for key, value in zip(properties.keys, properties.values, strict=False):
        if key in ("engUnit", "unit", "Engineering Units") and value.HasField("string_value"):
            unit = storable(value.string_value)[0][:40]
        elif key == "Quality" and (value.HasField("int_value") or value.HasField("long_value")):
            quality = _quality(int(value.int_value or value.long_value))
    return unit, quality


def _quality(code: int) -> Quality:
    if code == _STALE:
        return Quality.STALE
    if code >= _GOOD:
        return Quality.GOOD
    return Quality.UNCERTAIN if code >= _UNCERTAIN else Quality.BAD
