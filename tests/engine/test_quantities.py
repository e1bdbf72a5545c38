"""Resource quantities, as the API server reads them."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kube_audit.engine.quantities import QuantityError, is_quantity, millicores, parse, whole_bytes


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", "0"),
        ("500m", "0.5"),
        ("2", "2"),
        ("+2", "2"),
        ("-1k", "-1000"),
        ("1.5Gi", "1610612736"),
        ("0.5Mi", "524288"),
        ("1k", "1000"),
        ("1E", "1000000000000000000"),
        ("1E3", "1000"),
        ("1e3", "1000"),
        ("1.3E+6", "1300000"),
        ("1E-3", "0.001"),
        ("1.", "1"),
        (".5", "0.5"),
        ("007", "7"),
        ("100n", "0.0000001"),
        ("3u", "0.000003"),
        (" 1Gi ", "1073741824"),
    ],
)
def test_a_quantity_is_its_number_times_its_suffix(text: str, value: str) -> None:
    assert parse(text) == Decimal(value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.9n", "0.000000001"),
        ("3.001n", "0.000000004"),
        ("0.00000012345", "0.000000124"),
        ("-0.5n", "-0.000000001"),
        ("1e-999999999", "0.000000001"),
        ("0.000000000001Ki", "0.000000002"),
    ],
)
def test_what_is_finer_than_a_nano_unit_is_rounded_away_from_zero(text: str, value: str) -> None:
    assert parse(text) == Decimal(value)


@pytest.mark.parametrize("text", ["9Ei", "8Ei", "9223372036854775807Ki", "8.5Ei"])
def test_binary_quantities_stop_at_the_largest_64_bit_integer(text: str) -> None:
    assert parse(text) == 2**63 - 1
    assert parse(f"-{text}") == -(2**63 - 1)


def test_decimal_quantities_do_not_stop_there() -> None:
    assert parse("12E") == 12 * 10**18


@pytest.mark.parametrize(("number", "value"), [(2, "2"), (0.1, "0.1"), (1e22, "1e22"), (0.0, "0")])
def test_a_number_of_the_manifest_is_read_as_it_is_written(number: float, value: str) -> None:
    assert parse(number) == Decimal(value)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("", "empty"),
        ("200K", "200Ki (times 1024) or 200k (times 1000)"),
        ("1MB", "did you mean 1M?"),
        ("1GiB", "did you mean 1Gi?"),
        ("5gb", "did you mean 5G?"),
        ("512mi", "did you mean 512Mi?"),
        ("1,5", '"1.5"'),
        ("1.5 Gi", '"1.5Gi"'),
        ("1e", "1e3"),
        ("abc", "it has no number"),
        ("Mi", "it has no number"),
        ("-", "it has no number"),
        (".", "it has no number"),
        ("10Mo", "suffixes are"),
        ("1k3", "suffixes are"),
        ("1Ki2", "suffixes are"),
        ("1_000", "such as"),
        ("1.1.1", "such as"),
        ("0x10", "suffixes are"),
        ("1\u0663", "such as"),
        ("\uff19", "it has no number"),
        ("nan", "it has no number"),
    ],
)
def test_what_is_no_quantity_is_refused_with_a_hint(text: str, hint: str) -> None:
    with pytest.raises(QuantityError) as error:
        parse(text)
    assert hint in str(error.value)
    assert not is_quantity(text)


@pytest.mark.parametrize("value", [None, True, [], {}, float("nan"), float("inf"), 10**400])
def test_values_that_are_no_quantity_at_all_are_refused(value: object) -> None:
    with pytest.raises(QuantityError):
        parse(value)  # type: ignore[arg-type]
    assert not is_quantity(value)


@pytest.mark.parametrize("text", ["1e999999999", "1e" + "9" * 100, "9" * 129, "1" * 1_000_000, "1e301"])
def test_absurd_sizes_are_refused_at_once(text: str) -> None:
    with pytest.raises(QuantityError):
        parse(text)


@given(st.decimals(min_value=-(10**30), max_value=10**30, places=9))
def test_a_plain_decimal_comes_back_as_itself(value: Decimal) -> None:
    assert parse(format(value, "f")) == value


@given(
    st.integers(min_value=-(10**15), max_value=10**15),
    st.sampled_from([("m", "0.001"), ("", "1"), ("k", "1e3"), ("M", "1e6"), ("Ki", "1024"), ("Gi", "1073741824")]),
)
def test_suffixes_multiply(number: int, suffix: tuple[str, str]) -> None:
    name, factor = suffix
    expected = Decimal(number) * Decimal(factor)
    limit = 2**63 - 1
    assert parse(f"{number}{name}") == (max(min(expected, limit), -limit) if name.endswith("i") else expected)


@given(st.text(max_size=200) | st.text(alphabet="0123456789.+-eEkKMGTPinum", max_size=20))
def test_any_text_is_either_a_quantity_or_an_error(text: str) -> None:
    try:
        value = parse(text)
    except QuantityError:
        assert not is_quantity(text)
    else:
        assert value.is_finite()
        assert is_quantity(text)


@pytest.mark.parametrize(("text", "expected"), [("500m", 500), ("2", 2000), ("1n", 1), ("0", 0), (0.25, 250)])
def test_millicores_round_up(text: str, expected: int) -> None:
    assert millicores(text) == expected


@pytest.mark.parametrize(("text", "expected"), [("1Gi", 2**30), ("1500m", 2), ("64M", 64_000_000)])
def test_bytes_round_up(text: str, expected: int) -> None:
    assert whole_bytes(text) == expected
