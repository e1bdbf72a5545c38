"""Misspelt names are told from different ones."""

from __future__ import annotations

import pytest

from kube_audit.names import closest


@pytest.mark.parametrize(
    ("name", "known", "meant"),
    [
        ("webb", ["web", "db"], "web"),
        ("databse-config", ["database-config"], "database-config"),
        ("Web-Config", ["web-config"], "web-config"),
        ("db-1", ["db-2"], ""),
        ("app", ["api"], "api"),
        ("ab", ["ac"], ""),
        ("web", ["web"], ""),
        ("frontend", ["backend"], ""),
        ("htpp", ["http", "grpc"], "http"),
    ],
)
def test_closest(name: str, known: list[str], meant: str) -> None:
    assert closest(name, known) == meant
