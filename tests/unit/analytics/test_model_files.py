"""A model file is signed, unchanged and of an allowed kind, or it is not opened at all."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from lamplighter.analytics import model_files
from lamplighter.analytics.model_files import MANIFEST, MODEL, TABLES
from lamplighter.domain.problems import LamplighterError

KEY = Ed25519PrivateKey.generate()


class Canary:
    """Unpickling this makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.path,)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    from sklearn.ensemble import HistGradientBoostingClassifier

    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(200, 3))
    model = HistGradientBoostingClassifier(max_iter=3).fit(inputs, inputs[:, 0] > 0)
    made = tmp_path / "model"
    files = model_files.save(made, model, {"a": np.arange(3.0)})
    model_files.sign(made, files, {"failures": 12}, KEY)
    return made


def test_a_signed_model_comes_back_as_it_was(folder: Path) -> None:
    manifest = model_files.check(folder, KEY.public_key())
    model, tables = model_files.load(folder, manifest.files)

    assert manifest.card == {"failures": 12}
    assert tables["a"].tolist() == [0, 1, 2]
    assert model.predict(np.array([[3.0, 0, 0]])).tolist() == [True]


def test_the_same_model_is_the_same_bytes_wherever_it_was_made(tmp_path: Path) -> None:
    code = (
        "import sys, numpy as np\n"
        "from pathlib import Path\n"
        "from sklearn.ensemble import HistGradientBoostingClassifier\n"
        "from lamplighter.analytics import model_files\n"
        "waste = [object() for _ in range(int(sys.argv[2]))]\n"
        "x = np.random.default_rng(0).normal(size=(200, 3))\n"
        "model = HistGradientBoostingClassifier(max_iter=3, random_state=0)\n"
        "model.fit(x, x[:, 0] > 0)\n"
        "files = model_files.save(Path(sys.argv[1]), model, {'a': np.arange(3.0)})\n"
        "print(sorted(files.items()))\n"
    )
    said = []
    for number, waste in enumerate(("0", "5000")):
        words = [sys.executable, "-c", code, str(tmp_path / str(number)), waste]
        place = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
        done = subprocess.run(words, capture_output=True, text=True, check=True, env=place)
        said.append(done.stdout)

    assert said[0] == said[1] and MODEL in said[0]


@pytest.mark.parametrize("name", [MODEL, TABLES, MANIFEST])
def test_one_changed_byte_is_refused(folder: Path, name: str) -> None:
    raw = bytearray((folder / name).read_bytes())
    raw[len(raw) // 2] ^= 1
    (folder / name).write_bytes(raw)

    with pytest.raises(LamplighterError, match="P-604"):
        model_files.check(folder, KEY.public_key())


@pytest.mark.parametrize("name", [MODEL, TABLES, MANIFEST])
def test_a_missing_file_is_refused(folder: Path, name: str) -> None:
    (folder / name).unlink()

    with pytest.raises(LamplighterError, match="P-604"):
        model_files.check(folder, KEY.public_key())


def test_another_consoles_signature_is_refused(folder: Path) -> None:
    stranger = Ed25519PrivateKey.generate()

    with pytest.raises(LamplighterError, match="not signed by this console"):
        model_files.check(folder, stranger.public_key())


@pytest.mark.parametrize("name", ["m.pkl", "m.pickle", "m.joblib", "m.onnx", "M.PKL", "m.dill"])
def test_formats_that_can_run_code_are_refused_by_name(folder: Path, name: str) -> None:
    (folder / name).write_bytes(b"anything")

    with pytest.raises(LamplighterError, match=r"hidden code.*\[P-603\]"):
        model_files.check(folder, KEY.public_key())


def signed_anyway(folder: Path) -> dict[str, str]:
    """Somebody with the key signs what lies there: the second line of defence must hold."""
    files = {name: model_files.sha256(folder / name) for name in (MODEL, TABLES)}
    model_files.sign(folder, files, {}, KEY)
    return files


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_a_pickle_under_a_harmless_name_never_runs(
    folder: Path, tmp_path: Path, protocol: int
) -> None:
    canary = tmp_path / "canary"
    (folder / MODEL).write_bytes(pickle.dumps(Canary(canary), protocol))
    files = signed_anyway(folder)

    with pytest.raises(LamplighterError):
        model_files.load(folder, files)
    assert not canary.exists()


def test_a_pickle_inside_the_tables_never_runs(folder: Path, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    np.savez(folder / TABLES, a=np.array([Canary(canary)], dtype=object))
    files = signed_anyway(folder)

    with pytest.raises(LamplighterError, match="P-604"):
        model_files.load(folder, files)
    assert not canary.exists()


def test_types_beyond_the_allow_list_never_load(folder: Path) -> None:
    from skops import io

    io.dump({"x": Path("/etc/hostname")}, folder / MODEL)
    files = signed_anyway(folder)

    with pytest.raises(LamplighterError, match=r"model holds .*\[P-604\]"):
        model_files.load(folder, files)


@pytest.mark.parametrize("raw", [b"", b"PK\x03\x04junk", b"\x00" * 100])
def test_rubbish_is_one_line(folder: Path, raw: bytes) -> None:
    (folder / MODEL).write_bytes(raw)
    files = signed_anyway(folder)

    with pytest.raises(LamplighterError, match="P-604") as caught:
        model_files.load(folder, files)
    assert "\n" not in str(caught.value)


def test_a_zip_without_its_schema_is_one_line(folder: Path) -> None:
    with zipfile.ZipFile(folder / MODEL, "w") as archive:
        archive.writestr("other.json", "{}")

    with pytest.raises(LamplighterError, match="cannot be read"):
        model_files.load(folder, signed_anyway(folder))


def test_names_cannot_lead_out_of_the_folder(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "outside").write_bytes(b"x")

    with pytest.raises(LamplighterError, match="missing"):
        model_files.verify_files(folder, {"../outside": "0"})
