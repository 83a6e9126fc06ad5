"""A Snowflake stand-in: the official connector talks to it over HTTP, DuckDB (through fakesnow) answers.

The server runs in its own environment (``.venv-standins``); ``standins.snowflake.testing`` starts it from any other.
See README.md in this folder for what works and what does not.
"""
