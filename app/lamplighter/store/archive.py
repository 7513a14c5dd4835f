"""One file that holds many: a zstd-compressed tar with a list of hashes, encrypted on wish.

Not encrypted it is an ordinary `.tar.zst` that any tool opens. Encrypted, the same bytes lie in
AES-256-GCM pieces whose key comes from a passphrase by scrypt; piece number and an end mark are
sealed in, so pieces can be neither swapped nor left out. The last bytes of either form are a hash
of all before them (in a frame that zstd tools skip): a file that was cut or changed is refused
before anything is unpacked.
"""

from __future__ import annotations

import io
import os
import struct
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from hashlib import blake2b
from pathlib import Path, PurePosixPath
from typing import IO, Any, Final

import msgspec
import zstandard

from lamplighter.domain.problems import LamplighterError, fault

SEALED: Final = b"LAMPSEAL"
_ZSTD: Final = b"\x28\xb5\x2f\xfd"
_TRAILER: Final = struct.Struct("<II8s32s")
_SKIPPED: Final = 0x184D2A5A
_MARK: Final = b"LAMPHASH"
_PIECE: Final = 1 << 20
_TAG: Final = 16
_SALT: Final = 16
_HEAD: Final = struct.Struct("<8sBB16s")
_SCRYPT_LOG_N: Final = 16
MANIFEST: Final = "manifest.json"
READ: Final = 1 << 20
Progress = Callable[[int], None]
"""called with the bytes done since the last call; may raise to end the work"""


class Entry(msgspec.Struct, frozen=True):
    """One file of the archive."""

    name: str
    size: int
    hash: str
    """BLAKE2b-256 of the content, hexadecimal"""


class Manifest(msgspec.Struct, frozen=True):
    """What an archive holds; its last member."""

    format: int
    project: str
    store_id: str
    made_ms: int
    last_batch: int
    private_key: bool
    """whether the console's signing key is inside (only when encrypted)"""
    files: tuple[Entry, ...] = ()


def is_sealed(file: Path) -> bool:
    """Whether a passphrase is needed to read the file."""
    with suppress(OSError), file.open("rb") as handle:
        return handle.read(len(SEALED)) == SEALED
    return False


# ---------------------------------------------------------------------- writing
class ArchiveWriter:
    """Writes members one after the other; `finish` closes the file, forced to disk."""

    def __init__(self, file: Path, passphrase: str) -> None:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        self._file = _Hashed(os.fdopen(handle, "wb"))
        self._sealing = _Sealing(self._file, passphrase) if passphrase else None
        target: Any = self._sealing or self._file
        packer = zstandard.ZstdCompressor(level=3, write_checksum=True)
        self._zstd: Any = packer.stream_writer(target, closefd=False)
        self._tar = tarfile.open(  # noqa: SIM115 - `finish` closes it
            fileobj=self._zstd, mode="w|", format=tarfile.PAX_FORMAT
        )
        self.entries: list[Entry] = []

    def add(self, name: str, source: IO[bytes], size: int, mode: int, progress: Progress) -> None:
        """Exactly `size` bytes of `source`. Raises LamplighterError (A-408) when it is shorter."""
        info = tarfile.TarInfo(name)
        info.size, info.mode = size, mode
        reader = _Counted(source, size, progress)
        try:
            self._tar.addfile(info, reader)  # type: ignore[arg-type]
        except OSError as error:
            if reader.missing:
                raise fault("A-408", name=name, what=f"{name} changed while it was read") from error
            raise
        self.entries.append(Entry(name, size, reader.digest.hexdigest()))

    def finish(self, manifest: Manifest) -> None:
        """Add the list and the closing hash."""
        body = msgspec.json.format(msgspec.json.encode(manifest), indent=1)
        info = tarfile.TarInfo(MANIFEST)
        info.size = len(body)
        self._tar.addfile(info, io.BytesIO(body))
        self._tar.close()
        self._zstd.close()
        if self._sealing is not None:
            self._sealing.end()
        self._file.end()

    def abandon(self) -> None:
        """Let go of the file without finishing it."""
        with suppress(OSError, ValueError):
            self._file.handle.close()


class _Hashed:
    """The file itself; everything written goes into the closing hash."""

    def __init__(self, handle: IO[bytes]) -> None:
        self.handle = handle
        self._digest = blake2b(digest_size=32)

    def write(self, data: bytes) -> int:
        self._digest.update(data)
        return self.handle.write(data)

    def flush(self) -> None:
        self.handle.flush()

    def end(self) -> None:
        length = _TRAILER.size - 8
        self.handle.write(_TRAILER.pack(_SKIPPED, length, _MARK, self._digest.digest()))
        self.handle.flush()
        os.fsync(self.handle.fileno())
        self.handle.close()


class _Counted:
    """A source read to its promised length, hashed on the way."""

    def __init__(self, source: IO[bytes], size: int, progress: Progress) -> None:
        self._source = source
        self._left = size
        self._progress = progress
        self.digest = blake2b(digest_size=32)
        self.missing = False

    def read(self, wanted: int) -> bytes:
        data = self._source.read(min(wanted, self._left))
        self.missing = len(data) < min(wanted, self._left)
        self._left -= len(data)
        self.digest.update(data)
        self._progress(len(data))
        return data


def _key_of(passphrase: str, salt: bytes, log_n: int) -> Any:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

    key = Scrypt(salt=salt, length=32, n=1 << log_n, r=8, p=1).derive(passphrase.encode())
    return AESGCM(key)


def _nonce(number: int, last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([last])


class _Sealing:
    """Cuts what is written into pieces and encrypts each. The salt, and so the key, is new."""

    def __init__(self, out: _Hashed, passphrase: str) -> None:
        salt = os.urandom(_SALT)
        self._out = out
        self._head = _HEAD.pack(SEALED, 1, _SCRYPT_LOG_N, salt)
        self._key = _key_of(passphrase, salt, _SCRYPT_LOG_N)
        self._held = bytearray()
        self._number = 0
        out.write(self._head)

    def write(self, data: bytes) -> int:
        self._held += data
        while len(self._held) > _PIECE:  # the last piece is kept back for `end`
            self._put(bytes(self._held[:_PIECE]), last=False)
            del self._held[:_PIECE]
        return len(data)

    def flush(self) -> None:
        return

    def end(self) -> None:
        self._put(bytes(self._held), last=True)

    def _put(self, piece: bytes, *, last: bool) -> None:
        self._out.write(self._key.encrypt(_nonce(self._number, last), piece, self._head))
        self._number += 1


# ---------------------------------------------------------------------- reading
def check_whole(file: Path, progress: Progress) -> None:
    """Raises LamplighterError (A-409) unless the file is as it was written, from end to end."""
    try:
        length = file.stat().st_size - _TRAILER.size
        with file.open("rb") as handle:
            start = handle.read(len(SEALED))
            if start != SEALED and start[:4] != _ZSTD:
                raise _refused(file, "it is no backup of Lamplighter")
            handle.seek(0)
            digest = blake2b(digest_size=32)
            while length > 0 and (data := handle.read(min(READ, length))):
                digest.update(data)
                length -= len(data)
                progress(len(data))
            trailer = handle.read(_TRAILER.size)
    except OSError as error:
        raise _refused(file, error.strerror or str(error)) from None
    if len(trailer) < _TRAILER.size or trailer[8:16] != _MARK:
        raise _refused(file, "it ends too early")
    if trailer != _TRAILER.pack(_SKIPPED, _TRAILER.size - 8, _MARK, digest.digest()):
        raise _refused(file, "it was changed after it was written")


class Member:
    """One file while it is read; `read` until it gives nothing."""

    def __init__(self, info: tarfile.TarInfo, source: IO[bytes]) -> None:
        self.name = info.name
        self.size = info.size
        self.mode = info.mode & 0o700 or 0o600
        self._source = source
        self.digest = blake2b(digest_size=32)

    def read(self) -> bytes:
        data = self._source.read(READ)
        self.digest.update(data)
        return data


@contextmanager
def reading(file: Path, passphrase: str) -> Iterator[Iterator[Member]]:
    """The members of an archive, in order; each must be read before the next is asked for.

    Raises LamplighterError (A-409) for a wrong passphrase and for anything that is no archive.
    """
    with file.open("rb") as handle:
        source: Any = _Bounded(handle, file.stat().st_size - _TRAILER.size)
        if is_sealed(file):
            source = _Unsealed(source, file, passphrase)
        plain = zstandard.ZstdDecompressor().stream_reader(source, closefd=False)
        try:
            with tarfile.open(fileobj=plain, mode="r|") as tar:
                yield _members(tar)
        except LamplighterError:
            raise
        except (tarfile.TarError, zstandard.ZstdError, EOFError, ValueError) as error:
            raise _refused(file, f"it cannot be unpacked: {error}") from None


def _members(tar: tarfile.TarFile) -> Iterator[Member]:
    for info in tar:
        source = tar.extractfile(info) if info.isreg() else None
        if source is None:
            raise tarfile.TarError(f"{info.name} is no plain file")
        if info.name != MANIFEST:
            safe_name(info.name)
        yield Member(info, source)


def safe_name(name: str) -> PurePosixPath:
    """A path that stays inside. Raises TarError for any other."""
    path = PurePosixPath(name)
    if path.is_absolute() or not path.parts or ".." in path.parts or "\\" in name or "\0" in name:
        raise tarfile.TarError(f"{name!r} leads outside")
    return path


class _Bounded:
    """The file without its closing hash."""

    def __init__(self, handle: IO[bytes], length: int) -> None:
        self._handle = handle
        self._left = length

    def read(self, wanted: int = -1) -> bytes:
        wanted = self._left if wanted < 0 else min(wanted, self._left)
        data = self._handle.read(wanted)
        self._left -= len(data)
        return data

    @property
    def left(self) -> int:
        return self._left


class _Unsealed:
    """What the pieces held. A wrong passphrase fails at the first of them."""

    def __init__(self, source: _Bounded, file: Path, passphrase: str) -> None:
        self._source, self._name = source, file
        self._head = source.read(_HEAD.size)
        _, version, log_n, salt = _HEAD.unpack(self._head)
        if version != 1 or not 10 <= log_n <= 20:
            raise _refused(file, "it was made by a newer version")
        if not passphrase:
            raise _refused(file, "it is encrypted and needs its passphrase")
        self._key = _key_of(passphrase, salt, log_n)
        self._held = b""
        self._number = 0
        self._ended = False

    def read(self, wanted: int = -1) -> bytes:
        while not self._ended and (wanted < 0 or len(self._held) < wanted):
            self._held += self._piece()
        wanted = len(self._held) if wanted < 0 else wanted
        data, self._held = self._held[:wanted], self._held[wanted:]
        return data

    def _piece(self) -> bytes:
        from cryptography.exceptions import InvalidTag

        sealed = self._source.read(_PIECE + _TAG)
        self._ended = not self._source.left
        try:
            nonce = _nonce(self._number, self._ended)
            piece: bytes = self._key.decrypt(nonce, sealed, self._head)
        except InvalidTag:
            first = self._number == 0
            raise _refused(
                self._name, "the passphrase is not the right one" if first else "it was changed"
            ) from None
        self._number += 1
        return piece


def _refused(file: Path, what: str) -> LamplighterError:
    return fault("A-409", name=file.name, what=what)
