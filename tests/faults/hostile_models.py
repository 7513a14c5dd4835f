"""Model files made to harm: each is built at run time and brought to the console by its own door.

`ATTACKS` maps a name to what builds it. A builder gets a `Smith`, which holds a sound model, the
console's key and a stranger's, and the canary that no attack may ever make.
"""

from __future__ import annotations

import io
import itertools
import json
import os
import pickle
import stat
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.unit.analytics import fleet_kit

from lamplighter.analytics.maintenance import TrainRequest, card, train
from lamplighter.analytics.model_files import MANIFEST, MODEL, TABLES, Manifest, sha256
from lamplighter.domain.task import silent

PROTOCOL: Final = 2
_IDS: Final = itertools.count(1)
Parts = dict[str, bytes]


class Canary:
    """Unpickling this makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.path,)


@dataclass
class Smith:
    """Makes packages. `place` is a fresh folder for each attack."""

    key: Ed25519PrivateKey
    stranger: Ed25519PrivateKey
    good: Parts
    card: dict[str, Any]
    canary: Path
    place: Path

    def manifest(
        self, parts: Parts, *, key: Ed25519PrivateKey | None = None, **other: Any
    ) -> bytes:
        """A manifest over these parts, signed by the console's key or another."""
        import hashlib

        files = other.get("files", {n: hashlib.sha256(b).hexdigest() for n, b in parts.items()})
        unsigned = Manifest(files, other.get("card", self.card))
        signature = (key or self.key).sign(unsigned.signed_bytes()).hex()
        return msgspec.json.encode(Manifest(unsigned.files, unsigned.card, signature))

    def zip(self, parts: Parts, name: str = "model.zip") -> Path:
        """These parts as one file."""
        out = self.place / name
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            for part, body in parts.items():
                archive.writestr(part, body)
        return out

    def signed(self, **changed: bytes) -> Path:
        """The sound model with some parts replaced, signed by the console itself: an insider."""
        parts = {**self.good, **{_NAMES[k]: v for k, v in changed.items()}}
        return self.zip({MANIFEST: self.manifest(parts), **parts})

    def folder(self, parts: Parts) -> Path:
        """These parts as a folder."""
        out = self.place / "model"
        out.mkdir()
        for part, body in parts.items():
            (out / part).write_bytes(body)
        return out

    def whole(self, **other: Any) -> Parts:
        """Manifest and parts of the sound model."""
        return {MANIFEST: self.manifest(self.good, **other), **self.good}

    def file(self, name: str, body: bytes) -> Path:
        out = self.place / name
        out.write_bytes(body)
        return out

    def pickled(self, protocol: int = 4) -> bytes:
        return pickle.dumps(Canary(self.canary), protocol)

    def shell(self) -> str:
        return f"touch {self.canary}"


_NAMES: Final = {"model": MODEL, "tables": TABLES}


def smith(folder: Path, key: Ed25519PrivateKey) -> Smith:
    """Train the one sound model and stand ready."""
    place = folder / "good"
    report = train(TrainRequest(fleet_kit.make(1).history, str(place)), silent)
    good = {name: (place / name).read_bytes() for name in report.files}
    assert all(sha256(place / n) == h for n, h in report.files.items())
    known = json.loads(msgspec.json.encode(card(report)))
    return Smith(key, Ed25519PrivateKey.generate(), good, known, folder / "canary", folder)


# ------------------------------------------------------------------ what a model file may hold
def skops(tree: dict[str, Any], extra: Parts | None = None) -> bytes:
    """A file of the allowed format around any description."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("schema.json", json.dumps({"protocol": PROTOCOL, **tree}))
        for name, body in (extra or {}).items():
            archive.writestr(name, body)
    return out.getvalue()


def node(module: str, name: str, loader: str, **more: Any) -> dict[str, Any]:
    return {
        "__module__": module,
        "__class__": name,
        "__loader__": loader,
        "__id__": next(_IDS),
        **more,
    }


def text(value: str) -> dict[str, Any]:
    return node("builtins", "str", "JsonNode", content=json.dumps(value), is_json=True)


def pair(*items: dict[str, Any]) -> dict[str, Any]:
    return node("builtins", "tuple", "TupleNode", content=list(items))


def words(*items: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    keys = node("builtins", "list", "ListNode",
                content=[node("builtins", "str", "TypeNode") for _ in items])  # fmt: skip
    return node("builtins", "dict", "DictNode", content=dict(items), key_types=keys)


def opens_a_file(s: Smith) -> dict[str, Any]:
    """Makes the canary while it is loaded, without any program."""
    args = pair(text(str(s.canary)), text("w"))
    return node("_io", "FileIO", "ConstructorFromReduceNode", content=args)


def wrapped(inner: dict[str, Any]) -> dict[str, Any]:
    """A learner of the allowed library with something else inside."""
    return node("sklearn.linear_model._ridge", "Ridge", "ObjectNode", content=words(("x", inner)))


def deep(levels: int) -> bytes:
    body = b'{"a":' * levels + b"1" + b"}" * levels
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("schema.json", body)
    return out.getvalue()


def changed_tables(s: Smith, **changed: np.ndarray | None) -> bytes:
    """The sound tables with some replaced or (None) left out."""
    with np.load(io.BytesIO(s.good[TABLES])) as opened:
        tables = {name: opened[name] for name in opened.files}
    tables.update({k: v for k, v in changed.items() if v is not None})
    for name, value in changed.items():
        if value is None:
            del tables[name]
    out = io.BytesIO()
    np.savez(out, **tables)
    return out.getvalue()


def lying_array(s: Smith) -> bytes:
    """Tables with a header that promises a million million numbers."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        head = io.BytesIO()
        np.lib.format.write_array_header_1_0(
            head, {"descr": "<f8", "fortran_order": False, "shape": (10**12,)}
        )
        archive.writestr("lowest.npy", head.getvalue())
    return out.getvalue()


def crafted_trees(s: Smith, change: Callable[[np.ndarray], None]) -> bytes:
    """The sound model's file with `change` done to the nodes of every tree."""
    from skops import io as skops_io

    from lamplighter.analytics.model_files import TRUSTED

    model = skops_io.loads(s.good[MODEL], trusted=list(TRUSTED))
    for learner in _learners(model):
        for row in learner._predictors:
            for tree in row:
                nodes = tree.nodes.copy()
                change(nodes)
                tree.nodes = nodes
    return bytes(skops_io.dumps(model))


def _learners(model: Any) -> list[Any]:
    if hasattr(model, "_predictors"):
        return [model]
    found = []
    for value in vars(model).values():
        several = value if isinstance(value, list) else [value]
        found += [one for one in several if hasattr(one, "_predictors")]
    return found


def out_of_bounds(nodes: np.ndarray) -> None:
    nodes["is_leaf"], nodes["left"], nodes["right"] = 0, 2**31, 2**31


def in_a_circle(nodes: np.ndarray) -> None:
    nodes["is_leaf"], nodes["left"], nodes["right"] = 0, 0, 0


def not_a_number(nodes: np.ndarray) -> None:
    nodes["value"] = np.nan


# ------------------------------------------------------------------ whole files and packages
def lying_zip(s: Smith) -> Path:
    """A bomb whose headers say that it is small."""
    out = s.zip({MANIFEST: b"{}", MODEL: b"\0" * 300_000_000})
    raw = bytearray(out.read_bytes())
    true, told = (300_000_000).to_bytes(4, "little"), (1_000).to_bytes(4, "little")
    out.write_bytes(bytes(raw.replace(true, told)))
    return out


def sparse(s: Smith, name: str) -> Path:
    out = s.place / name
    with out.open("wb") as file:
        file.truncate(900_000_000)
    return out


def link_in_zip(s: Smith) -> Path:
    out = s.place / "model.zip"
    with zipfile.ZipFile(out, "w") as archive:
        link = zipfile.ZipInfo(MODEL)
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
        archive.writestr(MANIFEST, s.manifest(s.good))
    return out


def twice(s: Smith) -> Path:
    import warnings

    out = s.place / "model.zip"
    with warnings.catch_warnings(), zipfile.ZipFile(out, "w") as archive:
        warnings.simplefilter("ignore")
        for name, body in [*s.whole().items(), (MODEL, s.pickled())]:
            archive.writestr(name, body)
    return out


def with_link(s: Smith) -> Path:
    out = s.folder(s.whole())
    (out / MODEL).unlink()
    (out / MODEL).symlink_to("/etc/passwd")
    return out


def linked_manifest(s: Smith) -> Path:
    out = s.folder(s.whole())
    (out / MANIFEST).rename(s.place / "elsewhere.json")
    (out / MANIFEST).symlink_to(s.place / "elsewhere.json")
    return out


def with_pipe(s: Smith) -> Path:
    out = s.folder(s.whole())
    os.mkfifo(out / "extra")
    return out


def with_folder(s: Smith) -> Path:
    out = s.folder(s.whole())
    (out / "more").mkdir()
    return out


def changed_after_signing(s: Smith) -> Path:
    parts = s.whole()
    body = bytearray(parts[MODEL])
    body[len(body) // 2] ^= 1
    return s.zip({**parts, MODEL: bytes(body)})


def torch_like(s: Smith) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("archive/data.pkl", s.pickled())
    return out.getvalue()


def raw_manifest(s: Smith, body: bytes) -> Path:
    return s.zip({MANIFEST: body, **s.good})


def told_card(s: Smith, **changed: Any) -> Path:
    return s.zip(s.whole(card={**s.card, **changed}))


Build = Callable[[Smith], Path]

BY_NAME: Final[dict[str, Build]] = {
    "a pickle": lambda s: s.file("m.pkl", s.pickled()),
    "a pickle, long name": lambda s: s.file("m.pickle", s.pickled(5)),
    "a pickle in capitals": lambda s: s.file("M.PKL", s.pickled()),
    "joblib": lambda s: s.file("m.joblib", zlib.compress(s.pickled())),
    "dill": lambda s: s.file("m.dill", s.pickled()),
    "sav": lambda s: s.file("m.sav", s.pickled()),
    "torch": lambda s: s.file("m.pt", torch_like(s)),
    "keras": lambda s: s.file("m.h5", b"\x89HDF\r\n\x1a\n"),
    "ONNX": lambda s: s.file("m.onnx", b"\x08\x07\x12\x07pytorch"),
    "an oversized ONNX": lambda s: sparse(s, "m.onnx"),
    "a pickle called skops": lambda s: s.file("model.skops", s.pickled(2)),
    "a pickle called zip": lambda s: s.file("model.zip", s.pickled(5)),
    "a pickle of the first kind": lambda s: s.file("model.zip", s.pickled(0)),
    "joblib called zip": lambda s: s.file("model.zip", zlib.compress(s.pickled())),
    "a pickle in the package": lambda s: s.zip({**s.whole(), "x.pkl": s.pickled()}),
    "ONNX in the package": lambda s: s.zip({**s.whole(), "x.onnx": b"\x08\x07"}),
}
PACKAGES: Final[dict[str, Build]] = {
    "nothing": lambda s: s.file("model.zip", b""),
    "rubbish": lambda s: s.file("model.zip", bytes(range(256)) * 40),
    "cut short": lambda s: s.file("model.zip", s.zip(s.whole(), "w.zip").read_bytes()[:20_000]),
    "a zip bomb": lambda s: s.zip({MANIFEST: b"{}", MODEL: b"\0" * 300_000_000}),
    "a zip bomb that lies": lying_zip,
    "a zip in a zip": lambda s: s.zip({MODEL: s.zip(s.whole(), "inner.zip").read_bytes()}),
    "a huge hollow file": lambda s: sparse(s, "model.zip"),
    "a path upwards": lambda s: s.zip({**s.whole(), "../../canary": b"x"}),
    "a path from the root": lambda s: s.zip({**s.whole(), str(s.canary): b"x"}),
    "a path with the other slash": lambda s: s.zip({**s.whole(), "..\\canary": b"x"}),
    "a folder inside": lambda s: s.zip({**s.whole(), "more/": b""}),
    "a link inside": link_in_zip,
    "two files of one name": twice,
    "a thousand files": lambda s: s.zip({f"f{n}": b"" for n in range(1000)}),
    "a folder with a link": with_link,
    "a folder with a linked manifest": linked_manifest,
    "a folder with a pipe": with_pipe,
    "a folder with a folder": with_folder,
}
MANIFESTS: Final[dict[str, Build]] = {
    "no manifest": lambda s: s.zip(s.good),
    "unsigned": lambda s: raw_manifest(
        s, msgspec.json.encode(Manifest(json.loads(s.manifest(s.good))["files"], s.card))
    ),
    "signed by another": lambda s: s.zip(s.whole(key=s.stranger)),
    "a signature that is none": lambda s: raw_manifest(
        s, s.manifest(s.good).replace(b'"signature":"', b'"signature":"zz')
    ),
    "a manifest that is none": lambda s: raw_manifest(s, b"\x00\xff\xfe"),
    "a manifest of ten megabytes": lambda s: raw_manifest(s, b" " * 10_000_000 + b"{}"),
    "a manifest without a bottom": lambda s: raw_manifest(
        s, b'{"files":{},"card":' + b'{"a":' * 100_000 + b"1" + b"}" * 100_001
    ),
    "a manifest of other files": lambda s: s.zip(s.whole(files={"other.skops": "0" * 64})),
    "a manifest of fewer files": lambda s: s.zip(
        {**s.whole(), MANIFEST: s.manifest({MODEL: s.good[MODEL]})}
    ),
    "a manifest with a path": lambda s: s.zip(s.whole(files={"../x": "0" * 64})),
    "a wrong hash": lambda s: s.zip(s.whole(files={MODEL: "0" * 64, TABLES: "0" * 64})),
    "a byte changed after signing": changed_after_signing,
    "files of another model": lambda s: s.zip(
        {**s.whole(), TABLES: changed_tables(s, naive=np.array(0.9))}
    ),
    "a card of wrong types": lambda s: told_card(s, units="many", rows=None),
    "a card with a path": lambda s: told_card(s, kind="../../x"),
    "a card without an end": lambda s: told_card(s, kind="x" * 100_000),
}  # fmt: skip
SIGNED: Final[dict[str, Build]] = {
    "a pickle in the model's place": lambda s: s.signed(model=s.pickled()),
    "a pickle in the tables' place": lambda s: s.signed(tables=s.pickled()),
    "an array of objects": lambda s: s.signed(
        tables=_saved(x=np.array([Canary(s.canary)], dtype=object))
    ),
    "a file that opens a file": lambda s: s.signed(model=skops(opens_a_file(s))),
    "the same inside a learner": lambda s: s.signed(model=skops(wrapped(opens_a_file(s)))),
    "a program by its constructor": lambda s: s.signed(
        model=skops(node("subprocess", "Popen", "ConstructorFromReduceNode",
                         content=pair(text(s.shell()))))
    ),
    "the shell as a function": lambda s: s.signed(
        model=skops(node("os", "system", "FunctionNode"))
    ),
    "the shell, partly applied": lambda s: s.signed(
        model=skops(node("functools", "partial", "PartialNode", content={
            "func": node("os", "system", "FunctionNode"), "args": pair(text(s.shell())),
            "kwds": words(), "namespace": words(),
        }))
    ),
    "the shell called by an operator": lambda s: s.signed(
        model=skops(node("operator", "call", "OperatorFuncNode",
                         attrs=pair(node("os", "system", "FunctionNode"), text(s.shell()))))
    ),
    "a method caller": lambda s: s.signed(
        model=skops(node("operator", "methodcaller", "OperatorFuncNode",
                         attrs=pair(text("system"), text(s.shell()))))
    ),
    "a method of an object": lambda s: s.signed(
        model=skops(node("pathlib", "PosixPath", "MethodNode", content={
            "func": "touch",
            "obj": node("pathlib", "PosixPath", "ConstructorFromReduceNode",
                        content=pair(text(str(s.canary)))),
        }))
    ),
    "eval as a type": lambda s: s.signed(
        model=skops(wrapped(node("builtins", "eval", "TypeNode")))
    ),
    "exec as an object": lambda s: s.signed(model=skops(node("builtins", "exec", "ObjectNode"))),
    "a type said to be another": lambda s: s.signed(
        model=skops(node("sklearn.utils._joblib", "Memory", "ObjectNode", content=words()))
    ),
    "a transformer that calls": lambda s: s.signed(
        model=skops(node("sklearn.preprocessing._function_transformer", "FunctionTransformer",
                         "ObjectNode",
                         content=words(("func", node("os", "system", "FunctionNode")))))
    ),
    "an unknown kind of node": lambda s: s.signed(
        model=skops(node("builtins", "dict", "CodeNode"))
    ),
    "a node that holds itself": lambda s: s.signed(
        model=skops(node("builtins", "list", "ListNode", content=[
            {**node("builtins", "list", "CachedNode"), "__id__": 0}], __id__=0))
    ),
    "another protocol": lambda s: s.signed(
        model=skops({**node("builtins", "dict", "DictNode", content={}), "protocol": 999})
    ),
    "no description": lambda s: s.signed(model=skops({})),
    "a description without a bottom": lambda s: s.signed(model=deep(200_000)),
    "a description of 100 megabytes": lambda s: s.signed(
        model=skops(node("builtins", "str", "JsonNode", content="a" * 100_000_000, is_json=True))
    ),
    "a dictionary for a model": lambda s: s.signed(model=_dumped({"a": 1})),
    "an array that lies about its length": lambda s: s.signed(tables=lying_array(s)),
    "tables that are missing": lambda s: s.signed(tables=changed_tables(s, lowest=None)),
    "tables that do not fit": lambda s: s.signed(tables=changed_tables(s, lowest=np.zeros(99))),
    "a part with a path in the model": lambda s: s.signed(
        model=skops(node("builtins", "dict", "DictNode", content={}), {"../../canary": b"x"})
    ),
    "trees that answer with no number": lambda s: s.signed(model=crafted_trees(s, not_a_number)),
    "trees that lead out of the file": lambda s: s.signed(model=crafted_trees(s, out_of_bounds)),
    "trees that never end": lambda s: s.signed(model=crafted_trees(s, in_a_circle)),
}  # fmt: skip
ROUGH: Final = frozenset(
    {
        "trees that lead out of the file",
        "trees that never end",
        "an array that lies about its length",
    }
)
"""may take the process that opens them along; only ever opened in a worker"""
ATTACKS: Final[dict[str, Build]] = {**BY_NAME, **PACKAGES, **MANIFESTS, **SIGNED}


def _saved(**tables: np.ndarray) -> bytes:
    out = io.BytesIO()
    np.savez(out, **tables)
    return out.getvalue()


def _dumped(value: Any) -> bytes:
    from skops import io as skops_io

    return bytes(skops_io.dumps(value))
