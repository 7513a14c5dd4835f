"""Register maps: types, word orders, powers of ten, values that are none, few questions."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lamplighter.domain.problems import LamplighterError
from lamplighter.sources.registers import (
    BRIDGE,
    MOST_BITS,
    MOST_WORDS,
    TYPES,
    Register,
    decode,
    plan,
    read_map,
    size_of,
    type_of,
)


def _words(form: str, value: float) -> list[int]:
    raw = struct.pack(form, value)
    return [int.from_bytes(raw[at : at + 2], "big") for at in range(0, len(raw), 2)]


@pytest.mark.parametrize("kind", sorted(TYPES))
def test_every_type_is_read_in_both_word_orders(kind: str) -> None:
    for value in (0, 1, 42, 100 if "u" in kind else -100):
        words = _words(TYPES[kind][1], value)
        assert decode(words, Register("r", 0, type=kind)) == value
        swapped = Register("r", 0, type=kind, words="little")
        assert decode(words[::-1], swapped) == value


def test_scales_give_the_number_the_device_means() -> None:
    assert decode([123], Register("r", 0, scale=0.1)) == 12.3
    assert decode([4], Register("r", 0, scale=0.001)) == 0.004
    assert decode([5], Register("r", 0, scale=2.5, offset=-3)) == 9.5
    by_power = Register("r", 0, scale_from=1)
    assert decode([2300], by_power, 0xFFFF) == 230.0
    assert decode([23], by_power, 2) == 2300.0
    assert decode([23], by_power, 0x8000) is None and decode([23], by_power, None) is None


def test_bits_digits_words_and_texts() -> None:
    assert decode([0b1000], Register("r", 0, bit=3)) == 1.0
    assert decode([0b0111], Register("r", 0, bit=3, states={0: "shut", 1: "open"})) == "shut"
    assert decode([2], Register("r", 0, states={2: "run"})) == "run"
    assert decode([9], Register("r", 0, states={2: "run"})) == "code 9"
    assert decode([0x1234], Register("r", 0, type="bcd16")) == 1234
    assert decode([0x12AF], Register("r", 0, type="bcd16")) is None
    assert decode([0x4142, 0x4300], Register("r", 0, type="string2")) == "ABC"
    assert decode([0, 0], Register("r", 0, type="string2")) is None


def test_a_device_that_says_there_is_no_value_gives_none() -> None:
    assert decode([0x8000], Register("r", 0, type="int16", missing=frozenset({0x8000}))) is None
    assert decode([0x7FC0, 0], Register("r", 0, type="float32")) is None
    assert type_of("uint32nan") == ("uint32", "", frozenset({0xFFFFFFFF}))
    assert type_of("int32s") == ("int32", "little", frozenset())
    assert type_of("float32nans")[1] == "little"


@settings(deadline=None)
@given(
    st.lists(st.integers(-5, 70_000), max_size=9),
    st.sampled_from([*sorted(TYPES), "bool", "bcd16", "bcd32", "string3"]),
    st.one_of(st.none(), st.integers(-3, 70_000)),
    st.floats(allow_nan=False, allow_infinity=False),
)
def test_no_words_can_stop_the_reading(
    words: list[int], kind: str, power: int | None, scale: float
) -> None:
    register = Register("r", 0, type=kind, scale=scale, scale_from=None if power is None else 1)
    value = decode(words, register, power)
    assert value is None or isinstance(value, float | str)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3_000), st.sampled_from(["int16", "int32", "int64"]))))
def test_few_questions_bring_every_word_and_none_is_too_long(rows: list[tuple[int, str]]) -> None:
    registers = [Register(f"r{n}", at, type=kind) for n, (at, kind) in enumerate(rows)]
    blocks = plan(registers, 7)
    held = {at for b in blocks for at in range(b.start, b.start + b.count)}
    needed = {at for r in registers for at in range(r.address, r.address + r.size)}
    assert needed <= held and all(b.count <= MOST_WORDS and b.device == 7 for b in blocks)
    assert len(held) <= len(needed) + BRIDGE * len(registers)
    exact = plan(registers, 7, bridge=0)
    assert {at for b in exact for at in range(b.start, b.start + b.count)} == needed


def test_bits_are_asked_for_in_questions_of_their_own() -> None:
    registers = [Register("a", 0, "coil", "bool"), Register("b", 0), Register("c", 1, "input")]
    blocks = plan([*registers, Register("d", MOST_BITS, "coil", "bool")], 1)
    assert sorted((b.table, b.start, b.count) for b in blocks) == [
        ("coil", 0, 1), ("coil", MOST_BITS, 1), ("holding", 0, 1), ("input", 1, 1),
    ]  # fmt: skip


def test_a_csv_is_a_map_as_well() -> None:
    found = read_map(
        "name;address;type;scale;unit;states;missing\n"
        "level;40011;int16;0.01;m;;0x8000\n"
        "pump;40012;uint16;;;0=off 1=on;\n"
    )
    level, pump = found.registers
    assert (level.address, level.scale, level.unit) == (40_011, 0.01, "m")
    assert level.missing == {0x8000} and pump.states == {0: "off", 1: "on"}
    first = read_map("first = 40001\n[[registers]]\naddress = 40011\nname = 'a'\n")
    assert first.registers[0].address == 10


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no [[registers]]"),
        ("a;b\n1;2\n", "column 'address'"),
        ("[[registers]]\nname='a'\n", "'address' is missing"),
        ("[[registers]]\naddress=1\ntype='int12'\n", "int12"),
        ("[[registers]]\naddress=70000\n", "address 70000"),
        ("[[registers]]\naddress=65535\ntype='int32'\n", "address 65535"),
        ("[[registers]]\naddress=1\ntable='coils'\n", "coils"),
        ("[[registers]]\naddress=1\nodd=2\n", "'odd' is unknown"),
        ("[[registers]]\naddress=1\nscale='much'\n", "much"),
        ("[[registers]]\naddress=1\nname='a'\n[[registers]]\naddress=2\nname='a'\n", "'a' stands"),
        ("unit=300\n[[registers]]\naddress=1\n", "'unit' is 300"),
    ],
)
def test_a_map_that_cannot_be_is_refused_with_its_reason(text: str, says: str) -> None:
    with pytest.raises(LamplighterError) as refused:
        read_map(text)
    assert says in str(refused.value) and "U-801" in str(refused.value)


def test_sizes_are_those_of_the_protocol() -> None:
    assert [size_of(k) for k in ("bool", "bcd32", "string12", "uint64")] == [1, 2, 12, 4]
