"""The board of feature views."""
