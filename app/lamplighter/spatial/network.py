"""Networks read by a domain plugin's importer, in the shape all readers share."""

from __future__ import annotations

import importlib.util
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from lamplighter.domain.importing import ImportedNetwork, NoCityObjects
from lamplighter.spatial.definitions import by_definition
from lamplighter.spatial.model import Feature, Refused, SourceModel, sound_text


@dataclass(frozen=True, slots=True)
class Importer:
    """What a plugin's `importer.py` offers; without `claims` every file of its endings is its."""

    read: Callable[[Path], ImportedNetwork]
    claims: Callable[[Path, bytes], bool] | None = None


Importers = Mapping[str, tuple[Importer, ...]]
"""file ending, lower case with its dot -> those who may read it"""


def load_importers(files: list[Path]) -> dict[str, tuple[Importer, ...]]:
    """Those of each `importer.py` in `files`, by the endings they state.

    A module that cannot be loaded is left out: its formats then count as unknown.
    """
    found: dict[str, tuple[Importer, ...]] = {}
    for file in files:
        name = f"lamplighter_plugins.{file.parent.name}.importer"
        spec = importlib.util.spec_from_file_location(name, file)
        if spec is None or spec.loader is None:
            continue
        module = importlib.util.module_from_spec(spec)
        try:
            spec.loader.exec_module(module)
        except Exception:
            continue
        offered, claims = getattr(module, "read", None), getattr(module, "claims", None)
        if not callable(offered):
            continue
        one = Importer(offered, claims if callable(claims) else None)
        for ending in getattr(module, "EXTENSIONS", ()):
            if isinstance(ending, str):
                found[ending.lower()] = (*found.get(ending.lower(), ()), one)
    return found


def chosen(path: Path, head: bytes, importers: Importers) -> Importer | None:
    """Whose file this is, by its ending and, where several formats share one, by its content."""
    for importer in importers.get(path.suffix.lower(), ()):
        if importer.claims is None:
            return importer
        try:
            if importer.claims(path, head):
                return importer
        except Exception:  # a plugin that fails at this has no claim
            continue
    return None


def read(path: Path, importer: Importer) -> SourceModel:
    """Run a plugin's importer; whatever it raises becomes one line."""
    try:
        network = importer.read(path)
    except (OSError, MemoryError):
        raise
    except NoCityObjects as error:
        raise Refused("I-511", str(error)) from error
    except ValueError as error:
        raise Refused("I-504", str(error)) from error
    except Exception as error:
        raise Refused("I-503", f"its reader failed: {type(error).__name__}") from error
    model = SourceModel(network.format, network.version, network.crs)
    model.kind = "network"
    model.features = [
        Feature(
            id=item.id,
            type=item.type,
            name=sound_text(item.name),
            domain=item.domain,
            attributes={
                sound_text(k): sound_text(v) if isinstance(v, str) else v
                for k, v in item.attributes.items()
            },
            at=item.at,
            path=list(item.path) or None,
            people=item.people,
            flat=item.flat,
        )
        for item in network.objects
    ]
    model.counts = dict(sorted(Counter(item.type for item in network.objects).items()))
    model.edges = list(network.edges)
    model.refused = list(network.refused)
    model.warnings = list(network.warnings)
    model.heights_in_metres = True
    model.network = True
    model.kind = "network"
    if network.crs.startswith("+"):
        by_definition(model, network.crs)
    return model
