"""Out again: the city in open formats, written in a worker from what was imported."""
