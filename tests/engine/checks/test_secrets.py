"""Passwords in connection strings: found by their shape, shown without the password."""

from __future__ import annotations

import pytest

from kube_audit.engine.checks.secrets import password_in_url


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgres://app:hunter2@db:5432/app", "postgres://app:…@db:5432"),
        ("exec psql 'postgresql://app:hunter2@db/app' -c x", "postgresql://app:…@db"),
        ("redis://:hunter2@cache", "redis://:…@cache"),
        ("amqp://a:p%40ss@q1,amqp://b:$(B)@q2", "amqp://a:…@q1"),
        ("app:hunter2@tcp(db:3306)/app", "app:…@db:3306"),
        ("jdbc:sqlserver://db;user=app;password=hunter2", "password=…"),
        ("cache:6379,password=hunter2,ssl=True", "password=…"),
        ("host=db user=app password=hunter2", "password=…"),
        ("# postgres://app:hunter2@db\npostgres://app:hunter3@db", "postgres://app:…@db"),
    ],
)
def test_a_password_is_found_and_never_shown(text: str, shown: str) -> None:
    assert password_in_url(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "postgres://app@db:5432/app",
        "postgres://app:@db",
        "postgres://app:$(DB_PASSWORD)@db",
        "postgres://app:${DB_PASSWORD}@db",
        "postgres://app:<password>@db",
        "postgres://app:PASSWORD@db",
        "postgres://app:***@db",
        "https://example.com:8443/packages/@scope/name",
        "https://example.com/a:b@c",
        "docker://registry:5000/app@sha256:0123",
        "git@github.com:owner/repository.git",
        "# postgres://app:hunter2@db",
        "mysql --user=app --password=hunter2",
        "12:30 someone@example.com",
        "jdbc:mysql://db/app?user=app&password=${PASSWORD}",
    ],
)
def test_without_a_password_there_is_nothing(text: str) -> None:
    assert password_in_url(text) == ""


def test_long_lines_take_linear_time() -> None:
    assert password_in_url("a" * 99_000 + "://" + ":" * 50_000 + "@") == ""
