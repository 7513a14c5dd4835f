"""Lays out what goes beside the program as data: resources, and plugins signed with a build key.

The key is made once per checkout in `build/package/` and never committed. Its public half travels
in the program's resources, so a plugin file that was changed after the build is noticed.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

ROOT: Final = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "app"))

from lamplighter.plugin_host import sign_folder  # noqa: E402  (after its path)
from lamplighter.plugin_host.signing import public_text  # noqa: E402
from lamplighter.runtime.resources import TRUSTED_KEYS  # noqa: E402

WORK: Final = ROOT / "build" / "package"
LEFT_OUT: Final = ("results", "decisions", "pictures", "*.png", "__pycache__", ".*")
"""of `resources/`: what the program itself never opens"""


def stage(target: Path) -> None:
    """Write `target/resources` and `target/plugins` anew."""
    if target.exists():
        shutil.rmtree(target)
    shutil.copytree(
        ROOT / "resources", target / "resources", ignore=shutil.ignore_patterns(*LEFT_OUT)
    )
    shutil.copytree(
        ROOT / "plugins",
        target / "plugins",
        ignore=shutil.ignore_patterns("tests", "__pycache__", "*.pyc", ".*"),
    )
    key = build_key(WORK / "plugin.key")
    for manifest in sorted((target / "plugins").glob("*/plugin.toml")):
        sign_folder(manifest.parent, key)
    (target / "resources" / TRUSTED_KEYS).write_text(
        public_text(key.public_key()) + "\n", encoding="ascii"
    )


def build_key(file: Path) -> Ed25519PrivateKey:
    """The key in `file` (32 raw bytes, readable by its owner only), made when there is none."""
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch(mode=0o600)
        file.write_bytes(Ed25519PrivateKey.generate().private_bytes_raw())
    return Ed25519PrivateKey.from_private_bytes(file.read_bytes())


if __name__ == "__main__":
    stage(WORK / "stage")
