"""A group of verbs whose first word may be left out: `orders PROJECT` is `orders list PROJECT`."""

from __future__ import annotations

from typing import Any

from typer.core import TyperGroup


class ListFirst(TyperGroup):
    """`list` is meant where no verb of the group is named."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Puts the missing word in."""
        if args and args[0] not in self.commands and args[0] not in ("--help", "-h"):
            args = ["list", *args]
        return super().parse_args(ctx, args)
