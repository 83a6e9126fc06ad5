"""Personal data in what was said: found in the words, taken out of them, and looked for wherever it should not be."""
