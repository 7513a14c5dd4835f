"""Finds, checks, loads, watches and unloads plugins."""

from __future__ import annotations

from lamplighter.plugin_host.binding import bound_rules, described, kind_table, plausible
from lamplighter.plugin_host.host import Found, PluginHost, PluginState
from lamplighter.plugin_host.signing import public_text, sign_folder, verify_folder

__all__ = [
    "Found",
    "PluginHost",
    "PluginState",
    "bound_rules",
    "described",
    "kind_table",
    "plausible",
    "public_text",
    "sign_folder",
    "verify_folder",
]
