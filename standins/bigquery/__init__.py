"""bqemulator, BigQuery's REST and Storage Read APIs over DuckDB, found and started for tests.

It is not Google: a dry run tells no bytes, `maximum_bytes_billed` and partition filters that are asked for are not held
to, and tables do not expire. https://pypi.org/project/bqemulator/
"""
