"""The recorder: builds the core rooms, connects them, and ends them in order.

Source first (feeds), then the queue (decoding), then the writer, each with a deadline. The wire
and the core's beat stand beside that path and end in between.
"""

from __future__ import annotations

import os
import shutil
import socket
import sqlite3
import threading
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import structlog

from lamplighter import __version__
from lamplighter.domain import wire
from lamplighter.domain.clock import Clock, SystemClock
from lamplighter.domain.field_message import OBSERVATIONS, RawMessage
from lamplighter.domain.observation import Batch, Committed
from lamplighter.domain.problems import LamplighterError, Problem, fault, problem
from lamplighter.governance.keys import signing_key
from lamplighter.governance.reserve import Reserve
from lamplighter.governance.roles import local_identity
from lamplighter.pipeline import Pipeline
from lamplighter.runtime import attachments, city_state, edits, orders
from lamplighter.runtime.alarm_watch import AWAY, AlarmWatch, awake_ms
from lamplighter.runtime.anomalies import AnomalyDesk
from lamplighter.runtime.answers import Answers
from lamplighter.runtime.by_hand import HandDesk
from lamplighter.runtime.cadence import Cadence
from lamplighter.runtime.careful_start import open_audit, open_store, problem_of
from lamplighter.runtime.commands import CommandDesk
from lamplighter.runtime.core_loop import CoreLoop
from lamplighter.runtime.escalation import EscalationDesk
from lamplighter.runtime.expecting import ExpectedDesk
from lamplighter.runtime.feed_health import REMOVED, FeedHealth
from lamplighter.runtime.feed_notices import FeedNotices
from lamplighter.runtime.feeds import (
    FeedConfig,
    connect,
    is_shared,
    mapping_of,
    move_secrets,
    shown,
    stored_feeds,
    whole_address,
)
from lamplighter.runtime.forecasts import ForecastDesk
from lamplighter.runtime.historian import HistorianDesk, releasable
from lamplighter.runtime.homes import bind_by_id, stored_times
from lamplighter.runtime.inlet import Inlet
from lamplighter.runtime.jobs import Jobs
from lamplighter.runtime.link_log import LinkLog
from lamplighter.runtime.maintenance import MaintenanceDesk
from lamplighter.runtime.meters import Meters
from lamplighter.runtime.model_registry import ModelRegistry
from lamplighter.runtime.new_names import NewNames
from lamplighter.runtime.pipeline_start import as_left
from lamplighter.runtime.plugin_layers import PluginLayers
from lamplighter.runtime.plugins import LoadedPlugins, load_plugins
from lamplighter.runtime.sealing import Housekeeping
from lamplighter.runtime.steady_clock import SteadyClock
from lamplighter.runtime.storage_fault import StorageFault
from lamplighter.runtime.suspicion import SuspicionDesk
from lamplighter.runtime.trials import Trials
from lamplighter.runtime.wire_server import WireServer
from lamplighter.sources import FeedSet
from lamplighter.store.connections import is_damaged
from lamplighter.store.damage import SetAside

log = structlog.get_logger(__name__)


class Recorder:
    """One project's core. `start`, then `stop`; every part is reachable for the answers."""

    def __init__(
        self,
        project: Path,
        clock: Clock,
        *,
        service: bool = True,
        plugin_code: bool = True,
        plugins: LoadedPlugins | None = None,
    ) -> None:
        # batches, audit entries and the wire are labelled with the machine's time; ages, timers
        # and what is asked of a device's clock go by a time that does not jump with it
        running = awake_ms if isinstance(clock, SystemClock) else None
        self.clock = SteadyClock(clock, running)
        self.started_ms = clock.wall_ms()
        self._begun = clock.monotonic_ms()
        self.identity = local_identity()
        self.store, self._told_at_start = open_store(project, clock)
        self.store.on_damage = self._set_aside
        self.project = self.store.folder
        self.key = signing_key(self.project / "keys")
        host = socket.gethostname()
        self.reserve = Reserve(self.project)
        self.store.writer.room = self.reserve
        self.audit, told = open_audit(self.project, self.key, clock, host, self.reserve)
        self._told_at_start += told
        self.plugins = plugins or load_plugins()
        self.plugins.code = plugin_code
        self.meters = Meters()
        self.server = WireServer(self.project, self._handle, clock, service=service)
        self._make_core()
        self._make_intake()
        self._make_desks(clock, plugin_code)
        move_secrets(self.store)
        self._configs: tuple[FeedConfig, ...] = tuple(stored_feeds(self.store))
        self.health = FeedHealth(self)
        self.trials = Trials(clock)
        self.hand = HandDesk(self)
        self.historian = HistorianDesk(self, clock)
        self.housekeeping = Housekeeping(
            self.store, self.key, clock, releasable=partial(releasable, self.project, self.store)
        )
        self.escalation = EscalationDesk(self)
        self._answers = Answers(self)
        self._dead_feeds: dict[str, wire.FeedState] = {}
        self._stop_asked = threading.Event()
        self._link_log = LinkLog()
        self._feed_notices = FeedNotices(self.tell, self.tell_over)
        self._open_gaps = 0

    def _make_core(self) -> None:
        """The city as it is known, and the loop that holds its newest values."""
        self.core = CoreLoop(
            self.store,
            city_state.load(self.store, self.plugins),
            self.clock,
            self.meters,
            emit=self.server.emit,
            slow=self._every_second,
            reload_city=lambda: city_state.load(self.store, self.plugins),
            watch=AlarmWatch(
                self.clock,
                self._links,
                lambda: self.health.feed_of(),
                lambda: self.core.city_changed(),
            ),
            settle=self.clock.look,
        )
        self._storage = StorageFault(self.server.emit)
        self._cadence = Cadence(self)
        self._names = NewNames(self.core, self.clock.monotonic_ms, lambda: bind_by_id(self))

    def _make_intake(self) -> None:
        """What stands between the feeds and the store."""
        self.pipeline = as_left(self.store, self.clock)
        self.pipeline.set_kind_units(self.plugins.kind_units())
        self.feeds = FeedSet(self.clock)
        self.inlet = Inlet(
            self.pipeline,
            self.feeds,
            self.store.writer,
            committed=self._committed,
            failed=self._storage.failed,
            decoded=self._decoded,
            waits=self.core.preview,
        )

    def _make_desks(self, clock: Clock, plugin_code: bool) -> None:
        """Who judges, learns, commands and plans."""
        self.jobs = Jobs(self)
        self.commands = CommandDesk(self)
        self.edits = edits.attach(self)
        self.models = ModelRegistry(
            self.store,
            self.key,
            clock,
            told=self._audit_model,
            changed=lambda record: self.server.emit(wire.ModelChanged(record)),
        )
        self.maintenance = MaintenanceDesk(self)
        self.usual = ExpectedDesk(self)
        self.anomalies = AnomalyDesk(self)
        self.forecasts = ForecastDesk(self)
        self.suspicion = SuspicionDesk(self)
        self.orders = orders.attach(self)
        self.attachments = attachments.attach(self)
        self.layers = PluginLayers(
            self.plugins,
            self.core,
            clock,
            self.project / "cache" / "plugins",
            emit=self.server.emit,
            code=plugin_code,
        )

    # ------------------------------------------------------------------ life
    def start(self) -> None:
        """Begin: core, decoding, wire, then the feeds."""
        self.jobs.rebuild_tiles()
        self.core.start()
        self.inlet.start()
        self.server.start()
        self.commands.recover()
        self.hand.start()
        for config in self._configs:
            if not config.paused:
                self.open_feed(config)
        self.maintenance.start()
        self.usual.start()
        self.anomalies.start()
        self.forecasts.start()
        self.suspicion.start()
        self.escalation.start()
        self.historian.start()
        self.housekeeping.start()
        for told in self._told_at_start:
            self._tell_set_aside(told)
        log.info("recording", project=str(self.project), pid=os.getpid())

    def open_feed(self, config: FeedConfig) -> None:
        """Connect a stored feed. One that cannot be opened is listed with its reason."""
        try:
            mapping = mapping_of(config)  # None, too, must be told: it may have had one before
            self.inlet.between(lambda pipeline: pipeline.use_mapping(config.id, mapping))
            shared = is_shared(config)
            self.inlet.between(lambda pipeline: pipeline.use_sharing(config.id, shared))
            feed = connect(
                config,
                self.store.store_id,
                self._received,
                self.clock,
                deliver_all=self._received_all,
                folder=self.project,
                address=whole_address(self.project, config),
                stored=lambda source: stored_times(self.store, source),
            )
            self.feeds.add(feed)
        except LamplighterError as error:
            self._not_opened(config, error.problem)
        except (OSError, ValueError, RuntimeError) as error:  # one feed ends no recorder's start
            what = f"{type(error).__name__}: {error}"
            self._not_opened(config, problem("N-304", name=shown(config.url), what=what))

    def _not_opened(self, config: FeedConfig, why: Problem) -> None:
        log.error("feed not opened", feed=config.id, why=str(why))
        self._dead_feeds[config.id] = wire.FeedState(
            config.id, shown(config.url), "refused", 0, None, str(why)
        )
        self.tell(why)

    def _received(self, message: RawMessage) -> bool:
        """Every message of every feed, on the feed's thread."""
        if message.retained and str(message.topic).startswith(OBSERVATIONS):
            self.suspicion.retained(str(message.topic))
        return self.inlet.deliver(message)

    def _received_all(self, messages: Sequence[RawMessage]) -> int:
        """Many at once, on the feed's thread; says how many were taken."""
        for message in messages:
            if message.retained and str(message.topic).startswith(OBSERVATIONS):
                self.suspicion.retained(str(message.topic))
        return self.inlet.deliver_all(messages)

    def close_feed(self, feed: str) -> None:
        """Leave a feed; what it delivered is decoded and stored."""
        self._dead_feeds.pop(feed, None)
        self.feeds.remove(feed)

    def feed_configs(self) -> tuple[FeedConfig, ...]:
        """The stored feeds, as last read."""
        return self._configs

    def feeds_changed(self) -> None:
        """Read the stored feeds anew."""
        self._configs = tuple(stored_feeds(self.store))

    @property
    def storage_fault(self) -> Problem | None:
        """Why nothing can be written now; None while all is well."""
        return self._storage.problem

    def _links(self) -> list[tuple[str, str]]:
        """Every feed's id and state, for who watches over lost ones."""
        dead = [(feed, "refused") for feed in self._dead_feeds]
        away = [(c.id, AWAY) for c in self._configs if c.paused]
        live = ((feed.id, feed.state) for feed in self.feeds)
        return [*live, *dead, *away, (REMOVED, AWAY)]

    def feed_states(self) -> tuple[wire.FeedState, ...]:
        """Every feed of the project as it is now."""
        return self.health.states((*self.feeds.states(), *self._dead_feeds.values()))

    def stop(self) -> None:
        """Source, queue, writer, each with its deadline."""
        self.trials.stop()
        self.feeds.stop(3.0)
        self.historian.stop(5.0)
        self.escalation.stop(1.0)
        self.usual.stop(3.0)
        self.anomalies.stop(3.0)
        self.forecasts.stop(3.0)
        self.suspicion.stop(3.0)
        self.jobs.stop(8.0)
        self.layers.stop(3.0)
        self._cadence.stop(3.0)
        self.housekeeping.stop(3.0)
        if not self.inlet.stop(10.0):
            log.warning("the queue was not empty at its deadline")
        self.store.writer.stop(10.0)
        if not self.core.stop(5.0):
            log.warning("the core did not end in time")
        self.server.stop()
        self.audit.close()
        found = self.store.gaps()
        self._open_gaps = sum(g.state != "filled" and g.found_ms >= self.started_ms for g in found)
        self.store.close(10.0)

    def ask_stop(self) -> None:
        self._stop_asked.set()

    def wait(self, seconds: float) -> bool:
        """True when somebody asked to stop within `seconds`."""
        return self._stop_asked.wait(seconds)

    # ------------------------------------------------------------------ the data path
    def _decoded(self, batch: Batch, pipeline: Pipeline) -> None:
        self.health.decoded(batch, pipeline)
        if batch.lives:
            self.core.hear(batch.lives)
        if batch.new_datastreams or batch.new_sources:
            self._names.heard()
        for receipt in pipeline.receipts():
            self.commands.receipt(receipt.payload, _source_of(receipt))
        for found, count in pipeline.notices():
            self.server.emit(wire.ProblemRaised(found, count))

    def _committed(self, committed: Committed) -> None:
        self._storage.well()
        self.clock.hear(committed.points.time_ms)
        self._names.stored(committed)
        self.core.take(committed)
        self.health.committed(committed)
        self.suspicion.committed(committed)
        self.historian.committed()

    def names_changed(self) -> None:
        """A waiting batch brings new names; the city is read anew when it is stored."""
        self._names.heard()

    def took_in(self, committed: Committed, *, past: bool) -> None:
        """A committed batch that no feed brought, from the writer's thread."""
        self._names.taken_in(committed)
        if past:
            self.core.take_past(committed)
        else:
            self.core.take_received(committed)

    def _set_aside(self, found: list[SetAside]) -> None:
        """A damaged file was replaced while recording; on the writer's thread."""
        self._tell_set_aside(problem_of(found))
        self.core.city_changed()

    def _tell_set_aside(self, told: Problem) -> None:
        log.error("file set aside", why=str(told))
        self.audit.record(
            actor="recorder",
            role="",
            action="set a damaged file aside",
            object=self.store.name,
            reason=told.text,
            result="done",
        )
        self.server.emit(wire.ProblemRaised(told))

    def tell(self, found: Problem) -> None:
        """Show a fault in the window; repeats are counted there."""
        self.server.emit(wire.ProblemRaised(found))

    def tell_over(self, found: Problem) -> None:
        """A fault that was shown has ended."""
        self.server.emit(wire.ProblemRaised(found, over=True))

    def _audit_model(self, action: str, object: str, reason: str, result: str) -> None:
        who = self.identity
        self.audit.record(
            actor=who.user,
            role=who.role.value,
            action=action,
            object=object,
            reason=reason,
            result=result,
        )

    def adopt_streams(self) -> None:
        """Datastreams an import bound: the decoder must know their ids."""
        streams = self.store.datastreams()

        def adopt(pipeline: Pipeline) -> None:
            for stream in streams:
                pipeline.registry.adopt(stream)

        self.inlet.between(adopt)

    # ------------------------------------------------------------------ once a second
    def _every_second(self) -> None:
        self._storage.look(self.store.writer.full_since_ms)
        self._link_log.look(self.feed_states())
        self._feed_notices.look(self.feeds, self.clock.monotonic_ms())
        self.commands.check_timeouts()
        self.maintenance.every_second()
        self.usual.every_second()
        self.anomalies.every_second()
        self.forecasts.every_second()
        self.layers.every_second()
        self._names.look()
        self._cadence.look()
        self.health.every_second()
        self.hand.every_second()
        self.server.emit(self.status())

    def status(self) -> wire.Status:
        """Figures of this moment."""
        points, messages, delay = self.meters.rates(self.clock.monotonic_ms())
        live, stale = self.core.counts()
        usage = shutil.disk_usage(self.project)
        account = self.meters.account
        waiting = self.store.writer.queue_points + self.inlet.waiting_messages
        return wire.Status(
            wall_ms=self.clock.wall_ms(),
            batch=self.core.batch(),
            account=account,
            waiting=waiting,
            points_per_s=points,
            messages_per_s=messages,
            delay_p95_s=delay,
            queue=self.inlet.waiting_messages,
            write_lag_ms=self.store.writer.lag_ms,
            feeds=self.feed_states(),
            datastreams=len(self.core.city.streams),
            live=live,
            stale=stale,
            disk_free_gb=usage.free / 1e9,
            disk_days_left=self.housekeeping.days_left(usage.free, points),
            rss_mb=psutil.Process().memory_info().rss / 1e6,
        )

    def report(self) -> dict[str, Any]:
        """This run's sums, after `stop`."""
        account = self.meters.account
        seconds = (self.clock.monotonic_ms() - self._begun) / 1000.0
        age = self.meters.age_p95_s()
        return {
            "received": account.received,
            "stored": account.stored,
            "duplicate": account.duplicate,
            "quarantined": account.quarantined,
            "refused": account.refused,
            "waiting": account.waiting,
            "gaps": self._open_gaps,
            "points_per_s": round(account.stored / max(seconds, 1e-9), 1),
            "age_p95_s": age,
            "seconds": round(seconds, 3),
        }

    def _handle(self, request: wire.Request) -> wire.Reply:
        try:
            return self._answers.answer(request)
        except sqlite3.DatabaseError as error:
            if not is_damaged(error):
                raise
            self.store.writer.doubt()
            still = "It is being looked at; ask again in a moment. Recording goes on."
            raise fault("A-402", what=str(error), still=still) from error

    def welcome(self) -> wire.Welcome:
        return wire.Welcome(
            project=self.store.name,
            path=str(self.project),
            demo=self.store.demo,
            version=__version__,
            pid=os.getpid(),
            user=self.identity.user,
            role=self.identity.role.value,
            block=str(self.core.block.file),
            frame=self.core.city.frame,
            started_ms=self.started_ms,
            first_ms=self.store.oldest_ms(),
            console=self.store.store_id,
        )


def _source_of(message: RawMessage) -> str:
    return str(message.topic).rsplit("/", 1)[-1]
