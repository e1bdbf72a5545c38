"""Schedules of CronJobs: what the API server refuses, and what never comes.

The grammar is that of `ParseStandard` of github.com/robfig/cron, which Kubernetes uses.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kube_audit.engine.elements import Element, Hit
from kube_audit.manifests.objects import mapping
from kube_audit.names import closest
from kube_audit.patterns import lazily
from kube_audit.placeholders import is_placeholder


def _numbered(names: str, first: int) -> dict[str, int]:
    return {name: number for number, name in enumerate(names.split(), first)}


_FIELDS: tuple[tuple[str, int, int, Mapping[str, int]], ...] = (
    ("minute", 0, 59, {}),
    ("hour", 0, 23, {}),
    ("day of the month", 1, 31, {}),
    ("month", 1, 12, _numbered("jan feb mar apr may jun jul aug sep oct nov dec", 1)),
    ("day of the week", 0, 6, _numbered("sun mon tue wed thu fri sat", 0)),
)
_MACROS = ("@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly")
_DURATION = lazily(r"@every (?:\d+(?:\.\d+)?(?:ns|us|µs|ms|s|m|h))+")
_LONGEST_MONTH = {2: 29, 4: 30, 6: 30, 9: 30, 11: 30}
_CERTAIN_ZONE = "Europe/Berlin"


class CronError(ValueError):
    """The text is no schedule; the message says why."""


def invalid(element: Element, params: Mapping[str, Any]) -> Iterator[Hit]:
    """Yield a CronJob's schedule and time zone where they are refused or never come.

    `found` has `text`, what is wrong, and `refused`, whether the API server says so.
    """
    spec = mapping(element.value.get("spec"))
    schedule, zone = spec.get("schedule"), spec.get("timeZone")
    if isinstance(schedule, str) and not is_placeholder(schedule):
        try:
            never = never_comes(schedule)
        except CronError as error:
            yield Hit(("spec", "schedule"), {"text": f"schedule `{schedule}` is refused: {error}", "refused": True})
        else:
            if never:
                yield Hit(
                    ("spec", "schedule"), {"text": f"schedule `{schedule}` never comes: {never}", "refused": False}
                )
    if isinstance(zone, str) and not is_placeholder(zone):
        problem = zone_problem(zone)
        if problem:
            yield Hit(("spec", "timeZone"), {"text": f"time zone `{zone}` is refused: {problem}", "refused": True})


def parse(schedule: str) -> list[set[int]] | None:
    """Return the values that each of the five fields allows, None for a macro such as @daily. Raises CronError."""
    if "TZ" in schedule:
        raise CronError("the time zone goes into `timeZone`, not into the schedule")
    if schedule.startswith("@"):
        if schedule not in _MACROS and not _DURATION.fullmatch(schedule):
            raise CronError(f"known are {', '.join(_MACROS)} and `@every 1h30m`")
        return None
    texts = schedule.split()
    if len(texts) != len(_FIELDS):
        raise CronError(f"it has {len(texts)} fields, wanted are five: minute, hour, day, month, day of the week")
    return [_field(text, *field) for text, field in zip(texts, _FIELDS, strict=True)]


def _field(text: str, name: str, low: int, high: int, names: Mapping[str, int]) -> set[int]:
    values: set[int] = set()
    for part in filter(None, text.split(",")):
        span, slash, step_text = part.partition("/")
        step = _number(step_text, name, {}) if slash else 1
        first, dash, last = span.partition("-")
        if first in ("*", "?"):
            start, end = low, high
        else:
            start = _number(first, name, names)
            end = _number(last, name, names) if dash else high if slash else start
        if step == 0:
            raise CronError(f"the step of the {name} is 0")
        if start < low or end > high:
            hint = "; Sunday is 0" if name == "day of the week" and 7 in (start, end) else ""
            raise CronError(f"the {name} goes from {low} to {high}, `{part}` does not fit{hint}")
        if start > end:
            raise CronError(f"in the {name} `{part}` begins after its end")
        values.update(range(start, end + 1, step))
    if not values:
        raise CronError(f"the {name} is missing in `{text}`")
    return values


def _number(text: str, name: str, names: Mapping[str, int]) -> int:
    if text.lower() in names:
        return names[text.lower()]
    if not (text.isascii() and text.isdigit()) or len(text) > 9:
        raise CronError(f"`{text}` is no {name}")
    return int(text)


def never_comes(schedule: str) -> str:
    """Return why no day fits a schedule, "" where some day does. Raises CronError.

    That takes a 30th or 31st of months that have fewer days. Where the day of the week is restricted, it is enough.
    """
    fields = parse(schedule)
    if fields is None or schedule.split()[4] not in ("*", "?"):
        return ""
    day, months = min(fields[2]), fields[3]
    if any(day <= _LONGEST_MONTH.get(month, 31) for month in months):
        return ""
    return f"no month that it names has a day {day}"


def zone_problem(zone: str) -> str:
    """Return why a time zone is refused, "" where it is fine or this machine has no list of zones."""
    import zoneinfo

    if not zone.strip() or zone.lower() == "local":
        return "it must be a name such as `Europe/Berlin` or `Etc/UTC`"
    try:
        zoneinfo.ZoneInfo(zone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        try:
            zoneinfo.ZoneInfo(_CERTAIN_ZONE)
        except zoneinfo.ZoneInfoNotFoundError:
            return ""
        similar = closest(zone, sorted(zoneinfo.available_timezones()))
        return f"did you mean `{similar}`?" if similar else "it is not in the time zone database"
    return ""
