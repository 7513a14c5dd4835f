"""Receives raw messages from the field and hands permitted commands back to it."""
