"""Hosts that an Ingress may have."""

from __future__ import annotations

import pytest

from kube_audit.engine.checks.ingresses import host_problem


@pytest.mark.parametrize(
    "host", ["", "localhost", "shop.example.com", "*.example.com", "a-b.c", "1.example.com", "${HOST}"]
)
def test_hosts_that_are_accepted(host: str) -> None:
    assert host_problem(host) == ""


def test_an_ipv4_address_passes_under_tls_alone() -> None:
    assert host_problem("10.0.0.1", of_tls=True) == ""
    assert "lower case" in host_problem("::1", of_tls=True)


@pytest.mark.parametrize(
    ("host", "said"),
    [
        ("shop.example.com:80", "port"),
        ("https://shop.example.com", "URL"),
        ("shop.example.com/api", "URL"),
        ("10.0.0.1", "address"),
        ("::1", "address"),
        ("*", "`*`"),
        ("a.*.example.com", "`*`"),
        ("*example.com", "`*`"),
        ("Shop.example.com", "lower case"),
        ("shop_a.example.com", "lower case"),
        ("-a.example.com", "lower case"),
        ("a..b", "lower case"),
        ("a." * 130 + "b", "253"),
    ],
)
def test_hosts_that_are_refused(host: str, said: str) -> None:
    assert said in host_problem(host)
