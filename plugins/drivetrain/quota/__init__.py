"""A vendor's quota, shared by all processes that spend it."""
