"""Forks the twin, runs simulators, compares outcomes."""
