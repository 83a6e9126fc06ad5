"""A server that answers as OpenAI's API does, by rules instead of a model: what it says is worth nothing.

It is for the protocol: structured outputs, token counts, refusals, cut-off and malformed answers, 429 and 5xx. Answers
come from looking for a few words in the text, so never judge prompts by them.
"""
