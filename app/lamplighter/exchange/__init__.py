"""Moves records between consoles, the central historian and field kits."""
