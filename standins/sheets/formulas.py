"""A small formula evaluator: literals, operators, references and the functions in ``FUNCTIONS``.

Formulas are computed when they are read, against the state that is read: a write recalculates nothing. A function that
is not here gives ``#NAME?``, as a misspelt one does in Sheets; a formula that does not parse gives ``#ERROR!``. The
references of a formula move when it is copied, and stay as they are when rows or columns are inserted or deleted.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from standins.sheets.a1 import Area, parse_cells
from standins.sheets.formats import automatic
from standins.sheets.grid import ErrorValue, Formula, number
from standins.sheets.workbook import Sheet, State

_TOKEN = re.compile(
    r"""\s*(?:(?P<num>\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+)
    |(?P<str>"(?:[^"]|"")*")
    |(?P<ref>(?:(?:'(?:[^']|'')+'|[A-Za-z_][\w.]*)!)?\$?[A-Za-z]{1,3}\$?\d+(?::\$?[A-Za-z]{1,3}\$?\d*)?(?![\w(])
      |(?:(?:'(?:[^']|'')+'|[A-Za-z_][\w.]*)!)?\$?[A-Za-z]{1,3}:\$?[A-Za-z]{1,3}(?![\w(]))
    |(?P<name>[A-Za-z_][\w.]*)
    |(?P<op><>|<=|>=|[-+*/^&=<>(),;%{}]))""",
    re.VERBOSE,
)
_REFERENCE = re.compile(r"""("(?:[^"]|"")*")|(\$?)\b([A-Za-z]{1,3})(\$?)([0-9]+)\b(?![(!])""")
_MAX_DEPTH = 100


class FormulaError(Exception):
    """The value of a formula that fails."""

    def __init__(self, type_: str, message: str = "") -> None:
        super().__init__(type_)
        self.value = ErrorValue(type_, message)


class Evaluator:
    """Computes formulas of one state, each cell once."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._memo: dict[tuple[int, int, int], Any] = {}
        self._depth = 0

    def cell(self, sheet: Sheet, row: int, column: int) -> Any:
        """The computed value of a cell."""
        values = sheet.grid.row(row)
        value = values[column] if column < len(values) else None
        if type(value) is not Formula:
            return value
        key = (sheet.id, row, column)
        if key not in self._memo:
            self._memo[key] = ErrorValue("REF", "Circular dependency detected.")
            self._memo[key] = self.formula(sheet, value.text)
        return self._memo[key]

    def formula(self, sheet: Sheet, text: str) -> Any:
        """The value of a formula that stands in ``sheet``."""
        self._depth += 1
        try:
            if self._depth > _MAX_DEPTH:
                return ErrorValue("REF", "The references are nested too deeply.")
            result = _Parser(self, sheet, text[1:]).run()
            if type(result) is list:
                result = result[0] if result else None
        except FormulaError as error:
            return error.value
        except (OverflowError, ValueError, RecursionError):
            return ErrorValue("NUM", "The result is out of range.")
        else:
            return 0 if result is None else result
        finally:
            self._depth -= 1

    def reference(self, sheet: Sheet, text: str) -> list[Any]:
        """The values of a reference, row by row."""
        title, _, cells = text.rpartition("!")
        if title:
            name = title[1:-1].replace("''", "'") if title.startswith("'") else title
            found = self._state.sheet_by_title(name)
            if found is None:
                raise FormulaError("REF", "Unresolved sheet name.")
            sheet = found
        area = parse_cells(cells.replace("$", "")) or Area()
        return self._area(sheet, area)

    def named(self, text: str) -> list[Any]:
        """The values of a named range."""
        for named in self._state.named:
            if named["name"].casefold() == text.casefold():
                target = named.get("range")
                sheet = self._state.sheet(target.get("sheetId", 0)) if target else None
                if target is None or sheet is None:
                    raise FormulaError("REF")
                from standins.sheets.ranges import area_of

                return self._area(sheet, area_of(target))
        raise FormulaError("NAME", f"Unknown range name: '{text}'.")

    def _area(self, sheet: Sheet, area: Area) -> list[Any]:
        if (area.r0 or 0) >= sheet.rows or (area.c0 or 0) >= sheet.columns:
            raise FormulaError("REF", "Reference does not exist.")
        box = area.within(sheet.rows, sheet.columns)
        if box.r1 - box.r0 == 1 and box.c1 - box.c0 == 1:
            return [self.cell(sheet, box.r0, box.c0)]
        return [
            self.cell(sheet, index, column)
            for index, row, _ in sheet.grid.scan(box.r0, box.r1)
            for column in range(box.c0, min(box.c1, len(row)))
        ]


class _Parser:
    def __init__(self, evaluator: Evaluator, sheet: Sheet, text: str) -> None:
        self._evaluator = evaluator
        self._sheet = sheet
        self._tokens: list[tuple[str, str]] = []
        position, text = 0, text.rstrip()
        while position < len(text):
            match = _TOKEN.match(text, position)
            if match is None or match.lastgroup is None:
                raise FormulaError("ERROR", "Formula parse error.")
            self._tokens.append((match.lastgroup, match.group(match.lastgroup)))
            position = match.end()
        self._at = 0

    def run(self) -> Any:
        result = self._compare()
        if self._at != len(self._tokens):
            raise FormulaError("ERROR", "Formula parse error.")
        return result

    def _peek(self) -> str:
        return self._tokens[self._at][1] if self._at < len(self._tokens) and self._tokens[self._at][0] == "op" else ""

    def _binary(
        self, operators: tuple[str, ...], below: Callable[[], Any], join: Callable[[str, Any, Any], Any]
    ) -> Any:
        left = below()
        while (operator := self._peek()) in operators and operator:
            self._at += 1
            left = join(operator, _single(left), _single(below()))
        return left

    def _compare(self) -> Any:
        return self._binary(("=", "<>", "<", ">", "<=", ">="), self._concat, _compare)

    def _concat(self) -> Any:
        return self._binary(("&",), self._sum, lambda _, a, b: _text(a) + _text(b))

    def _sum(self) -> Any:
        return self._binary(
            ("+", "-"), self._product, lambda op, a, b: _num(a) + _num(b) if op == "+" else _num(a) - _num(b)
        )

    def _product(self) -> Any:
        return self._binary(("*", "/"), self._power, _product)

    def _power(self) -> Any:
        return self._binary(("^",), self._unary, lambda _, a, b: _num(a) ** _num(b))

    def _unary(self) -> Any:
        if self._peek() in ("-", "+"):
            operator = self._peek()
            self._at += 1
            value = _num(_single(self._unary()))
            return -value if operator == "-" else value
        value = self._atom()
        while self._peek() == "%":
            self._at += 1
            value = _num(_single(value)) / 100
        return value

    def _atom(self) -> Any:
        if self._at >= len(self._tokens):
            raise FormulaError("ERROR", "Formula parse error.")
        kind, text = self._tokens[self._at]
        self._at += 1
        if kind == "num":
            return number(float(text))
        if kind == "str":
            return text[1:-1].replace('""', '"')
        if kind == "ref":
            return self._evaluator.reference(self._sheet, text)
        if kind == "name":
            if self._peek() == "(":
                return self._call(text.upper())
            if text.upper() in ("TRUE", "FALSE"):
                return text.upper() == "TRUE"
            return self._evaluator.named(text)
        if text == "(":
            value = self._compare()
            self._expect(")")
            return value
        raise FormulaError("ERROR", "Formula parse error.")

    def _expect(self, text: str) -> None:
        if self._peek() != text:
            raise FormulaError("ERROR", "Formula parse error.")
        self._at += 1

    def _call(self, name: str) -> Any:
        self._expect("(")
        arguments: list[Any] = []
        while self._peek() != ")":
            try:
                arguments.append(self._compare())
            except FormulaError as error:
                if name not in ("IFERROR", "ISERROR", "IF") or error.value.type == "ERROR":
                    raise
                arguments.append(error.value)
                self._skip_argument()
            if self._peek() in (",", ";"):
                self._at += 1
            elif self._peek() != ")":
                raise FormulaError("ERROR", "Formula parse error.")
        self._at += 1
        function = FUNCTIONS.get(name)
        if function is None:
            raise FormulaError("NAME", f"Unknown function: '{name}'.")
        try:
            return function(*arguments)
        except (TypeError, IndexError):
            raise FormulaError("N_A", f"Wrong number of arguments to {name}.") from None

    def _skip_argument(self) -> None:
        depth = 0
        while self._at < len(self._tokens):
            text = self._peek()
            if depth == 0 and text in (",", ";", ")"):
                return
            depth += (text == "(") - (text == ")")
            self._at += 1


def _single(value: Any) -> Any:
    if type(value) is list:
        value = value[0] if value else None
    if type(value) is ErrorValue:
        raise FormulaError(value.type, value.message)
    return value


def _num(value: Any) -> float:
    value = _single(value)
    if value is None:
        return 0
    if type(value) is str:
        try:
            return number(float(value))
        except ValueError:
            raise FormulaError("VALUE", f"'{value}' is a text and cannot be coerced to a number.") from None
    return int(value) if type(value) is bool else value


def _text(value: Any) -> str:
    value = _single(value)
    if value is None:
        return ""
    if type(value) is bool:
        return "TRUE" if value else "FALSE"
    return value if type(value) is str else automatic(value)


def _compare(operator: str, left: Any, right: Any) -> bool:
    if left is None or right is None:
        empty: Any = "" if type(left or right) is str else 0
        left = empty if left is None else left
        right = empty if right is None else right
    rank = {bool: 2, str: 1}
    a = (rank.get(type(left), 0), left.casefold() if type(left) is str else left)
    b = (rank.get(type(right), 0), right.casefold() if type(right) is str else right)
    return {"=": a == b, "<>": a != b, "<": a < b, ">": a > b, "<=": a <= b, ">=": a >= b}[operator]


def _product(operator: str, left: Any, right: Any) -> float:
    if operator == "*":
        return number(_num(left) * _num(right))
    if _num(right) == 0:
        raise FormulaError("DIVIDE_BY_ZERO", "Function DIVIDE parameter 2 cannot be zero.")
    return number(float(_num(left)) / _num(right))


def _numbers(arguments: tuple[Any, ...]) -> list[float]:
    found: list[float] = []
    for argument in arguments:
        if type(argument) is list:
            for value in argument:
                if type(value) is ErrorValue:
                    raise FormulaError(value.type, value.message)
                if type(value) in (int, float):
                    found.append(value)
        else:
            found.append(_num(argument))
    return found


def _flat(arguments: tuple[Any, ...]) -> list[Any]:
    return [value for argument in arguments for value in (argument if type(argument) is list else [argument])]


def _average(*arguments: Any) -> float:
    values = _numbers(arguments)
    if not values:
        raise FormulaError("DIVIDE_BY_ZERO", "Evaluation of function AVERAGE caused a divide by zero error.")
    return number(float(sum(values)) / len(values))


def _is_error(value: Any) -> bool:
    return type(value[0] if type(value) is list and value else value) is ErrorValue


def _if(condition: Any, then: Any, otherwise: Any = False) -> Any:
    return _single(then) if _num(condition) else _single(otherwise)


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "SUM": lambda *a: number(float(sum(_numbers(a)))),
    "AVERAGE": _average,
    "COUNT": lambda *a: sum(type(value) in (int, float) for value in _flat(a)),
    "COUNTA": lambda *a: sum(value is not None for value in _flat(a)),
    "MIN": lambda *a: min(_numbers(a), default=0),
    "MAX": lambda *a: max(_numbers(a), default=0),
    "ABS": lambda a: abs(_num(a)),
    "ROUND": lambda a, places=0: number(float(round(_num(a) + 0.0, int(_num(places))))),
    "IF": _if,
    "IFERROR": lambda a, other=None: other if _is_error(a) else _single(a),
    "ISERROR": _is_error,
    "AND": lambda *a: all(bool(_num(value)) for value in _flat(a) if value is not None),
    "OR": lambda *a: any(bool(_num(value)) for value in _flat(a) if value is not None),
    "NOT": lambda a: not _num(a),
    "LEN": lambda a: len(_text(a)),
    "UPPER": lambda a: _text(a).upper(),
    "LOWER": lambda a: _text(a).lower(),
    "TRIM": lambda a: " ".join(_text(a).split()),
    "LEFT": lambda a, size=1: _text(a)[: int(_num(size))],
    "RIGHT": lambda a, size=1: _text(a)[-int(_num(size)) :] if _num(size) else "",
    "CONCATENATE": lambda *a: "".join(_text(value) for value in _flat(a)),
    "CONCAT": lambda a, b: _text(a) + _text(b),
    "HYPERLINK": lambda url, label=None: _text(url if label is None else label),
}


def shift(text: str, rows: int, columns: int) -> str:
    """The formula as a copy ``rows`` down and ``columns`` right has it: relative references move, ``$`` ones stay."""
    if not rows and not columns:
        return text
    from standins.sheets.a1 import column_index, column_letters

    def move(match: re.Match[str]) -> str:
        if match.group(1):
            return match.group(1)
        fixed_column, letters, fixed_row, digits = match.group(2, 3, 4, 5)
        column = column_index(letters) + (0 if fixed_column else columns)
        row = int(digits) + (0 if fixed_row else rows)
        if row < 1 or column < 0:
            return "#REF!"
        return f"{fixed_column}{column_letters(column)}{fixed_row}{row}"

    return _REFERENCE.sub(move, text)
