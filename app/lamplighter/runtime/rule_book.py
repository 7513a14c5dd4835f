"""Changes of what an engineer decided about alarms: rules, suppressions, works, whom to call.

Each is checked whole before anything is written. The recorder uses it for its clients, and the
verbs use it by themselves where no recorder runs (`changed_alone`).
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec.structs import replace

from lamplighter.alarms.binding import PREFIX, bind, bound_terms, full_id
from lamplighter.domain import wire
from lamplighter.domain.alarm import Arming, Condition
from lamplighter.domain.alarm_design import (
    Escalation,
    PlannedWork,
    RuleDefinition,
    RuleView,
    StoredRule,
    Suppression,
    Way,
)
from lamplighter.domain.clock import SystemClock
from lamplighter.domain.problems import LamplighterError, fault
from lamplighter.governance.audit import AuditFile
from lamplighter.governance.keys import signing_key
from lamplighter.governance.roles import Permission, local_identity
from lamplighter.runtime import alarm_design
from lamplighter.runtime.plugins import LoadedPlugins, load_plugins
from lamplighter.store import Store, WriteAccess

SLUG: Final = re.compile(r"^[a-z0-9][a-z0-9_-]{0,63}$")
WAYS: Final = ("email", "mqtt", "program")


class RuleBook:
    """Changes of what an engineer decided; each is checked whole before anything is written.

    Raises LamplighterError (U-811) with what is wrong.
    """

    def __init__(self, store: Store, plugins: LoadedPlugins, key: Ed25519PrivateKey) -> None:
        self._store = store
        self._plugins = plugins
        self._key = key

    # ------------------------------------------------------------ rules
    def views(self, like: str = "") -> list[RuleView]:
        """Rules whose id contains `like`."""
        store = self._store
        design = alarm_design.stored_design(store)
        bound = alarm_design.bound_design(
            store, self._plugins, store.assets(), store.datastreams(), design
        )
        views = alarm_design.rule_views(design, bound, self._key.public_key())
        return [v for v in views if like in v.id]

    def put_rule(self, rule: RuleDefinition) -> str:
        """Keep a rule; what it was armed with holds no longer when its words changed."""
        self._check(rule)
        before = self._stored().get(rule.id)
        stored = StoredRule(rule, before.grounds if before else None)
        self._put(alarm_design.RULE + rule.id, stored)
        return full_id(rule.id)

    def _check(self, rule: RuleDefinition) -> None:
        _slug(rule.id, "rule")
        what = ""
        if not rule.text.strip():
            what = "it says nothing (text)"
        elif not 1 <= rule.priority <= 4:
            what = "priority is 1 to 4"
        elif rule.condition is Condition.TOLD:
            what = "'told' is for the program's own rules"
        elif rule.combine not in {"all", "any"}:
            what = "combine is 'all' or 'any'"
        elif rule.condition is Condition.COMBINED and not rule.when:
            what = "a combined rule needs at least one part (when)"
        elif rule.count < 1 or (rule.count > 1 and rule.count_window_s <= 0):
            what = "count needs a window (count_window_s)"
        elif min(rule.deadband, rule.on_delay_s, rule.off_delay_s, rule.realarm_s) < 0:
            what = "deadband and times are not negative"
        elif rule.respond_within_s <= 0:
            what = "respond_within_s is above 0"
        if not what:
            what = self._does_not_bind(rule)
        if what:
            raise fault("U-811", name=f"rule {rule.id}", what=what)

    def _does_not_bind(self, rule: RuleDefinition) -> str:
        store = self._store
        assets, streams = store.assets(), store.datastreams()
        stored = {**self._stored(), rule.id: StoredRule(rule)}
        pairs = [(replace(s.definition, enabled=True), Arming.DRAFT) for s in stored.values()]
        bound = bind(
            pairs,
            {a.id: a for a in assets},
            self._plugins.described(streams),
            self._plugins.rules(assets, streams),
            self._plugins.between,
        )
        return bound.problems.get(rule.id, "")

    def drop_rule(self, rule: str) -> str:
        """Forget a rule of the project; its alarm goes out of service."""
        name = self._own(rule).definition.id
        self._drop(alarm_design.RULE + name, alarm_design.OFF + full_id(name))
        return full_id(name)

    def switch(self, rule: str, enabled: bool, reason: str) -> str:
        """Switch a rule on or off, one of a plugin as well; off needs a reason."""
        name = full_id(rule)
        if not enabled and not reason.strip():
            raise fault("U-811", name=f"rule {rule}", what="switching it off needs a reason")
        if name not in {v.id for v in self.views()}:
            raise fault("U-809", what="rule", name=rule, lists="rules list")
        if enabled:
            self._drop(alarm_design.OFF + name)
        else:
            self._store.writer.call(
                lambda access: access.put_setting(alarm_design.OFF + name, "off")
            ).result(10)
        return name

    def arm(self, rule: str, by: str, at_ms: int, *, trial: str = "", waiver: str = "") -> str:
        """Give a rule its grounds, signed."""
        stored = self._own(rule)
        if bool(trial.strip()) == bool(waiver.strip()):
            what = "arming needs either the result of a trial or the reason of a waiver"
            raise fault("U-811", name=f"rule {rule}", what=what)
        kind = Arming.ARMED if trial.strip() else Arming.WAIVED
        grounds = alarm_design.sign_grounds(
            stored.definition, kind, by, at_ms, trial or waiver, self._key
        )
        self._put(alarm_design.RULE + stored.definition.id, replace(stored, grounds=grounds))
        return full_id(stored.definition.id)

    def _stored(self) -> dict[str, StoredRule]:
        return {s.definition.id: s for s in alarm_design.stored_design(self._store).rules}

    def _own(self, rule: str) -> StoredRule:
        stored = self._stored().get(rule.removeprefix(PREFIX))
        if stored is None:
            what = "rule of the project itself"
            raise fault("U-809", what=what, name=rule, lists="rules list")
        return stored

    # ------------------------------------------------------------ setting aside
    def put_suppression(self, one: Suppression) -> str:
        _slug(one.id, "suppression")
        store = self._store
        assets = {a.id: a for a in store.assets()}
        what = "" if one.assets else "it names no asset"
        missing = [a for a in one.assets if a not in assets]
        what = what or (f"there is no asset {missing[0]}" if missing else "")
        what = what or ("" if one.text.strip() else "it says nothing (text)")
        unsaid = [w.rule for w in one.when if w.rule and not w.asset]
        what = what or (f"its part with the rule {unsaid[0]} names no asset" if unsaid else "")
        try:
            bound_terms(one.when, assets, self._plugins.described(store.datastreams()))
        except ValueError as error:
            what = what or str(error)
        if what:
            raise fault("U-811", name=f"suppression {one.id}", what=what)
        self._put(alarm_design.SUPPRESSION + one.id, one)
        return one.id

    def drop_suppression(self, name: str) -> str:
        return self._forget(alarm_design.SUPPRESSION, name, "suppression", "rules list")

    def put_work(self, work: PlannedWork, by: str) -> str:
        """Planned works, with an id where they have none."""
        work = replace(work, id=work.id or f"w-{secrets.token_hex(3)}", by=work.by or by)
        _slug(work.id, "works")
        assets = {a.id for a in self._store.assets()}
        missing = [a for a in work.assets if a not in assets]
        what = ""
        if not work.text.strip():
            what = "they say nothing (text)"
        elif work.to_ms <= work.from_ms:
            what = "they end before they begin"
        elif not work.assets and work.area is None:
            what = "they name neither assets nor an area"
        elif missing:
            what = f"there is no asset {missing[0]}"
        if what:
            raise fault("U-811", name=f"works {work.id}", what=what)
        self._put(alarm_design.WORK + work.id, work)
        return work.id

    def drop_work(self, name: str) -> str:
        return self._forget(alarm_design.WORK, name, "planned work", "works list")

    # ------------------------------------------------------------ calling somebody
    def put_way(self, way: Way) -> str:
        _slug(way.id, "way")
        what = ""
        if way.kind not in WAYS:
            what = f"its kind is one of {', '.join(WAYS)}"
        elif way.kind == "email" and not (way.host and way.sender and way.to):
            what = "an e-mail needs host, sender and to"
        elif way.kind == "mqtt" and not (way.host and way.topic):
            what = "a topic needs host and topic"
        elif way.kind == "mqtt" and any(c in way.topic for c in "+#"):
            what = "a topic to send to has no wildcard"
        elif way.kind == "program" and not way.program:
            what = "it names no program"
        elif way.secret and way.secret.partition(":")[0] not in {"env", "file", "keyring"}:
            what = "a secret is named by env:NAME, file:PATH or keyring:SERVICE/USER, never given"
        if what:
            raise fault("U-811", name=f"way {way.id}", what=what)
        self._put(alarm_design.WAY + way.id, way)
        return way.id

    def drop_way(self, name: str) -> str:
        return self._forget(alarm_design.WAY, name, "way to call", "calls list")

    def put_escalations(self, items: tuple[Escalation, ...]) -> str:
        ways = {w.id for w in alarm_design.stored_design(self._store).ways}
        for item in items:
            missing = [w for w in item.ways if w not in ways]
            if missing or not item.ways:
                what = f"there is no way {missing[0]}" if missing else "one names no way"
                raise fault("U-811", name="escalation", what=what)
            if item.after_s < 0 or item.repeat_s < 10 or item.most < 1:
                what = "repeat_s is at least 10, most at least 1"
                raise fault("U-811", name="escalation", what=what)
        text = msgspec.json.encode(items).decode()
        self._store.writer.call(
            lambda access: access.put_setting(alarm_design.ESCALATIONS, text)
        ).result(10)
        return f"{len(items)} escalations"

    def design(self) -> wire.AlarmDesign:
        """What sets aside and who is called, as it is stored."""
        found = alarm_design.stored_design(self._store)
        return wire.AlarmDesign(found.suppressions, found.works, found.ways, found.escalations)

    # ------------------------------------------------------------ keeping
    def _put(self, key: str, value: object) -> None:
        text = msgspec.json.encode(value).decode()
        self._store.writer.call(lambda access: access.put_setting(key, text)).result(10)

    def _drop(self, *keys: str) -> None:
        def drop(access: WriteAccess) -> None:
            for key in keys:
                access.remove_setting(key)

        self._store.writer.call(drop).result(10)

    def _forget(self, kind: str, name: str, what: str, lists: str) -> str:
        """Drop one that is kept. Raises LamplighterError (U-809), naming the verb that `lists`."""
        if self._store.setting(kind + name) is None:
            raise fault("U-809", what=what, name=name, lists=lists)
        self._drop(kind + name)
        return name


def _slug(name: str, what: str) -> None:
    if not SLUG.match(name):
        words = "its name is of a-z, 0-9, - and _ and begins with one of the first two"
        raise fault("U-811", name=f"{what} '{name}'", what=words)


class Change(NamedTuple):
    """What a request changes: done by `work`, which returns the name it was done to."""

    work: Callable[[], str]
    word: str
    right: Permission
    reason: str = ""


CHANGES: Final = (
    wire.PutRule, wire.DropRule, wire.SwitchRule, wire.ArmRule, wire.PutSuppression,
    wire.DropSuppression, wire.PutWork, wire.DropWork, wire.PutWay, wire.DropWay,
    wire.PutEscalations,
)  # fmt: skip
OF_RULES: Final = (wire.PutRule, wire.DropRule, wire.SwitchRule, wire.ArmRule)


def change_of(book: RuleBook, ask: Any, who: str, now_ms: int) -> Change:
    """The change one of `CHANGES` asks for."""
    rules = Permission.RULES
    match ask:
        case wire.PutRule():
            return Change(
                lambda: book.put_rule(ask.definition), "put rule", rules, ask.definition.text
            )
        case wire.DropRule():
            return Change(lambda: book.drop_rule(ask.id), "drop rule", rules)
        case wire.SwitchRule():
            word = "switch rule on" if ask.enabled else "switch rule off"
            return Change(
                lambda: book.switch(ask.id, ask.enabled, ask.reason), word, rules, ask.reason
            )
        case wire.ArmRule():
            word = "arm rule after trial" if ask.trial else "arm rule by waiver"
            return Change(
                lambda: book.arm(ask.id, who, now_ms, trial=ask.trial, waiver=ask.waiver),
                word,
                rules,
                ask.trial or ask.waiver,
            )
        case wire.PutSuppression():
            return Change(
                lambda: book.put_suppression(ask.suppression),
                "put suppression",
                rules,
                ask.suppression.text,
            )
        case wire.DropSuppression():
            return Change(lambda: book.drop_suppression(ask.id), "drop suppression", rules)
        case wire.PutWork():
            reason = ask.work.reason or ask.work.text
            return Change(
                lambda: book.put_work(ask.work, who), "plan works", Permission.DISABLE, reason
            )
        case wire.DropWork():
            return Change(lambda: book.drop_work(ask.id), "end planned works", Permission.DISABLE)
        case wire.PutWay():
            return Change(lambda: book.put_way(ask.way), "put way to call", rules)
        case wire.DropWay():
            return Change(lambda: book.drop_way(ask.id), "drop way to call", rules)
        case wire.PutEscalations():
            return Change(lambda: book.put_escalations(ask.items), "put escalations", rules)
    raise TypeError(type(ask).__name__)


def tried(change: Change, audit: Callable[[str, str, str, str], None]) -> str:
    """Do it and audit it (action, object, reason, result), also when it is refused."""
    try:
        name = change.work()
    except LamplighterError as error:
        audit(change.word, "-", str(error), "refused")
        raise
    audit(change.word, name, change.reason, "done")
    return name


def changed_alone(project: Path, ask: Any) -> str:
    """Make a change where no recorder runs: this process is the only writer meanwhile."""
    clock, who = SystemClock(), local_identity()
    store = Store.open(project, write=True, clock=clock)
    try:
        key = signing_key(store.folder / "keys")
        audit = AuditFile(store.folder / "audit.db", key, clock, who.host)
        try:
            book = RuleBook(store, load_plugins(), key)

            def note(action: str, object: str, reason: str, result: str) -> None:
                audit.record(
                    actor=who.user, role=who.role.value, action=action, object=object,
                    reason=reason, result=result,
                )  # fmt: skip

            return tried(change_of(book, ask, who.user, clock.wall_ms()), note)
        finally:
            audit.close()
    finally:
        store.close()


def read_alone(project: Path) -> tuple[list[RuleView], wire.AlarmDesign]:
    """Rules and design of a project, read beside whoever writes."""
    store = Store.open(project, write=False, clock=SystemClock())
    try:
        design = alarm_design.stored_design(store)
        bound = alarm_design.bound_design(
            store, load_plugins(), store.assets(), store.datastreams(), design
        )
        key = alarm_design.project_key(store.folder)
        views = alarm_design.rule_views(design, bound, key)
        return views, wire.AlarmDesign(
            design.suppressions, design.works, design.ways, design.escalations
        )
    finally:
        store.close()
