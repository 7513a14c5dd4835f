"""Attached files: told by content, freed of hidden facts, kept once under their hash."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.kit import photos

from lamplighter.domain.attachments import media_place
from lamplighter.domain.problems import LamplighterError
from lamplighter.store.media import keep, keep_file
from lamplighter.store.media.photos import clean, read_exif

PDF = b"%PDF-1.7\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF\n"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><path d="M0 0h4"/><use href="#a"/></svg>'
DXF = b"  0\nSECTION\n  2\nHEADER\n  0\nENDSEC\n  0\nEOF\n"


def _keep(folder: Path, name: str, data: bytes) -> keep.Kept:
    path = folder / name
    path.write_bytes(data)
    return keep_file(folder / "project", path)


def _kept(folder: Path, found: keep.Kept) -> bytes:
    return (folder / "project").joinpath(*media_place(found.file)).read_bytes()


@pytest.mark.parametrize("name", ["jpeg", "png", "webp"])
def test_a_photo_is_kept_without_place_and_owner_and_says_when_it_was_taken(
    tmp_path: Path, name: str
) -> None:
    data = getattr(photos, name)()
    assert photos.GPS in data and photos.SERIAL in data
    found = _keep(tmp_path, f"a.{name}", data)
    kept = _kept(tmp_path, found)
    assert photos.GPS not in kept and photos.SERIAL not in kept
    assert found.kind == name and found.width and found.height
    taken = datetime(2026, 3, 4, 3, 6, 7, tzinfo=UTC)
    assert found.taken_ms == int(taken.timestamp() * 1000)


def test_a_photo_keeps_the_way_up_and_loses_what_hangs_behind_its_end(tmp_path: Path) -> None:
    kept = _kept(tmp_path, _keep(tmp_path, "a.jpg", photos.jpeg(tail=b"PK\x03\x04 a second file")))
    assert b"a second file" not in kept and kept.endswith(b"\xff\xd9")
    at = kept.index(b"Exif\0\0")
    assert read_exif(kept[at + 6 :]).orientation == 6
    assert b"\x12\x34\xff\x00\x56\xff\xd0\x78" in kept, "the picture itself is untouched"
    assert clean("jpeg", kept).data == kept, "what was cleaned stays as it is"


def test_the_same_file_is_kept_once_and_the_name_says_nothing(tmp_path: Path) -> None:
    first, second = _keep(tmp_path, "a.txt", PDF), _keep(tmp_path, "b.exe", PDF)
    assert first.file == second.file and first.kind == "pdf"
    assert len(list((tmp_path / "project" / "media").rglob("*.pdf"))) == 1
    assert _keep(tmp_path, "c", SVG).kind == "svg" and _keep(tmp_path, "d", DXF).kind == "dxf"


HOSTILE = {
    "bomb.png": (photos.png(60_000, 60_000), "unfold to 60,000 x 60,000"),
    "bomb.jpg": (photos.jpeg(65_000, 65_000), "unfold to"),
    "bomb.webp": (photos.webp(16_384, 16_384), "unfold to"),
    "none.jpg": (photos.jpeg(0, 0), "no size"),
    "cut.jpg": (photos.jpeg()[:-12], "too early"),
    "cut.png": (photos.png()[:-20], "too early"),
    "bent.png": (photos.png().replace(b"Comment", b"comment"), "damaged"),
    "cut.webp": (photos.webp()[:-4], "too early"),
    "empty.pdf": (b"", "empty"),
    "program.jpg": (b"MZ" + bytes(300), "Windows program"),
    "page.svg": (b"<html><script>1</script></html>", "web page"),
    "zip.pdf": (b"PK\x03\x04" + bytes(99), "ZIP archive"),
    "cut.pdf": (b"%PDF-1.7\n1 0 obj", "ends too early"),
    "runs.pdf": (PDF.replace(b"<<>>", b"<</S/JavaScript>>", 1), "can run"),
    "launch.pdf": (PDF.replace(b"<<>>", b"<</S/Launch>>", 1), "can run"),
    "script.svg": (SVG.replace(b"<path", b"<script>x</script><path"), "script"),
    "event.svg": (SVG.replace(b"<path", b"<path onload='x()'"), "script"),
    "far.svg": (SVG.replace(b"#a", b"http://example.org/a.svg#b"), "outside itself"),
    "file.svg": (SVG.replace(b"#a", b"/etc/passwd"), "outside itself"),
    "entity.svg": (b"<?xml version='1.0'?><!DOCTYPE svg [<!ENTITY a 'b'>]>" + SVG, "outside"),
    "hidden.svg": (SVG.replace(b"#a", b"#a&#106;avascript"), "hides"),
    "style.svg": (SVG.replace(b"<path", b"<style>@import 'x'</style><path"), "script"),
    "wide.svg": ("<svg></svg>".encode("utf-16"), "known kind"),
}


@pytest.mark.parametrize("name", sorted(HOSTILE))
def test_a_hostile_file_is_refused_in_one_line_and_leaves_nothing(
    tmp_path: Path, name: str
) -> None:
    data, words = HOSTILE[name]
    with pytest.raises(LamplighterError) as caught:
        _keep(tmp_path, name, data)
    text = str(caught.value)
    assert words in text and name in text and "\n" not in text and "I-531" in text
    assert not list((tmp_path / "project").rglob("*.*"))


def test_a_file_over_the_limit_is_refused_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keep, "LIMIT", 40)
    with pytest.raises(LamplighterError, match="MB"):
        _keep(tmp_path, "a.pdf", PDF)
    with pytest.raises(LamplighterError, match="no such file"):
        keep_file(tmp_path, tmp_path / "gone.pdf")
    with pytest.raises(LamplighterError, match="folder"):
        keep_file(tmp_path, tmp_path)
