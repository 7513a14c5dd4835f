"""Reads city models and networks into assets and geometry in one local metric frame."""
