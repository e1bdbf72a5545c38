"""CEL as rules use it: expressions, messages, errors for people, and data that nobody would write on purpose."""

import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kube_audit.engine import cel
from kube_audit.manifests.composer import DEEPEST


def value(expression: str, **variables: Any) -> Any:
    return cel.compile(expression).evaluate(cel.activation(variables))


def rendered(text: str, **variables: Any) -> str:
    return cel.template(text).render(cel.activation(variables))


def compile_error(expression: str) -> cel.ExpressionError:
    with pytest.raises(cel.ExpressionError) as error:
        cel.compile(expression)
    return error.value


def test_importing_the_module_does_not_load_the_runtime() -> None:
    code = (
        "import sys; import kube_audit.engine.cel as cel;"
        "cel.program('true'); cel.template('{self}'); cel.runtime_version(); print(sorted(sys.modules))"
    )
    modules = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "'kube_audit.engine.cel'" in modules
    assert "cel_expr_python" not in modules


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("true", True),
        ("1 + 1", 2),
        ("1.5", 1.5),
        ("'a' + 'b'", "ab"),
        ("null", None),
        ("[1, [2, null]]", [1, [2, None]]),
        ("self", {"a": [{"b": 1}], "c": None}),
    ],
)
def test_values_are_plain_python_data(expression: str, expected: Any) -> None:
    result = value(expression, self={"a": [{"b": 1}], "c": None})
    assert result == expected
    assert type(result) is type(expected)


def test_every_variable_has_a_value_even_where_none_is_given() -> None:
    for name in cel.VARIABLES:
        assert value(name) == cel.VARIABLES[name]
    assert value("related.?services.orValue([]).size() == 0 && !has(self.x) && key == null") is True


def test_the_keys_of_maps_come_in_order() -> None:
    names = [f"key{number}" for number in range(50)]
    data = {name: {"z": 1, "a": 2} for name in reversed(names)}
    result = value("[self]", self=data)[0]
    assert list(result) == sorted(names)
    assert list(result["key0"]) == ["a", "z"]


def test_sorted_keys_are_the_same_in_every_run() -> None:
    data = dict.fromkeys(["zebra", "crow", "apple", "mango", "kiwi"], 1)
    assert rendered("{self.map(k, k).sort()}", self=data) == "apple, crow, kiwi, mango, zebra"


@pytest.mark.parametrize(
    ("expression", "reason", "column"),
    [
        ("sefl.name", "there is no variable or function `sefl.name`; did you mean `self`?", 5),
        ("quantitty('1')", "there is no variable or function `quantitty`; did you mean `quantity`?", 10),
        ("quantity(true)", "`quantity` does not take (bool)", 9),
        ("'a' + 1", "`+` does not take (string, int)", 5),
        ("1 in 2", "`in` does not take (int, int)", 3),
        ("self.a = 1", "equality is written ==", 8),
        ("self.a +", "the expression ends too early", 9),
        ("(1", "the expression ends too early", 3),
        ("", "the expression ends too early", 1),
        ("a b", "this is not expected here: 'b'", 3),
        ("'abc", "this is no CEL", 1),
        ("format.uri().validate(foo).hasValue()", "`foo`", 23),
        ("(" * 100 + "1" + ")" * 100, "nested more than 31 levels deep", 1),
        ("\ud800", "Unicode", 1),
    ],
)
def test_a_broken_expression_is_shown_with_the_place_marked(expression: str, reason: str, column: int) -> None:
    error = compile_error(expression)
    assert reason in error.reason
    assert (error.expression, error.line, error.column) == (expression, 1, column)
    assert str(error) == f"{error.reason}\n    {expression}\n    {' ' * (column - 1)}^"


def test_of_a_long_expression_the_broken_line_is_shown() -> None:
    error = compile_error("self.a == 1 &&\n  self.b == nothing")
    assert (error.line, error.column) == (2, 13)
    assert str(error).splitlines()[1:] == ["      self.b == nothing", "                ^"]


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("self.b", 'there is no key "b"'),
        ("self.a.b", "a field is asked of a value that is no map"),
        ("self.a.startsWith('x')", "there is no `(int).startsWith(string)`"),
        ("self + 1", "there is no `+(map, int)`"),
        ("1 / 0", "divide by zero"),
        ("self.?a", "end the expression with orValue"),
        ("[self.?a]", "end that part with orValue"),
        ("int('x')", "cannot convert"),
        ("{'a': 1}.transformMap(k, v, v)", "`transformList` is"),
    ],
)
def test_an_expression_without_a_value_says_why(expression: str, reason: str) -> None:
    with pytest.raises(cel.EvaluationError) as error:
        value(expression, self={"a": 1})
    assert reason in str(error.value)
    assert "INVALID_ARGUMENT" not in str(error.value)


def test_programs_are_compiled_when_they_are_needed() -> None:
    broken = cel.program("self.")
    assert cel.program("self.") is broken
    with pytest.raises(cel.ExpressionError):
        broken.evaluate(cel.activation({}))


def test_compiled_forms_can_be_kept() -> None:
    expression = "format.labelValue().validate(self).hasValue() || self.?x.orValue(41) + 1 == 42"
    cel.preload({expression: cel.serialize(expression)})
    assert cel.program(expression).evaluate(cel.activation({"self": {}})) is True


@pytest.mark.parametrize("kept", [b"", b"nonsense", bytes(range(256)), cel.serialize("1 + 1")[:20]])
def test_a_damaged_compiled_form_is_compiled_again(kept: bytes) -> None:
    expression = f"self == {len(kept)}"
    cel.preload({expression: kept})
    assert cel.program(expression).evaluate(cel.activation({"self": len(kept)})) is True


def test_serializing_a_broken_expression_is_an_error() -> None:
    with pytest.raises(cel.ExpressionError):
        cel.serialize("self.")


def test_the_runtime_has_a_version_that_stays() -> None:
    assert cel.runtime_version() == cel.runtime_version() != ""


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("plain", "plain"),
        ("", ""),
        ("container {self.name} runs", "container web runs"),
        ("{self.name}{self.name}", "webweb"),
        ("write {{}} or {{ {self.port} }}", "write {} or { 8080 }"),
        ("{'}' + self.name + \"{\"}", "}web{"),
        ("{r'\\}' + '''it's } here'''}", "\\}it's } here"),
        ("{'\\'}'}", "'}"),
        ("{ {'a': {'b': 1}} }", '{"a":{"b":1}}'),
        ("{[1, 2].map(x, {'v': x}).size()}", "2"),
        ("it's {self.name}'s", "it's web's"),
        ("{self.name // with } inside\n}", "web"),
        ("{self.ok} {self.none} {self.half} {self.whole}", "true null 0.5 2"),
        ("{self.names}", "a, b, c"),
        ("{[self.names, [1, true]]}", "a, b, c, 1, true"),
        ("{self.limits}", '{"cpu":"1","memory":"ü"}'),
        ("{quantity('1.5Gi')}", "1610612736"),
        ("{b'raw'}", "raw"),
        ("{self.missing} is {self.name}", "? is web"),
        ("{self.?missing}", "?"),
        ("{self.?missing.orValue('none')}", "none"),
    ],
)
def test_a_message_holds_cel_in_braces(text: str, message: str) -> None:
    container = {
        "name": "web",
        "port": 8080,
        "ok": True,
        "none": None,
        "half": 0.5,
        "whole": 2.0,
        "names": ["a", "b", "c"],
        "limits": {"memory": "ü", "cpu": "1"},
    }
    assert rendered(text, self=container) == message


@pytest.mark.parametrize(
    ("text", "reason", "line", "column"),
    [
        ("a {self.name", "without its `}`", 1, 3),
        ("a }", "without its `{`", 1, 3),
        ("a\n b {}", "an empty `{}`", 2, 4),
        ("{'}'", "without its `}`", 1, 1),
        ("{{'a': 1}", "without its `{`", 1, 9),
    ],
)
def test_braces_that_do_not_fit_are_an_error(text: str, reason: str, line: int, column: int) -> None:
    with pytest.raises(cel.ExpressionError) as error:
        cel.template(text)
    assert reason in error.value.reason
    assert (error.value.line, error.value.column) == (line, column)


def test_a_template_names_its_expressions() -> None:
    assert cel.template("a { self.x } b {key} {{c}}").expressions == ("self.x", "key")


def test_a_broken_expression_in_a_message_shows_as_a_question_mark() -> None:
    assert rendered("{self.} here") == "? here"


@pytest.mark.parametrize(
    ("text", "expected"),
    [("{self.n + 1}", 3), ("{self.n == 2}", True), ("{[self.n]}", [2]), ("n{self.n}", "n2"), ("2", "2"), ("", "")],
)
def test_a_template_of_one_expression_has_a_typed_value(text: str, expected: Any) -> None:
    result = cel.template(text).value(cel.activation({"self": {"n": 2}}))
    assert result == expected
    assert type(result) is type(expected)


def test_a_typed_value_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(cel.EvaluationError):
        cel.template("{self.missing}").value(cel.activation({}))


@given(st.text(alphabet="{}'\"ab /\\\n.()", max_size=30))
def test_any_text_is_a_template_or_an_error(text: str) -> None:
    with suppress(cel.ExpressionError):
        assert isinstance(cel.template(text).render(cel.activation({})), str)


@given(st.text(max_size=60))
def test_doubled_braces_give_the_text_back(text: str) -> None:
    assert rendered(text.replace("{", "{{").replace("}", "}}")) == text


_scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["\ud800", "a\udc80b", "\0", 2**63, 2**64, -(2**63) - 1, 10**30])
)
_data = st.recursive(
    _scalars | st.binary(max_size=3) | st.just(()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_scalars, inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=200, deadline=None)
@given(_data)
def test_no_data_does_more_than_leave_an_expression_without_a_value(data: Any) -> None:
    for expression in (
        "self",
        "self == self",
        "[self].map(x, x)",
        "self.a",
        "size(self)",
        "[self].indexOf(1)",
        "self in [1]",
    ):
        with suppress(cel.EvaluationError):
            value(expression, self=data)
        assert isinstance(rendered(f"{{{expression}}}", self=data), str)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ("\ud800", "surrogate"),
        ({"\ud800": 1}, "surrogate"),
        (2**64, "64 bits"),
        (-(2**63) - 1, "64 bits"),
        ({None: 1}, "key"),
        ({1.5: 1}, "key"),
        ((1, 2), "tuple"),
        ({1, 2}, "set"),
    ],
)
def test_data_that_cel_does_not_have_is_named(data: Any, reason: str) -> None:
    with pytest.raises(cel.EvaluationError, match=reason):
        value("self", self=data)


def test_integers_beyond_63_bits_compare_by_value() -> None:
    assert value("self > 9223372036854775807 && self == self", self=2**63) is True


def test_nan_is_equal_to_nothing() -> None:
    assert value("self == self || self < 1 || self > 1", self=float("nan")) is False


@pytest.mark.parametrize("make", [lambda inner: {"a": inner}, lambda inner: [inner]])
def test_nesting_as_deep_as_manifests_may_have_it_is_no_trouble(make: Callable[[Any], Any]) -> None:
    data: Any = {"a": 1}
    for _ in range(DEEPEST):
        data = make(data)
    assert value("self == object && size(self) == 1", self=data, object=data) is True
    assert value("[self].indexOf(object) == 0", self=data, object=data) is True
    assert rendered("{self}", self=data)


@pytest.mark.parametrize("make", [lambda inner: {"a": inner}, lambda inner: [inner]])
@pytest.mark.parametrize("expression", ["self", "[self].indexOf(self)", "[self] == [object]", "[self].map(x, x)"])
def test_deeper_nesting_has_at_worst_no_value(make: Callable[[Any], Any], expression: str) -> None:
    data: Any = 1
    for _ in range(2000):
        data = make(data)
    with suppress(cel.EvaluationError):
        value(expression, self=data, object=data)
    assert isinstance(rendered(f"{{{expression}}}", self=data, object=data), str)


def test_ten_thousand_elements_are_gone_through_and_no_more() -> None:
    data = [{"name": f"n{number}"} for number in range(9_999)]
    assert value("self.exists(x, x.name == 'n9998') && self.size() == 9999", self=data) is True
    with pytest.raises(cel.EvaluationError, match="10,000 elements"):
        value("self.all(x, x.name != '')", self=data * 2)


def test_the_longest_list_or_map_of_data_is_counted() -> None:
    assert cel.longest(None) == cel.longest("text") == cel.longest({}) == 0
    assert cel.longest({"a": [{"b": [1, 2, 3]}, {"c": 1}], "d": {"e": 1}}) == 3
    assert cel.longest({str(number): [] for number in range(7)}) == 7


def test_a_list_as_long_as_allowed_can_be_mapped() -> None:
    data = [{"name": f"n{number}"} for number in range(cel.LONGEST)]
    assert value("self.map(x, x.name).filter(n, n != '').size()", self=data) == cel.LONGEST


@pytest.mark.parametrize(
    "expression",
    ["1 < 1.5", "2.5 >= 1 && 1u < 2", "quantity('2').asApproximateFloat() > 1", "self.n < 1.5", "dyn(1) == 1.0"],
)
def test_numbers_of_different_types_are_ordered_as_in_kubernetes(expression: str) -> None:
    assert value(expression, self={"n": 1}) is True
    cel.preload({expression: cel.serialize(expression)})
    assert cel.program(expression).evaluate(cel.activation({"self": {"n": 1}})) is True


def test_no_other_type_error_slips_through_with_them() -> None:
    assert "does not take (string, int)" in compile_error("1 < 1.5 && 'a' < 1").reason


@pytest.mark.parametrize("value", [None, [None, 1], {"a": None, "b": [None]}])
def test_nulls_in_results_cost_no_references(value: object) -> None:
    program = cel.compile("self.x")
    values = cel.activation({"self": {"x": value}})
    program.evaluate(values)
    before = sys.getrefcount(None)
    for _ in range(1000):
        program.evaluate(values)
    assert sys.getrefcount(None) >= before - 100
