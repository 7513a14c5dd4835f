"""Networks read by a domain plugin's importer, in the shape all readers share."""

from __future__ import annotations

import importlib.util
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from lamplighter.domain.importing import ImportedNetwork
from lamplighter.spatial.model import Feature, Refused, SourceModel

Importer = Callable[[Path], ImportedNetwork]


def load_importers(files: list[Path]) -> dict[str, Importer]:
    """File ending -> `read` of each `importer.py` in `files`.

    A module that cannot be loaded is left out: its formats then count as unknown.
    """
    found: dict[str, Importer] = {}
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
        read = getattr(module, "read", None)
        for ending in getattr(module, "EXTENSIONS", ()):
            if callable(read) and isinstance(ending, str):
                found.setdefault(ending.lower(), read)
    return found


def read(path: Path, importer: Importer) -> SourceModel:
    """Run a plugin's importer; whatever it raises becomes one line."""
    try:
        network = importer(path)
    except (OSError, MemoryError):
        raise
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
            name=item.name,
            domain=item.domain,
            attributes=dict(item.attributes),
            at=item.at,
            path=list(item.path) or None,
            people=item.people,
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
    return model
