"""The city, what is imported into it, its check and its exports."""

from __future__ import annotations

from msgspec import field

from lamplighter.domain.city import Asset, Datastream, Edge, Frame
from lamplighter.domain.disagreement import Disagreement
from lamplighter.domain.findings import CheckResult
from lamplighter.domain.importing import FileReport, PassedOver, RegisterReport
from lamplighter.domain.layers import Layer, LayerRemoval
from lamplighter.domain.wire.message import Message


class GetCity(Message, frozen=True):
    pass


class City(Message, frozen=True):
    assets: tuple[Asset, ...]
    edges: tuple[Edge, ...]
    datastreams: tuple[Datastream, ...]
    tiles: tuple[str, ...]
    """paths of tile files (.npz), to be drawn in this order"""
    frame: Frame | None
    layers: tuple[Layer, ...] = ()
    """imported files with the descriptions of their tiles"""


class ImportFiles(Message, frozen=True):
    paths: tuple[str, ...]
    crs: str = ""
    fit: bool = False
    """scale a network without a coordinate system into the city"""
    two_points: str = ""
    """places files without a coordinate system: `x1,y1=LON1,LAT1;x2,y2=LON2,LAT2`; the places
    are coordinates of `crs` when that is given"""
    fixed_scale: bool = False
    """the points turn and shift; the scale is that of the file's unit"""
    crs_of: dict[str, str] = field(default_factory=dict)
    """path -> `EPSG:n` for that file alone"""
    replace: str = ""
    """id of the layer that the one file is a newer version of"""
    again: bool = False
    """read also what is in already and unchanged"""
    preview: bool = False
    """only tell what would come in; nothing is kept"""


class RegisterAssets(Message, frozen=True):
    """Take in an asset register, or only plan it. Answered by TaskStarted, then RegisterDone."""

    path: str
    mapping: str = ""
    """text of the TOML mapping"""
    crs: str = ""
    preview: bool = True


class RemoveLayer(Message, frozen=True):
    """Take back an import; with `preview` only count what would go. Answered by LayerRemoved."""

    layer: str
    preview: bool = True


class LayerRemoved(Message, frozen=True):
    removal: LayerRemoval


class RunCheck(Message, frozen=True):
    """Check the city; its result comes as a `CheckDone` event. Fixes are made before."""

    fix: bool = False
    """mend what can be mended: `codes` and `keys` say what, both empty: everything"""
    codes: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    """`Finding.key` of single findings"""
    undo: bool = False
    """take back the fixes: those of `codes`, or the newest ones made together"""


class ExportCity(Message, frozen=True):
    """Write the city into a file; `ExportDone` says how it ended."""

    format: str
    """cityjson | geopackage | gltf | csv | parquet"""
    out: str
    """path on the recorder's machine"""


class WriteCheckReport(Message, frozen=True):
    """Write the findings of the last check into a file, HTML or JSON by its ending."""

    path: str


class CityChanged(Message, frozen=True):
    """Assets, edges, tiles or datastreams changed: ask for the city again."""

    why: str


class ImportDone(Message, frozen=True):
    files: tuple[FileReport, ...]
    task: int = 0
    problem: str = ""
    """why the import ended early; empty when it did not"""
    preview: bool = False
    cancelled: bool = False
    unread: int = 0
    """files it did not come to before it was cancelled"""
    passed_over: tuple[PassedOver, ...] = ()
    peak_rss_mb: float = 0.0
    """the most memory recorder and workers held together"""


class CheckDone(Message, frozen=True):
    """What a check found; `problem` says why it ended early, empty when it did not."""

    result: CheckResult
    task: int = 0
    problem: str = ""


class ExportDone(Message, frozen=True):
    """An export has ended; without `problem` the file is there."""

    out: str
    objects: int = 0
    licence: str = ""
    warnings: tuple[str, ...] = ()
    problem: str = ""


class RegisterDone(Message, frozen=True):
    """A register was planned or applied; `report` is None when it could not be used."""

    task: int
    report: RegisterReport | None
    problem: str = ""


class GetDisagreements(Message, frozen=True):
    """What the records of one asset say differently."""

    asset: str


class Disagreements(Message, frozen=True):
    asset: str
    records: int
    """how many sources describe the asset"""
    items: tuple[Disagreement, ...]


Request = (
    GetDisagreements
    | GetCity
    | ImportFiles
    | RegisterAssets
    | RemoveLayer
    | RunCheck
    | ExportCity
    | WriteCheckReport
)
Reply = City | Disagreements | LayerRemoved
Event = CityChanged | ImportDone | CheckDone | ExportDone | RegisterDone
