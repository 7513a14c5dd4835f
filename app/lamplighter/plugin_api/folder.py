"""A plugin's folder as one checked value. Reading it runs none of the plugin's code."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from pydantic import BaseModel, ValidationError

from lamplighter.domain.problems import fault
from lamplighter.plugin_api.catalogue import Catalogue
from lamplighter.plugin_api.decoding import Decoders
from lamplighter.plugin_api.examples import example_faults
from lamplighter.plugin_api.imports import import_faults
from lamplighter.plugin_api.manifest import API_VERSION, Manifest
from lamplighter.plugin_api.ruling import Rules
from lamplighter.plugin_api.tiers import QualityList
from lamplighter.plugin_api.viewing import Views

MANIFEST_FILE: Final = "plugin.toml"
CODE_FILES: Final = ("simulator.py", "model.py", "importer.py")
DATA_FILES: Final = ("assets.toml", "decoders.toml", "rules.toml", "views.toml", "quality.toml")
_MAX_BYTES: Final = 1_000_000
M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True)
class Plugin:
    """Everything a plugin says as data, checked against the contract and within itself."""

    folder: Path
    manifest: Manifest
    catalogue: Catalogue
    decoders: Decoders
    rules: Rules
    views: Views
    quality: QualityList

    @property
    def id(self) -> str:
        return self.manifest.id

    def code(self, part: str) -> Path | None:
        """The path of `simulator.py`, `model.py` or `importer.py`; None when there is none."""
        file = self.folder / f"{part}.py"
        return file if file.is_file() else None


def read_manifest(folder: Path) -> Manifest:
    """The manifest alone. Raises LamplighterError (P-605)."""
    return _read(folder, MANIFEST_FILE, Manifest)


def load_folder(folder: Path) -> Plugin:
    """The whole plugin. Raises LamplighterError (P-605) that names the file and what is wrong."""
    manifest = read_manifest(folder)
    if not manifest.fits:
        what = f"it is written for contract {manifest.api}, this program has {API_VERSION}"
        raise fault("P-605", name=manifest.id, what=what)
    plugin = Plugin(
        folder,
        manifest,
        _read(folder, "assets.toml", Catalogue),
        _read(folder, "decoders.toml", Decoders),
        _read(folder, "rules.toml", Rules),
        _read(folder, "views.toml", Views),
        _read(folder, "quality.toml", QualityList),
    )
    faults = inner_faults(plugin)
    if faults:
        raise fault("P-605", name=manifest.id, what="; ".join(faults[:3]))
    return plugin


def inner_faults(plugin: Plugin) -> list[str]:
    """Where the files of one plugin contradict each other or its code the contract."""
    faults = _dangling(plugin)
    faults += _state_faults(plugin)
    if not faults:
        kinds = plugin.catalogue.kinds()
        for decoder in plugin.decoders.decoder:
            faults += example_faults(decoder, kinds)
    for file in sorted(plugin.folder.glob("*.py")):
        if file.name not in CODE_FILES:
            faults.append(f"{file.name} is no file of the contract")
        faults += import_faults(file, plugin.manifest.engines)
    return faults


def promise_faults(plugin: Plugin) -> list[str]:
    """Where the manifest promises a Python file that is missing, or does not name one."""
    faults = []
    for part in ("simulator", "model", "importer"):
        present = plugin.code(part) is not None
        if part in plugin.manifest.provides and not present:
            faults.append(f"{MANIFEST_FILE} promises {part}.py, which is missing")
        elif present and part not in plugin.manifest.provides:
            faults.append(f"{part}.py is there but not among 'provides'")
    return faults


def _dangling(plugin: Plugin) -> list[str]:
    """References to kinds, asset types or units that the plugin does not define."""
    kinds = plugin.catalogue.kinds()
    types = {t.id for t in plugin.catalogue.asset_type}
    faults = []
    used = [(f"rule {r.id}", r.kind) for r in plugin.rules.rule]
    used += [(f"interlock {i.id}", i.kind) for i in plugin.rules.interlock]
    used += [(f"panel {p.id}", k) for p in plugin.views.panel for k in p.kinds]
    used += [(f"figure {f.id}", f.kind) for f in plugin.views.figure]
    used += [(f"layer {y.id}", y.tint_by) for y in plugin.views.layer if y.tint_by]
    points = [(d, p) for d in plugin.decoders.decoder for p in d.point]
    used += [(f"decoder {d.id}", p.kind) for d, p in points]
    faults += [f"{who} names the unknown kind '{k}'" for who, k in used if k not in kinds]
    for decoder, point in points:
        if point.kind in kinds and kinds[point.kind].conversion(point.unit) is None:
            faults.append(f"decoder {decoder.id}: {point.kind} has no unit '{point.unit}'")
    on = [(f"rule {r.id}", t) for r in plugin.rules.rule for t in r.asset_types]
    on += [(f"interlock {i.id}", i.asset_type) for i in plugin.rules.interlock]
    on += [(f"layer {y.id}", t) for y in plugin.views.layer for t in y.asset_types]
    on += [(f"kind {k.id}", t) for k in plugin.catalogue.kind for t in k.asset_types]
    faults += [f"{who} names the unknown asset type '{t}'" for who, t in on if t not in types]
    return faults


def _state_faults(plugin: Plugin) -> list[str]:
    """States that a rule, decoder or figure names and their kind does not have."""
    kinds = plugin.catalogue.kinds()
    named = [
        (f"rule {r.id}", r.kind, r.threshold)
        for r in plugin.rules.rule
        if r.condition == "equals" and isinstance(r.threshold, str)
    ]
    named += [
        (f"interlock {i.id}", i.kind, i.threshold)
        for i in plugin.rules.interlock
        if i.condition == "equals" and isinstance(i.threshold, str)
    ]
    named += [(f"figure {f.id}", f.kind, f.state) for f in plugin.views.figure if f.state]
    named += [
        (f"decoder {d.id}", p.kind, word)
        for d in plugin.decoders.decoder
        for p in d.point
        for word in p.enum.values()
    ]
    return [
        f"{who}: {kind} has no state '{state}'"
        for who, kind, state in named
        if kind in kinds and state not in kinds[kind].states
    ]


def _read(folder: Path, name: str, model: type[M]) -> M:
    file = folder / name
    try:
        if file.stat().st_size > _MAX_BYTES:
            raise fault("P-605", name=folder.name, what=f"{name} is larger than 1 MB")
        content = tomllib.loads(file.read_text(encoding="utf-8"))
        return model.model_validate(content)
    except FileNotFoundError:
        raise fault("P-605", name=folder.name, what=f"{name} is missing") from None
    except ValidationError as error:
        raise fault("P-605", name=folder.name, what=f"{name}: {_first(error)}") from None
    except (OSError, ValueError) as error:
        raise fault("P-605", name=folder.name, what=f"{name} cannot be read ({error})") from None


def _first(error: ValidationError) -> str:
    found = error.errors(include_url=False)[0]
    where = ".".join(str(p) for p in found["loc"])
    more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
    return f"{where + ': ' if where else ''}{found['msg']}{more}"
