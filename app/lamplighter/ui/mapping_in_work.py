"""The mapping of a feed on trial: proposed, changed by hand, or loaded from a file."""

from __future__ import annotations

from msgspec.structs import replace

from lamplighter.domain import wire
from lamplighter.domain.mapping_draft import MappingDraft, to_toml, with_field


class MappingInWork:
    """What is known of it between two looks at the trial."""

    def __init__(self) -> None:
        self.draft: MappingDraft | None = None
        self.loaded = ""
        """the text of a file that is used instead of the draft"""
        self.topic = ""
        """the filter of the chosen group of messages"""
        self._text = ""
        self._touched = False
        """a person changed the draft: it is no longer replaced by newer proposals"""

    @property
    def text(self) -> str:
        """As it would be saved; empty for native messages."""
        return self.loaded or self._text

    def begin(self, loaded: str) -> None:
        """Another trial, with the mapping of a file where there is one."""
        self.choose("")
        self.loaded = loaded

    def choose(self, topic: str) -> None:
        """Another group of messages: its proposal is awaited."""
        self.topic, self.draft, self._text, self._touched = topic, None, "", False

    def follow(self, groups: tuple[wire.TrialGroup, ...]) -> None:
        """What the trial has seen by now."""
        group = _followed(groups, self.topic)
        self.topic = group.topic if group is not None else ""
        if group is None or group.draft is None:
            return
        if self.draft is None or not self._touched:
            self.draft = group.draft
        else:
            self.draft = _refreshed(self.draft, group.draft)
        self._text = to_toml(self.draft)

    def change(self, path: tuple[str, ...], changes: dict[str, object]) -> bool:
        """Change a field of the draft; False while there is none."""
        if self.draft is None:
            return False
        self._touched = True
        self.draft = with_field(self.draft, path, **changes)
        self._text, self.loaded = to_toml(self.draft), ""
        return True


def _refreshed(mine: MappingDraft, newest: MappingDraft) -> MappingDraft:
    """The draft a person may have changed, with fresh counts, samples and new fields."""
    known = {f.path: f for f in newest.fields}
    fields = []
    for field in mine.fields:
        seen = known.pop(field.path, None)
        if seen is not None:
            field = replace(field, seen=seen.seen, low=seen.low, high=seen.high,
                            sample=seen.sample)  # fmt: skip
        fields.append(field)
    fields += [replace(f, role="ignored") if f.role != "value" else f for f in known.values()]
    return replace(
        mine, fields=tuple(fields), topics=newest.topics, source=newest.source, name=newest.name
    )


def _followed(groups: tuple[wire.TrialGroup, ...], topic: str) -> wire.TrialGroup | None:
    """The chosen group; its filter grows wildcards as more topics come."""
    levels = topic.split("/")
    for group in groups:
        names = group.topic.split("/")
        if group.topic == topic or (
            len(names) == len(levels)
            and all(a in ("+", b) for a, b in zip(names, levels, strict=True))
        ):
            return group
    return groups[0] if groups else None
