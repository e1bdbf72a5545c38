"""Schedules as Kubernetes reads them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kube_audit.engine.checks.cron import CronError, never_comes, parse, zone_problem


@pytest.mark.parametrize(
    "schedule",
    [
        "0 3 * * *",
        "*/15 * * * *",
        "0 0 1,15 * MON-FRI",
        "5/10 ? * jan,Dec 0",
        "0 0 31 * *",
        "0 0 29 2 *",
        "0 0 31 2 1",
        "0 0 30 2,4 *",
        "@daily",
        "@every 1h30m",
    ],
)
def test_schedules_that_come(schedule: str) -> None:
    assert never_comes(schedule) == ""


@pytest.mark.parametrize(
    ("schedule", "reason"),
    [
        ("0 3 * *", "4 fields"),
        ("0 0 3 * * *", "6 fields"),
        ("", "0 fields"),
        ("60 * * * *", "0 to 59"),
        ("* 24 * * *", "0 to 23"),
        ("* * 0 * *", "1 to 31"),
        ("* * * 13 *", "1 to 12"),
        ("* * * * 7", "Sunday is 0"),
        ("* * * * FUN", "no day of the week"),
        ("*/0 * * * *", "step"),
        ("30-10 * * * *", "begins after its end"),
        ("1-2-3 * * * *", "no minute"),
        ("-1 * * * *", "no minute"),
        (", * * * *", "missing"),
        ("@dayly", "@daily"),
        ("@every", "@daily"),
        ("CRON_TZ=UTC 0 3 * * *", "timeZone"),
        ("TZ=UTC 0 3 * * *", "timeZone"),
    ],
)
def test_schedules_that_are_refused(schedule: str, reason: str) -> None:
    with pytest.raises(CronError, match=reason):
        parse(schedule)


@pytest.mark.parametrize("schedule", ["0 0 31 2 *", "0 0 30 2 ?", "0 0 31 4,6,9,11 *"])
def test_days_that_no_month_has(schedule: str) -> None:
    assert "day 3" in never_comes(schedule)


def test_time_zones() -> None:
    assert zone_problem("Etc/UTC") == ""
    assert "Europe/Berlin" in zone_problem("Europe/Berln")


@pytest.mark.parametrize("zone", ["Local", " ", "../../etc/passwd", "a\0b", "Mars/Olympus"])
def test_what_is_no_time_zone(zone: str) -> None:
    assert zone_problem(zone)


@given(st.text(alphabet="0123456789*/-,? @jansuTZ=", max_size=40))
def test_any_text_is_read_or_refused(schedule: str) -> None:
    try:
        fields = parse(schedule)
    except CronError:
        return
    assert fields is None or len(fields) == 5
    assert isinstance(never_comes(schedule), str)
