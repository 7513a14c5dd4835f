"""A plugin whose code raises, hangs, exits, crashes, floods or lies greys its own layer alone."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.faults.hostile_plugins.folders import GOOD, HOSTILE, write_plugin
from tests.kit.feeds import FeedBuilder
from tests.kit.program import Recording, verb

from lamplighter.client import Session, WireCarrier
from lamplighter.domain import wire
from lamplighter.domain.city import Asset, Datastream, Limits
from lamplighter.domain.clock import SystemClock
from lamplighter.plugin_host import PluginHost, public_text, sign_folder
from lamplighter.runtime import plugin_layers
from lamplighter.runtime.plugins import LoadedPlugins
from lamplighter.runtime.recorder import Recorder
from lamplighter.store import Store, WriteAccess

pytestmark = [
    pytest.mark.faults,
    pytest.mark.skipif(sys.platform != "linux", reason="workers are limited where it is offered"),
]
SECONDS = 3.0
PER_PLUGIN = 2


class Console:
    """A recorder of this process over a folder of plugins, each with datastreams of its own."""

    def __init__(self, folder: Path, plugins: PluginHost, *, code: bool = True) -> None:
        self.clock = SystemClock()
        self.host = plugins
        project = folder / "project"
        Store.create(project, name="test", clock=self.clock)
        self.names = [f.id for f in plugins.all()]
        self._describe(project)
        loaded = LoadedPlugins(plugins)
        self.recorder = Recorder(project, self.clock, plugin_code=code, plugins=loaded)
        self.events: list[tuple[int, wire.Event]] = []
        send = self.recorder.server.emit

        def emit(event: wire.Event) -> None:
            self.events.append((self.clock.wall_ms(), event))
            send(event)

        self.recorder.layers._emit = emit
        self.feed = FeedBuilder(self.clock)
        self.sent = 0
        self.recorder.start()

    def _describe(self, project: Path) -> None:
        store = Store.open(project, write=True, clock=self.clock)
        streams = [
            Datastream(
                0, "dev-88", f"{name}-{n}", "bar", f"{name}_kind", f"A-{name}", "",
                limits=Limits(high=90.0),
            )
            for name in self.names
            for n in range(PER_PLUGIN)
        ]  # fmt: skip

        def put(access: WriteAccess) -> None:
            access.put_assets([Asset(f"A-{n}", "Thing", n, n) for n in self.names])
            access.put_datastream_meta(streams)

        store.writer.call(put).result(10)
        store.close(10.0)

    def send(self, value: float = 20.0) -> None:
        """One message with a point of every datastream."""
        now = self.clock.wall_ms()
        points = [(f"{n}-{k}", now, value) for n in self.names for k in range(PER_PLUGIN)]
        assert self.recorder.inlet.deliver(self.feed.message(self.sent, points))
        self.sent += 1

    def until(self, true: Callable[[], bool], what: str, deadline_s: float = 60.0) -> None:
        """Keep sending until something holds."""
        end = time.monotonic() + deadline_s
        while not true():
            assert time.monotonic() < end, f"{what}: {self.layers()}"
            self.send()
            time.sleep(0.1)

    def layers(self) -> dict[str, wire.LayerState]:
        reply = self.recorder._handle(wire.GetLayers())
        assert isinstance(reply, wire.Layers)
        return {s.plugin: s for s in reply.items}

    def ids(self, plugin: str) -> np.ndarray:
        streams = self.recorder.core.city.streams
        return np.array([s.id for s in streams if s.kind == f"{plugin}_kind"])

    def problems(self, plugin: str) -> list[wire.ProblemRaised]:
        found = [e for _, e in self.events if isinstance(e, wire.ProblemRaised)]
        return [e for e in found if f"'{plugin}'" in e.problem.text]

    def end(self) -> dict[str, Any]:
        self.recorder.stop()
        return self.recorder.report()


def _trusting(folder: Path) -> PluginHost:
    return PluginHost([folder], trusted_by_path=[folder])


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """All of them at once in one recorder, beside a good one; what was seen until the end."""
    folder = tmp_path_factory.mktemp("hostile")
    for name, (model, _) in HOSTILE.items():
        write_plugin(folder / "plugins", name, model)
    write_plugin(folder / "plugins", "good", GOOD)
    write_plugin(folder / "plugins", "dataonly", None)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plugin_layers, "MODEL_SECONDS", SECONDS)
        patch.setattr(plugin_layers, "RESTART_AFTER_MS", (600_000, 600_000, 600_000))
        console = Console(folder, _trusting(folder / "plugins"))
        try:
            console.until(
                lambda: all(s.state == "greyed" for n, s in console.layers().items()
                            if n in HOSTILE),
                "all hostile plugins are grey",
            )  # fmt: skip
            good = console.ids("good")
            console.until(
                lambda: bool(np.all(console.recorder.core.newest.expected[good] == 21.5)),
                "the good one's values are used",
            )
            pool = console.recorder.layers._pool
            assert pool is not None
            yield {
                "console": console,
                "layers": console.layers(),
                "tasks": pool.tasks(),
                "rules": {r.owner for r in console.recorder.core.city.rules},
                "report": console.end(),
            }
        finally:
            if not console.recorder.inlet._stopping.is_set():
                console.end()


@pytest.mark.parametrize("plugin", sorted(HOSTILE))
def test_its_layer_is_grey_with_one_line_that_says_why(seen: dict[str, Any], plugin: str) -> None:
    state = seen["layers"][plugin]
    word = HOSTILE[plugin][1]

    assert state.state == "greyed"
    assert word in state.why
    assert state.why.endswith("[P-601]") and "1 of 3" in state.why and "\n" not in state.why
    (raised,) = seen["console"].problems(plugin)
    assert str(raised.problem) == state.why and not raised.over


def test_other_plugins_are_not_affected(seen: dict[str, Any]) -> None:
    assert {seen["layers"][n].state for n in ("good", "dataonly")} == {"running"}
    assert seen["console"].problems("good") == []


def test_everything_that_came_meanwhile_is_recorded(seen: dict[str, Any]) -> None:
    report, console = seen["report"], seen["console"]
    points = console.sent * len(console.names) * PER_PLUGIN

    assert report["received"] == report["stored"] == points > 0
    assert report["waiting"] == report["refused"] == report["quarantined"] == 0


def test_alarm_rules_of_a_greyed_plugin_still_hold(seen: dict[str, Any]) -> None:
    assert seen["rules"] - {"system"} == {*HOSTILE, "good", "dataonly"}


def test_a_hang_is_known_within_two_seconds_after_its_deadline(seen: dict[str, Any]) -> None:
    (task,) = [t for t in seen["tasks"] if t.name == "hangs"]
    begun = next(int(line.split()[-1]) for line in task.log if line.startswith("begun"))
    known = next(
        at
        for at, event in seen["console"].events
        if isinstance(event, wire.LayerState) and event.plugin == "hangs"
    )
    assert SECONDS * 1000 - 100 <= known - begun <= SECONDS * 1000 + 2_000


# ---------------------------------------------------------------- one plugin at a time
@pytest.fixture
def consoles(tmp_path: Path) -> Iterator[Callable[..., Console]]:
    made: list[Console] = []

    def make(host: PluginHost, **options: Any) -> Console:
        made.append(Console(tmp_path, host, **options))
        return made[-1]

    yield make
    for console in made:
        if not console.recorder.inlet._stopping.is_set():
            console.end()


def _running(console: Console, plugin: str) -> Callable[[], bool]:
    return lambda: bool(np.all(console.recorder.core.newest.expected[console.ids(plugin)] == 21.5))


def test_after_three_restarts_its_code_stays_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, consoles: Callable[..., Console]
) -> None:
    write_plugin(tmp_path / "plugins", "raises", HOSTILE["raises"][0])
    monkeypatch.setattr(plugin_layers, "RESTART_AFTER_MS", (10, 10, 10))
    console = consoles(_trusting(tmp_path / "plugins"))

    console.until(lambda: console.layers()["raises"].state == "off", "it is off")
    pool = console.recorder.layers._pool
    assert pool is not None
    started = len(pool.tasks())
    time.sleep(1.3)

    assert started == len(pool.tasks()) == 4
    assert console.layers()["raises"].why.endswith("[P-608]")
    open_lines = [e.problem.code for e in console.problems("raises") if not e.over]
    assert open_lines == ["P-601", "P-601", "P-601", "P-608"]
    assert console.recorder.plugins.closed_owners() == []


def test_a_plugin_that_recovers_is_shown_again_and_its_fault_is_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, consoles: Callable[..., Console]
) -> None:
    folder = write_plugin(tmp_path / "plugins", "wobbly", HOSTILE["exits"][0])
    monkeypatch.setattr(plugin_layers, "RESTART_AFTER_MS", (500, 500, 500))
    console = consoles(_trusting(tmp_path / "plugins"))
    console.until(lambda: console.layers()["wobbly"].state == "greyed", "it is grey")

    (folder / "model.py").write_text(GOOD)
    console.until(lambda: console.layers()["wobbly"].state == "running", "it is back")

    console.until(_running(console, "wobbly"), "its values are used")
    assert [e.over for e in console.problems("wobbly")][-1]
    found = console.host.get("wobbly")
    assert found is not None and found.failures == 0


def test_an_unsigned_plugin_is_not_started_and_says_so(
    tmp_path: Path, consoles: Callable[..., Console]
) -> None:
    write_plugin(tmp_path / "plugins", "unsigned", GOOD)
    console = consoles(PluginHost([tmp_path / "plugins"]))
    console.until(lambda: console.recorder.meters.account.stored > 20, "values are recorded")

    state = console.layers()["unsigned"]
    assert (state.state, state.why[-7:]) == ("off", "[P-602]")
    assert console.recorder.layers._pool is None, "nothing of it was started"


@pytest.fixture
def signed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, PluginHost]:
    """A signed plugin whose model is asked every second, and a host that trusts its key alone."""
    monkeypatch.setattr(plugin_layers, "SOONEST_MS", 500)
    monkeypatch.setattr("lamplighter.runtime.model_columns.VALID_S", (0.1, 600.0))
    folder = write_plugin(tmp_path / "plugins", "signed", GOOD.replace("600.0", "1.000"))
    key = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    sign_folder(folder, key)
    trusted = [public_text(key.public_key())]
    return folder, PluginHost([tmp_path / "plugins"], trusted_keys=trusted)


def test_a_signed_plugin_that_is_changed_while_it_runs_is_not_started_again(
    signed: tuple[Path, PluginHost], consoles: Callable[..., Console]
) -> None:
    folder, host = signed
    console = consoles(host)
    console.until(_running(console, "signed"), "its values are used")
    model = folder / "model.py"

    model.write_text(model.read_text().replace("21.5", "66.0"))
    console.until(lambda: console.layers()["signed"].state == "off", "it is not started again")

    assert console.layers()["signed"].why.endswith("[P-602]")
    expected = console.recorder.core.newest.expected
    assert not np.any(expected[console.ids("signed")] == 66.0)
    assert {r.owner for r in console.recorder.core.city.rules} - {"system"} == {"signed"}


def test_a_safe_start_runs_no_code_of_plugins_and_records_all_the_same(
    tmp_path: Path, consoles: Callable[..., Console]
) -> None:
    write_plugin(tmp_path / "plugins", "good", GOOD)
    write_plugin(tmp_path / "plugins", "dataonly", None)
    shutil.copytree(Path(__file__).parents[2] / "plugins" / "water", tmp_path / "plugins/water")
    console = consoles(_trusting(tmp_path / "plugins"), code=False)
    console.until(lambda: console.recorder.meters.account.stored > 20, "values are recorded")
    time.sleep(1.2)

    states = {n: s.state for n, s in console.layers().items()}
    assert states == {"good": "off", "water": "off", "dataonly": "running"}
    assert console.recorder.layers._pool is None
    assert console.recorder.plugins.importers() == {}
    assert {r.owner for r in console.recorder.core.city.rules} >= {"good", "dataonly"}


def test_listing_plugins_runs_no_code(tmp_path: Path) -> None:
    trace = tmp_path / "ran"
    model = f'open({str(trace)!r}, "w").close()\n' + GOOD
    write_plugin(tmp_path / "plugins", "loud", model)

    host = _trusting(tmp_path / "plugins")

    assert [r["state"] for r in host.check()] == ["enabled"]
    assert not trace.exists()


# ---------------------------------------------------------------- the real program
def _program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project, and a user who has installed two plugins and allowed one of them unsigned."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("LAMPLIGHTER_PLUGINS_ALLOW_UNSIGNED", '["exits"]')
    mine = tmp_path / "data" / "lamplighter" / "plugins"
    write_plugin(mine, "exits", HOSTILE["exits"][0])
    write_plugin(mine, "unsigned", GOOD)
    project = tmp_path / "project"
    assert verb("new", project).returncode == 0
    return project


def _layers(session: Session) -> dict[str, wire.LayerState]:
    reply = session.ask_now(wire.GetLayers())
    assert isinstance(reply, wire.Layers)
    return {s.plugin: s for s in reply.items}


def test_clients_hear_of_a_failed_plugin_and_new_ones_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = _program(tmp_path, monkeypatch)
    heard: list[wire.Event] = []
    with Recording(project) as recording:
        recording.ready()
        session = Session(WireCarrier(project, wait_s=5.0))
        session.subscribe(heard.append)
        end = time.monotonic() + 30
        while not _grey(heard) and time.monotonic() < end:
            time.sleep(0.05)
        session.close()
        late = Session(WireCarrier(project, wait_s=5.0))
        layers = _layers(late)
        late.close()
        recording.end()

    assert _grey(heard)
    assert "P-601" in [e.problem.code for e in heard if isinstance(e, wire.ProblemRaised)]
    assert layers["exits"].state in {"greyed", "off"}
    assert layers["exits"].why[-7:] in {"[P-601]", "[P-608]"}
    assert (layers["unsigned"].state, layers["unsigned"].why[-7:]) == ("off", "[P-602]")
    refused = layers["unsigned"].problem
    assert refused is not None and refused.code == "P-602"
    own = ("environment", "mobility", "power", "structures", "water")
    assert {layers[n].state for n in own} == {"running"}


def _grey(heard: list[wire.Event]) -> list[wire.LayerState]:
    return [e for e in heard if isinstance(e, wire.LayerState) and e.plugin == "exits"]


def test_a_recorder_started_safe_leaves_code_of_plugins_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = _program(tmp_path, monkeypatch)
    with Recording(project, "--safe") as recording:
        recording.ready()
        session = Session(WireCarrier(project, wait_s=5.0))
        time.sleep(1.5)
        states = {n: s.state for n, s in _layers(session).items()}
        session.close()
        recording.end()

    assert {states[n] for n in ("exits", "unsigned", "power", "water", "mobility")} == {"off"}
    assert {states[n] for n in ("environment", "structures")} == {"running"}
    assert not (project / "cache" / "plugins").exists()
