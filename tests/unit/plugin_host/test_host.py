"""Which plugins are on, which are not, and why."""

from __future__ import annotations

import hashlib
import shutil
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from lamplighter.plugin_host import (
    PluginHost,
    PluginState,
    public_text,
    sign_folder,
    verify_folder,
)

PLUGINS = Path(__file__).parents[3] / "plugins"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A plugins folder with copies of two real plugins."""
    for name in ("environment", "structures"):
        shutil.copytree(
            PLUGINS / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__")
        )
    return tmp_path


@pytest.fixture
def key() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


def _trusting(folder: Path, **more: object) -> PluginHost:
    return PluginHost([folder], trusted_by_path=[folder], **more)  # type: ignore[arg-type]


def _states(host: PluginHost) -> dict[str, str]:
    return {str(r["id"]): str(r["state"]) for r in host.rows()}


def test_a_row_has_what_others_read(folder: Path) -> None:
    row = _trusting(folder).rows()[0]
    assert row.keys() >= {"id", "version", "state", "signed", "quality_tier"}
    assert (row["id"], row["version"], row["signed"]) == ("environment", "0.1.0", False)


def test_unsigned_plugins_start_only_where_the_path_or_the_administrator_says_so(
    folder: Path,
) -> None:
    assert set(_states(_trusting(folder)).values()) == {"enabled"}
    assert set(_states(PluginHost([folder])).values()) == {"refused"}
    some = PluginHost([folder], allow_unsigned=["structures"])
    assert _states(some) == {"environment": "refused", "structures": "enabled"}


def test_a_signed_plugin_starts_where_its_key_is_trusted(
    folder: Path, key: Ed25519PrivateKey
) -> None:
    sign_folder(folder / "structures", key)
    trusted = public_text(key.public_key())
    assert _states(PluginHost([folder], trusted_keys=[trusted]))["structures"] == "enabled"
    assert _states(PluginHost([folder], trusted_keys=["AAAA"]))["structures"] == "refused"


@pytest.mark.parametrize("spoil", ["changed", "added", "removed", "linked", "signature"])
def test_a_plugin_that_is_not_as_it_was_signed_does_not_start(
    folder: Path, key: Ed25519PrivateKey, spoil: str
) -> None:
    plugin = folder / "structures"
    sign_folder(plugin, key)
    trusted = [public_text(key.public_key())]
    assert verify_folder(plugin, trusted) == ""
    rules = plugin / "rules.toml"
    if spoil == "changed":
        rules.write_text(rules.read_text().replace("priority = 1", "priority = 4"))
    elif spoil == "added":
        (plugin / "simulator.py").write_text("def start(network): ...\n")
    elif spoil == "removed":
        (plugin / "decoders.toml").unlink()
    elif spoil == "linked":
        rules.rename(folder / "elsewhere.toml")
        rules.symlink_to(folder / "elsewhere.toml")
    else:
        file = plugin / "signature.json"
        file.write_text(file.read_text().replace("rules.toml", "rules.t0ml"))
    assert verify_folder(plugin, trusted) != ""
    host = PluginHost([folder], trusted_keys=trusted, trusted_by_path=[folder])
    assert _states(host)["structures"] == "refused", "a broken signature is not overlooked"


def test_a_broken_plugin_is_refused_alone(folder: Path) -> None:
    (folder / "structures" / "rules.toml").write_text("nonsense")
    host = _trusting(folder)
    assert _states(host) == {"environment": "enabled", "structures": "refused"}
    assert "P-605" in str(host.rows()[1]["why"])
    assert [p.id for p in host.loaded()] == ["environment"]


def test_switching_off_is_remembered_and_closes_its_edges(folder: Path) -> None:
    host = _trusting(folder)
    host.switch("structures", False)
    assert host.closed_owners() == host.disabled == ["structures"]
    assert [p.id for p in host.loaded()] == ["environment"]
    again = _trusting(folder, disabled=host.disabled)
    assert _states(again)["structures"] == "disabled"
    again.switch("structures", True)
    assert _states(again)["structures"] == "enabled" and again.disabled == []


def test_a_refused_plugin_cannot_be_switched_on(folder: Path) -> None:
    host = PluginHost([folder])
    host.switch("structures", True)
    assert _states(host)["structures"] == "refused"
    assert host.switch("nobody", True) is None


def test_a_failing_worker_greys_the_plugin_and_after_three_restarts_its_code_stays_off(
    folder: Path,
) -> None:
    host = _trusting(folder)
    seen = []
    for _ in range(4):
        found = host.failed("structures", "it did not answer for 10 s")
        assert found is not None and found.fault is not None
        seen.append((found.state, found.fault.code, found.gave_up))
    assert seen == [(PluginState.GREYED, "P-601", False)] * 3 + [
        (PluginState.GREYED, "P-608", True)
    ]
    assert _states(host)["environment"] == "enabled"
    assert "structures" in [p.id for p in host.loaded()], "its alarm rules still hold"
    assert host.closed_owners() == [] and host.disabled == []


def test_rules_of_a_greyed_plugin_still_hold_and_it_comes_back(folder: Path) -> None:
    host = _trusting(folder)
    host.failed("structures", "it crashed")
    assert "structures" in [p.id for p in host.loaded()]
    assert host.closed_owners() == []
    host.answered("structures")
    assert _states(host)["structures"] == "enabled"
    host.failed("structures", "it crashed")
    assert _states(host)["structures"] == "greyed", "old failures are forgotten"


def test_the_first_folder_that_holds_a_plugin_has_it(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "more"
    shutil.copytree(PLUGINS / "structures", other / "structures")
    host = PluginHost([folder, other], trusted_by_path=[folder])
    found = host.get("structures")
    assert found is not None and found.folder.parent == folder


def test_discovery_runs_no_code_of_a_plugin(folder: Path) -> None:
    (folder / "structures" / "simulator.py").write_text("raise SystemExit('ran')\n")
    host = _trusting(folder)
    assert not [m for m in sys.modules if m.startswith("lamplighter_plugins.structures")]
    (row,) = [r for r in host.check() if r["id"] == "structures"]
    assert row["faults"] == ["simulator.py is there but not among 'provides'"]


def test_a_folder_that_is_not_there_holds_no_plugins(tmp_path: Path) -> None:
    assert PluginHost([tmp_path / "nowhere"]).rows() == []


def test_what_may_run_is_what_the_signature_says_whatever_lies_there_now(
    folder: Path, key: Ed25519PrivateKey
) -> None:
    rules = folder / "structures" / "rules.toml"
    sign_folder(folder / "structures", key)
    host = PluginHost([folder], trusted_keys=[public_text(key.public_key())])
    found = host.get("structures")
    assert found is not None
    signed = hashlib.sha256(rules.read_bytes()).hexdigest()
    rules.write_text("other")
    assert host.code_hash(found, "rules.toml") == signed

    (folder / "structures" / "signature.json").unlink()
    with pytest.raises(ValueError, match="not signed"):
        host.code_hash(found, "rules.toml")


def test_what_may_run_of_an_unsigned_trusted_plugin_is_what_lies_there(folder: Path) -> None:
    host = _trusting(folder)
    found = host.get("structures")
    assert found is not None
    rules = folder / "structures" / "rules.toml"
    assert host.code_hash(found, "rules.toml") == hashlib.sha256(rules.read_bytes()).hexdigest()
