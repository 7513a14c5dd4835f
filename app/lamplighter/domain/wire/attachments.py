"""Files that hang on assets, orders and places. Captions and notes of them are edits."""

from __future__ import annotations

from lamplighter.domain.attachments import Attachment
from lamplighter.domain.wire.message import Message


class AttachFile(Message, frozen=True):
    """Keep a file of the recorder's machine; answered with `Attachments` of the one.

    It hangs on an asset, an order or a place in degrees; at least one of them is needed.
    """

    path: str
    asset: str = ""
    order: str = ""
    lon: float | None = None
    lat: float | None = None
    caption: str = ""
    note: str = ""


class FindAttachments(Message, frozen=True):
    """By asset, order, date and text, the newest first."""

    text: str = ""
    asset: str = ""
    order: str = ""
    from_ms: int | None = None
    to_ms: int | None = None
    limit: int = 500


class Attachments(Message, frozen=True):
    items: tuple[Attachment, ...]
    total: int = 0
    """how many match; more than `items` when the list was cut"""


class AttachmentChanged(Message, frozen=True):
    """One was added, described anew or taken away."""

    item: Attachment


Request = AttachFile | FindAttachments
Reply = Attachments
Event = AttachmentChanged
