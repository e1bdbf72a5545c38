"""Formats of texts in custom resources: what an API server takes and refuses, as recorded from its library."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kube_audit.validation.string_formats import FORMATS, known

TAKEN = {
    "byte": ["YQ==", "YWI=", "YWJj"],
    "cidr": ["1.2.3.4/8", "::/0", "01.2.3.4/8", "1.2.3.4/08"],
    "date": ["2024-02-29", "0000-02-29"],
    "datetime": ["2024-01-01T00:00:00Z", "2024-01-01t00:00:00z", "2024-01-01T00:00:00.123456+01:00"],
    "duration": ["5m", "1h30m", "-1.5h", "0", "5 minutes", "P1D", "10Days", "1µs", "3 WEEKS"],
    "email": ["a@b", "A <a@b.c>"],
    "hexcolor": ["#fff", "fff000"],
    "hostname": ["A.com", "x", "www.example.com"],
    "ipv4": ["1.2.3.4", "01.2.3.4", "::ffff:1.2.3.4"],
    "ipv6": ["::1", "::ffff:1.2.3.4", "2001:db8::1"],
    "k8slongname": ["a.b-c"],
    "k8sshortname": ["a-b"],
    "mac": ["00:00:5e:00:53:01", "0000.5e00.5301", "00-00-5e-00-53-01", "02:00:5e:10:00:00:00:01"],
    "uri": ["http://a", "/a", "http://", "a:b", "mailto:x", "//host", "*"],
    "uuid": ["6ba7b810-9dad-11d1-80b4-00c04fd430c8", "6BA7B8109DAD11D180B400C04FD430C8"],
    "uuid3": ["6ba7b810-9dad-31d1-80b4-00c04fd430c8"],
    "uuid4": ["6ba7b810-9dad-41d1-80b4-00c04fd430c8"],
    "uuid5": ["6ba7b810-9dad-51d1-80b4-00c04fd430c8"],
}
REFUSED = {
    "byte": ["a", "!!", "YQ=", "YWI", "", "YWJj\n", "Y-_j"],
    "cidr": ["1.2.3.4", "1.2.3.4/33", "/8", "1.2.3.4/"],
    "date": ["2024-02-30", "2024-1-1", "", "2024-01-01T00:00:00Z"],
    "datetime": ["2024-01-01", "2024-01-01T00:00:00", "2024-01-01 00:00:00Z", "2024-02-30T00:00:00Z", ""],
    "duration": ["5", "", "inf", "5x", "m"],
    "email": ["a", "a@", "@b", ""],
    "hexcolor": ["#ff", "red"],
    "hostname": ["a.b", "a_b", "a..b", "-a", "a.", "1.2.3.4", "", "*.a", "a" * 64],
    "ipv4": ["::1", "1.2.3", "1.2.3.256", "", "1.2.3.4%eth0"],
    "ipv6": ["1.2.3.4", "fe80::1%eth0", ""],
    "k8slongname": ["", "A.b", "a..b", "a" * 254],
    "k8sshortname": ["", "A", "-a", "a" * 64],
    "mac": ["x", "00:00:5e:00:53", "00:00-5e:00:53:01"],
    "uri": ["a", "", "http://a b", "http://[::1", "%zz", "?q", "http://a/%zz"],
    "uuid": ["x", ""],
    "uuid3": ["6ba7b810-9dad-11d1-80b4-00c04fd430c8"],
    "uuid4": ["6ba7b810-9dad-41d1-70b4-00c04fd430c8"],
    "uuid5": ["6ba7b810-9dad-41d1-80b4-00c04fd430c8"],
}


@pytest.mark.parametrize("name", FORMATS)
def test_a_format_takes_and_refuses_what_an_api_server_does(name: str) -> None:
    assert [text for text in TAKEN[name] if not FORMATS[name].holds(text)] == []
    assert [text for text in REFUSED[name] if FORMATS[name].holds(text)] == []


@pytest.mark.parametrize("name", FORMATS)
def test_the_example_in_messages_is_in_the_format(name: str) -> None:
    assert FORMATS[name].holds(FORMATS[name].example)


@pytest.mark.parametrize(
    ("written", "minor", "name"),
    [
        ("date-time", 30, "datetime"),
        ("int32", 30, None),
        ("password", 30, None),
        ("k8s-short-name", 34, None),
        ("k8s-short-name", 35, "k8sshortname"),
    ],
)
def test_formats_that_an_api_server_does_not_know_are_none(written: str, minor: int, name: str | None) -> None:
    assert known(written, minor) == name


@given(st.sampled_from(sorted(FORMATS)), st.text(max_size=60) | st.text("0.:/-a@[]%é", max_size=300))
def test_every_text_is_in_a_format_or_not(name: str, text: str) -> None:
    assert FORMATS[name].holds(text) in (True, False)
