"""The window's and the verbs' end of the wire to the recorder."""

from lamplighter.client.carriers import DirectCarrier, WireCarrier, find_endpoint
from lamplighter.client.session import Session, call_directly

__all__ = ["DirectCarrier", "Session", "WireCarrier", "call_directly", "find_endpoint"]
