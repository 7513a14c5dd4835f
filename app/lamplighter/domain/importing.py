"""What an import says about each file; the keys others script against."""

from __future__ import annotations

from msgspec import Struct, field

from lamplighter.domain.city import Asset, Attribute, Datastream, Edge
from lamplighter.domain.layers import Layer


class Unplaced(Struct, frozen=True):
    id: str
    reason: str


class Example(Struct, frozen=True):
    """One changed value of one object."""

    id: str
    what: str
    before: Attribute = None
    after: Attribute = None


class Difference(Struct):
    """What a newer version of a file changed; ids stay what they are."""

    before: str = ""
    """the file it replaces"""
    same: int = 0
    added: int = 0
    removed: int = 0
    moved: int = 0
    changed: int = 0
    attributes: dict[str, int] = field(default_factory=dict)
    """attribute (or name, type ...) -> objects in which it changed"""
    added_ids: list[str] = field(default_factory=list)
    """some of them, as the other lists"""
    removed_ids: list[str] = field(default_factory=list)
    moved_ids: list[Example] = field(default_factory=list)
    changed_ids: list[Example] = field(default_factory=list)


class FileReport(Struct):
    """One imported file."""

    file: str
    format: str = ""
    version: str = ""
    crs: str = ""
    """as `EPSG:n`; empty when none was found"""
    crs_evidence: str = ""
    extent_wgs84: list[float] | None = None
    """[west, south, east, north]"""
    objects: dict[str, int] = field(default_factory=dict)
    triangles: int = 0
    placed: int = 0
    unplaced: list[Unplaced] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    error: str | None = None
    seconds: float = 0.0
    layer: str = ""
    """id of the layer it became"""
    kind: str = ""
    """one of `layers.LAYER_KINDS`"""
    lods: list[float] = field(default_factory=list)
    licence: str = ""
    attribution: str = ""
    date: str = ""
    terms_from: str = ""
    """where licence and attribution were found"""
    part_of: str = ""
    """the file it was read together with; such a row has nothing of its own"""
    already: bool = False
    """it was in before, unchanged, and was not read again"""
    difference: Difference | None = None
    """against the version of the file that was in before"""
    set_aside: int = 0
    """rows or values of the past that went to the quarantine"""
    from_ms: int = 0
    to_ms: int = 0
    """first and last moment of the past that was taken; 0 where nothing was"""


class RegisterMapping(Struct, frozen=True, forbid_unknown_fields=True):
    """How a register's own columns are read, and how datastreams find their asset."""

    columns: dict[str, str] = {}
    """our name -> the register's column: id, type, name, domain, parent, people, lon, lat, x, y,
    crs, source, datastream, asset, kind, unit, target ..."""
    values: dict[str, dict[str, str]] = {}
    """our name -> the register's word -> ours"""
    constants: dict[str, str] = {}
    """our name -> one value for all rows"""
    connections: dict[str, str] = {}
    """kind of connection -> the column with the asset at its beginning; its end is the row's"""
    pattern: str = ""
    """name of a datastream, such as `{asset}_{kind}` or `*/{asset}.{kind}`; `*` is anything"""
    near_m: float = 0.0
    """bind a datastream with a position to the nearest asset within so many metres"""
    near_type: str = ""
    """only to assets of this type"""


class Binding(Struct, frozen=True):
    """A datastream that gets its asset."""

    datastream: str
    """`source/name`"""
    asset: str
    how: str
    """`table`, `pattern` or `position`, with the distance"""
    kind: str = ""


class Unbound(Struct, frozen=True):
    """A datastream that gets none, and why."""

    datastream: str
    reason: str


class RegisterReport(Struct):
    """What a register brings; the same before and after it is applied."""

    file: str
    layer: str = ""
    new: int = 0
    """assets nobody described before"""
    known: int = 0
    """assets that others describe too, now completed"""
    connections: int = 0
    bindings: list[Binding] = field(default_factory=list)
    unbound: list[Unbound] = field(default_factory=list)
    refused: list[Unplaced] = field(default_factory=list)
    """rows that cannot be taken"""
    unplaced: list[Unplaced] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    applied: bool = False


class PassedOver(Struct, frozen=True):
    """A file of an imported folder that is no data."""

    file: str
    why: str


class ImportedFile(Struct):
    """What a reader hands over: the report, the assets and edges, and where the tiles lie.

    `tiles` are names of .npz files in the project's `cache/tiles/` (see `spatial.tiles`).
    """

    report: FileReport
    assets: list[Asset] = field(default_factory=list)
    edges: list[Edge] = field(default_factory=list)
    tiles: list[str] = field(default_factory=list)
    layer: Layer | None = None
    """the file as a layer; its id is given by who keeps it"""
    content_hash: str = ""
    key: str = ""
    """how the names of its tiles begin"""
    suggested_epsg: int = 0
    """the projected CRS to found a new project's frame on"""
    suggested_origin: tuple[float, float] = (0.0, 0.0)
    spots: dict[str, tuple[float, float]] = field(default_factory=dict)
    """where a register says a datastream is measured, local metres, by `source/name`"""
    datastreams: list[Datastream] = field(default_factory=list)
    """bindings a file states (source, name, asset, kind, unit ...); their `id` is 0, the store
    gives the real one"""


class NoCityObjects(ValueError):
    """A file that is well understood and holds nothing of a city; the text says what it is."""


class NetworkObject(Struct, frozen=True):
    """One object of a utility network as its file states it."""

    id: str
    type: str
    """asset type, e.g. Junction, Pipe"""
    name: str
    domain: str
    at: tuple[float, float, float] | None = None
    """x, y in the file's own map coordinates, z in metres; None where the file gives none"""
    path: tuple[tuple[float, float, float], ...] = ()
    """the course of a line-shaped object, in the same way"""
    attributes: dict[str, Attribute] = {}
    people: int = 0
    flat: bool = False
    """the file states no height for it: it lies on the ground"""


class ImportedNetwork(Struct):
    """What a plugin's `importer.py` hands over: `read(path) -> ImportedNetwork`.

    Beside `read` such a module states `EXTENSIONS`, e.g. `(".inp",)`, and where other formats share
    an ending `claims(path, head: bytes) -> bool`, which looks at the first bytes. `read` raises
    ValueError with one readable line when the file cannot be taken.
    """

    format: str
    version: str = ""
    crs: str = ""
    """name of the coordinate system when the file states one"""
    objects: list[NetworkObject] = field(default_factory=list)
    edges: list[Edge] = field(default_factory=list)
    refused: list[Unplaced] = field(default_factory=list)
    """objects that could not be taken at all, with the reason"""
    warnings: list[str] = field(default_factory=list)
