"""Keeps everything that happened in SQLite, append-only in meaning, with two clocks."""
