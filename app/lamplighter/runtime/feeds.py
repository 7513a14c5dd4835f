"""The project's feeds: kept as settings, made into live connections, listed and tried."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, unquote, urlsplit, urlunsplit

import msgspec
from msgspec.structs import replace

from lamplighter.domain import wire
from lamplighter.domain.clock import Clock, SystemClock
from lamplighter.domain.field_message import RawMessage
from lamplighter.domain.problems import fault
from lamplighter.domain.wire import FeedState
from lamplighter.pipeline import Mapping, read_mapping
from lamplighter.runtime.feed_reading import reader_of
from lamplighter.runtime.offline_audit import note
from lamplighter.runtime.secret_store import Secrets
from lamplighter.sources import Feed, FeedSet, TlsFiles, masked, open_feed, share_group, unmasked
from lamplighter.sources.feed import MASK
from lamplighter.sources.feed_set import Reading
from lamplighter.sources.own_feeds import MAKERS, READ_BY_MAPPING, Stored, maker_of
from lamplighter.store import Store, WriteAccess

PREFIX: Final = "feed."
SCHEMES: Final = ("mqtt", "mqtts", "sparkplug", "sparkplugs", "replay", *MAKERS)


class FeedConfig(msgspec.Struct, frozen=True):
    """One feed as it is stored."""

    id: str
    url: str
    mapping: str = ""
    """text of the mapping file (TOML)"""
    ca: str = ""
    cert: str = ""
    key: str = ""
    name: str = ""
    """what people call it; empty: its id"""
    owner: str = ""
    """who answers for it: a department or a person"""
    paused: bool = False
    """kept, and not connected"""


def stored_feeds(store: Store) -> list[FeedConfig]:
    """The feeds of a project, in the order they were added."""
    found = store.settings(PREFIX)
    configs = [msgspec.json.decode(text, type=FeedConfig) for text in found.values()]
    return sorted(configs, key=lambda c: (len(c.id), c.id))


def check_feed(config: FeedConfig) -> None:
    """Raises LamplighterError (U-801, I-504, I-507) for an address or mapping that cannot be."""
    scheme = urlsplit(config.url).scheme
    if scheme not in SCHEMES and maker_of(scheme) is None:
        kinds = ", ".join(f"{s}:" for s in SCHEMES)
        what = f"{shown(config.url)} is no feed address ({kinds})"
        raise fault("U-801", what=what, name="feed add")
    connect(config, "check", lambda _: False, SystemClock())


def full_url(url: str) -> str:
    """A path on this machine made absolute: the recorder may run in another folder."""
    kind, colon, rest = url.partition(":")
    if kind not in ("replay", "folder") or not colon or rest.startswith("/"):
        return url
    path, mark, options = rest.partition("?")
    return f"{kind}:{Path(unquote(path)).resolve()}{mark}{options}"


def next_id(store: Store) -> str:
    """A free feed id: feed-1, feed-2, ..."""
    taken = {c.id for c in stored_feeds(store)}
    number = 1
    while f"feed-{number}" in taken:
        number += 1
    return f"feed-{number}"


def put_feed(store: Store, config: FeedConfig) -> bool:
    """Store a feed; False when one with the same address and mapping is already there."""
    known = same_feed(store, config)
    if known is not config:
        keep_feed(store, replace(known, url=config.url))
        return False
    keep_feed(store, config)
    return True


def same_feed(store: Store, config: FeedConfig) -> FeedConfig:
    """The stored feed with this address and mapping; the given one when there is none."""
    wanted = (masked(config.url), config.mapping)
    return next((c for c in stored_feeds(store) if (c.url, c.mapping) == wanted), config)


def keep_feed(store: Store, config: FeedConfig) -> None:
    """Store a feed, or what changed of the one with its id; its secrets go where secrets lie."""
    shown_url = masked(config.url)
    if shown_url != config.url:
        Secrets(store.folder).put(PREFIX + config.id, config.url)
    text = msgspec.json.encode(replace(config, url=shown_url)).decode("utf-8")

    def keep(access: WriteAccess) -> None:
        access.put_setting(PREFIX + config.id, text)

    store.writer.call(keep).result()


def drop_feed(store: Store, feed: str) -> None:
    """Forget a feed and its secrets; what it recorded stays."""
    Secrets(store.folder).drop(PREFIX + feed)
    store.writer.call(lambda access: access.remove_setting(PREFIX + feed)).result()


def whole_address(project: Path, config: FeedConfig) -> str:
    """The address of a stored feed with its secrets; only for the memory that connects."""
    if MASK not in config.url:
        return config.url
    known = Secrets(project).get(PREFIX + config.id)
    if not known:
        raise fault("U-804", name=f"The password of {config.id}", what="it is not kept here; "
                    "give it again with 'lamplighter feed edit'")  # fmt: skip
    return unmasked(config.url, known)


def move_secrets(store: Store) -> None:
    """Addresses that were stored with their secrets lose them to where secrets lie."""
    for config in stored_feeds(store):
        if masked(config.url) != config.url:
            keep_feed(store, config)


def stored_feed(store: Store, feed: str) -> FeedConfig:
    """One feed by its id or name. Raises LamplighterError (U-801) when there is none."""
    for config in stored_feeds(store):
        if feed in (config.id, config.name):
            return config
    raise fault("U-801", what=f"there is no feed {feed}", name="feed")


def changed(config: FeedConfig, ask: wire.ChangeFeed, project: Path) -> FeedConfig:
    """The feed after a pause, resume or edit. Raises LamplighterError when it can be no feed.

    A `***` of its new address stands for the secret it has.
    """
    if ask.action in ("pause", "resume"):
        return replace(config, paused=ask.action == "pause")
    if ask.action != "edit":
        raise fault("U-801", what=f"a feed cannot be told to '{ask.action}'", name="feed")
    names = ("url", "mapping", "ca", "cert", "key", "name", "owner")
    given = {name: getattr(ask, name) for name in names if getattr(ask, name) is not None}
    if MASK in given.get("url", "") and MASK in config.url:
        given["url"] = unmasked(given["url"], whole_address(project, config))
    edited = replace(config, **given)
    check_feed(edited)
    return edited


def change_feed(project: Path, ask: wire.ChangeFeed) -> list[dict[str, Any]]:
    """Change a feed of a project nobody records; returns the rows of `feed list`."""
    with opened(project, write=True) as store:
        config = stored_feed(store, ask.id)
        if ask.action == "remove":
            drop_feed(store, config.id)
        else:
            keep_feed(store, changed(config, ask, store.folder))
        what = f"{config.id} {shown(config.url)}"
        note(store.folder, f"{ask.action} feed", what, reason=ask.reason)
        return [_row(c) for c in stored_feeds(store)]


def connect(
    config: FeedConfig,
    project_id: str,
    deliver: Callable[[RawMessage], bool],
    clock: Clock,
    *,
    deliver_all: Callable[[Sequence[RawMessage]], int] | None = None,
    folder: Path | None = None,
    topics: tuple[str, ...] = (),
    address: str = "",
    trial: bool = False,
    stored: Stored | None = None,
) -> Feed:
    """The live feed of a stored one; not yet started. `deliver_all`: takes many messages at once
    from feeds that bring them so, and says how many. `folder`: where it may keep its place.
    `topics`: instead of its mapping's. `address`: its whole one, when the stored one is masked.
    `trial`: only looking. `stored`: what the store has of a source already.
    """
    mapping = mapping_of(config)
    tls = TlsFiles(
        Path(config.ca) if config.ca else None,
        Path(config.cert) if config.cert else None,
        Path(config.key) if config.key else None,
    )
    return open_feed(
        address or config.url,
        feed_id=config.id,
        client_id=f"lamplighter-{project_id}-{config.id}",
        deliver=deliver,
        deliver_all=deliver_all,
        clock=clock,
        topics=topics or (mapping.topics if mapping is not None else ()),
        tls=tls,
        reading=reading_of(config),
        folder=folder,
        trial=trial,
        stored=stored,
    )


def is_shared(config: FeedConfig) -> bool:
    """Whether other recorders get a part of this feed's messages."""
    return urlsplit(config.url).scheme in ("mqtt", "mqtts") and bool(share_group(config.url))


def mapping_of(config: FeedConfig) -> Mapping | None:
    """The compiled mapping the pipeline reads a feed's messages through; None when it has none.

    Raises LamplighterError for a mapping that is none.
    """
    if not config.mapping or maker_of(urlsplit(config.url).scheme) is not None:
        return None
    return read_mapping(config.mapping, config.id)


def reading_of(config: FeedConfig) -> Reading | None:
    """The mapping of a feed that is its own source. Raises LamplighterError when it is none."""
    scheme = urlsplit(config.url).scheme
    if not config.mapping or maker_of(scheme) is None:
        return None
    if scheme not in READ_BY_MAPPING:
        return Reading(config.mapping)
    mapping = read_mapping(config.mapping, config.id, topics=False)
    name = "" if mapping.name == config.id else mapping.name
    headed = mapping.format == "csv" and not mapping.columns
    return Reading(
        config.mapping, reader_of(mapping), name, mapping.interval_s, mapping.format, headed
    )


def add_feed(
    project: Path,
    url: str,
    mapping: Path | None = None,
    *,
    ca: Path | None = None,
    cert: Path | None = None,
    key: Path | None = None,
) -> list[dict[str, Any]]:
    """Store a feed in a project nobody records; returns the rows of `feed list`.

    Secrets in the address go to the keyring, or to a file that only its owner reads.

    Raises LamplighterError (U-801, I-504, I-507) when it can be no feed.
    """
    text = mapping_text(mapping)
    with opened(project, write=True) as store:
        files = [str(p or "") for p in (ca, cert, key)]
        config = FeedConfig(next_id(store), url, text, files[0], files[1], files[2])
        check_feed(config)
        put_feed(store, config)
        note(store.folder, "add feed", shown(config.url))
        return [_row(c) for c in stored_feeds(store)]


def mapping_text(mapping: Path | None) -> str:
    """The text of a mapping file; raises LamplighterError (I-507)."""
    if mapping is None:
        return ""
    try:
        return mapping.read_text(encoding="utf-8")
    except (OSError, UnicodeError) as error:
        what = getattr(error, "strerror", None) or "it is not UTF-8"
        raise fault("I-507", name=mapping.name, what=what) from None


def list_feeds(project: Path) -> list[dict[str, Any]]:
    """Stored feeds; their live state is known to a running recorder only."""
    with opened(project) as store:
        return [_row(c) for c in stored_feeds(store)]


def test_feeds(project: Path, seconds: float) -> list[dict[str, Any]]:
    """Connect to every stored feed for a moment; nothing is acknowledged or stored."""
    clock = SystemClock()
    with opened(project) as store:
        configs = [c for c in stored_feeds(store) if not c.paused]
        whole = {c.id: whole_address(store.folder, c) for c in configs}
    feeds = FeedSet(clock)
    try:
        for config in configs:
            # a session of its own, so that nothing of the recorder's session is taken
            name = f"test-{secrets.token_hex(4)}"
            whole_url = whole[config.id]
            feeds.add(connect(config, name, lambda _: True, clock, address=whole_url, trial=True))
        time.sleep(seconds)
        return [msgspec.to_builtins(state) for state in feeds.states()]
    finally:
        feeds.stop(2.0)


def _row(config: FeedConfig) -> dict[str, Any]:
    return dict(msgspec.to_builtins(resting(config)))


def resting(config: FeedConfig) -> FeedState:
    """A feed that is not connected."""
    state = "paused" if config.paused else "off"
    return FeedState(
        config.id, shown(config.url), state, 0, None,
        name=config.name, owner=config.owner, mapped=bool(config.mapping),
    )  # fmt: skip


def shown(url: str) -> str:
    """The address without its secrets: what lists, messages and the audit record carry."""
    return masked(url)


def with_password(url: str, password: str) -> str:
    """The address with this password for its user. Raises LamplighterError (U-801) without one."""
    parts = urlsplit(url)
    if not parts.username:
        what = "a password needs a user in the address (mqtt://user@host)"
        raise fault("U-801", what=what, name="feed add")
    place = parts.netloc.rindex("@")
    user = parts.netloc[:place].partition(":")[0]
    netloc = f"{user}:{quote(password, safe='')}{parts.netloc[place:]}"
    return urlunsplit(parts._replace(netloc=netloc))


def opened(project: Path, *, write: bool = False) -> Any:
    """The project's store as a context; imported late to keep the two modules apart."""
    from lamplighter.runtime.project import opened as open_project

    return open_project(project, write=write)
