"""Files that people attach: told by their content, freed of hidden facts, kept under their hash."""

from lamplighter.store.media.keep import Kept, keep_file

__all__ = ["Kept", "keep_file"]
