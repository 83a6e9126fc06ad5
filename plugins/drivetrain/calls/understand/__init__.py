"""What a language model is asked of a call, and how much of its answers is believed."""
