"""Work that waits: a queue that loses nothing and runs nothing of one group twice at a time."""
