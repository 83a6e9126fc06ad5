"""A fleet of sheet syncs as a company of ten teams has it: specs, queries, their tables and workbooks, by seed."""
