"""`quality.toml`: the checklist Basic / Operational / Trusted, each item done or exempt."""

from __future__ import annotations

from typing import Final, Literal

from pydantic import model_validator

from lamplighter.plugin_api.manifest import Contract, Line

CHECKLIST: Final[dict[str, tuple[str, ...]]] = {
    "Basic": ("manifest", "asset-types", "kinds-with-units", "rules-with-guidance", "tests"),
    "Operational": ("edges", "views", "decoders", "interlocks", "checklists"),
    "Trusted": ("simulator", "model", "importer", "signed-release", "reviewed-by-domain-expert"),
}
TIERS: Final = ("none", *CHECKLIST)


class Exempt(Contract):
    exempt: Line
    """why this item does not apply"""


class QualityList(Contract):
    """The content of `quality.toml`: what stands of the checklist."""

    items: dict[str, Literal["done", "open"] | Exempt]

    @model_validator(mode="after")
    def _known(self) -> QualityList:
        known = {item for items in CHECKLIST.values() for item in items}
        unknown = set(self.items) - known
        if unknown:
            raise ValueError(f"the checklist has no {sorted(unknown)}")
        return self

    @property
    def tier(self) -> str:
        """The highest tier whose items, and those of all below, are done or exempt."""
        reached = "none"
        for tier, items in CHECKLIST.items():
            if any(self.items.get(item, "open") == "open" for item in items):
                break
            reached = tier
        return reached
