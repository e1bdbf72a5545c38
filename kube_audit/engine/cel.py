"""CEL, the language of rules: expressions and the messages that hold some, compiled once and evaluated often."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from kube_audit.engine.cel_errors import (
    EvaluationError,
    ExpressionError,
    compares_numbers_only,
    compile_error,
    evaluation_error,
)
from kube_audit.engine.cel_text import Hole, split, with_optionals

__all__ = [
    "LONGEST",
    "VARIABLES",
    "EvaluationError",
    "ExpressionError",
    "Program",
    "Template",
    "activation",
    "compile",
    "longest",
    "preload",
    "program",
    "runtime_version",
    "serialize",
    "template",
]

VARIABLES: Mapping[str, Any] = {
    "object": {},
    "pod": {},
    "container": {},
    "self": {},
    "key": None,
    "related": {},
    "effective": {},
    "params": {},
    "target": {},
    "found": {},
}
"""The variables of every expression, and what they are where nothing is given."""

_EXTENSIONS = "optional strings bindings math encoders sets lists regex two-var-comprehensions"
_STANDARD_FUNCTIONS = """
    all bool bytes charAt contains distinct double duration dyn endsWith exists exists_one filter flatten format has
    hasValue indexOf int join lowerAscii map matches optional or orValue replace reverse size slice sort sortBy split
    startsWith string substring timestamp trim type uint upperAscii value
"""

_preloaded: dict[str, bytes] = {}


@cache
def _environment() -> tuple[Any, Any]:
    """Return the runtime's module and the one environment; both cost start-up time, so they wait until here."""
    from cel_expr_python import cel

    from kube_audit.engine import cel_kubernetes, sweep
    from kube_audit.engine.related import PARTS  # the type checker wants every variable named beforehand

    # The runtime knows more extensions than it has Python modules for; a configuration names them all.
    settings = "extensions:\n" + "".join(f"- name: {name}\n" for name in _EXTENSIONS.split())
    environment = cel.NewEnv(
        config=cel.NewEnvConfigFromYaml(settings),
        variables=dict.fromkeys([*VARIABLES, *sweep.variables(PARTS)], cel.Type.DYN),
        **cel_kubernetes.declarations(cel),
    )
    return cel, environment


class Program:
    """One expression; it is compiled when it is first evaluated, unless `compile` made it."""

    __slots__ = ("_compiled", "expression")

    def __init__(self, expression: str, compiled: Any = None) -> None:
        """Take the text of an expression."""
        self.expression = expression
        self._compiled = compiled

    def evaluate(self, values: Any) -> Any:
        """Return the value for an `activation`: plain Python data, the keys of maps in order.

        Raises EvaluationError where it has none, ExpressionError where it cannot be compiled.
        """
        program = self._program()
        try:
            result = program.eval(values)
            kind = result.type().name()
            if kind == "BOOL":
                return result.value()
            if kind == "NULL":
                return None  # not `value()`: see `_pay_for_nulls`
            if not kind.startswith(("LIST", "MAP")):
                value = result.value()
        except RuntimeError as error:
            raise evaluation_error(str(error)) from None
        except TypeError:
            raise EvaluationError("the value is an optional: end the expression with orValue(…)") from None
        if kind == "ERROR":
            raise evaluation_error(value)
        try:
            if kind.startswith(("LIST", "MAP")):
                value = result.plain_value()
                _pay_for_nulls(value)
            return _plain(value)
        except RecursionError:
            raise EvaluationError("the value is nested too deeply") from None
        except (RuntimeError, TypeError, SystemError):
            raise EvaluationError("the value holds an optional: end that part with orValue(…)") from None

    def holds(self, values: Any) -> bool:
        """Whether the value for an `activation` is true; an error, or an expression without a value, is not."""
        try:
            result = self._program().eval(values)
            return result.type().name() == "BOOL" and result.value() is True
        except (RuntimeError, TypeError, ExpressionError):
            return False

    def serialize(self) -> bytes:
        """Return the compiled form, for `preload` in a later run. Raises ExpressionError."""
        compiled: bytes = self._program().serialize()
        return compiled

    def _program(self) -> Any:
        if self._compiled is None:
            self._compiled = _load(self.expression)
        return self._compiled


def _load(expression: str) -> Any:
    kept = _preloaded.get(expression)
    if kept is not None:
        try:
            return _environment()[1].deserialize(kept)
        except (RuntimeError, TypeError):
            del _preloaded[expression]
    return _compile(expression)


def _compile(expression: str) -> Any:
    environment = _environment()[1]
    extended = with_optionals(expression)
    try:
        compiled = environment.compile(expression)
        return compiled if extended == expression else environment.compile(extended)
    except RuntimeError as error:
        if compares_numbers_only(str(error)):
            # `1 < 1.5` is CEL in Kubernetes since 1.29; this runtime can do it, only its type checker cannot.
            return environment.compile(extended, disable_check=True)
        from kube_audit.engine import cel_kubernetes

        known = {*VARIABLES, *_STANDARD_FUNCTIONS.split(), *cel_kubernetes.names()}
        raise compile_error(expression, str(error), known) from None
    except TypeError:
        raise ExpressionError(expression, "the expression is no text that Unicode has") from None


def compile(expression: str) -> Program:
    """Compile an expression now. Raises ExpressionError."""
    return Program(expression, _compile(expression))


@cache
def program(expression: str) -> Program:
    """Return the program of an expression, the same one each time; it is compiled when it is first needed."""
    return Program(expression)


def serialize(expression: str) -> bytes:
    """Return the compiled form of an expression, for `preload` in a later run. Raises ExpressionError."""
    return compile(expression).serialize()


def preload(programs: Mapping[str, bytes]) -> None:
    """Take compiled forms by expression, made under the same `runtime_version`.

    Loading one takes a fifth of the time of compiling; one that cannot be loaded is compiled again.
    """
    _preloaded.update(programs)


def runtime_version() -> str:
    """Return a text that changes whenever compiled forms may no longer fit: with the runtime or these modules."""
    spec = find_spec("cel_expr_python")
    folders = [*(spec.submodule_search_locations or ()), os.fspath(Path(__file__).parent)] if spec else []
    files = [entry for folder in folders for entry in os.scandir(folder) if entry.name.startswith(("cel", "sweep"))]
    return " ".join(sorted(f"{e.name}:{e.stat().st_size}:{e.stat().st_mtime_ns}" for e in files))


def activation(values: Mapping[str, Any]) -> Any:
    """Return variables for `evaluate` and `render`; names of VARIABLES that are missing get their defaults.

    Values are JSON-like data of exactly the types dict, list, str, int, float, bool and None, nested at most 5000
    levels deep: the runtime's stack ends there. Make one activation for all the expressions over the same data: a
    variable is converted as a whole when it is first used, which takes about 0.2 µs for each value in it. All that
    an evaluation needs of memory stays with its activation.
    """
    return _environment()[1].Activation({**VARIABLES, **values})


LONGEST = 2000
"""Elements of a list or map that expressions can be asked to go through.

The runtime copies the result of `map` and `filter` for every element that it adds: 2000 take about 0.1 s and 70 MB,
10,000 take 1.6 GB.
"""


def longest(data: Any) -> int:
    """Return the number of elements of the longest list or map in data, to hold against LONGEST."""
    most = 0
    waiting = [data]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)
        else:
            continue
        most = max(most, len(item))
    return most


class Template:
    """A message with CEL in `{…}`."""

    __slots__ = ("_parts", "text")

    def __init__(self, text: str) -> None:
        """Take the text of a message. Raises ExpressionError for braces that do not fit."""
        self.text = text
        self._parts = [program(part.expression) if isinstance(part, Hole) else part for part in split(text)]

    @property
    def expressions(self) -> tuple[str, ...]:
        """The CEL in it, as it is written."""
        return tuple(part.expression for part in self._parts if isinstance(part, Program))

    def render(self, values: Any) -> str:
        """Return the message for an `activation`; what cannot be evaluated shows as `?`.

        Texts and numbers stand as they are, lists as their elements with commas, maps as JSON.
        """
        return "".join(part if isinstance(part, str) else _rendered(part, values) for part in self._parts)

    def value(self, values: Any) -> Any:
        """Return the value itself, with its type, where the template is one `{…}` and nothing else.

        Raises EvaluationError then; otherwise it is what `render` makes.
        """
        if len(self._parts) == 1 and isinstance(self._parts[0], Program):
            return self._parts[0].evaluate(values)
        return self.render(values)


@cache
def template(text: str) -> Template:
    """Return the template of a text, the same one each time. Raises ExpressionError for braces that do not fit."""
    return Template(text)


def _rendered(part: Program, values: Any) -> str:
    try:
        return _words(part.evaluate(values))
    except (EvaluationError, ExpressionError, RecursionError):
        return "?"


def _words(value: Any) -> str:
    if isinstance(value, str):
        return value
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ", ".join(_words(item) for item in value)
    if isinstance(value, dict):
        if value.keys() == {"quantity"}:
            return str(value["quantity"])
        import json

        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e16:
        return str(int(value))
    return str(value)


def _pay_for_nulls(value: Any) -> None:
    """Take the reference to None that the runtime did not take for each null in a list or map that it hands out.

    Before Python 3.12, where None can be used up, the process ends once it has no reference left.
    """
    if sys.version_info >= (3, 12):
        return
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if item is None:
            import ctypes

            ctypes.pythonapi.Py_IncRef(ctypes.py_object(None))
        elif isinstance(item, dict):
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)


def _plain(value: Any) -> Any:
    """Order the keys of maps, which the runtime hands out in another order each time."""
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain(value[key]) for key in sorted(value, key=lambda key: (str(type(key)), key))}
    return value.decode("utf-8", "replace") if isinstance(value, bytearray) else value
