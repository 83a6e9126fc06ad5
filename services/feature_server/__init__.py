"""Features by HTTP, for services that need them while somebody waits: docs/FEATURES.md."""
