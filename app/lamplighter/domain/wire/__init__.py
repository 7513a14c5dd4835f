"""Everything that crosses between the recorder and its clients, as frozen typed messages.

Arrays cross as `np.ndarray` fields (see `codec`); requests and replies are tagged structs; events
flow from the recorder to every client, in order. Topics with many messages have a module each;
all are reached as `wire.Name`.
"""

from __future__ import annotations

from msgspec import Struct

from lamplighter.domain.city import Frame
from lamplighter.domain.command import CommandRequest, CommandState
from lamplighter.domain.maintenance import Prognosis, WorkOrder
from lamplighter.domain.observation import Account
from lamplighter.domain.problems import Problem
from lamplighter.domain.task import Task
from lamplighter.domain.views import SavedView, Tour
from lamplighter.domain.wire import (
    alarms,
    anomalies,
    attachments,
    by_hand,
    city,
    crews,
    edits,
    feeds,
    forecasts,
    historian,
    history,
    kits,
    life,
    models,
    orders,
    quarantine,
    safety,
    storage,
    suspicion,
    together,
    trends,
    trial,
)
from lamplighter.domain.wire.alarms import AlarmAction as AlarmAction
from lamplighter.domain.wire.alarms import AlarmDesign as AlarmDesign
from lamplighter.domain.wire.alarms import AlarmGroups as AlarmGroups
from lamplighter.domain.wire.alarms import AlarmJournal as AlarmJournal
from lamplighter.domain.wire.alarms import AlarmKpiReport as AlarmKpiReport
from lamplighter.domain.wire.alarms import Alarms as Alarms
from lamplighter.domain.wire.alarms import AlarmsChanged as AlarmsChanged
from lamplighter.domain.wire.alarms import AnnunciatorState as AnnunciatorState
from lamplighter.domain.wire.alarms import ArmRule as ArmRule
from lamplighter.domain.wire.alarms import DropRule as DropRule
from lamplighter.domain.wire.alarms import DropSuppression as DropSuppression
from lamplighter.domain.wire.alarms import DropWay as DropWay
from lamplighter.domain.wire.alarms import DropWork as DropWork
from lamplighter.domain.wire.alarms import GetAlarmDesign as GetAlarmDesign
from lamplighter.domain.wire.alarms import GetAlarmGroups as GetAlarmGroups
from lamplighter.domain.wire.alarms import GetAlarmJournal as GetAlarmJournal
from lamplighter.domain.wire.alarms import GetAlarmKpis as GetAlarmKpis
from lamplighter.domain.wire.alarms import GetAlarms as GetAlarms
from lamplighter.domain.wire.alarms import GetAnnunciator as GetAnnunciator
from lamplighter.domain.wire.alarms import GetRules as GetRules
from lamplighter.domain.wire.alarms import JournalFilter as JournalFilter
from lamplighter.domain.wire.alarms import PutEscalations as PutEscalations
from lamplighter.domain.wire.alarms import PutRule as PutRule
from lamplighter.domain.wire.alarms import PutSuppression as PutSuppression
from lamplighter.domain.wire.alarms import PutWay as PutWay
from lamplighter.domain.wire.alarms import PutWork as PutWork
from lamplighter.domain.wire.alarms import Rules as Rules
from lamplighter.domain.wire.alarms import RulesChanged as RulesChanged
from lamplighter.domain.wire.alarms import SilenceHorn as SilenceHorn
from lamplighter.domain.wire.alarms import SwitchRule as SwitchRule
from lamplighter.domain.wire.alarms import TickStep as TickStep
from lamplighter.domain.wire.alarms import TrialDone as TrialDone
from lamplighter.domain.wire.alarms import TryRule as TryRule
from lamplighter.domain.wire.alarms import TryWay as TryWay
from lamplighter.domain.wire.alarms import WriteAlarmJournal as WriteAlarmJournal
from lamplighter.domain.wire.anomalies import Anomalies as Anomalies
from lamplighter.domain.wire.anomalies import AnomaliesChanged as AnomaliesChanged
from lamplighter.domain.wire.anomalies import Completeness as Completeness
from lamplighter.domain.wire.anomalies import Expected as Expected
from lamplighter.domain.wire.anomalies import ExpectedCard as ExpectedCard
from lamplighter.domain.wire.anomalies import ExpectedCurve as ExpectedCurve
from lamplighter.domain.wire.anomalies import ExpectedCurves as ExpectedCurves
from lamplighter.domain.wire.anomalies import ExpectedRow as ExpectedRow
from lamplighter.domain.wire.anomalies import ExpectedState as ExpectedState
from lamplighter.domain.wire.anomalies import GetAnomalies as GetAnomalies
from lamplighter.domain.wire.anomalies import GetCompleteness as GetCompleteness
from lamplighter.domain.wire.anomalies import GetExpected as GetExpected
from lamplighter.domain.wire.anomalies import GetExpectedCurve as GetExpectedCurve
from lamplighter.domain.wire.anomalies import GetExpectedState as GetExpectedState
from lamplighter.domain.wire.anomalies import JudgeAnomaly as JudgeAnomaly
from lamplighter.domain.wire.anomalies import TrainExpected as TrainExpected
from lamplighter.domain.wire.attachments import AttachFile as AttachFile
from lamplighter.domain.wire.attachments import AttachmentChanged as AttachmentChanged
from lamplighter.domain.wire.attachments import Attachments as Attachments
from lamplighter.domain.wire.attachments import FindAttachments as FindAttachments
from lamplighter.domain.wire.by_hand import ByHand as ByHand
from lamplighter.domain.wire.by_hand import EndByHand as EndByHand
from lamplighter.domain.wire.by_hand import GetByHand as GetByHand
from lamplighter.domain.wire.by_hand import GetOriginal as GetOriginal
from lamplighter.domain.wire.by_hand import Original as Original
from lamplighter.domain.wire.by_hand import SetByHand as SetByHand
from lamplighter.domain.wire.city import CheckDone as CheckDone
from lamplighter.domain.wire.city import City as City
from lamplighter.domain.wire.city import CityChanged as CityChanged
from lamplighter.domain.wire.city import Disagreements as Disagreements
from lamplighter.domain.wire.city import ExportCity as ExportCity
from lamplighter.domain.wire.city import ExportDone as ExportDone
from lamplighter.domain.wire.city import GetCity as GetCity
from lamplighter.domain.wire.city import GetDisagreements as GetDisagreements
from lamplighter.domain.wire.city import ImportDone as ImportDone
from lamplighter.domain.wire.city import ImportFiles as ImportFiles
from lamplighter.domain.wire.city import LayerRemoved as LayerRemoved
from lamplighter.domain.wire.city import RegisterAssets as RegisterAssets
from lamplighter.domain.wire.city import RegisterDone as RegisterDone
from lamplighter.domain.wire.city import RemoveLayer as RemoveLayer
from lamplighter.domain.wire.city import RunCheck as RunCheck
from lamplighter.domain.wire.city import WriteCheckReport as WriteCheckReport
from lamplighter.domain.wire.crews import CrewPlan as CrewPlan
from lamplighter.domain.wire.crews import DropCrew as DropCrew
from lamplighter.domain.wire.crews import GetCrewPlan as GetCrewPlan
from lamplighter.domain.wire.crews import GetWaiting as GetWaiting
from lamplighter.domain.wire.crews import ProposeCrewPlan as ProposeCrewPlan
from lamplighter.domain.wire.crews import PutCrew as PutCrew
from lamplighter.domain.wire.crews import SetWaitingCosts as SetWaitingCosts
from lamplighter.domain.wire.crews import TakeCrewPlan as TakeCrewPlan
from lamplighter.domain.wire.crews import WaitingFor as WaitingFor
from lamplighter.domain.wire.edits import Conflicts as Conflicts
from lamplighter.domain.wire.edits import Edited as Edited
from lamplighter.domain.wire.edits import EditFields as EditFields
from lamplighter.domain.wire.edits import EditHistory as EditHistory
from lamplighter.domain.wire.edits import GetConflicts as GetConflicts
from lamplighter.domain.wire.edits import GetEdits as GetEdits
from lamplighter.domain.wire.edits import GetRecords as GetRecords
from lamplighter.domain.wire.edits import Records as Records
from lamplighter.domain.wire.feeds import AddFeed as AddFeed
from lamplighter.domain.wire.feeds import ChangeFeed as ChangeFeed
from lamplighter.domain.wire.feeds import Days as Days
from lamplighter.domain.wire.feeds import FeedDetail as FeedDetail
from lamplighter.domain.wire.feeds import Feeds as Feeds
from lamplighter.domain.wire.feeds import FeedState as FeedState
from lamplighter.domain.wire.feeds import Gaps as Gaps
from lamplighter.domain.wire.feeds import GetDays as GetDays
from lamplighter.domain.wire.feeds import GetFeed as GetFeed
from lamplighter.domain.wire.feeds import GetFeeds as GetFeeds
from lamplighter.domain.wire.feeds import GetGaps as GetGaps
from lamplighter.domain.wire.feeds import SourceState as SourceState
from lamplighter.domain.wire.forecasts import ForecastRecord as ForecastRecord
from lamplighter.domain.wire.forecasts import ForecastRecords as ForecastRecords
from lamplighter.domain.wire.forecasts import Forecasts as Forecasts
from lamplighter.domain.wire.forecasts import GetForecastRecords as GetForecastRecords
from lamplighter.domain.wire.forecasts import GetForecasts as GetForecasts
from lamplighter.domain.wire.forecasts import PutFigures as PutFigures
from lamplighter.domain.wire.historian import DropPoison as DropPoison
from lamplighter.domain.wire.historian import Exchange as Exchange
from lamplighter.domain.wire.historian import GetExchange as GetExchange
from lamplighter.domain.wire.historian import HistorianSynced as HistorianSynced
from lamplighter.domain.wire.historian import ImportPast as ImportPast
from lamplighter.domain.wire.historian import RetryPoison as RetryPoison
from lamplighter.domain.wire.historian import SetHistorian as SetHistorian
from lamplighter.domain.wire.historian import SyncHistorian as SyncHistorian
from lamplighter.domain.wire.history import Difference as Difference
from lamplighter.domain.wire.history import GetDifference as GetDifference
from lamplighter.domain.wire.history import GetHistory as GetHistory
from lamplighter.domain.wire.history import GetMoment as GetMoment
from lamplighter.domain.wire.history import GetSigns as GetSigns
from lamplighter.domain.wire.history import GetThresholds as GetThresholds
from lamplighter.domain.wire.history import History as History
from lamplighter.domain.wire.history import LateData as LateData
from lamplighter.domain.wire.history import Moment as Moment
from lamplighter.domain.wire.history import Series as Series
from lamplighter.domain.wire.history import Sign as Sign
from lamplighter.domain.wire.history import Signs as Signs
from lamplighter.domain.wire.history import Threshold as Threshold
from lamplighter.domain.wire.history import Thresholds as Thresholds
from lamplighter.domain.wire.history import ValueChange as ValueChange
from lamplighter.domain.wire.kits import GetKitState as GetKitState
from lamplighter.domain.wire.kits import KitDone as KitDone
from lamplighter.domain.wire.kits import KitIs as KitIs
from lamplighter.domain.wire.kits import KitPreview as KitPreview
from lamplighter.domain.wire.kits import MergeKit as MergeKit
from lamplighter.domain.wire.kits import PreviewKit as PreviewKit
from lamplighter.domain.wire.kits import SendKit as SendKit
from lamplighter.domain.wire.kits import TakeKit as TakeKit
from lamplighter.domain.wire.life import GetLife as GetLife
from lamplighter.domain.wire.life import Life as Life
from lamplighter.domain.wire.message import Message
from lamplighter.domain.wire.models import GetModels as GetModels
from lamplighter.domain.wire.models import GetScoreboard as GetScoreboard
from lamplighter.domain.wire.models import ImportModel as ImportModel
from lamplighter.domain.wire.models import ModelChanged as ModelChanged
from lamplighter.domain.wire.models import Models as Models
from lamplighter.domain.wire.models import PromoteModel as PromoteModel
from lamplighter.domain.wire.models import Scoreboard as Scoreboard
from lamplighter.domain.wire.models import TrainModel as TrainModel
from lamplighter.domain.wire.orders import CloseOrder as CloseOrder
from lamplighter.domain.wire.orders import DropJob as DropJob
from lamplighter.domain.wire.orders import GetJobs as GetJobs
from lamplighter.domain.wire.orders import Jobs as Jobs
from lamplighter.domain.wire.orders import PutJob as PutJob
from lamplighter.domain.wire.quarantine import DeleteQuarantined as DeleteQuarantined
from lamplighter.domain.wire.quarantine import ExportQuarantined as ExportQuarantined
from lamplighter.domain.wire.quarantine import GetQuarantine as GetQuarantine
from lamplighter.domain.wire.quarantine import Quarantine as Quarantine
from lamplighter.domain.wire.quarantine import QuarantineRetried as QuarantineRetried
from lamplighter.domain.wire.quarantine import QuarantineRow as QuarantineRow
from lamplighter.domain.wire.quarantine import RetryQuarantined as RetryQuarantined
from lamplighter.domain.wire.safety import BackupDone as BackupDone
from lamplighter.domain.wire.safety import TakeBackup as TakeBackup
from lamplighter.domain.wire.storage import GetStorage as GetStorage
from lamplighter.domain.wire.storage import LastBackup as LastBackup
from lamplighter.domain.wire.storage import PreviewRetention as PreviewRetention
from lamplighter.domain.wire.storage import RetentionPreview as RetentionPreview
from lamplighter.domain.wire.storage import SetRetention as SetRetention
from lamplighter.domain.wire.storage import Storage as Storage
from lamplighter.domain.wire.storage import StoragePart as StoragePart
from lamplighter.domain.wire.suspicion import DismissSuspect as DismissSuspect
from lamplighter.domain.wire.suspicion import Evidence as Evidence
from lamplighter.domain.wire.suspicion import EvidenceCurve as EvidenceCurve
from lamplighter.domain.wire.suspicion import GetEvidence as GetEvidence
from lamplighter.domain.wire.suspicion import GetSuspects as GetSuspects
from lamplighter.domain.wire.suspicion import PreviewWithhold as PreviewWithhold
from lamplighter.domain.wire.suspicion import ReleaseWithheld as ReleaseWithheld
from lamplighter.domain.wire.suspicion import Suspects as Suspects
from lamplighter.domain.wire.suspicion import Withhold as Withhold
from lamplighter.domain.wire.suspicion import WithholdPreview as WithholdPreview
from lamplighter.domain.wire.together import GetTogether as GetTogether
from lamplighter.domain.wire.together import Together as Together
from lamplighter.domain.wire.trends import DropTrendPreset as DropTrendPreset
from lamplighter.domain.wire.trends import GetTrendPresets as GetTrendPresets
from lamplighter.domain.wire.trends import PutTrendPreset as PutTrendPreset
from lamplighter.domain.wire.trends import TrendPreset as TrendPreset
from lamplighter.domain.wire.trends import TrendPresets as TrendPresets
from lamplighter.domain.wire.trends import TrendWritten as TrendWritten
from lamplighter.domain.wire.trends import WriteTrend as WriteTrend
from lamplighter.domain.wire.trial import EndTrial as EndTrial
from lamplighter.domain.wire.trial import LookAtTrial as LookAtTrial
from lamplighter.domain.wire.trial import PreviewRow as PreviewRow
from lamplighter.domain.wire.trial import Trial as Trial
from lamplighter.domain.wire.trial import TrialGroup as TrialGroup
from lamplighter.domain.wire.trial import TrialMessage as TrialMessage
from lamplighter.domain.wire.trial import TrialStarted as TrialStarted
from lamplighter.domain.wire.trial import TryFeed as TryFeed


# ---------------------------------------------------------------- requests and their replies
class Hello(Message, frozen=True):
    """First request of a connection."""

    client: str
    version: str
    """the client program's version"""


class Welcome(Message, frozen=True):
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
    """the earliest moment the past reaches back to, 0 when there is none"""
    console: str = ""
    """the origin of edits that are made here"""


class Ok(Message, frozen=True):
    text: str = ""


class Refused(Message, frozen=True):
    problem: Problem


class GetPrognosis(Message, frozen=True):
    pass


class Prognoses(Message, frozen=True):
    items: tuple[Prognosis, ...]


class GetWorkOrders(Message, frozen=True):
    pass


class WorkOrders(Message, frozen=True):
    items: tuple[WorkOrder, ...]


class PutWorkOrder(Message, frozen=True):
    order: WorkOrder


class RunScenario(Message, frozen=True):
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


class TaskStarted(Message, frozen=True):
    task: int


class CancelTask(Message, frozen=True):
    task: int


class GetTasks(Message, frozen=True):
    pass


class Tasks(Message, frozen=True):
    items: tuple[Task, ...]


class SendCommand(Message, frozen=True):
    request: CommandRequest
    mode: str = "live"
    """live | replay | scenario: the mode of the view that asks; only live is ever let through"""


class SetMode(Message, frozen=True):
    """Switch an asset between shadow and twin."""

    asset: str
    mode: str
    reason: str


class GetCommands(Message, frozen=True):
    pass


class Commands(Message, frozen=True):
    items: tuple[CommandState, ...]


class LayerState(Message, frozen=True):
    """A plugin's layer: running | greyed | off. Also an event, whenever one changes."""

    plugin: str
    state: str
    why: str = ""
    problem: Problem | None = None
    """the fault behind it, where there is one"""


class GetLayers(Message, frozen=True):
    pass


class Layers(Message, frozen=True):
    items: tuple[LayerState, ...]


class GetShelf(Message, frozen=True):
    """The project's bookmarks and tours."""


class PutBookmark(Message, frozen=True):
    """Keep a view, or change the one of the same id."""

    view: SavedView


class PutTour(Message, frozen=True):
    tour: Tour


class DropFromShelf(Message, frozen=True):
    """Forget a bookmark or a tour by its id."""

    bookmark: str = ""
    tour: str = ""


class Shelf(Message, frozen=True):
    """Bookmarks and tours. Also an event, whenever one changes."""

    bookmarks: tuple[SavedView, ...] = ()
    tours: tuple[Tour, ...] = ()


class StopRecorder(Message, frozen=True):
    """Ask the recorder to end (source, queue, writer). Honoured unless it runs as a service."""


Request = (
    alarms.Request
    | anomalies.Request
    | attachments.Request
    | by_hand.Request
    | city.Request
    | crews.Request
    | edits.Request
    | feeds.Request
    | forecasts.Request
    | historian.Request
    | history.Request
    | kits.Request
    | life.Request
    | models.Request
    | orders.Request
    | safety.Request
    | quarantine.Request
    | storage.Request
    | together.Request
    | suspicion.Request
    | trends.Request
    | trial.Request
    | Hello
    | GetPrognosis
    | GetWorkOrders
    | PutWorkOrder
    | RunScenario
    | CancelTask
    | GetTasks
    | SendCommand
    | SetMode
    | GetCommands
    | GetLayers
    | GetShelf
    | PutBookmark
    | PutTour
    | DropFromShelf
    | StopRecorder
)

Reply = (
    alarms.Reply
    | anomalies.Reply
    | attachments.Reply
    | by_hand.Reply
    | city.Reply
    | crews.Reply
    | edits.Reply
    | feeds.Reply
    | forecasts.Reply
    | historian.Reply
    | history.Reply
    | kits.Reply
    | life.Reply
    | models.Reply
    | orders.Reply
    | quarantine.Reply
    | storage.Reply
    | together.Reply
    | suspicion.Reply
    | trends.Reply
    | trial.Reply
    | Welcome
    | Ok
    | Refused
    | Prognoses
    | WorkOrders
    | TaskStarted
    | Tasks
    | Commands
    | Layers
    | Shelf
)


# ---------------------------------------------------------------- events
class Status(Message, frozen=True):
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


class BlockMoved(Message, frozen=True):
    """The newest-values file was replaced by a larger one."""

    block: str


class TaskChanged(Message, frozen=True):
    task: Task


class ScenarioDone(Message, frozen=True):
    name: str
    settings: dict[str, str]
    rows: tuple[ScenarioRow, ...]
    summary: str
    basis: str


class PrognosisChanged(Message, frozen=True):
    items: tuple[Prognosis, ...]


class WorkOrderChanged(Message, frozen=True):
    order: WorkOrder


class CommandChanged(Message, frozen=True):
    state: CommandState


class ProblemRaised(Message, frozen=True):
    """A fault to show in place; `count` grows while it repeats, `over` when it has ended."""

    problem: Problem
    count: int = 1
    over: bool = False


Event = (
    alarms.Event
    | anomalies.Event
    | attachments.Event
    | by_hand.Event
    | city.Event
    | edits.Event
    | forecasts.Event
    | kits.Event
    | models.Event
    | orders.Event
    | trends.Event
    | suspicion.Event
    | safety.Event
    | Status
    | BlockMoved
    | TaskChanged
    | ScenarioDone
    | PrognosisChanged
    | WorkOrderChanged
    | CommandChanged
    | ProblemRaised
    | LayerState
    | Shelf
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
