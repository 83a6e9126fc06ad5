"""COPY INTO: where fakesnow's reading of staged files differs from Snowflake's.

fakesnow lets DuckDB guess the types of a CSV file (and so turns "007341" into 7341), numbers the columns of files
with ten columns and more differently from its own statements, and knows ``$1`` in a COPY transformation for Parquet
only.
"""

from __future__ import annotations

import csv
import gzip
import io

import duckdb
import fakesnow.copy_into as copy_into
import fakesnow.transforms.stage as stage
from sqlglot import exp

_read_csv_of_fakesnow = copy_into.ReadCSV.read_expression
_urls_of_fakesnow = copy_into._source_urls
_describe_of_fakesnow = copy_into._describe_table


def install() -> None:
    """Replace fakesnow's functions; it looks them up in its module at call time."""
    copy_into.ReadCSV.read_expression = _read_csv
    copy_into._describe_table = _describe_table
    copy_into._strip_json_extract = _positions
    copy_into._source_urls = _source_urls


def _source_urls(source: str, files: list[str]) -> list[str]:
    """FILES of an internal stage; fakesnow knows those of an external one."""
    if stage.is_internal(source):
        return [f"{source.rstrip('/')}/{file}" for file in files]
    return _urls_of_fakesnow(source, files)


def _read_csv(self: copy_into.ReadCSV, url: str) -> exp.Expression:
    """Read every field as text: the types of the table decide, as in Snowflake."""
    call = _read_csv_of_fakesnow(self, url)
    for option in call.expressions:
        if _is_option(option, "quote"):
            option.set("expression", exp.Literal.string(self.quote or ""))  # fakesnow doubles a quote twice
    width = _width(self, url) if stage.is_internal(url) else 0
    options = "parallel = false"  # line ends inside quotes need the single-threaded reader
    if width:
        columns = ", ".join(f"'column{index}': 'VARCHAR'" for index in range(width))
        options += f", auto_detect = false, delim = '{self.sep or ','}', columns = {{{columns}}}"
        call.set("expressions", [item for item in call.expressions if not _is_option(item, "sep")])
    else:
        options += ", all_varchar = true"
    template = exp.maybe_parse(f"read_csv('x', {options})", dialect="duckdb")
    call.set("expressions", call.expressions + template.expressions[1:])
    return call


def _is_option(node: exp.Expression, name: str) -> bool:
    return isinstance(node, exp.EQ) and node.this.name == name


def _width(reader: copy_into.ReadCSV, path: str) -> int:
    """The number of fields in the first record of a staged file; 0 for an empty file."""
    with open(path, "rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    quoting = csv.QUOTE_MINIMAL if reader.quote else csv.QUOTE_NONE
    with (gzip.open if packed else open)(path, "rb") as raw:
        text = io.TextIOWrapper(raw, encoding="utf-8", newline="")
        rows = csv.reader(text, delimiter=reader.sep or ",", quotechar=reader.quote or None, quoting=quoting)
        return len(next(rows, []))


def _describe_table(
    table: exp.Table, duck: duckdb.DuckDBPyConnection, database: str | None, schema: str | None
) -> list[tuple[str, str]]:
    """A temporary table shadows a permanent one of its name; DuckDB keeps it in a catalog of its own."""
    sql = "SELECT 1 FROM duckdb_tables() WHERE temporary AND table_name = ?"
    if duck.execute(sql, [table.name]).fetchone():
        return [(row[0], row[1]) for row in duck.execute(f'DESCRIBE temp.main."{table.name}"').fetchall()]
    return _describe_of_fakesnow(table, duck, database, schema)


def _positions(select: exp.Select) -> exp.Select:
    """``$3`` (or ``t.$3``) is the third field of a CSV record; ``$1:NAME`` a column of a Parquet file."""
    for parameter in list(select.find_all(exp.Parameter)):
        node: exp.Expression = parameter
        while isinstance(node.parent, exp.Column | exp.Dot):  # t.$3
            node = node.parent
        extract = node.parent
        if isinstance(extract, exp.JSONExtract | exp.JSONExtractScalar) and (
            key := extract.expression.find(exp.JSONPathKey)
        ):
            extract.replace(exp.column(str(key.this), quoted=True))
        elif parameter.name.isdigit():
            node.replace(exp.column(f"column{int(parameter.name) - 1}"))
    for alias in list(select.find_all(exp.TableAlias)):
        alias.pop()
    return select
