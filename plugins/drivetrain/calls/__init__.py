"""Customer calls: from words with times to turns, figures, and facts that the transcript proves."""
