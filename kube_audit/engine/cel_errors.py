"""What went wrong with a CEL expression, in words for the person who wrote it."""

from __future__ import annotations

import re
from collections.abc import Iterable

# Texts, not compiled patterns: nothing needs one until there is an error.
_ISSUE = r"(?s)ERROR: <input>:(-?\d+):(-?\d+): (.*?)(?=\n \| |\nERROR: |\s*\[[A-Z_]+\]\s*\Z|\Z)"
_STATUS = r"\A(?:[A-Z_]+: )+|\s*\[[A-Z_]+\]\s*\Z"
_UNDECLARED = r"undeclared reference to '([^']+)'(?: \(in container ''\))?"
_NO_OVERLOAD = r"found no matching overload for '([^']+)' applied to '(.*)'"
_MIXED_NUMBERS = r"found no matching overload for '_[<>]=?_' applied to '\((?:int|uint|double), (?:int|uint|double)\)'"
_NO_RUNTIME_OVERLOAD = r"(?s)No matching overloads found : (.*)"
_NO_KEY = r"(?s)Key not found in map : (.*)"
_UNEXPECTED = r"(?:extraneous input|mismatched input|no viable alternative at input) ('.*?')(?: expecting .*)?"


_TOO_EARLY = "the expression ends too early"
_NO_CEL = "this is no CEL: "
_UNEXPECTED_HERE = "this is not expected here: "
_SYNTAX = (_TOO_EARLY, _NO_CEL, _UNEXPECTED_HERE)


class ExpressionError(ValueError):
    """An expression that is no CEL, or asks for what does not exist.

    `expression` is its text, `reason` what is wrong in one sentence, `line` and `column` where, from 1. `is_syntax`:
    it is no CEL whatever functions and variables there are.
    """

    def __init__(self, expression: str, reason: str, line: int = 1, column: int = 1) -> None:
        """Make the error; its text shows the line of the expression with the place marked below."""
        self.expression = expression
        self.reason = reason
        self.line = line
        self.column = column
        self.is_syntax = reason.startswith(_SYNTAX)
        lines = expression.splitlines() or [""]
        shown = lines[min(max(line, 1), len(lines)) - 1]
        super().__init__(f"{reason}\n    {shown}\n    {' ' * (column - 1)}^")


class EvaluationError(ValueError):
    """An expression that has no value for the data at hand; the message says why."""


def compile_error(expression: str, message: str, known: Iterable[str]) -> ExpressionError:
    """Make an error of what the runtime says about an expression; `known` are the names that exist."""
    issues = list(re.finditer(_ISSUE, message))
    issue = next((each for each in issues if not re.match(_MIXED_NUMBERS, each[3])), None)
    if issue is None:
        return ExpressionError(expression, _compile_words(re.sub(_STATUS, "", message), known))
    line, column = max(int(issue[1]), 1), max(int(issue[2]), 1)
    return ExpressionError(expression, _compile_words(issue[3], known), line, column)


def compares_numbers_only(message: str) -> bool:
    """Whether all that the runtime has against an expression is that it orders numbers of different types."""
    complaints = message.count("ERROR: <input>")
    return complaints > 0 and len(re.findall(_MIXED_NUMBERS, message)) == complaints


def _compile_words(text: str, known: Iterable[str]) -> str:
    if match := re.match(_UNDECLARED, text):
        from kube_audit.names import closest

        near = closest(match[1].partition(".")[0], sorted(known))
        hint = f"; did you mean `{near}`?" if near else ""
        return f"there is no variable or function `{match[1]}`{hint}"
    if match := re.match(_NO_OVERLOAD, text):
        return f"`{_operator(match[1])}` does not take {_plain(match[2])}"
    if "recursion" in text:
        return "the expression is nested more than 31 levels deep"
    text = text.removeprefix("Syntax error: ")
    if text.startswith("token recognition error at: "):
        wrong = text.removeprefix("token recognition error at: ")
        return f"{_NO_CEL}{wrong}" + ("; equality is written ==" if wrong.startswith("'=") else "")
    if "'<EOF>'" in text:
        return _TOO_EARLY
    if match := re.match(_UNEXPECTED, text):
        return f"{_UNEXPECTED_HERE}{match[1]}"
    return text


def evaluation_error(message: str) -> EvaluationError:
    """Make an error of what the runtime says about a value."""
    text = re.sub(_STATUS, "", message)
    if match := re.fullmatch(_NO_KEY, text):
        return EvaluationError(f"there is no key {match[1]}")
    if match := re.fullmatch(_NO_RUNTIME_OVERLOAD, text):
        function, parenthesis, kinds = _plain(match[1]).partition("(")
        return EvaluationError(f"there is no `{_operator(function)}{parenthesis}{kinds}`")
    if "SELECT to non-message" in text:
        return EvaluationError("a field is asked of a value that is no map")
    if "@mapInsert" in text:
        return EvaluationError("`transformMap` is not available here; `transformList` is")
    if "Iteration budget" in text:
        return EvaluationError("the expression goes through more than 10,000 elements")
    if "construction from null" in text:
        return EvaluationError("a text holds half a character (a lone surrogate), which is no Unicode")
    if "out of range for" in text:
        return EvaluationError("a number is larger than 64 bits")
    return EvaluationError(text)


def _plain(types: str) -> str:
    """Write types as CEL's documentation does."""
    return types.replace("int64", "int").replace("uint64", "uint").replace("null_type", "null")


def _operator(function: str) -> str:
    """Write an operator as it stands in expressions: `_+_` is `+`, `@in` is `in`."""
    if any(c.isalpha() for c in function):
        return function.removeprefix("@")
    return function.replace("[_]", "[…]").replace("_", "")
