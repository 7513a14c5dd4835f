"""The alarm list as a tree: incidents over their groups and alarms, sorted by people x time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Final

from PySide6.QtCore import QAbstractItemModel, QMimeData, QModelIndex, QPersistentModelIndex, Qt

from lamplighter.domain.alarm import AlarmRecord, AlarmState, Incident
from lamplighter.ui import numbers
from lamplighter.ui.alarm_filter import ASKING, QUIET, AlarmFilter, domain_of
from lamplighter.ui.alarm_groups import GROUP_FROM, MOST_ROWS, grouped, lead
from lamplighter.ui.asset_tree import ASSET_MIME
from lamplighter.ui.desk import Desk
from lamplighter.ui.words import tr

COLUMNS: Final = ("", "State", "Since", "Asset", "What happened", "People", "Owner")
GLYPH, STATE, SINCE, ASSET, WHAT, PEOPLE, OWNER = range(7)
_ROOT = QModelIndex()
Index = QModelIndex | QPersistentModelIndex


class AlarmNode:
    """An incident, a group of like alarms, or an alarm; a group's record is its worst alarm."""

    __slots__ = ("by", "children", "id", "incident", "members", "parent", "record", "row")

    def __init__(
        self, ident: str, record: AlarmRecord, parent: AlarmNode | None, incident: Incident | None
    ) -> None:
        self.id, self.record, self.parent, self.incident = ident, record, parent, incident
        self.children: list[AlarmNode] = []
        self.members: list[AlarmRecord] = [record]
        self.by = ""
        """what the members of a group share: text, domain or priority"""
        self.row = 0
        if parent is not None:
            self.row = len(parent.children)
            parent.children.append(self)

    @property
    def keys(self) -> tuple[str, ...]:
        """Every alarm this row stands for."""
        if self.incident is not None:
            return (self.record.key, *(k for c in self.children for k in c.keys))
        return tuple(m.key for m in self.members)


def state_words(record: AlarmRecord) -> str:
    """The word of the State column."""
    match record.state:
        case AlarmState.UNACK:
            return tr("Unacknowledged")
        case AlarmState.ACKED:
            return tr("Acknowledged")
        case AlarmState.RTN_UNACK:
            return tr("Returned, unack.")
        case AlarmState.LATCHED:
            return tr("Latched") if record.acked_ms else tr("Latched, unack.")
        case AlarmState.SHELVED:
            return tr("Shelved to {t}", t=numbers.clock_short(record.shelved_until_ms))
        case AlarmState.SUPPRESSED:
            return tr("Suppressed: {why}", why=record.reason or tr("by design"))
        case AlarmState.OUT_OF_SERVICE:
            return tr("Out of service")
    return ""


class AlarmModel(QAbstractItemModel):
    """Rebuilt from the desk; `rows` counts what is shown, `total` what stands."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self._root = AlarmNode("", _nothing(), None, None)
        self._before = self._root
        self.total = 0
        self.left_out = 0
        """alarms the filter leaves out"""
        self.filter = AlarmFilter()

    def rebuild(self) -> None:
        """New tree from the standing alarms; folded + unfolded always add up to all of them."""
        self.beginResetModel()
        self._before = self._root
        self._root = AlarmNode("", _nothing(), None, None)
        standing = {a.key: a for a in self._desk.standing()}
        every = len(standing)
        if self.filter:
            city = self._desk.city
            standing = {k: a for k, a in standing.items() if self.filter.takes(a, city)}
        self.total = len(standing)
        self.left_out = every - len(standing)
        used: set[str] = set()
        tops: list[tuple[AlarmRecord, Incident | None, list[AlarmRecord]]] = []
        for incident in self._desk.incidents:
            cause = standing.get(incident.cause)
            folded = [standing[k] for k in incident.folded if k in standing and k not in used]
            if cause is None or not folded:
                continue
            used.update([cause.key, *(a.key for a in folded)])
            tops.append((cause, incident, [a for a in folded if a.key != cause.key]))
        lone = [a for k, a in standing.items() if k not in used]
        city = self._desk.city
        room = max(MOST_ROWS - len(tops), 8)
        ways: dict[str, str] = {}
        for group in grouped(lone, lambda a: domain_of(a, city), room):
            worst = min(group.members, key=lead)
            ways[worst.key] = group.by
            tops.append((worst, None, group.members if len(group.members) > 1 else []))
        now = self._desk.time.now_ms
        tops.sort(key=lambda t: self._order(t[0], t[1], now))
        for record, found, folded in tops:
            if found is None and folded:
                self._group(self._root, folded, ways[record.key])
            elif found is None:
                AlarmNode(record.key, record, self._root, None)
            else:
                node = AlarmNode(f"incident:{found.id}", record, self._root, found)
                self._fold(node, folded, now)
        self.endResetModel()

    @staticmethod
    def _order(record: AlarmRecord, incident: Incident | None, now: int) -> tuple[float, ...]:
        people = incident.people_affected if incident else record.people
        quiet = 1.0 if record.state in QUIET else 0.0
        weight = people * max(0.0, (now - record.since_ms) / 1000)
        return (quiet, -weight, float(record.priority), -float(record.since_ms))

    def _fold(self, node: AlarmNode, folded: list[AlarmRecord], now: int) -> None:
        groups: dict[tuple[str, int, AlarmState], list[AlarmRecord]] = defaultdict(list)
        for alarm in folded:
            groups[(alarm.text, alarm.priority, alarm.state)].append(alarm)
        parts: list[list[AlarmRecord]] = []
        for members in groups.values():
            if len(members) >= GROUP_FROM:
                parts.append(members)
            else:
                parts += [[m] for m in members]
        parts.sort(key=lambda m: (m[0].priority, *self._order(m[0], None, now)))
        for members in parts:
            if len(members) == 1:
                AlarmNode(members[0].key, members[0], node, None)
                continue
            self._group(node, members)

    def _group(self, node: AlarmNode, members: list[AlarmRecord], by: str = "text") -> None:
        first = min(members, key=lead)
        shared = {"text": first.text, "domain": domain_of(first, self._desk.city)}.get(by, "")
        group = AlarmNode(f"group:{by}:{shared}:{first.priority}:{first.state}", first, node, None)
        group.members, group.by = members, by
        name = self._desk.city.name
        for member in sorted(members, key=lambda m: name(m.asset)):
            AlarmNode(member.key, member, group, None)

    # ---------------------------------------------------------------- Qt
    def node(self, index: Index) -> AlarmNode:
        found = index.internalPointer() if index.isValid() else None
        return found if isinstance(found, AlarmNode) else self._root

    def find(self, key: str) -> QModelIndex | None:
        """The row of the one alarm of this key; the incident's row for its cause."""
        queue = list(self._root.children)
        for node in queue:
            alone = node.incident is not None or len(node.members) == 1
            if alone and node.record.key == key:
                return self.createIndex(node.row, 0, node)
            queue += node.children
        return None

    def index(self, row: int, column: int, parent: Index = _ROOT) -> QModelIndex:
        children = self.node(parent).children
        if 0 <= row < len(children) and 0 <= column < len(COLUMNS):
            return self.createIndex(row, column, children[row])
        return QModelIndex()

    def parent(self, index: Index = _ROOT) -> QModelIndex:  # type: ignore[override]
        above = self.node(index).parent
        if above is None or above is self._root:
            return QModelIndex()
        return self.createIndex(above.row, 0, above)

    def rowCount(self, parent: Index = _ROOT) -> int:
        return len(self.node(parent).children) if parent.column() <= 0 else 0

    def columnCount(self, parent: Index = _ROOT) -> int:
        return len(COLUMNS)

    def flags(self, index: Index) -> Qt.ItemFlag:
        flags = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
        return flags | Qt.ItemFlag.ItemIsDragEnabled if self.node(index).keys else flags

    def mimeTypes(self) -> list[str]:
        return [ASSET_MIME]

    def mimeData(self, indexes: Sequence[QModelIndex]) -> QMimeData:
        """The assets of the dragged rows, as the asset tree gives them."""
        assets = dict.fromkeys(self.node(i).record.asset for i in indexes)
        mime = QMimeData()
        mime.setData(ASSET_MIME, "\n".join(a for a in assets if a).encode())
        return mime

    def headerData(
        self, section: int, way: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> object:
        if way == Qt.Orientation.Horizontal:
            if role == Qt.ItemDataRole.DisplayRole:
                return tr(COLUMNS[section]) if COLUMNS[section] else ""
            if role == Qt.ItemDataRole.TextAlignmentRole:
                side = (
                    Qt.AlignmentFlag.AlignRight if section == PEOPLE else Qt.AlignmentFlag.AlignLeft
                )
                return side | Qt.AlignmentFlag.AlignVCenter
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        node = self.node(index)
        if role == Qt.ItemDataRole.DisplayRole:
            return self.text_of(node, index.column())
        if role == Qt.ItemDataRole.TextAlignmentRole and index.column() == PEOPLE:
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        if role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole):
            record = node.record
            parts = [self.text_of(node, ASSET), tr("priority {p}", p=record.priority)]
            parts += [state_words(record), self.text_of(node, WHAT)]
            return ", ".join(parts)
        return None

    def text_of(self, node: AlarmNode, column: int) -> str:
        """A cell's words."""
        record, group = node.record, len(node.members) > 1
        match column:
            case 1:
                return self._states(node) if group else state_words(record)
            case 2:
                return numbers.clock(record.since_ms)
            case 3:
                return self._group_name(node) if group else self._desk.city.name(record.asset)
            case 4:
                return self._what(node)
            case 5:
                people = node.incident.people_affected if node.incident else record.people
                return numbers.number(people, 1) if people else "—"
            case 6:
                return record.acked_by or "—"
        return ""

    def _what(self, node: AlarmNode) -> str:
        record = node.record
        if node.incident is not None:
            count = len(node.keys) - 1
            if count == 1:
                return tr("{what}: probable cause of 1 more alarm", what=record.text)
            return tr("{what}: probable cause of {n} more alarms", what=record.text, n=count)
        if node.by in {"domain", "priority"}:
            return tr("{what} and others", what=record.text)
        return record.text

    @staticmethod
    def _states(node: AlarmNode) -> str:
        """Of a group: the one state all have, or how many are unacknowledged."""
        if len({m.state for m in node.members}) == 1:
            return state_words(node.record)
        waiting = sum(m.state in ASKING for m in node.members)
        return tr("{n} unack.", n=f"{waiting:,}") if waiting else tr("Acknowledged")

    def _group_name(self, node: AlarmNode) -> str:
        if node.by == "domain":
            named = domain_of(node.record, self._desk.city).capitalize() or tr("Others")
            return tr("{n} alarms: {name}", n=f"{len(node.members):,}", name=named)
        if node.by == "priority":
            return tr("{n} of priority {p}", n=f"{len(node.members):,}", p=node.record.priority)
        names = sorted({m.asset for m in node.members})
        n = f"{len(node.members):,}"
        return tr("{n}: {first} to {last}", n=n, first=names[0], last=names[-1])


def _nothing() -> AlarmRecord:
    return AlarmRecord("", "", -1, AlarmState.NORM, 4, "", False, 0, 0)
