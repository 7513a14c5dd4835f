"""What an engineer writes about alarms: rules, suppressions, planned works, ways to call somebody.

All of it is plain data that travels on the wire, stands in the project as facts, and is written as
TOML by the verbs. Names of datastreams are `source/name`; nothing here is bound to numbers yet.
"""

from __future__ import annotations

from msgspec import Struct

from lamplighter.domain.alarm import Arming, Condition


class When(Struct, frozen=True, omit_defaults=True):
    """A part of a condition: a datastream, a kind on the rule's asset, or another rule."""

    datastream: str = ""
    kind: str = ""
    """the first datastream of this kind on the rule's own asset"""
    condition: Condition = Condition.ABOVE
    threshold: float | str = 0.0
    deadband: float = 0.0
    rule: str = ""
    """another rule: holds while its condition does, after its delays"""
    asset: str = ""
    """the other rule's asset; empty for the same"""
    negate: bool = False
    unit: str = ""
    """of threshold and deadband; empty: the datastream's own"""


class ChecklistStep(Struct, frozen=True, omit_defaults=True):
    text: str
    required: bool = True


class RuleDefinition(Struct, frozen=True, omit_defaults=True):
    """A rule of the project, on one datastream or on all of a kind.

    `threshold`: a number in the datastream's unit, the name of a limit (`low_low`, `low`, `high`,
    `high_high`), or a state. Times in seconds.
    """

    id: str
    text: str
    condition: Condition = Condition.ABOVE
    datastream: str = ""
    kind: str = ""
    asset_types: tuple[str, ...] = ()
    asset: str = ""
    """whose alarm it is; empty: the datastream's own asset"""
    threshold: float | str = 0.0
    unit: str = ""
    """of threshold and deadband; empty: the datastream's own, for a kind the first datastream's"""
    priority: int = 3
    deadband: float = 0.0
    on_delay_s: float = 0.0
    off_delay_s: float = 0.0
    combine: str = "all"
    when: tuple[When, ...] = ()
    count: int = 1
    count_window_s: float = 0.0
    rate_window_s: float = 0.0
    realarm_s: float = 0.0
    latching: bool = False
    is_cause: bool = False
    unless: str = ""
    cause: str = ""
    consequence: str = ""
    action: str = ""
    guidance: tuple[str, ...] = ()
    respond_within_s: int = 600
    justification: str = ""
    owner: str = "project"
    reviewed_on: str = ""
    reviewed_by: str = ""
    checklist: tuple[ChecklistStep, ...] = ()
    enabled: bool = True


class Grounds(Struct, frozen=True, omit_defaults=True):
    """Why a rule may raise alarms: it was tried on the past, or somebody signed a waiver.

    `signature`: hexadecimal Ed25519 of the project's key over the rule's hash and these words.
    A rule that was changed afterwards has another hash and is a draft again.
    """

    kind: Arming
    rule_hash: str
    by: str
    at_ms: int
    reason: str
    signature: str


class StoredRule(Struct, frozen=True, omit_defaults=True):
    """A project's rule as it is kept."""

    definition: RuleDefinition
    grounds: Grounds | None = None


class RuleView(Struct, frozen=True):
    """A rule as `rules list` shows it: of a plugin or of the project."""

    id: str
    origin: str
    """plugin id, or `project`"""
    arming: Arming
    enabled: bool
    priority: int
    condition: Condition
    text: str
    bound: int
    """datastreams it is judged on"""
    assets: tuple[str, ...] = ()
    """the first hundred"""
    problem: str = ""
    """why it is not judged; empty when it is"""
    definition: RuleDefinition | None = None
    """of a project's rule"""
    grounds: Grounds | None = None
    cause: str = ""
    consequence: str = ""
    action: str = ""
    guidance: tuple[str, ...] = ()
    respond_within_s: int = 600
    justification: str = ""
    owner: str = ""
    reviewed_on: str = ""
    reviewed_by: str = ""


class Suppression(Struct, frozen=True, omit_defaults=True):
    """While all of `when` hold, alarms on these assets are suppressed and say so."""

    id: str
    text: str
    assets: tuple[str, ...]
    when: tuple[When, ...] = ()
    downstream: bool = False
    """also what depends on them"""
    rules: tuple[str, ...] = ()
    """only these; empty for all"""


class PlannedWork(Struct, frozen=True, omit_defaults=True):
    """Works on assets, or within a circle, for a time: they suppress their own alarms."""

    id: str
    text: str
    from_ms: int
    to_ms: int
    assets: tuple[str, ...] = ()
    area: tuple[float, float, float] | None = None
    """longitude, latitude, radius in metres"""
    downstream: bool = False
    reason: str = ""
    by: str = ""


class Way(Struct, frozen=True, omit_defaults=True):
    """A way to call somebody: `email`, `mqtt` or `program`. It holds no secret.

    `secret`: where the password is: `env:NAME`, `file:PATH` or `keyring:SERVICE/USER`.
    """

    id: str
    kind: str
    host: str = ""
    port: int = 0
    tls: str = "starttls"
    """email: starttls | tls | none; mqtt: tls | none"""
    ca: str = ""
    user: str = ""
    secret: str = ""
    sender: str = ""
    to: tuple[str, ...] = ()
    topic: str = ""
    program: tuple[str, ...] = ()
    """the program and its arguments; no shell; the message comes as JSON on its standard input"""


class Escalation(Struct, frozen=True, omit_defaults=True):
    """Whom to call when alarms of these priorities stay unacknowledged for `after_s`."""

    ways: tuple[str, ...]
    priorities: tuple[int, ...] = (1, 2)
    after_s: float = 300.0
    repeat_s: float = 900.0
    most: int = 4
    """calls for one alarm"""
