"""Finds and checks plugins, and keeps which of them are on. It runs none of their code."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from lamplighter.domain.problems import LamplighterError, Problem, problem
from lamplighter.plugin_api import Plugin, load_folder, promise_faults
from lamplighter.plugin_host.signing import (
    SIGNATURE_FILE,
    file_hashes,
    signed_hashes,
    verify_folder,
)

RESTARTS: Final = 3
"""restarts of a plugin's code; when it fails once more its code stays off"""


class PluginState(StrEnum):
    """What stands in `plugins list`."""

    ENABLED = "enabled"
    DISABLED = "disabled"
    GREYED = "greyed"
    """its worker failed; its layer is grey, its data and rules still hold"""
    REFUSED = "refused"
    """not loaded: broken, for another contract, or not signed"""


@dataclass(frozen=True)
class Found:
    """One plugin folder and what became of it."""

    id: str
    folder: Path
    state: PluginState
    plugin: Plugin | None = None
    signed: bool = False
    fault: Problem | None = None
    failures: int = 0

    @property
    def gave_up(self) -> bool:
        """Its code failed after its last restart too and is not started any more."""
        return self.failures > RESTARTS

    def row(self) -> dict[str, object]:
        """A row of `plugins list`."""
        known = self.plugin
        return {
            "id": self.id,
            "name": known.manifest.name if known else self.id,
            "version": known.manifest.version if known else "",
            "state": self.state.value,
            "signed": self.signed,
            "quality_tier": known.quality.tier if known else "none",
            "provides": list(known.manifest.provides) if known else [],
            "why": str(self.fault) if self.fault else "",
        }


class PluginHost:
    """The plugins of one installation.

    `folders` hold plugin folders; those under `trusted_by_path` (a checkout's own `plugins/`) need
    no signature, all others one of `trusted_keys`, unless `allow_unsigned` names them.
    """

    def __init__(
        self,
        folders: Sequence[Path],
        *,
        trusted_by_path: Collection[Path] = (),
        trusted_keys: Collection[str] = (),
        allow_unsigned: Collection[str] = (),
        disabled: Iterable[str] = (),
    ) -> None:
        self._folders = tuple(folders)
        self._trusted_by_path = {p.resolve() for p in trusted_by_path}
        self._trusted_keys = frozenset(trusted_keys)
        self._allow_unsigned = frozenset(allow_unsigned)
        self._disabled = set(disabled)
        self._found: dict[str, Found] = {}
        self.discover()

    def discover(self) -> list[Found]:
        """Reads every plugin folder anew. The first folder that holds an id has it."""
        found: dict[str, Found] = {}
        for parent in self._folders:
            for folder in sorted(parent.iterdir()) if parent.is_dir() else ():
                if folder.is_dir() and folder.name[0] not in "._":
                    one = self.examine(folder)
                    found.setdefault(one.id, one)
        self._found = found
        return list(found.values())

    def examine(self, folder: Path) -> Found:
        """One folder, checked: contract, imports, signature."""
        problems = verify_folder(folder, self._trusted_keys)
        signed = not problems
        try:
            plugin = load_folder(folder)
        except LamplighterError as error:
            return Found(folder.name, folder, PluginState.REFUSED, None, signed, error.problem)
        if not signed and not self._trusts(folder, plugin.id):
            fault = problem("P-602", name=plugin.id)
            return Found(plugin.id, folder, PluginState.REFUSED, plugin, False, fault)
        off = plugin.id in self._disabled
        state = PluginState.DISABLED if off else PluginState.ENABLED
        return Found(plugin.id, folder, state, plugin, signed)

    def code_hash(self, found: Found, name: str) -> str:
        """SHA-256 that the content of a plugin's file must have when it is run.

        It comes from the signature where there is one, so that nothing can be put in the file's
        place between the check and the start. Raises ValueError, OSError, KeyError.
        """
        if found.signed:
            return signed_hashes(found.folder, self._trusted_keys)[name]
        return file_hashes(found.folder)[name]

    def _trusts(self, folder: Path, plugin: str) -> bool:
        # a signature that is there and does not hold is never overlooked
        if (folder / SIGNATURE_FILE).exists():
            return False
        return folder.resolve().parent in self._trusted_by_path or plugin in self._allow_unsigned

    # ------------------------------------------------------------ what there is
    def all(self) -> list[Found]:
        return list(self._found.values())

    def get(self, plugin: str) -> Found | None:
        return self._found.get(plugin)

    def loaded(self) -> list[Plugin]:
        """Plugins whose data holds: enabled ones, and greyed ones (only their code failed)."""
        on = {PluginState.ENABLED, PluginState.GREYED}
        return [f.plugin for f in self._found.values() if f.state in on and f.plugin]

    def closed_owners(self) -> list[str]:
        """Owners whose edges are not followed: plugins that are switched off or refused."""
        off = {PluginState.DISABLED, PluginState.REFUSED}
        return [f.id for f in self._found.values() if f.state in off]

    def rows(self) -> list[dict[str, object]]:
        """`plugins list`."""
        return [f.row() for f in self._found.values()]

    def check(self) -> list[dict[str, object]]:
        """`plugins check`: the rows, with everything found wrong under `faults`."""
        rows = []
        for found in self._found.values():
            faults = [str(found.fault)] if found.fault else []
            faults += promise_faults(found.plugin) if found.plugin else []
            rows.append(found.row() | {"faults": faults})
        return rows

    # ------------------------------------------------------------ switching
    @property
    def disabled(self) -> list[str]:
        """Ids that are switched off, to be kept in the settings."""
        return sorted(self._disabled)

    def switch(self, plugin: str, on: bool) -> Found | None:
        """Switch a plugin on or off; None when there is no such plugin. Refused ones stay so."""
        found = self._found.get(plugin)
        if found is None:
            return None
        (self._disabled.discard if on else self._disabled.add)(plugin)
        if found.state is not PluginState.REFUSED:
            state = PluginState.ENABLED if on else PluginState.DISABLED
            found = Found(plugin, found.folder, state, found.plugin, found.signed)
            self._found[plugin] = found
        return found

    def failed(self, plugin: str, what: str) -> Found | None:
        """Its worker crashed, hung or was stopped: grey it; its data and rules still hold.

        After `RESTARTS` restarts the found plugin has `gave_up`. Returns None when the plugin is
        not there or not on.
        """
        found = self._found.get(plugin)
        if found is None or found.state not in {PluginState.ENABLED, PluginState.GREYED}:
            return None
        failures = found.failures + 1
        if failures > RESTARTS:
            fault = problem("P-608", name=plugin, what=what)
        else:
            fault = problem("P-601", name=plugin, what=f"{failures} of {RESTARTS}: {what}")
        changed = Found(
            plugin,
            found.folder,
            PluginState.GREYED,
            found.plugin,
            found.signed,
            fault,
            failures=failures,
        )
        self._found[plugin] = changed
        return changed

    def refused(self, plugin: str, fault: Problem) -> Found | None:
        """Its folder is no longer as it was checked: its code is not started any more."""
        found = self._found.get(plugin)
        if found is None:
            return None
        changed = Found(
            plugin,
            found.folder,
            PluginState.GREYED,
            found.plugin,
            False,
            fault,
            failures=RESTARTS + 1,
        )
        self._found[plugin] = changed
        return changed

    def answered(self, plugin: str) -> None:
        """Its worker runs again: the layer is shown again, and the failures are forgotten."""
        found = self._found.get(plugin)
        if found is not None and found.state is PluginState.GREYED:
            self._found[plugin] = Found(
                plugin, found.folder, PluginState.ENABLED, found.plugin, found.signed
            )
