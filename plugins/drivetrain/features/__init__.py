"""Features: from a warehouse's tables into Redis, in Feast's own layout, and out of it again."""
