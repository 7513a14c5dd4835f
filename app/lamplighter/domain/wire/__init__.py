"""Everything that crosses between the recorder and its clients, as frozen typed messages.

Arrays cross as `np.ndarray` fields (see `codec`); requests and replies are tagged structs; events
flow from the recorder to every client, in order. Each topic has a module with its own unions of
requests, replies and events; here they meet, and all messages are reached as `wire.Name`.
"""

from __future__ import annotations

from msgspec import Struct

from lamplighter.domain.wire import (
    alarms,
    anomalies,
    attachments,
    by_hand,
    city,
    commands,
    connection,
    coverage,
    crews,
    edits,
    feeds,
    forecasts,
    historian,
    history,
    kits,
    life,
    maintenance,
    models,
    orders,
    plugins,
    quarantine,
    safety,
    scenarios,
    shelf,
    storage,
    suspicion,
    tasks,
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
from lamplighter.domain.wire.anomalies import GetRelation as GetRelation
from lamplighter.domain.wire.anomalies import JudgeAnomaly as JudgeAnomaly
from lamplighter.domain.wire.anomalies import Relation as Relation
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
from lamplighter.domain.wire.commands import CommandChanged as CommandChanged
from lamplighter.domain.wire.commands import Commands as Commands
from lamplighter.domain.wire.commands import GetCommands as GetCommands
from lamplighter.domain.wire.commands import SendCommand as SendCommand
from lamplighter.domain.wire.commands import SetMode as SetMode
from lamplighter.domain.wire.connection import BlockMoved as BlockMoved
from lamplighter.domain.wire.connection import Hello as Hello
from lamplighter.domain.wire.connection import Ok as Ok
from lamplighter.domain.wire.connection import ProblemRaised as ProblemRaised
from lamplighter.domain.wire.connection import Refused as Refused
from lamplighter.domain.wire.connection import Status as Status
from lamplighter.domain.wire.connection import StopRecorder as StopRecorder
from lamplighter.domain.wire.connection import Welcome as Welcome
from lamplighter.domain.wire.coverage import Coverage as Coverage
from lamplighter.domain.wire.coverage import GetCoverage as GetCoverage
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
from lamplighter.domain.wire.historian import LookAtPast as LookAtPast
from lamplighter.domain.wire.historian import PastLook as PastLook
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
from lamplighter.domain.wire.maintenance import GetPrognosis as GetPrognosis
from lamplighter.domain.wire.maintenance import GetWorkOrders as GetWorkOrders
from lamplighter.domain.wire.maintenance import Prognoses as Prognoses
from lamplighter.domain.wire.maintenance import PrognosisChanged as PrognosisChanged
from lamplighter.domain.wire.maintenance import PutWorkOrder as PutWorkOrder
from lamplighter.domain.wire.maintenance import WorkOrderChanged as WorkOrderChanged
from lamplighter.domain.wire.maintenance import WorkOrders as WorkOrders
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
from lamplighter.domain.wire.plugins import GetLayers as GetLayers
from lamplighter.domain.wire.plugins import Layers as Layers
from lamplighter.domain.wire.plugins import LayerState as LayerState
from lamplighter.domain.wire.quarantine import DeleteQuarantined as DeleteQuarantined
from lamplighter.domain.wire.quarantine import ExportQuarantined as ExportQuarantined
from lamplighter.domain.wire.quarantine import GetQuarantine as GetQuarantine
from lamplighter.domain.wire.quarantine import Quarantine as Quarantine
from lamplighter.domain.wire.quarantine import QuarantineRetried as QuarantineRetried
from lamplighter.domain.wire.quarantine import QuarantineRow as QuarantineRow
from lamplighter.domain.wire.quarantine import RetryQuarantined as RetryQuarantined
from lamplighter.domain.wire.safety import BackupDone as BackupDone
from lamplighter.domain.wire.safety import TakeBackup as TakeBackup
from lamplighter.domain.wire.scenarios import RunScenario as RunScenario
from lamplighter.domain.wire.scenarios import ScenarioDone as ScenarioDone
from lamplighter.domain.wire.scenarios import ScenarioRow as ScenarioRow
from lamplighter.domain.wire.shelf import DropFromShelf as DropFromShelf
from lamplighter.domain.wire.shelf import GetShelf as GetShelf
from lamplighter.domain.wire.shelf import PutBookmark as PutBookmark
from lamplighter.domain.wire.shelf import PutTour as PutTour
from lamplighter.domain.wire.shelf import Shelf as Shelf
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
from lamplighter.domain.wire.tasks import CancelTask as CancelTask
from lamplighter.domain.wire.tasks import GetTasks as GetTasks
from lamplighter.domain.wire.tasks import TaskChanged as TaskChanged
from lamplighter.domain.wire.tasks import Tasks as Tasks
from lamplighter.domain.wire.tasks import TaskStarted as TaskStarted
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

Request = (
    alarms.Request
    | anomalies.Request
    | attachments.Request
    | by_hand.Request
    | city.Request
    | commands.Request
    | connection.Request
    | coverage.Request
    | crews.Request
    | edits.Request
    | feeds.Request
    | forecasts.Request
    | historian.Request
    | history.Request
    | kits.Request
    | life.Request
    | maintenance.Request
    | models.Request
    | orders.Request
    | plugins.Request
    | quarantine.Request
    | safety.Request
    | scenarios.Request
    | shelf.Request
    | storage.Request
    | suspicion.Request
    | tasks.Request
    | together.Request
    | trends.Request
    | trial.Request
)

Reply = (
    alarms.Reply
    | anomalies.Reply
    | attachments.Reply
    | by_hand.Reply
    | city.Reply
    | commands.Reply
    | connection.Reply
    | coverage.Reply
    | crews.Reply
    | edits.Reply
    | feeds.Reply
    | forecasts.Reply
    | historian.Reply
    | history.Reply
    | kits.Reply
    | life.Reply
    | maintenance.Reply
    | models.Reply
    | orders.Reply
    | plugins.Reply
    | quarantine.Reply
    | shelf.Reply
    | storage.Reply
    | suspicion.Reply
    | tasks.Reply
    | together.Reply
    | trends.Reply
    | trial.Reply
)

Event = (
    alarms.Event
    | anomalies.Event
    | attachments.Event
    | by_hand.Event
    | city.Event
    | commands.Event
    | connection.Event
    | edits.Event
    | forecasts.Event
    | kits.Event
    | maintenance.Event
    | models.Event
    | orders.Event
    | plugins.Event
    | safety.Event
    | scenarios.Event
    | shelf.Event
    | suspicion.Event
    | tasks.Event
    | trends.Event
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


ToClient = ReplyFrame | EventFrame
