"""The plugins of this installation, as the recorder and the verbs use them."""

from __future__ import annotations

import ast
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from platformdirs import user_data_path

from lamplighter.domain.alarm import AlarmRule
from lamplighter.domain.city import Asset, Datastream
from lamplighter.domain.maintenance import JobTemplate
from lamplighter.domain.problems import fault
from lamplighter.domain.units import conversion
from lamplighter.plugin_host import PluginHost, bound_rules, described, kind_table, plausible
from lamplighter.runtime.resources import plugin_folders, program_keys
from lamplighter.runtime.settings import user_settings, write_user_setting


def user_plugins() -> Path:
    """Where this user's own plugins are installed."""
    return Path(user_data_path("lamplighter")) / "plugins"


class LoadedPlugins:
    """What the enabled plugins say, asked once at start and after a switch."""

    def __init__(self, host: PluginHost) -> None:
        self.host = host
        self.code = True
        """whether Python files of plugins may run at all; False at a safe start"""
        self.kinds = kind_table(host.loaded())

    def rules(self, assets: Sequence[Asset], streams: Sequence[Datastream]) -> list[AlarmRule]:
        """Every rule bound to this city."""
        return bound_rules(self.host.loaded(), assets, streams)

    def described(self, streams: Sequence[Datastream]) -> list[Datastream]:
        """Datastreams with unit, limits and states of their kind where they state none."""
        return [described(s, self.kinds) for s in streams]

    def jobs(self) -> tuple[JobTemplate, ...]:
        """What work on the plugins' types of assets usually takes."""
        found = ((p.id, job) for p in self.host.loaded() for job in p.catalogue.job)
        return tuple(job.template(owner) for owner, job in found)

    def plausible(
        self, streams: Sequence[Datastream]
    ) -> dict[tuple[str, str], tuple[float | None, float | None]]:
        """Plausible (low, high) by kind and unit of these datastreams, in that unit."""
        return plausible(self.kinds, streams)

    def between(self, kind: str, unit: str, to: str) -> tuple[float, float] | None:
        """(scale, offset) from one unit of a kind to another; None when nobody knows."""
        known = self.kinds.get(kind)
        found = None if known is None else known.between(unit, to)
        return found if found is not None else conversion(unit, to)

    def kind_units(self) -> dict[str, dict[str, float]]:
        """Other units a kind may come in: kind -> unit -> how much of the kind's unit it is."""
        return {kind.id: dict(kind.units) for kind in self.kinds.values() if kind.units}

    def importers(self) -> dict[str, str]:
        """File ending -> path of the plugin's importer; read without running any of it."""
        found: dict[str, str] = {}
        if not self.code:
            return found
        for plugin in self.host.loaded():
            file = plugin.folder / "importer.py"
            if "importer" in plugin.manifest.provides and file.is_file():
                found |= {ending.lower(): str(file) for ending in _endings(file)}
        return found

    def closed_owners(self) -> list[str]:
        """Owners whose edges are not followed."""
        return self.host.closed_owners()


def load_plugins() -> LoadedPlugins:
    """The plugins of the program's own folder and of this user."""
    return LoadedPlugins(_host())


def _host() -> PluginHost:
    folders = plugin_folders()
    settings = user_settings()
    keys = program_keys()
    return PluginHost(
        [*folders, user_plugins()],
        trusted_by_path=[] if keys else folders,
        trusted_keys=[*keys, *settings.get("plugins.trusted_keys", [])],
        allow_unsigned=list(settings.get("plugins.allow_unsigned", [])),
        disabled=list(settings.get("plugins.disabled", [])),
    )


def plugin_rows() -> list[dict[str, Any]]:
    """`plugins list`."""
    return _host().rows()


def check_plugins(folder: Path | None) -> list[dict[str, Any]]:
    """`plugins check`: all plugins, or one folder."""
    host = _host()
    return host.check() if folder is None else [host.examine(folder).row()]


def install_plugin(folder: Path) -> list[dict[str, Any]]:
    """Copy a checked plugin folder to this user's plugins; refused ones are not copied."""
    host = _host()
    found = host.examine(folder)
    if found.fault is not None:
        raise fault("P-605", name=folder.name, what=str(found.fault))
    target = user_plugins() / found.id
    if target.exists():
        shutil.rmtree(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copytree(folder, target, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
    return [found.row()]


def switch_plugin(plugin: str, on: bool) -> list[dict[str, Any]]:
    """Switch a plugin on or off for this user; in force at the recorder's next start."""
    host = _host()
    found = host.switch(plugin, on)
    if found is None:
        raise fault("U-809", what="plugin", name=plugin, lists="plugins list")
    write_user_setting("plugins.disabled", list(host.disabled))
    return [found.row()]


def _endings(importer: Path) -> tuple[str, ...]:
    """The constant `EXTENSIONS` of an importer's source."""
    for node in ast.parse(importer.read_text(encoding="utf-8")).body:
        target = node.targets[0] if isinstance(node, ast.Assign) else None
        if isinstance(node, ast.AnnAssign):
            target = node.target
        value = getattr(node, "value", None)
        if isinstance(target, ast.Name) and target.id == "EXTENSIONS" and value is not None:
            return tuple(str(e) for e in ast.literal_eval(value))
    return ()
