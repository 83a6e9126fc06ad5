"""Which failures are schema drift, by the line that the run left.

A run's record holds the error's line and not its type. A test goes through every SchemaDriftError that a sync can raise
and holds this list against it.
"""

from __future__ import annotations

import re

_LINES = re.compile(
    r"^sync \S+: .*?(?:"
    r"gives .* twice, give each its own alias"
    r"|the query does not give"
    r"|columns\.\S+: type \S+: "
    r"|which columns does not list"
    r"|would get a header that another column has"
    r"|has values below .* and no header"
    r"|the order of columns changed"
    r"|rename it back in the tab, or change the spec's header"
    r"|lacks the columns? "
    r"|has lost its header"
    r"|the new column .* would overwrite values"
    r"|lacks the key column"
    r")",
    re.DOTALL,
)


def is_drift(error: str) -> bool:
    """Whether source, spec and tab no longer agree on columns, see drivetrain.errors.SchemaDriftError."""
    return _LINES.search(error) is not None
