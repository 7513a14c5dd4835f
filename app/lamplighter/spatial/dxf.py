"""DXF drawings: every entity of the model space becomes an object, with its layer's name.

Block references are unfolded, curves become lines of short pieces, hatches, solids and meshes
become faces. A damaged file is repaired as far as it goes, and what was repaired is said.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from lamplighter.spatial.dxf_entities import Drawing
from lamplighter.spatial.dxf_place import drawing_place, image_files
from lamplighter.spatial.model import Refused, SourceModel, sound_text

if TYPE_CHECKING:
    from ezdxf.document import Drawing as Document

Progress = Callable[[int, int, str], None]
ENDINGS: Final = (".dxf", ".dwg")
MAX_BYTES: Final = 400_000_000
_BINARY: Final = b"AutoCAD Binary DXF"
_DWG: Final = re.compile(rb"\AAC10\d\d\x00|\AAC1\.\d")
VERSIONS: Final = {
    "AC1009": "R12", "AC1012": "R13", "AC1014": "R14", "AC1015": "2000", "AC1018": "2004",
    "AC1021": "2007", "AC1024": "2010", "AC1027": "2013", "AC1032": "2018",
}  # fmt: skip


def claims(path: Path, head: bytes) -> bool:
    """A drawing by its first group, or by its name where that is damaged."""
    return (
        head.startswith(_BINARY)
        or _begins_with_section(head[:8_000])
        or _DWG.match(head) is not None
        or path.suffix.lower() == ".dxf"
    )


def _begins_with_section(head: bytes) -> bool:
    """Comments (group 999) and then the group 0 SECTION."""
    lines = [line.strip() for line in head.removeprefix(b"\xef\xbb\xbf").splitlines()]
    lines = [line for line in lines if line]
    while len(lines) >= 2 and lines[0] == b"999":
        del lines[:2]
    return lines[:2] == [b"0", b"SECTION"]


def brings(path: Path) -> list[Path]:
    """The files beside it that say where it lies, and the pictures laid under it."""
    beside = [path.with_suffix(ending) for ending in (".prj", ".wld")]
    return [file for file in beside if file.is_file()] + image_files(path)


def read(path: Path, progress: Progress) -> SourceModel:
    """Raises `Refused` for DWG, for what is no drawing, and for more than fits."""
    with path.open("rb") as file:
        head = file.read(4096)
    if _DWG.match(head):
        raise Refused("I-504", "DWG, a format without a published description: save it as DXF")
    if path.stat().st_size > MAX_BYTES:
        raise Refused("I-502", f"a drawing of more than {MAX_BYTES / 1e6:.0f} MB")
    logging.getLogger("ezdxf").setLevel(logging.CRITICAL)
    model = SourceModel("DXF", kind="cad")
    progress(0, 3, "reading")
    document = _document(path, model)
    model.version = sound_text(VERSIONS.get(document.dxfversion, document.dxfversion))
    _metadata(document, model)
    progress(1, 3, "unfolding")
    Drawing(document, model, path, progress).run()
    drawing_place(document, model, path)
    model.warnings[:] = [sound_text(text) for text in model.warnings]
    return model


def _document(path: Path, model: SourceModel) -> Document:
    """The drawing, repaired when it cannot be read as it is."""
    from ezdxf import recover
    from ezdxf.filemanagement import readfile

    try:
        return readfile(path)
    except OSError as error:
        if not isinstance(error, UnicodeError) and error.errno is not None:
            raise
        why = str(error)
    except MemoryError:
        raise
    except Exception as error:  # any fault of a damaged file: the repair decides
        why = str(error) or type(error).__name__
    try:
        document, auditor = recover.readfile(path)
    except MemoryError:
        raise
    except Exception as error:
        raise Refused("I-503", str(error) or type(error).__name__) from error
    if not len(document.modelspace()) and not len(document.layers) > 2:
        raise Refused("I-503", why)
    mended, left = len(auditor.fixes), len(auditor.errors)
    model.warnings.append(
        f"the drawing is damaged ({why[:120]}); it was repaired "
        f"({mended} repairs, {left} faults left)"
    )
    return document


def _metadata(document: Document, model: SourceModel) -> None:
    from ezdxf import units

    unit = int(document.header.get("$INSUNITS", 0) or 0)
    if unit:
        try:
            model.unit_metres = float(units.conversion_factor(unit, units.M))  # type: ignore[arg-type]
        except (ValueError, KeyError, IndexError):
            model.warnings.append(f"its unit has the unknown number {unit}")
    paper = sum(len(layout) for layout in document.layouts if layout.name != "Model")
    if paper:
        model.warnings.append(f"{paper} objects lie on its paper sheets and were left out")
    missing: Any = [b.name for b in document.blocks if b.block is not None and b.block.is_xref]
    if missing:
        model.warnings.append(
            f"{len(missing)} drawings that it refers to were not followed: {', '.join(missing[:5])}"
        )
