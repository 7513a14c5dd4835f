"""Import files without a recorder and write them out again, for tests of the export."""

from __future__ import annotations

from pathlib import Path

from msgspec.structs import replace

from lamplighter.domain.city import Frame
from lamplighter.domain.importing import ImportedFile
from lamplighter.spatial.exporting.sources import CityFacts, Collected, KeptLayer, collect
from lamplighter.spatial.reader import choose_frame, read_file


def imported(path: Path, folder: Path, frame: Frame | None = None) -> ImportedFile:
    return read_file(path, project_frame=frame, tiles_folder=folder / "tiles")


def facts_of(*files: ImportedFile) -> CityFacts:
    """The city that these files make together."""
    facts = CityFacts(choose_frame(list(files)), [], [], [], [])
    for number, file in enumerate(files):
        assert file.layer is not None, file.report
        layer = replace(file.layer, id=f"{file.layer.name}-{number}")
        facts.layers.append(KeptLayer(layer, file.report.file))
        facts.assets += [replace(a, layer=layer.id) for a in file.assets]
        facts.edges += file.edges
    return facts


def collected(facts: CityFacts, folder: Path, *kinds: str) -> Collected:
    scratch = folder / "scratch"
    scratch.mkdir(exist_ok=True)
    return collect(facts, kinds or ("model",), scratch, {}, lambda *_: None)
