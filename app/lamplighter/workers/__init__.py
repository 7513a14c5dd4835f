"""Runs heavy or untrusted work in limited child processes, with progress and cancel."""
