"""The file a field kit travels in: frames, a list of them with hashes, and a signature over all.

    magic, length, head (JSON) | frame | frame | ... | list of frames | footer

A frame is zstd; with a passphrase it is sealed with AES-256-GCM under a key made of it by scrypt,
and so is the list. The footer tells where the list lies, whose key signed it, and ends the file:
a file that was cut has none. The list holds a hash of every frame, so one signature proves all of
it, any frame can be read by itself, and what a frame may unpack to is known before it is unpacked.

Writing to a file that was begun before goes on there: frames that lie in it already are compared
and kept.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Iterator
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Final

import msgspec
from msgspec import Struct

from lamplighter.domain.problems import LamplighterError, fault

MAGIC: Final = b"LAMPKIT\n"
END: Final = b"LAMPKEND"
FORMAT: Final = 1
PART: Final = ".part"
"""what the name of an unfinished file ends in"""
FRAME_BYTES: Final = 1 << 20
MOST_PLAIN: Final = 32 << 20
"""no frame unpacks to more"""
MOST_LIST: Final = 64 << 20
MOST_HEAD: Final = 4096
_LENGTH: Final = struct.Struct("<I")
_FOOTER: Final = struct.Struct("<QI32s64s8s")
_SCRYPT_LOG_N: Final = 15
_LIST_NUMBER: Final = (1 << 80) - 1
Sign = Callable[[bytes], bytes]


class Head(Struct, frozen=True):
    """What may be read without a passphrase."""

    format: int
    kit: str
    """random, 32 hexadecimal characters"""
    sealed: bool = False
    salt: str = ""
    log_n: int = _SCRYPT_LOG_N


class Frame(Struct, frozen=True):
    """One frame in the file."""

    kind: str
    """facts | points | file"""
    name: str
    at: int
    size: int
    """bytes in the file"""
    plain: int
    """bytes it unpacks to"""
    hash: str


class Paper(Struct, frozen=True, kw_only=True):
    """What a kit is and holds, as its sender signed it."""

    kit: str
    store: str
    """id of the store it was taken from"""
    name: str
    """what that console calls itself"""
    made_ms: int
    expires_ms: int = 0
    """no project is begun from it after that; 0 for never"""
    scope: str
    """in words"""
    purpose: str = ""
    whole: bool = False
    """nothing was left out of the messages it holds"""
    changes: bool = False
    """only what was done there: the way back, with no city in it"""
    days: float = 0.0
    last_batch: int = 0
    counts: dict[str, int] = {}
    """assets, points, orders, edits ..."""
    bytes_by_kind: dict[str, int] = {}
    files: dict[str, str] = {}
    """path inside the project -> BLAKE2b-256 of it, hexadecimal"""
    token: str = ""
    """known to whoever holds this kit; proves that an answer comes from there"""
    answers: str = ""
    """id of the kit this one answers"""
    proof: str = ""
    frames: tuple[Frame, ...] = ()


def _cipher(passphrase: str, salt: bytes, log_n: int) -> Any:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

    key = Scrypt(salt=salt, length=32, n=1 << log_n, r=8, p=1).derive(passphrase.encode())
    return AESGCM(key)


def _nonce(number: int) -> bytes:
    return number.to_bytes(12, "big")


def _hash(data: bytes) -> str:
    return blake2b(data, digest_size=16).hexdigest()


# ---------------------------------------------------------------------- writing
class KitWriter:
    """Writes `FILE.part`, and gives it its name when it is whole.

    `begun`: the head of an unfinished file there, so that the same kit goes on; see `unfinished`.
    """

    def __init__(self, file: Path, kit: str, passphrase: str = "", begun: Head | None = None):
        self._file, self._part = file, part_of(file)
        salt = os.urandom(16).hex() if passphrase else ""
        self.head = begun or Head(FORMAT, kit, bool(passphrase), salt)
        self._cipher = (
            _cipher(passphrase, bytes.fromhex(self.head.salt), self.head.log_n)
            if self.head.sealed
            else None
        )
        self.frames: list[Frame] = []
        self.kept = 0
        """bytes that lay there already"""
        text = msgspec.json.encode(self.head)
        self._head_bytes = MAGIC + _LENGTH.pack(len(text)) + text
        self._out = _opened(self._part, keep=begun is not None)
        self._comparing = begun is not None
        self._put(self._head_bytes)

    def _put(self, data: bytes) -> None:
        """Write, or find the same bytes there already."""
        if self._comparing:
            at = self._out.tell()
            if self._out.read(len(data)) == data:
                self.kept += len(data)
                return
            self._comparing = False
            self._out.seek(at)
            self._out.truncate()
        self._out.write(data)

    def add(self, kind: str, name: str, plain: bytes) -> None:
        """One frame of at most `MOST_PLAIN` bytes."""
        import zstandard

        if len(plain) > MOST_PLAIN:
            raise ValueError("a frame is too large")
        blob: bytes = zstandard.ZstdCompressor(level=3).compress(plain)
        if self._cipher is not None:
            blob = self._cipher.encrypt(_nonce(len(self.frames)), blob, self._head_bytes)
        at = self._out.tell()
        self._put(blob)
        self.frames.append(Frame(kind, name, at, len(blob), len(plain), _hash(blob)))

    def finish(self, paper: Paper, public: bytes, sign: Sign) -> Paper:
        """Sign, force to disk and name the file."""
        import zstandard

        sizes: dict[str, int] = {}
        for frame in self.frames:
            sizes[frame.kind] = sizes.get(frame.kind, 0) + frame.size
        paper = msgspec.structs.replace(paper, frames=tuple(self.frames), bytes_by_kind=sizes)
        blob: bytes = zstandard.ZstdCompressor(level=3).compress(msgspec.json.encode(paper))
        if self._cipher is not None:
            blob = self._cipher.encrypt(_nonce(_LIST_NUMBER), blob, self._head_bytes)
        at = self._out.tell()
        self._comparing = False
        self._out.truncate()
        self._out.write(blob)
        signature = sign(_signed(self._head_bytes, at, blob))
        self._out.write(_FOOTER.pack(at, len(blob), public, signature, END))
        self._out.flush()
        os.fsync(self._out.fileno())
        self._out.close()
        self._part.replace(self._file)
        return paper

    def close(self, *, keep: bool) -> None:
        """Let go of an unfinished file; `keep` for going on later."""
        with suppress(OSError, ValueError):
            self._out.flush()
            self._out.close()
        if not keep:
            self._part.unlink(missing_ok=True)


def _opened(part: Path, *, keep: bool) -> IO[bytes]:
    flags = os.O_RDWR | os.O_CREAT | (0 if keep else os.O_TRUNC)
    return os.fdopen(os.open(part, flags, 0o600), "r+b")


def part_of(file: Path) -> Path:
    """Where a file lies while it is not whole."""
    return file.with_name(file.name + PART)


def unfinished(file: Path) -> Head | None:
    """The head of a kit that was begun here and not finished."""
    try:
        with part_of(file).open("rb") as source:
            return _read_head(source)[0]
    except (OSError, ValueError, msgspec.MsgspecError):
        return None


def _signed(head: bytes, at: int, blob: bytes) -> bytes:
    digest = blake2b(digest_size=32)
    digest.update(head)
    digest.update(at.to_bytes(8, "big"))
    digest.update(blob)
    return b"lamplighter kit\n" + digest.digest()


# ---------------------------------------------------------------------- reading
def _read_head(source: IO[bytes]) -> tuple[Head, bytes]:
    start = source.read(len(MAGIC) + _LENGTH.size)
    if not start.startswith(MAGIC) or len(start) < len(MAGIC) + _LENGTH.size:
        raise ValueError("it is no field kit")
    (length,) = _LENGTH.unpack(start[len(MAGIC) :])
    if length > MOST_HEAD:
        raise ValueError("its head is too long")
    text = source.read(length)
    version = msgspec.json.decode(text, type=dict[str, Any]).get("format")
    if version != FORMAT:
        newer = isinstance(version, int) and version > FORMAT
        word = "a newer" if newer else "an older"
        raise ValueError(f"it was made by {word} version (format {version}, here {FORMAT})")
    return msgspec.json.decode(text, type=Head), start + text


class KitFile:
    """A whole kit, opened: its paper is signed by `key`, frames are checked as they are read.

    Raises LamplighterError (A-422) for everything that is no sound kit.
    """

    def __init__(self, file: Path, passphrase: str = "") -> None:
        self.file = file
        try:
            self._source = file.open("rb")
        except OSError as error:
            raise self.refused(error.strerror or str(error)) from None
        try:
            self._open(passphrase)
        except BaseException:
            self._source.close()
            raise

    def _open(self, passphrase: str) -> None:
        try:
            self.head, self._head_bytes = _read_head(self._source)
        except (ValueError, OSError) as error:  # MsgspecError is a ValueError
            why = (
                str(error) if not isinstance(error, msgspec.MsgspecError) else "its head is damaged"
            )
            raise self.refused(why) from None
        size = self._source.seek(0, os.SEEK_END)
        if size < len(self._head_bytes) + _FOOTER.size:
            raise self.refused("it ends too early")
        self._source.seek(size - _FOOTER.size)
        at, length, public, signature, end = _FOOTER.unpack(self._source.read(_FOOTER.size))
        if end != END or at + length + _FOOTER.size != size or length > MOST_LIST:
            raise self.refused("it ends too early")
        self._source.seek(at)
        blob = self._source.read(length)
        self._check(public, signature, _signed(self._head_bytes, at, blob))
        self.key: str = public.hex()
        self._cipher = self._key(passphrase) if self.head.sealed else None
        text = self._plain(blob, _LIST_NUMBER, MOST_LIST, "the list of its contents")
        try:
            self.paper = msgspec.json.decode(text, type=Paper)
        except msgspec.MsgspecError:
            raise self.refused("the list of its contents cannot be read") from None
        if self.paper.kit != self.head.kit:
            raise self.refused("head and list do not belong together")
        self._bounds(at)

    def _bounds(self, end: int) -> None:
        at = len(self._head_bytes)
        for frame in self.paper.frames:
            if frame.at != at or frame.size < 0 or not 0 <= frame.plain <= MOST_PLAIN:
                raise self.refused("its frames are not where its list says")
            at += frame.size
        if at != end:
            raise self.refused("its frames are not where its list says")
        for name, digest in self.paper.files.items():
            if not _inside(name) or len(digest) != 64 or not _is_hex(digest):
                raise self.refused(f"a file in it leads outside: {name[:60]!r}")

    def _check(self, public: bytes, signature: bytes, data: bytes) -> None:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        try:
            Ed25519PublicKey.from_public_bytes(public).verify(signature, data)
        except (InvalidSignature, ValueError):
            raise self.refused("it was changed after it was signed") from None

    def _key(self, passphrase: str) -> Any:
        if not passphrase:
            raise self.refused("it is sealed and needs its passphrase")
        if not 10 <= self.head.log_n <= 18:
            raise self.refused("its head is damaged")
        try:
            return _cipher(passphrase, bytes.fromhex(self.head.salt), self.head.log_n)
        except ValueError:
            raise self.refused("its head is damaged") from None

    def _plain(self, blob: bytes, number: int, most: int, what: str) -> bytes:
        import zstandard
        from cryptography.exceptions import InvalidTag

        if self._cipher is not None:
            try:
                blob = self._cipher.decrypt(_nonce(number), blob, self._head_bytes)
            except InvalidTag:
                why = "the passphrase is not the right one" if number == _LIST_NUMBER else what
                raise self.refused(why) from None
        try:
            claimed = zstandard.frame_content_size(blob)
            if not 0 <= claimed <= most:
                raise self.refused(f"{what} would unpack to more than it says")
            found: bytes = zstandard.ZstdDecompressor().decompress(blob, max_output_size=most)
        except zstandard.ZstdError:
            raise self.refused(f"{what} cannot be unpacked") from None
        return found

    def read(self, number: int) -> bytes:
        """What a frame holds."""
        frame = self.paper.frames[number]
        self._source.seek(frame.at)
        blob = self._source.read(frame.size)
        if len(blob) != frame.size or _hash(blob) != frame.hash:
            raise self.refused(f"part {number + 1} of it was changed")
        plain = self._plain(blob, number, frame.plain, f"part {number + 1} of it")
        if len(plain) != frame.plain:
            raise self.refused(f"part {number + 1} of it is not as long as it says")
        return plain

    def check(self, step: Callable[[int, int], None] | None = None) -> None:
        """Read every frame's bytes against its hash, before anything is taken from the file."""
        for number, frame in enumerate(self.paper.frames):
            self._source.seek(frame.at)
            if _hash(self._source.read(frame.size)) != frame.hash:
                raise self.refused(f"part {number + 1} of it was changed")
            if step is not None:
                step(frame.at + frame.size, self.paper.frames[-1].at + frame.size)

    def frames(self, kind: str) -> Iterator[tuple[int, Frame]]:
        """(number, frame) of a kind, in order."""
        return ((n, f) for n, f in enumerate(self.paper.frames) if f.kind == kind)

    def refused(self, what: str) -> LamplighterError:
        return fault("A-422", name=self.file.name, what=what)

    def close(self) -> None:
        self._source.close()

    def __enter__(self) -> KitFile:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.close()


FOLDERS: Final = ("media/", "cache/tiles/", "models/")
"""where files of a kit may lie in a project, and nowhere else"""


def _inside(name: str) -> bool:
    parts = name.split("/")
    plain = all(p not in ("", ".", "..") and "\\" not in p and "\0" not in p for p in parts)
    return plain and len(name) < 400 and name.startswith(FOLDERS)


def _is_hex(text: str) -> bool:
    return all(c in "0123456789abcdef" for c in text)


def is_sealed(file: Path) -> bool:
    """Whether a passphrase is needed to read the file."""
    try:
        with file.open("rb") as source:
            return _read_head(source)[0].sealed
    except (OSError, ValueError):
        return False
