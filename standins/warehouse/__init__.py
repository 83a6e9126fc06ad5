"""A used-car marketplace's warehouse for local runs: seeded rows with the shapes and the traps of real ones."""
