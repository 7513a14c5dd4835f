"""Meter templates of the evcc project as register maps: hundreds of meters without typing a map.

A template is YAML whose `render` part is text with conditions in it (`{{ if eq .usage "pv" }}`).
What is needed of both is little, so both are read here: the conditions with the user's choices and
the template's defaults, and of the YAML the nested keys. Only what reads registers is taken;
whatever would write is passed over.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from lamplighter.sources.registers import Register, RegisterMap, type_of

UNITS: Final = {
    "power": "W", "powers": "W", "energy": "kWh", "returnenergy": "kWh", "currents": "A",
    "voltages": "V", "soc": "%", "frequency": "Hz",
}  # fmt: skip
_ACTION: Final = re.compile(r"\{\{-?\s*(.*?)\s*-?\}\}")
_KEY: Final = re.compile(r"^(\s*)((?:-\s+)*)([A-Za-z_][\w-]*):(?:\s+(.*))?$")
_DEEPEST: Final = 40
_MOST_LINES: Final = 5_000

Nodes = dict[tuple[str, ...], dict[str, str]]


def is_template(text: str) -> bool:
    """True for a meter template."""
    return re.search(r"^template:\s*\S", text, re.M) is not None and "\nrender:" in text


def read_template(text: str, choices: Mapping[str, str]) -> RegisterMap:
    """The register map of a template; ValueError if it has none. `choices`: e.g. usage=pv."""
    head, _, body = text.partition("\nrender:")
    lines = body.splitlines()[1:_MOST_LINES]
    given = {**_defaults(head), **choices}
    if "usage" not in given:
        usage = re.search(r'name:\s*usage\s*\n\s*choice:\s*\[\s*"?(\w+)', head)
        given["usage"] = usage[1] if usage else "grid"
    nodes: Nodes = {}
    for path, value in _leaves(_rendered(lines, given)):
        nodes.setdefault(path[:-1], {})[path[-1]] = value
    registers = list(_registers(nodes))
    if not registers:
        raise ValueError("the meter template reads no register")
    name = re.search(r"^template:\s*(\S+)", head, re.M)
    return RegisterMap(name[1] if name else "", tuple(registers))


def _registers(nodes: Nodes) -> Iterator[Register]:
    used: dict[str, int] = {}
    for path, keys in nodes.items():
        if path[-1:] != ("register",) or keys.get("type") not in ("holding", "input"):
            continue
        around = nodes.get(path[:-1], {})
        parts = [p for p in path[:-1] if p not in ("add", "mul", "get")]
        name = "/".join(parts) or "value"
        used[name] = used.get(name, 0) + 1
        if used[name] > 1:
            name = f"{name}.{used[name]}"
        try:
            kind, words, missing = type_of(keys.get("decode", "uint16"))
            address = int(keys["address"], 0)
            scale = float(around.get("scale", "1"))
            device = around.get("id")
            yield Register(
                name,
                address,
                keys["type"],
                kind,
                words or "big",
                scale,
                missing=missing,
                unit=UNITS.get(path[0], ""),
                device=int(device) if device and device.isdigit() else None,
            )
        except (KeyError, ValueError):
            continue  # bytes, or an address made of a choice that was not given


def _defaults(head: str) -> dict[str, str]:
    """Defaults of the template's parameters."""
    found, name = {}, ""
    for line in head.splitlines():
        match = re.match(r"\s*(?:-\s+)?(name|default):\s*[\"']?([^\"'#]*)", line)
        if match is None:
            continue
        if match[1] == "name":
            name = match[2].strip()
        elif name:
            found[name] = match[2].strip()
    return found


# -------------------------------------------------------------------- conditions
@dataclass(slots=True)
class _Branch:
    shown: bool
    done: bool = field(default=False)


def _rendered(lines: list[str], given: Mapping[str, str]) -> Iterator[str]:
    """The lines that stand, after conditions; other actions become the choices they name."""
    stack: list[_Branch] = []
    for line in lines:
        actions = _ACTION.findall(line)
        first = actions[0] if actions else ""
        word = first.split(" ", 1)[0]
        if word in ("if", "range", "with"):
            holds = word == "if" and _holds(first[2:].strip(), given)
            stack.append(_Branch(holds, holds))
        elif word == "else" and stack:
            branch = stack[-1]
            condition = first[4:].strip()
            holds = not condition or _holds(condition.removeprefix("if").strip(), given)
            branch.shown = holds and not branch.done
            branch.done = branch.done or holds
        elif word == "end" and stack:
            stack.pop()
        elif word in ("include", "define", "template", "/*") or word.startswith("$"):
            continue
        elif all(branch.shown for branch in stack):
            yield _ACTION.sub(lambda m: given.get(m[1].split(" ")[0].lstrip("."), "?"), line)


def _holds(condition: str, given: Mapping[str, str]) -> bool:
    """A condition of the few forms templates use; anything else does not hold."""
    tokens = re.findall(r"\(|\)|\"[^\"]*\"|[^\s()]+", condition)
    value, rest = _term(tokens, given, 0)
    return bool(value) and not rest


def _term(tokens: list[str], given: Mapping[str, str], depth: int) -> tuple[object, list[str]]:
    """(value, what is left) of `f a b` or one word."""
    if not tokens or depth > _DEEPEST:
        return False, []
    head, rest = tokens[0], tokens[1:]
    if head in ("eq", "ne", "and", "or", "not"):
        values = []
        while rest and rest[0] != ")":
            value, rest = _one(rest, given, depth + 1)
            values.append(value)
        return _called(head, values), rest
    return _one(tokens, given, depth + 1)


def _one(tokens: list[str], given: Mapping[str, str], depth: int) -> tuple[object, list[str]]:
    head, rest = tokens[0], tokens[1:]
    if head == "(":
        value, rest = _term(rest, given, depth)
        return value, rest[1:] if rest and rest[0] == ")" else rest
    if head.startswith("."):
        value = given.get(head[1:], "")
        return ("" if value in ("false", "0") else value), rest
    return head.strip('"'), rest


def _called(name: str, values: list[object]) -> bool:
    if name == "eq":
        return len(values) > 1 and values[0] in values[1:]
    if name == "ne":
        return len(values) > 1 and values[0] != values[1]
    if name == "and":
        return all(values)
    if name == "or":
        return any(values)
    return not any(values)


# -------------------------------------------------------------------- the nested keys
def _leaves(lines: Iterator[str]) -> Iterator[tuple[tuple[str, ...], str]]:
    """(path, value) of every `key: value`; the place in a list is a step of the path, from 1."""
    stack: list[tuple[int, str]] = []
    counts: dict[tuple[tuple[str, ...], int], int] = {}
    for line in lines:
        bare = line.split(" #", 1)[0].rstrip()
        match = _KEY.match(bare)
        if match is None:
            continue
        indent = len(match[1])
        if match[2]:
            while stack and stack[-1][0] > indent - 1 and not _owns(stack[-1], indent):
                stack.pop()
            parent = tuple(step for _, step in stack)
            counts[(parent, indent)] = counts.get((parent, indent), 0) + 1
            stack.append((indent, str(counts[(parent, indent)])))
            indent += len(match[2])
        while stack and stack[-1][0] >= indent:
            stack.pop()
        stack.append((indent, match[3]))
        if len(stack) < _DEEPEST and match[4]:
            yield tuple(step for _, step in stack), match[4].strip("\"' ")


def _owns(entry: tuple[int, str], indent: int) -> bool:
    """A list may stand at the same depth as the key that owns it."""
    return entry[0] == indent and not entry[1].isdigit()
