"""The board of all sheet syncs."""
