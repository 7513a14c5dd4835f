"""What the recorder answers to each request, and which right each change needs.

Called on the asking client's thread; whatever changes the present state is handed to the core's
beat or the writer.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from lamplighter.domain import wire
from lamplighter.domain.disagreement import disagreements
from lamplighter.domain.maintenance import aged, one_each
from lamplighter.domain.problems import fault
from lamplighter.domain.views import SavedView, Tour
from lamplighter.governance.roles import Permission
from lamplighter.runtime import check_report, views
from lamplighter.runtime.alarm_answers import AlarmAnswers
from lamplighter.runtime.anomaly_answers import AnomalyAnswers
from lamplighter.runtime.answering import Answering, Table
from lamplighter.runtime.attachments import AttachmentAnswers
from lamplighter.runtime.by_hand import HandAnswers
from lamplighter.runtime.coverage import CoverageAnswers
from lamplighter.runtime.crews import CrewAnswers
from lamplighter.runtime.edits import EditAnswers
from lamplighter.runtime.feed_answers import FeedAnswers
from lamplighter.runtime.forecast_answers import ForecastAnswers
from lamplighter.runtime.historian_answers import HistorianAnswers
from lamplighter.runtime.history_answers import HistoryAnswers
from lamplighter.runtime.kit import KitAnswers
from lamplighter.runtime.life_line import LifeAnswers
from lamplighter.runtime.model_answers import ModelAnswers
from lamplighter.runtime.offline_audit import named
from lamplighter.runtime.orders import OrderAnswers
from lamplighter.runtime.quarantine_answers import QuarantineAnswers
from lamplighter.runtime.rule_answers import RuleAnswers
from lamplighter.runtime.safety_answers import SafetyAnswers
from lamplighter.runtime.storage import StorageAnswers
from lamplighter.runtime.suspicion_answers import SuspicionAnswers
from lamplighter.runtime.together import TogetherAnswers
from lamplighter.runtime.trend_answers import TrendAnswers
from lamplighter.runtime.trial_answers import TrialAnswers

if TYPE_CHECKING:
    from lamplighter.runtime.recorder import Recorder


class Answers(Answering):
    """One method per request type; topics with many have a module each."""

    def __init__(self, recorder: Recorder) -> None:
        super().__init__(recorder)
        self._table: Table = {
            wire.Hello: lambda _: recorder.welcome(),
            wire.GetCity: self._city,
            wire.GetDisagreements: self._disagreements,
            wire.GetPrognosis: self._prognosis,
            wire.GetWorkOrders: lambda _: wire.WorkOrders(tuple(recorder.store.work_orders())),
            wire.RunScenario: self._scenario,
            wire.CancelTask: self._cancel,
            wire.GetTasks: lambda _: wire.Tasks(recorder.jobs.tasks()),
            wire.SendCommand: self._command,
            wire.SetMode: self._mode,
            wire.GetCommands: lambda _: wire.Commands(tuple(recorder.store.commands())),
            wire.ImportFiles: self._import,
            wire.RunCheck: self._check,
            wire.ExportCity: self._export,
            wire.RegisterAssets: self._register,
            wire.WriteCheckReport: self._check_report,
            wire.RemoveLayer: self._remove_layer,
            wire.GetLayers: lambda _: wire.Layers(recorder.layers.layers()),
            wire.GetShelf: lambda _: views.shelf(recorder.store),
            wire.PutBookmark: lambda ask: self._keep_view(ask.view),
            wire.PutTour: lambda ask: self._keep_tour(ask.tour),
            wire.DropFromShelf: self._drop_view,
            wire.StopRecorder: self._stop,
        }
        topics = (
            AnomalyAnswers,
            AlarmAnswers,
            RuleAnswers,
            FeedAnswers,
            ForecastAnswers,
            QuarantineAnswers,
            HandAnswers,
            EditAnswers,
            CoverageAnswers,
            CrewAnswers,
            OrderAnswers,
            AttachmentAnswers,
            LifeAnswers,
            HistorianAnswers,
            HistoryAnswers,
            KitAnswers,
            ModelAnswers,
            TogetherAnswers,
            TrendAnswers,
            SafetyAnswers,
            TrialAnswers,
            StorageAnswers,
            SuspicionAnswers,
        )
        for topic in topics:
            self._table |= topic(recorder).table()

    def answer(self, request: wire.Request) -> wire.Reply:
        """Raises LamplighterError for a refusal; the server words it."""
        return self._table[type(request)](request)

    # ------------------------------------------------------------------ reading
    def _city(self, _: wire.GetCity) -> wire.City:
        city = self._recorder.core.city
        folder = self._recorder.project / "cache" / "tiles"
        rebuilt = self._recorder.jobs.rebuilding  # their tiles come when they are there
        layers = tuple(replace(one, tiles=()) if one.id in rebuilt else one for one in city.layers)
        absent = {t.name for one in city.layers if one.id in rebuilt for t in one.tiles}
        return wire.City(
            assets=tuple(city.assets.values()),
            edges=city.edges,
            datastreams=city.streams,
            tiles=tuple(str(folder / name) for name in city.tiles if name not in absent),
            frame=city.frame,
            layers=layers,
        )

    def _disagreements(self, ask: wire.GetDisagreements) -> wire.Reply:
        store = self._recorder.store
        records = [record for record in store.said() if record.id == ask.asset]
        names = {layer.id: layer.name for layer in store.layers()}
        found = tuple(disagreements(records, names)) if len(records) > 1 else ()
        return wire.Disagreements(ask.asset, max(1, len(records)), found)

    def _prognosis(self, _: wire.GetPrognosis) -> wire.Reply:
        now = self._recorder.clock.wall_ms()
        every = self._recorder.store.prognoses()
        return wire.Prognoses(one_each(aged(p, now) for p in every))

    # ------------------------------------------------------------------ changing
    def _scenario(self, ask: wire.RunScenario) -> wire.Reply:
        self._need(Permission.SCENARIO, ask.name)
        return wire.TaskStarted(self._recorder.jobs.run_scenario(ask.name, ask.settings))

    def _cancel(self, ask: wire.CancelTask) -> wire.Reply:
        self._recorder.jobs.cancel(ask.task)
        return wire.Ok("stopping")

    def _command(self, ask: wire.SendCommand) -> wire.Reply:
        state = self._recorder.commands.send(ask.request, ask.mode)
        return wire.Ok(state.command.id)

    def _mode(self, ask: wire.SetMode) -> wire.Reply:
        self._need(Permission.ARM, ask.asset)
        self._recorder.commands.set_mode(ask.asset, ask.mode, ask.reason)
        return wire.Ok(ask.mode)

    def _import(self, ask: wire.ImportFiles) -> wire.Reply:
        self._need(Permission.IMPORT, ", ".join(ask.paths[:3]))
        if not ask.preview:
            self._audit("import files", named(ask.paths), result="begun")
        return wire.TaskStarted(self._recorder.jobs.import_files(ask))

    def _check(self, ask: wire.RunCheck) -> wire.Reply:
        if ask.fix or ask.undo:
            self._need(Permission.IMPORT, "repairs of the city")
            recorder = self._recorder
            recorder.audit.record(
                actor=recorder.identity.user,
                role=recorder.identity.role.value,
                action="take fixes back" if ask.undo else "mend the city",
                object=", ".join(ask.codes) or f"{len(ask.keys)} findings",
                reason="",
                result="asked",
            )
        return wire.TaskStarted(self._recorder.jobs.check(ask))

    def _export(self, ask: wire.ExportCity) -> wire.Reply:
        self._need(Permission.VIEW, ask.out)
        return wire.TaskStarted(self._recorder.jobs.export_city(ask.format, Path(ask.out)))

    def _check_report(self, ask: wire.WriteCheckReport) -> wire.Reply:
        result = self._recorder.jobs.last_check
        if result is None:
            raise fault("U-801", what="nothing was checked yet", name="check")
        check_report.write(Path(ask.path), self._recorder.project.name, result)
        return wire.Ok(ask.path)

    def _keep_view(self, view: SavedView) -> wire.Reply:
        self._need(Permission.WORK, view.name)
        views.put_bookmark(self._recorder.store, view)
        return self._shelf_changed()

    def _keep_tour(self, tour: Tour) -> wire.Reply:
        self._need(Permission.WORK, tour.name)
        views.put_tour(self._recorder.store, tour)
        return self._shelf_changed()

    def _drop_view(self, ask: wire.DropFromShelf) -> wire.Reply:
        self._need(Permission.WORK, ask.bookmark or ask.tour)
        views.drop(self._recorder.store, ask.bookmark, ask.tour)
        return self._shelf_changed()

    def _shelf_changed(self) -> wire.Reply:
        self._recorder.server.emit(views.shelf(self._recorder.store))
        return wire.Ok()

    def _register(self, ask: wire.RegisterAssets) -> wire.Reply:
        self._need(Permission.IMPORT, ask.path)
        if not ask.preview:
            self._audit("register assets", Path(ask.path).name, result="begun")
        return wire.TaskStarted(self._recorder.jobs.register(ask))

    def _remove_layer(self, ask: wire.RemoveLayer) -> wire.Reply:
        recorder = self._recorder
        self._need(Permission.IMPORT, ask.layer)
        found = recorder.jobs.remove_layer(ask)
        if not ask.preview:
            recorder.audit.record(
                actor=recorder.identity.user,
                role=recorder.identity.role.value,
                action="remove layer",
                object=ask.layer,
                reason=found.source_file,
                result=f"{found.assets} assets, {found.edges} connections",
            )
        return wire.LayerRemoved(found)

    def _stop(self, _: wire.StopRecorder) -> wire.Reply:
        self._need(Permission.STOP, "the recorder")
        self._recorder.ask_stop()
        return wire.Ok("stopping")
