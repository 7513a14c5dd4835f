"""Answers about the historian."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from lamplighter.domain import wire
from lamplighter.domain.city import Asset
from lamplighter.domain.exchange import Poison
from lamplighter.domain.importing import FileReport
from lamplighter.domain.problems import LamplighterError
from lamplighter.domain.task import TaskState
from lamplighter.exchange import shown
from lamplighter.governance.roles import Permission
from lamplighter.runtime.answering import Answering, Table
from lamplighter.runtime.asset_names import AssetNames
from lamplighter.runtime.binding import bind_streams
from lamplighter.runtime.historian import settled, sync_config
from lamplighter.runtime.intake import RecorderDoor
from lamplighter.runtime.offline_audit import named
from lamplighter.runtime.past_import import import_files
from lamplighter.runtime.past_look import Known, look_at_past

if TYPE_CHECKING:
    from lamplighter.runtime.jobs import OwnTask

log = structlog.get_logger(__name__)


class HistorianAnswers(Answering):
    """Also looks at files of the past, and brings them in."""

    _names: tuple[Mapping[str, Asset], AssetNames] | None = None

    def table(self) -> Table:
        return {
            wire.ImportPast: self._past,
            wire.LookAtPast: self._look,
            wire.SyncHistorian: self._sync,
            wire.SetHistorian: self._set,
            wire.DropPoison: self._drop,
            wire.GetExchange: self._state,
            wire.RetryPoison: self._retry,
        }

    def _sync(self, ask: wire.SyncHistorian) -> wire.Reply:
        self._need(Permission.FEED, "the historian")
        config, password = sync_config(self._recorder.store, ask)
        found = self._recorder.historian.once(config, password)
        poison = tuple(Poison(**one) for one in found.pop("poison_shown"))
        self._audit("exchange with the historian", shown(config.url))
        return wire.HistorianSynced(**found, poison_shown=poison)

    def _set(self, ask: wire.SetHistorian) -> wire.Reply:
        self._need(Permission.FEED, "the historian")
        config = settled(self._recorder.project, ask)
        self._recorder.historian.use(config)
        name = shown(config.url) if config else ""
        self._audit("set the historian", name or "off")
        return wire.Ok(name)

    def _state(self, ask: wire.GetExchange) -> wire.Reply:
        desk = self._recorder.historian
        return wire.Exchange(desk.state, tuple(desk.refused(ask.poison)) if ask.poison else ())

    def _drop(self, ask: wire.DropPoison) -> wire.Reply:
        self._need(Permission.FEED, "the historian's refused records")
        count = self._recorder.historian.forget(list(ask.numbers))
        self._audit("forget refused records", f"{count} records")
        return wire.Ok(str(count))

    def _past(self, ask: wire.ImportPast) -> wire.Reply:
        self._need(Permission.IMPORT, ", ".join(ask.paths[:3]))
        name = named(ask.paths)
        task = self._recorder.jobs.own(f"Bring in the past of {name}")
        self._recorder.jobs.thread("the past", lambda: self._bring(task, ask))
        self._audit("bring in the past", name)
        return wire.TaskStarted(task.number)

    def _look(self, ask: wire.LookAtPast) -> wire.Reply:
        self._need(Permission.IMPORT, ask.path)
        city = self._recorder.core.city
        if self._names is None or self._names[0] is not city.assets:
            self._names = (city.assets, AssetNames(city.assets.values()))
        return look_at_past(ask, Known(city.assets, city.streams, self._names[1]))

    def _bring(self, task: OwnTask, ask: wire.ImportPast) -> None:
        recorder = self._recorder
        state, words = TaskState.DONE, ""
        reports: list[FileReport] = []
        try:
            import_files(
                recorder.store,
                RecorderDoor(recorder, past=True),
                recorder.clock,
                [Path(p) for p in ask.paths],
                ask.mapping,
                ask.name,
                again=ask.again,
                progress=task.step,
                into=reports,
            )
            bind_streams(recorder, ask.bindings, "the past", only_known=True)
        except LamplighterError as error:
            state = TaskState.CANCELLED if task.cancelled else TaskState.FAILED
            words = str(error)
        except Exception as error:
            log.exception("the past was not brought in")
            state, words = TaskState.FAILED, f"{type(error).__name__}: {error}"
        task.end(state, words)
        cancelled = state is TaskState.CANCELLED
        recorder.server.emit(
            wire.ImportDone(tuple(reports), task.number, "" if cancelled else words, False,
                            cancelled)
        )  # fmt: skip
        grown = len(recorder.store.datastreams()) != len(recorder.core.city.streams)
        if ask.bindings or grown:  # else clients would build everything anew for nothing
            recorder.core.city_changed()
        recorder.forecasts.past_came()

    def _retry(self, ask: wire.RetryPoison) -> wire.Reply:
        self._need(Permission.FEED, "the historian")
        sent, refused = self._recorder.historian.retry(list(ask.numbers))
        return wire.HistorianSynced("", sent=sent, poison=refused)
