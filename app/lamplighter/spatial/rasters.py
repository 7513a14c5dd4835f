"""Terrain and pictures as rasters: GeoTIFF, Esri grids, PNG and JPEG with a world file.

One band of heights becomes a surface of triangles, finer where the ground is rough; colours and
grey pictures become textures that are laid on the ground. Large rasters are read coarser, so that
memory does not grow with the file; what that costs in accuracy is stated.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from lamplighter.domain.city import Attribute
from lamplighter.spatial.model import SURFACE_INDEX, Feature, Floats, Ints, MeshPart, Refused
from lamplighter.spatial.model import SourceModel as Model
from lamplighter.spatial.relief import Relief, relief

Progress = Callable[[int, int, str], None]
ENDINGS: Final = (".tif", ".tiff", ".asc", ".png", ".jpg", ".jpeg", ".jp2", ".vrt")
_TIFF: Final = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_WORLD: Final = {
    ".png": (".pgw", ".pngw", ".wld"), ".jpg": (".jgw", ".jpgw", ".wld"),
    ".jpeg": (".jgw", ".jpegw", ".wld"), ".tif": (".tfw", ".tifw", ".wld"),
    ".tiff": (".tfw", ".tiffw", ".wld"), ".asc": (),
}  # fmt: skip
MAX_SIDE: Final = 1_025
"""samples of heights along the longer side"""
MAX_PIXELS: Final = 6_144
"""pixels of a picture along the longer side"""
TILE_PIXELS: Final = 1_024
_GRID: Final = 24
_MAX_CELLS: Final = 100_000_000_000
_ERROR_SHARE: Final = 1 / 400
Bytes = npt.NDArray[np.uint8]


def claims(path: Path, head: bytes) -> bool:
    """Pictures only with a world file beside them; they are no maps without."""
    if head.startswith(_TIFF):
        return True
    ending = path.suffix.lower()
    if head.startswith((b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")):
        return bool(_companions(path))
    return ending in (".asc", ".grd", ".txt") and head[:6].lower().startswith(b"ncols")


def brings(path: Path) -> list[Path]:
    """World file, system and notes beside the raster."""
    return _companions(path) + [
        p
        for p in (path.with_suffix(".prj"), Path(f"{path}.aux.xml"), Path(f"{path}.ovr"))
        if p.is_file()
    ]


def _companions(path: Path) -> list[Path]:
    endings = _WORLD.get(path.suffix.lower(), ())
    return [
        path.with_suffix(found)
        for ending in endings
        for found in (ending, ending.upper())
        if path.with_suffix(found).is_file()
    ]


def read(path: Path, progress: Progress) -> Model:
    """Terrain or picture; raises `Refused` when it is neither or cannot be read."""
    import rasterio

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # no place is said in the report, in our words
        try:
            with (
                rasterio.Env(
                    GDAL_DISABLE_READDIR_ON_OPEN="FALSE",
                    CPL_VSIL_CURL_ALLOWED_EXTENSIONS=".none",
                    GDAL_CACHEMAX=64,
                ),
                rasterio.open(path, driver=_driver(path)) as raster,
            ):
                return _read(raster, path, progress)
        except rasterio.errors.RasterioError as error:
            text = str(error).splitlines()[0].replace(str(path), path.name)
            raise Refused("I-503", text) from error


def _driver(path: Path) -> str:
    """The one driver that may look at the file."""
    with path.open("rb") as file:
        head = file.read(8)
    if head.startswith(_TIFF):
        return "GTiff"
    if head.startswith(b"\x89PNG"):
        return "PNG"
    return "JPEG" if head.startswith(b"\xff\xd8") else "AAIGrid"


def _read(raster: Any, path: Path, progress: Progress) -> Model:
    if raster.width * raster.height > _MAX_CELLS:
        raise Refused("I-502", f"{raster.width:,} by {raster.height:,} cells")
    if not raster.count:
        raise Refused("I-504", "a raster without bands")
    if raster.transform.is_identity and not raster.gcps[0]:
        raise Refused("I-504", "a picture that does not say where on the map it belongs")
    if raster.transform.is_identity:
        raise Refused("I-504", "a picture placed by control points; bring it onto a grid first")
    model = Model("GeoTIFF" if raster.driver == "GTiff" else f"{raster.driver} raster")
    if raster.driver == "AAIGrid":
        model.format = "Esri ASCII grid"
    model.crs_text = _system(raster)
    model.heights_in_metres = (raster.units[0] or "m").lower() in ("m", "metre", "metres", "meter")
    tags = raster.tags()
    model.date = str(tags.get("TIFFTAG_DATETIME", ""))[:10].replace(":", "-")
    model.attribution = str(tags.get("TIFFTAG_COPYRIGHT", ""))[:300]
    if _is_terrain(raster):
        _terrain(raster, path, model, progress)
    else:
        _picture(raster, path, model, progress)
    return model


def _system(raster: Any) -> str:
    if raster.crs is None:
        return ""
    code = raster.crs.to_epsg()
    return f"EPSG:{code}" if code else str(raster.crs.to_wkt())


def _is_terrain(raster: Any) -> bool:
    """One band that is no picture: bytes, palettes and grey with colours beside it are."""
    if raster.count > 2 or raster.dtypes[0] == "uint8":
        return False
    return "palette" not in {c.name for c in raster.colorinterp}


def _on_map(raster: Any, column: Floats, row: Floats) -> tuple[Floats, Floats]:
    """Map coordinates of places in the raster, counted from its upper left corner."""
    turn = raster.transform
    return turn.a * column + turn.b * row + turn.c, turn.d * column + turn.e * row + turn.f


def _north_up(raster: Any) -> bool:
    """Rows run downwards on the map, as usual; else the triangles would look down."""
    turn = raster.transform
    return float(turn.a * turn.e - turn.b * turn.d) < 0.0


def _facts(raster: Any) -> dict[str, Attribute]:
    return {
        "columns": raster.width,
        "rows": raster.height,
        "bands": raster.count,
        "values": raster.dtypes[0],
        "cell_x": float(math.hypot(raster.transform.a, raster.transform.d)),
        "cell_y": float(math.hypot(raster.transform.b, raster.transform.e)),
    }


def _terrain(raster: Any, path: Path, model: Model, progress: Progress) -> None:
    """The first band as triangles."""
    progress(1, 4, "heights")
    step = max(math.ceil((max(raster.width, raster.height) - 1) / (MAX_SIDE - 1)), 1)
    heights = _heights(raster, step)
    known = np.isfinite(heights)
    if not known.any():
        raise Refused("I-504", "a terrain without a single height")
    progress(2, 4, "surface")
    low, high = float(heights[known].min()), float(heights[known].max())
    surface = relief(heights, max((high - low) * _ERROR_SHARE, 0.05))
    points = _points(raster, surface, heights, step)
    model.kind = "terrain"
    model.counts = {"Terrain": 1}
    model.features.append(
        Feature(
            id=f"terrain-{path.stem}",
            type="Terrain",
            name=path.stem,
            domain="environment",
            attributes={
                **_facts(raster),
                "lowest": round(low, 3),
                "highest": round(high, 3),
                "vertical_error": round(surface.error, 3),
                "cells_without_height": int((~known).sum()),
            },
        )
    )
    model.meshes.append(MeshPart(points, surface.triangles, surface=SURFACE_INDEX["Terrain"]))
    if step > 1:
        model.warnings.append(
            f"the terrain is drawn from every {step}th row and column, "
            f"averaged over {step} by {step} cells"
        )
    if not known.all():
        model.warnings.append(f"{int((~known).sum()):,} cells have no height; they stay open")


def _heights(raster: Any, step: int) -> Floats:
    """The first band (rows, columns), every `step`th cell; NaN where there is no height."""
    from rasterio.enums import Resampling

    shape = (math.ceil(raster.height / step), math.ceil(raster.width / step))
    band = raster.read(
        1, out_shape=shape, masked=True,
        resampling=Resampling.average if step > 1 else Resampling.nearest,
    )  # fmt: skip
    heights: Floats = np.ma.filled(band.astype(np.float64), np.nan)
    heights = heights * float(raster.scales[0]) + float(raster.offsets[0])
    heights[~(np.abs(heights) < 12_000.0)] = np.nan
    return heights


def _points(raster: Any, surface: Relief, heights: Floats, step: int) -> Floats:
    """Points (n, 3) of the surface in the raster's system; heights stand at cell centres."""
    rows, columns = surface.rows.astype(float), surface.columns.astype(float)
    scale_x = raster.width / heights.shape[1]
    scale_y = raster.height / heights.shape[0]
    x, y = _on_map(raster, (columns + 0.5) * scale_x, (rows + 0.5) * scale_y)
    return np.stack([x, y, heights[surface.rows, surface.columns]], axis=1)


def _picture(raster: Any, path: Path, model: Model, progress: Progress) -> None:
    """The picture in tiles, each a grid of triangles that is later laid on the ground."""
    step = max(max(raster.width, raster.height) / MAX_PIXELS, 1.0)
    model.kind = "imagery"
    model.counts = {"Imagery": 1}
    model.features.append(
        Feature(
            id=f"imagery-{path.stem}", type="Imagery", name=path.stem, domain="environment",
            attributes=_facts(raster), flat=True,
        )
    )  # fmt: skip
    windows = list(_windows(raster.width, raster.height, int(TILE_PIXELS * step)))
    limits = _brightness(raster)
    for place, (column, row, width, height) in enumerate(windows):
        progress(place, len(windows), "picture")
        shape = (max(round(height / step), 1), max(round(width / step), 1))
        pixels, opaque = _pixels(raster, (column, row, width, height), shape, limits)
        if not opaque.any():
            continue
        points, triangles, uv = _sheet(raster, column, row, width, height)
        model.meshes.append(MeshPart(points, triangles, uv=uv, image=_encoded(pixels, opaque)))
    if not model.meshes:
        raise Refused("I-504", "a picture without a single pixel")
    if step > 1.0:
        model.warnings.append(f"the picture is drawn {step:.1f} times coarser than it is")


def _windows(width: int, height: int, size: int) -> Iterator[tuple[int, int, int, int]]:
    for row in range(0, height, size):
        for column in range(0, width, size):
            yield column, row, min(size, width - column), min(size, height - row)


def _brightness(raster: Any) -> tuple[float, float]:
    """Which values are black and white in a picture of more than eight bits."""
    if raster.dtypes[0] == "uint8":
        return 0.0, 255.0
    shape = (min(raster.height, 512), min(raster.width, 512))
    some = raster.read(1, out_shape=shape, masked=True).compressed()
    some = some[np.isfinite(some)]
    if not len(some):
        return 0.0, 1.0
    low, high = np.percentile(some.astype(float), [2.0, 98.0]).tolist()
    return low, max(high, low + 1e-9)


def _pixels(
    raster: Any,
    window: tuple[int, int, int, int],
    shape: tuple[int, int],
    limits: tuple[float, float],
) -> tuple[Bytes, npt.NDArray[np.bool_]]:
    """Red, green and blue (3, rows, columns), and where the picture is opaque."""
    from rasterio.enums import ColorInterp, Resampling
    from rasterio.windows import Window

    part = Window(*window)
    colours = [
        number
        for number, meaning in enumerate(raster.colorinterp, 1)
        if meaning != ColorInterp.alpha
    ]
    palette = raster.colorinterp[0] == ColorInterp.palette
    bands = colours[:3] if len(colours) >= 3 else colours[:1]
    data = raster.read(
        bands, window=part, out_shape=(len(bands), *shape),
        resampling=Resampling.nearest if palette else Resampling.average,
    )  # fmt: skip
    opaque = raster.dataset_mask(window=part, out_shape=shape) > 0
    if palette:
        table = np.zeros((256, 3), np.uint8)
        for value, colour in raster.colormap(1).items():
            if 0 <= value < 256:
                table[value] = colour[:3]
        return np.moveaxis(table[data[0].astype(np.uint8)], 2, 0), opaque
    if raster.dtypes[0] != "uint8":
        low, high = limits
        with np.errstate(invalid="ignore"):
            scaled = (data.astype(float) - low) / (high - low) * 255.0
        data = np.nan_to_num(np.clip(scaled, 0.0, 255.0)).astype(np.uint8)
    return (data if len(bands) == 3 else np.repeat(data, 3, axis=0)), opaque


def _sheet(
    raster: Any, column: int, row: int, width: int, height: int
) -> tuple[Floats, Ints, npt.NDArray[np.float32]]:
    """A grid over one window: points at height 0, triangles, places in the picture."""
    steps = np.linspace(0.0, 1.0, _GRID + 1)
    across, down = np.meshgrid(steps, steps)
    x, y = _on_map(raster, column + across.ravel() * width, row + down.ravel() * height)
    points = np.stack([x, y, np.zeros(len(x))], axis=1)
    uv = np.stack([across.ravel(), 1.0 - down.ravel()], axis=1).astype(np.float32)
    side = _GRID + 1
    corner = (np.arange(_GRID)[:, None] * side + np.arange(_GRID)).ravel()
    first = np.stack([corner, corner + side, corner + side + 1], axis=1)
    second = np.stack([corner, corner + side + 1, corner + 1], axis=1)
    triangles = np.concatenate([first, second]).astype(np.int64)
    return points, triangles if _north_up(raster) else triangles[:, ::-1], uv


def _encoded(pixels: Bytes, opaque: npt.NDArray[np.bool_]) -> bytes:
    """JPEG, or PNG with transparency where the picture has gaps."""
    import rasterio

    whole = bool(opaque.all())
    if not whole:
        pixels = np.concatenate([pixels, (opaque * np.uint8(255))[None].astype(np.uint8)])
    with rasterio.MemoryFile() as memory:
        options = {"quality": 88} if whole else {"zlevel": 6}
        with memory.open(
            driver="JPEG" if whole else "PNG", count=len(pixels), dtype="uint8",
            height=pixels.shape[1], width=pixels.shape[2], **options,
        ) as out:  # fmt: skip
            out.write(pixels)
        return bytes(memory.read())
