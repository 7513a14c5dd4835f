"""The one table of actions: keys, palette entries and the key sheet all come from it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QAbstractSpinBox, QApplication, QLineEdit, QWidget

from lamplighter.domain.places import address_of
from lamplighter.domain.problems import problem
from lamplighter.ui.search_index import Entry
from lamplighter.ui.theme import theme
from lamplighter.ui.time_model import Mode
from lamplighter.ui.words import tr

if TYPE_CHECKING:
    from lamplighter.ui.furniture import Furniture


@dataclass(frozen=True, slots=True)
class Action:
    """`plain` keys are letters: they do nothing while a text field has the focus."""

    name: str
    keys: tuple[str, ...]
    run: Callable[[], object]
    plain: bool = False
    live_only: bool = False


class Actions:
    """Makes the shortcuts on the window."""

    def __init__(self, furniture: Furniture, window: QWidget) -> None:
        self._furniture = furniture
        self._window = window
        self.table = self._table()
        for action in self.table:
            for keys in action.keys:
                shortcut = QShortcut(QKeySequence(keys), window)
                shortcut.setContext(Qt.ShortcutContext.WindowShortcut)
                shortcut.activated.connect(lambda a=action: self._go(a))
                shortcut.activatedAmbiguously.connect(lambda a=action: self._go(a))

    def _go(self, action: Action) -> None:
        focus = QApplication.focusWidget()
        if action.plain and isinstance(focus, QLineEdit | QAbstractSpinBox):
            focus.insert(action.keys[0].lower()) if isinstance(focus, QLineEdit) else None
            return
        if action.live_only and (why := self._locked()):
            words = tr("{name} is {why}", name=action.name, why=why)
            self._furniture.desk.raise_problem(problem("U-808", what=words))
            return
        action.run()

    def _swap_known(self) -> None:
        time = self._furniture.desk.time
        if time.mode is Mode.REPLAY:
            time.swap_known()

    def _go_to(self, asset: str) -> None:
        """Select and fly there."""
        furniture = self._furniture
        furniture.desk.selection.select(asset)
        fly = getattr(furniture.twin.view, "fly_to", None)
        if fly is not None:
            fly(asset)

    def _locked(self) -> str:
        mode = self._furniture.desk.time.mode
        if mode is Mode.REPLAY:
            return tr("locked in replay")
        return tr("locked in scenario") if mode is Mode.SCENARIO else ""

    def _table(self) -> tuple[Action, ...]:
        f, time = self._furniture, self._furniture.desk.time
        names = ("Overview", "Alarms", "Trends", "Work", "Map")
        spaces = [
            Action(tr("Go to {name}", name=tr(n)), (f"Ctrl+{i}", f"G,{n[0]}"),
                   lambda n=n: f.workspace(n), plain=False)  # type: ignore[misc]
            for i, n in enumerate(names, 1)
        ]  # fmt: skip
        return (
            Action(tr("Find an asset, view or action"), ("Ctrl+K",), f.open_palette),
            *spaces,
            *alarm_actions(f),
            Action(tr("Acknowledge"), ("F2",), f.acknowledge, live_only=True),
            Action(tr("Silence the sound"), ("Ctrl+M",), f.silence),
            Action(tr("Back to live"), ("L",), time.live, plain=True),
            Action(tr("As known then, or truth now"), ("T",), self._swap_known, plain=True),
            *time_actions(f),
            Action(tr("Step back"), (",",), lambda: time.step(-1), plain=True),
            Action(tr("Step forward"), (".",), lambda: time.step(1), plain=True),
            Action(tr("Ten steps back"), ("Shift+,", "<"), lambda: time.step(-10), plain=True),
            Action(tr("Ten steps forward"), ("Shift+.", ">"), lambda: time.step(10), plain=True),
            Action(tr("Filter assets"), ("Ctrl+F",), f.find),
            Action(tr("Export the city"), ("Ctrl+E",), f.project.export_city),
            Action(tr("Take a backup"), ("Ctrl+Shift+K",), f.project.take_backup),
            Action(tr("Take with me: a field kit"), ("Ctrl+Shift+T",), f.kits.take),
            Action(tr("Bring back, or merge a field kit"), ("Ctrl+Shift+B",), f.kits.bring),
            Action(tr("Changes to decide"), ("Ctrl+Shift+M",), f.kits.decide),
            Action(
                tr("Storage: size, growth, how long it is kept"),
                ("Ctrl+Shift+U",),
                f.project.storage,
            ),
            Action(tr("Import files or a folder"), ("Ctrl+I",), f.project.import_files),
            Action(
                tr("Bring the past in: history, failures, work orders"),
                ("Ctrl+Shift+I",),
                f.project.bring_past,
            ),
            Action(tr("Asset register"), (), f.project.register),
            Action(tr("Display units"), (), f.display_units),
            Action(tr("Add a feed"), ("Ctrl+Shift+A",), f.feeds.add),
            Action(tr("Feeds"), ("Ctrl+Shift+F",), lambda: f.feed_page(0)),
            Action(tr("Quarantine"), ("Ctrl+Shift+Q",), lambda: f.feed_page(1)),
            Action(tr("Data quality by day"), ("Ctrl+Shift+D",), lambda: f.feed_page(2)),
            Action(tr("Historian"), ("Ctrl+Shift+H",), lambda: f.feed_page(3)),
            Action(tr("Suspect sensors"), ("Ctrl+Shift+Y",), lambda: f.feed_page(4)),
            Action(tr("Coverage: where nothing is measured"), ("Ctrl+Shift+C",), f.coverage),
            Action(tr("Check the city"), (), f.check_city),
            Action(
                tr("Models: versions, cards, track record"),
                ("Ctrl+Shift+V",),
                lambda: f.docks.show("models"),
            ),
            Action(tr("New work order"), ("Ctrl+N",), f.new_order),
            Action(tr("Work orders"), ("Ctrl+Shift+O",), f.work_orders),
            Action(tr("Find files: photos, documents, drawings"), ("Ctrl+Shift+J",), f.find_files),
            Action(tr("Life line of the selected asset"), ("Ctrl+Shift+L",), f.life_line),
            Action(tr("Next panel"), ("F6",), lambda: f.cycle(1)),
            Action(tr("Previous panel"), ("Shift+F6",), lambda: f.cycle(-1)),
            Action(tr("Clear the selection, go up"), ("Esc",), f.escape),
            *view_actions(f),
            Action(tr("All keys"), ("?",), f.keys, plain=True),
            Action(tr("Full screen"), ("F11",), f.full_screen),
            Action(tr("What lies near the selection"), ("R",), f.look_near, plain=True),
            Action(tr("All projects"), ("Ctrl+Shift+P",), f.projects),
            Action(tr("Reset this layout"), (), f.docks.reset),
            Action(tr("Theme: dark"), (), lambda: theme().set("dark")),
            Action(tr("Theme: light"), (), lambda: theme().set("light")),
            Action(tr("Theme: sunlight"), (), lambda: theme().set("sunlight")),
            Action(
                tr("Larger text"),
                ("Ctrl++", "Ctrl+="),
                lambda: theme().set(scale=theme().scale + 0.1),
            ),
            Action(tr("Smaller text"), ("Ctrl+-",), lambda: theme().set(scale=theme().scale - 0.1)),
            Action(tr("Text at 100 %"), ("Ctrl+0",), lambda: theme().set(scale=1.0)),
        )

    def key_rows(self) -> list[tuple[str, str]]:
        """Keys and meaning for the sheet, with the keys that views handle themselves."""
        rows = [
            (a.keys[0].replace("G,", "G then "), a.name)
            for a in self.table
            if a.keys and not a.keys[0].startswith("Alt+")
        ]
        rows += [
            ("Space", tr("Acknowledge in the alarm list")),
            ("S", tr("Shelve in the alarm list")),
            ("Del / W", tr("Reset in the alarm list; what to do beside it")),
            ("→ ←", tr("Unfold and fold an incident")),
            ("N / Shift+N", tr("Next and previous abnormal asset in 3D")),
            ("Home / F", tr("Fit all, fit selection in 3D")),
            ("Alt+1 … 9", tr("Go to a bookmark")),
        ]
        return rows

    def entries(self) -> list[Entry]:
        """For the palette: actions first, then panels and assets."""
        locked = self._locked()
        found = [
            Entry(a.name, tr("action"), a.run, a.keys[0] if a.keys else "",
                  locked if a.live_only else "")
            for a in self.table
        ]  # fmt: skip
        docks = self._furniture.docks
        from lamplighter.ui.docks import TITLES

        found += [
            Entry(tr(TITLES[n]), tr("view"), lambda n=n: docks.show(n))  # type: ignore[misc]
            for n in docks.docks
        ]
        desk = self._furniture.desk
        go_to = self._go_to
        found += [
            Entry(a.name or a.id, f"{a.type}, {a.domain}".strip(", "), lambda i=i: go_to(i),  # type: ignore[misc]
                  words=f"{a.id} {a.type}")
            for i, a in desk.city.assets.items()
        ]  # fmt: skip
        addresses = ((i, a, address_of(a.attributes)) for i, a in desk.city.assets.items())
        found += [
            Entry(address, tr("address, {name}", name=a.name or a.id), lambda i=i: go_to(i))  # type: ignore[misc]
            for i, a, address in addresses
            if address
        ]
        return found


def alarm_actions(f: Furniture) -> list[Action]:
    """What is decided about alarms, and the list's own deeds by name."""
    work = f.alarm_work
    return [
        Action(tr("Alarm rules"), ("Ctrl+Shift+R",), lambda: work.open(0)),
        Action(tr("Sound of alarms here, on or off"), (), f.switch_sound),
        Action(tr("Traffic and air: how two kinds go together"), (),
               lambda: f.docks.show("together")),
        Action(tr("Anomalies"), ("Ctrl+Shift+N",), lambda: f.docks.show("anomalies")),
        Action(tr("Reasons in sentences, on or off"), (), f.switch_reasons),
        Action(tr("Learn what is usual, now"), (), f.anomalies.learn.click),
        Action(tr("Planned works"), ("Ctrl+Shift+W",), lambda: work.open(1)),
        Action(tr("Suppression by design"), ("Ctrl+Shift+X",), lambda: work.open(4)),
        Action(tr("Who is called"), (), lambda: work.open(2)),
        Action(tr("Alarm figures and journal"), ("Ctrl+Shift+G",), lambda: work.open(3)),
        Action(tr("New alarm rule"), (), work.new_rule),
        Action(tr("Export the alarm list"), (), f.alarms.ask_file),
        Action(tr("What to do, beside the alarm list"), (), f.alarms.toggle_guide),
        Action(tr("Reset the chosen alarms"), (), f.alarms.reset_chosen, live_only=True),
        Action(tr("Shelve the chosen alarms"), (), lambda: f.alarms.ask_aside("shelve"),
               live_only=True),
        Action(tr("Take the chosen alarms out of service"), (),
               lambda: f.alarms.ask_aside("disable"), live_only=True),
    ]  # fmt: skip


def time_actions(f: Furniture) -> list[Action]:
    """The replay by keys."""
    time, bar = f.desk.time, f.time_bar
    return [
        Action(tr("Play or pause the replay"), ("K",), bar.play_or_pause, plain=True),
        Action(tr("Replay slower"), ("Ctrl+,",), lambda: time.change_speed(-1)),
        Action(tr("Replay faster"), ("Ctrl+.",), lambda: time.change_speed(1)),
        Action(tr("Go to a time"), ("Ctrl+G",), f.go_to_time),
        Action(tr("Go to the next alarm"), ("J",), lambda: bar.track.to_mark(1), plain=True),
        Action(tr("Go to the alarm before"), ("Shift+J",), lambda: bar.track.to_mark(-1),
               plain=True),
        Action(tr("Compare trends with yesterday or last week"), ("Y",), time.next_ghost,
               plain=True),
        Action(tr("Trends: export what is seen"), (), lambda: f.trends.menu().ask_file()),
        Action(tr("Trends: keep these charts under a name"), (),
               lambda: f.trends.menu().ask_name()),
        Action(tr("Trends: each curve over its own range"), (),
               lambda: f.trends.menu().normalise()),
        Action(tr("Trends: the next hours"), (), f.trends.show_ahead),
        Action(tr("Trends: all in one chart"), (), lambda: f.trends.menu().together()),
        Action(tr("Trends: a chart for each"), (), lambda: f.trends.menu().apart()),
        Action(tr("Add the selection to the trends"), ("E",), f.to_trends.selection, plain=True),
        Action(tr("What changed between then and now"), ("D",), lambda: f.docks.show("then"),
               plain=True),
    ]  # fmt: skip


def view_actions(f: Furniture) -> list[Action]:
    """The tools of the 3D view: each has a key, a palette entry and a line in the key sheet."""
    tools = (
        ("measure", tr("Measure"), "M"),
        ("section", tr("Section box"), "X"),
        ("sun", tr("Sun and shadows"), "U"),
        ("compare", tr("Compare"), "V"),
        ("walk", tr("Walk"), "W"),
    )
    made = [
        Action(words, (keys,), lambda n=name: f.errands.tool(n), plain=True)  # type: ignore[misc]
        for name, words, keys in tools
    ]
    deeds = (
        (tr("Isolate the selection"), "I"),
        (tr("The rest as ghosts"), "Shift+I"),
        (tr("Hide the selection"), "H"),
        (tr("Show all"), "Shift+H"),
        (tr("Map or 3D"), "P"),
        (tr("Colour by a value"), "C"),
        (tr("Colour by nothing"), "Shift+C"),
        (tr("Hatch what is not measured"), "Q"),
        (tr("Hatch by a measured quantity"), "Shift+Q"),
        (tr("Export the picture"), "Ctrl+Shift+E"),
    )
    made += [
        Action(words, (keys,), lambda w=words: f.errands.deed(w), plain=True)  # type: ignore[misc]
        for words, keys in deeds
    ]
    made += [
        Action(tr("Keep this view"), ("Shift+B",), f.kept.keep, plain=True),
        Action(tr("Bookmarks, tours and shared views"), ("B",), lambda: f.docks.show("views"),
               plain=True),
        Action(tr("Play or pause the tour"), ("Shift+T",), f.kept.play, plain=True),
        Action(tr("Share this view as a file"), ("Ctrl+Shift+S",), f.kept.share),
        Action(tr("Open a view from a file"), (), f.kept.ask_open),
        Action(tr("Video wall"), ("Shift+F11",), f.wall_view),
    ]  # fmt: skip
    made += [
        Action(tr("Go to bookmark {n}", n=n), (f"Alt+{n}",), lambda n=n: f.kept.go_number(n))  # type: ignore[misc]
        for n in range(1, 10)
    ]
    return made
