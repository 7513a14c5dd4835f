"""Finds, checks, loads, watches and unloads plugins."""
