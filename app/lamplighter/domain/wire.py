"""Everything that crosses between the recorder and its clients, as frozen typed messages.

Arrays cross as `np.ndarray` fields (see `codec`); requests and replies are tagged structs; events
flow from the recorder to every client, in order.
"""

from __future__ import annotations

import numpy as np
from msgspec import Struct

from lamplighter.domain.alarm import AlarmRecord, Incident
from lamplighter.domain.city import Asset, Datastream, Edge, Frame
from lamplighter.domain.command import CommandRequest, CommandState
from lamplighter.domain.findings import CheckResult
from lamplighter.domain.importing import FileReport, PassedOver, RegisterReport
from lamplighter.domain.layers import Layer, LayerRemoval
from lamplighter.domain.maintenance import Prognosis, WorkOrder
from lamplighter.domain.observation import Account, Gap
from lamplighter.domain.problems import Problem
from lamplighter.domain.task import Task
from lamplighter.domain.views import SavedView, Tour


class _Message(Struct, frozen=True, tag=True):
    """Base: the class name is the tag on the wire."""


# ---------------------------------------------------------------- requests and their replies
class Hello(_Message, frozen=True):
    """First request of a connection."""

    client: str
    version: str
    """the client program's version"""


class Welcome(_Message, frozen=True):
    project: str
    path: str
    demo: bool
    version: str
    pid: int
    user: str
    role: str
    block: str
    """path of the newest-values file (see `newest_block`)"""
    frame: Frame | None
    started_ms: int
    """wall time at which this recorder began"""
    first_ms: int
    """wall time of the oldest stored batch, 0 when there is none"""


class Ok(_Message, frozen=True):
    text: str = ""


class Refused(_Message, frozen=True):
    problem: Problem


class GetCity(_Message, frozen=True):
    pass


class City(_Message, frozen=True):
    assets: tuple[Asset, ...]
    edges: tuple[Edge, ...]
    datastreams: tuple[Datastream, ...]
    tiles: tuple[str, ...]
    """paths of tile files (.npz), to be drawn in this order"""
    frame: Frame | None
    layers: tuple[Layer, ...] = ()
    """imported files with the descriptions of their tiles"""


class GetHistory(_Message, frozen=True):
    """Points of datastreams in [from_ms, to_ms), at most about `points` cells each."""

    datastreams: tuple[int, ...]
    from_ms: int
    to_ms: int
    points: int = 1000
    as_known_at_ms: int | None = None


class Series(Struct, frozen=True):
    """One datastream's answer. Reduced: `low`/`high` hold each cell's minimum and maximum."""

    datastream: int
    time_ms: np.ndarray
    value: np.ndarray
    quality: np.ndarray
    low: np.ndarray
    high: np.ndarray
    reduced: bool
    gaps: tuple[tuple[int, int], ...]


class History(_Message, frozen=True):
    series: tuple[Series, ...]


class GetMoment(_Message, frozen=True):
    """The whole city at one moment of the past."""

    at_ms: int
    as_known: bool = True


class Moment(_Message, frozen=True):
    """Newest values at that moment, indexed by datastream id; NaN/0 where nothing was known."""

    at_ms: int
    batch: int
    time_ms: np.ndarray
    value: np.ndarray
    quality: np.ndarray
    alarms: tuple[AlarmRecord, ...]
    incidents: tuple[Incident, ...]


class GetAlarms(_Message, frozen=True):
    at_ms: int | None = None


class Alarms(_Message, frozen=True):
    alarms: tuple[AlarmRecord, ...]
    incidents: tuple[Incident, ...]


class AlarmAction(_Message, frozen=True):
    """ack | shelve | unshelve | disable | enable | reset on one or more alarms."""

    action: str
    keys: tuple[str, ...]
    until_ms: int = 0
    reason: str = ""
    note: str = ""


class GetPrognosis(_Message, frozen=True):
    pass


class Prognoses(_Message, frozen=True):
    items: tuple[Prognosis, ...]


class GetWorkOrders(_Message, frozen=True):
    pass


class WorkOrders(_Message, frozen=True):
    items: tuple[WorkOrder, ...]


class PutWorkOrder(_Message, frozen=True):
    order: WorkOrder


class RunScenario(_Message, frozen=True):
    """Start a what-if; its result comes as a `ScenarioDone` event."""

    name: str
    settings: dict[str, str]


class ScenarioRow(Struct, frozen=True):
    asset: str
    quantity: str
    unit: str
    baseline: float
    outcome: float
    low: float
    high: float


class TaskStarted(_Message, frozen=True):
    task: int


class CancelTask(_Message, frozen=True):
    task: int


class GetTasks(_Message, frozen=True):
    pass


class Tasks(_Message, frozen=True):
    items: tuple[Task, ...]


class SendCommand(_Message, frozen=True):
    request: CommandRequest
    mode: str = "live"
    """live | replay | scenario: the mode of the view that asks; only live is ever let through"""


class SetMode(_Message, frozen=True):
    """Switch an asset between shadow and twin."""

    asset: str
    mode: str
    reason: str


class GetCommands(_Message, frozen=True):
    pass


class Commands(_Message, frozen=True):
    items: tuple[CommandState, ...]


class FeedState(Struct, frozen=True):
    id: str
    url: str
    state: str
    """connecting | live | lost | refused | off"""
    messages: int
    last_value_age_s: float | None
    detail: str = ""


class GetFeeds(_Message, frozen=True):
    pass


class Feeds(_Message, frozen=True):
    items: tuple[FeedState, ...]


class AddFeed(_Message, frozen=True):
    url: str
    mapping: str = ""
    """text of the mapping file (TOML); empty for native messages"""
    ca: str = ""
    cert: str = ""
    key: str = ""
    """PEM files of a TLS feed"""


class ImportFiles(_Message, frozen=True):
    paths: tuple[str, ...]
    crs: str = ""
    fit: bool = False
    """scale a network without a coordinate system into the city"""
    two_points: str = ""
    """places files without a coordinate system: `x1,y1=LON1,LAT1;x2,y2=LON2,LAT2`; the places
    are coordinates of `crs` when that is given"""
    fixed_scale: bool = False
    """the points turn and shift; the scale is that of the file's unit"""
    crs_of: dict[str, str] = {}
    """path -> `EPSG:n` for that file alone"""
    replace: str = ""
    """id of the layer that the one file is a newer version of"""
    again: bool = False
    """read also what is in already and unchanged"""
    preview: bool = False
    """only tell what would come in; nothing is kept"""


class RegisterAssets(_Message, frozen=True):
    """Take in an asset register, or only plan it. Answered by TaskStarted, then RegisterDone."""

    path: str
    mapping: str = ""
    """text of the TOML mapping"""
    crs: str = ""
    preview: bool = True


class RemoveLayer(_Message, frozen=True):
    """Take back an import; with `preview` only count what would go. Answered by LayerRemoved."""

    layer: str
    preview: bool = True


class LayerRemoved(_Message, frozen=True):
    removal: LayerRemoval


class RunCheck(_Message, frozen=True):
    """Check the city; its result comes as a `CheckDone` event. Fixes are made before."""

    fix: bool = False
    """mend what can be mended: `codes` and `keys` say what, both empty: everything"""
    codes: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    """`Finding.key` of single findings"""
    undo: bool = False
    """take back the fixes: those of `codes`, or the newest ones made together"""


class ExportCity(_Message, frozen=True):
    """Write the city into a file; `ExportDone` says how it ended."""

    format: str
    """cityjson | geopackage | gltf | csv | parquet"""
    out: str
    """path on the recorder's machine"""


class WriteCheckReport(_Message, frozen=True):
    """Write the findings of the last check into a file, HTML or JSON by its ending."""

    path: str


class GetGaps(_Message, frozen=True):
    from_ms: int
    to_ms: int


class Gaps(_Message, frozen=True):
    items: tuple[Gap, ...]


class LayerState(_Message, frozen=True):
    """A plugin's layer: running | greyed | off. Also an event, whenever one changes."""

    plugin: str
    state: str
    why: str = ""
    problem: Problem | None = None
    """the fault behind it, where there is one"""


class GetLayers(_Message, frozen=True):
    pass


class Layers(_Message, frozen=True):
    items: tuple[LayerState, ...]


class GetShelf(_Message, frozen=True):
    """The project's bookmarks and tours."""


class PutBookmark(_Message, frozen=True):
    """Keep a view, or change the one of the same id."""

    view: SavedView


class PutTour(_Message, frozen=True):
    tour: Tour


class DropFromShelf(_Message, frozen=True):
    """Forget a bookmark or a tour by its id."""

    bookmark: str = ""
    tour: str = ""


class Shelf(_Message, frozen=True):
    """Bookmarks and tours. Also an event, whenever one changes."""

    bookmarks: tuple[SavedView, ...] = ()
    tours: tuple[Tour, ...] = ()


class StopRecorder(_Message, frozen=True):
    """Ask the recorder to end (source, queue, writer). Honoured unless it runs as a service."""


Request = (
    Hello
    | GetCity
    | GetHistory
    | GetMoment
    | GetAlarms
    | AlarmAction
    | GetPrognosis
    | GetWorkOrders
    | PutWorkOrder
    | RunScenario
    | CancelTask
    | GetTasks
    | SendCommand
    | SetMode
    | GetCommands
    | GetFeeds
    | AddFeed
    | ImportFiles
    | RunCheck
    | ExportCity
    | WriteCheckReport
    | RemoveLayer
    | RegisterAssets
    | GetGaps
    | GetLayers
    | GetShelf
    | PutBookmark
    | PutTour
    | DropFromShelf
    | StopRecorder
)

Reply = (
    Welcome
    | Ok
    | Refused
    | City
    | History
    | Moment
    | Alarms
    | Prognoses
    | WorkOrders
    | TaskStarted
    | Tasks
    | Commands
    | Feeds
    | Gaps
    | Layers
    | Shelf
    | LayerRemoved
)


# ---------------------------------------------------------------- events
class Status(_Message, frozen=True):
    """Once a second."""

    wall_ms: int
    batch: int
    account: Account
    waiting: int
    points_per_s: float
    messages_per_s: float
    delay_p95_s: float
    """commit minus phenomenon time, over the points of the last ten seconds"""
    queue: int
    write_lag_ms: float
    feeds: tuple[FeedState, ...]
    datastreams: int
    live: int
    stale: int
    disk_free_gb: float
    disk_days_left: float | None
    rss_mb: float


class AlarmsChanged(_Message, frozen=True):
    """Alarms whose record changed, with their new record; NORM means the row leaves the list."""

    changed: tuple[AlarmRecord, ...]
    incidents: tuple[Incident, ...]
    """all open incidents"""


class CityChanged(_Message, frozen=True):
    """Assets, edges, tiles or datastreams changed: ask for the city again."""

    why: str


class BlockMoved(_Message, frozen=True):
    """The newest-values file was replaced by a larger one."""

    block: str


class TaskChanged(_Message, frozen=True):
    task: Task


class ScenarioDone(_Message, frozen=True):
    name: str
    settings: dict[str, str]
    rows: tuple[ScenarioRow, ...]
    summary: str
    basis: str


class PrognosisChanged(_Message, frozen=True):
    items: tuple[Prognosis, ...]


class WorkOrderChanged(_Message, frozen=True):
    order: WorkOrder


class CommandChanged(_Message, frozen=True):
    state: CommandState


class ProblemRaised(_Message, frozen=True):
    """A fault to show in place; `count` grows while it repeats, `over` when it has ended."""

    problem: Problem
    count: int = 1
    over: bool = False


class ImportDone(_Message, frozen=True):
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


class CheckDone(_Message, frozen=True):
    """What a check found; `problem` says why it ended early, empty when it did not."""

    result: CheckResult
    task: int = 0
    problem: str = ""


class ExportDone(_Message, frozen=True):
    """An export has ended; without `problem` the file is there."""

    out: str
    objects: int = 0
    licence: str = ""
    warnings: tuple[str, ...] = ()
    problem: str = ""


class RegisterDone(_Message, frozen=True):
    """A register was planned or applied; `report` is None when it could not be used."""

    task: int
    report: RegisterReport | None
    problem: str = ""


Event = (
    Status
    | AlarmsChanged
    | CityChanged
    | BlockMoved
    | TaskChanged
    | ScenarioDone
    | PrognosisChanged
    | WorkOrderChanged
    | CommandChanged
    | ProblemRaised
    | LayerState
    | Shelf
    | ImportDone
    | CheckDone
    | ExportDone
    | RegisterDone
)


class RequestFrame(Struct, frozen=True, tag="ask"):
    id: int
    body: Request


class ReplyFrame(Struct, frozen=True, tag="answer"):
    id: int
    body: Reply


class EventFrame(Struct, frozen=True, tag="event"):
    seq: int
    body: Event


ToRecorder = RequestFrame
ToClient = ReplyFrame | EventFrame
