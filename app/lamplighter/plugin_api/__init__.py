"""The versioned plugin contract and the loader of a plugin's Python file.

Beside `lamplighter.domain` this is the only room a plugin may import.
"""

from __future__ import annotations

from lamplighter.plugin_api.catalogue import AssetType, Catalogue, EdgeRule, Kind
from lamplighter.plugin_api.code import Importer, Model, Simulator, load_module
from lamplighter.plugin_api.decoding import Decoder, Decoders, PointPath
from lamplighter.plugin_api.folder import (
    Plugin,
    inner_faults,
    load_folder,
    promise_faults,
    read_manifest,
)
from lamplighter.plugin_api.imports import import_faults
from lamplighter.plugin_api.manifest import API_VERSION, Manifest, Rights, in_range
from lamplighter.plugin_api.modelling import MODEL_SECONDS, ExpectedColumns, ModelInputs
from lamplighter.plugin_api.ruling import Checklist, Interlock, Rule, Rules
from lamplighter.plugin_api.tiers import CHECKLIST, TIERS, QualityList
from lamplighter.plugin_api.viewing import Figure, Layer, Panel, Views

__all__ = [
    "API_VERSION",
    "CHECKLIST",
    "MODEL_SECONDS",
    "TIERS",
    "AssetType",
    "Catalogue",
    "Checklist",
    "Decoder",
    "Decoders",
    "EdgeRule",
    "ExpectedColumns",
    "Figure",
    "Importer",
    "Interlock",
    "Kind",
    "Layer",
    "Manifest",
    "Model",
    "ModelInputs",
    "Panel",
    "Plugin",
    "PointPath",
    "QualityList",
    "Rights",
    "Rule",
    "Rules",
    "Simulator",
    "Views",
    "import_faults",
    "in_range",
    "inner_faults",
    "load_folder",
    "load_module",
    "promise_faults",
    "read_manifest",
]
