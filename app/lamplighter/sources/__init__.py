"""Receives raw messages from the field and hands permitted commands back to it."""

from lamplighter.sources.feed import Counters, Feed, Login, TlsFiles, masked, share_group, unmasked
from lamplighter.sources.feed_set import FeedSet, open_feed
from lamplighter.sources.mqtt_feed import MqttFeed
from lamplighter.sources.past_files import PastFile, Piece
from lamplighter.sources.replay_feed import ReplayFeed

__all__ = [
    "Counters",
    "Feed",
    "FeedSet",
    "Login",
    "MqttFeed",
    "PastFile",
    "Piece",
    "ReplayFeed",
    "TlsFiles",
    "masked",
    "open_feed",
    "share_group",
    "unmasked",
]
