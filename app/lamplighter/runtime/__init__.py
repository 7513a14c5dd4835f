"""Builds the core rooms, connects them, owns threads, clock, files and shutdown; the recorder."""
