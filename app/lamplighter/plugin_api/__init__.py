"""The versioned plugin contract and the loader of a plugin's Python file."""
