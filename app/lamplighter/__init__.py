"""Lamplighter: the operations console for a city's infrastructure."""

__version__ = "0.1.0"
