"""The page of Google's quota."""
