"""Probes that the API server refuses, and probes whose timing defeats their purpose.

Source: validateProbe and validateInitContainers of k8s.io/kubernetes/pkg/apis/core/validation; a number that is 0
counts as absent there and gets its default.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kube_audit.engine.elements import Element, Hit
from kube_audit.findings import Path
from kube_audit.manifests.objects import mapping
from kube_audit.patterns import lazily
from kube_audit.placeholders import is_placeholder

_PROBES = {"livenessProbe": "liveness", "readinessProbe": "readiness", "startupProbe": "startup"}
_HANDLERS = ("exec", "httpGet", "tcpSocket", "grpc")
_NUMBERS = ("initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold")
_PORT_NAME = lazily(r"(?=.*[a-z])[a-z0-9]+(-[a-z0-9]+)*")
_LONGEST_PORT_NAME = 15
_LARGEST_PORT = 65535
_WITHOUT_PROBES = {"init": "an init container that runs to its end", "ephemeral": "ephemeral containers"}
_SHORTEST_START = 5
"""Seconds below which hardly any program has started and answered."""


def invalid(element: Element, params: Mapping[str, Any]) -> Iterator[Hit]:
    """Yield what the API server refuses in a container's probes.

    `found` holds `probe` (liveness, readiness, startup), `problem`, and `number`: the port meant by a text of
    digits, else 0; `at` is then its place.
    """
    of_type = element.effective["type"]
    for field, probe, data in _probes(element.value):
        if of_type in _WITHOUT_PROBES:
            problem = f"is refused: {_WITHOUT_PROBES[of_type]} cannot have probes"
            yield Hit((field,), {"probe": probe, "problem": problem, "number": 0})
            continue
        for path, problem, number in _problems(probe, data):
            at = ".".join((field, *map(str, path)))
            yield Hit((field, *path), {"probe": probe, "problem": problem, "number": number, "at": at})


def futile_timing(element: Element, params: Mapping[str, Any]) -> Iterator[Hit]:
    """Yield probes that are slower than their own rhythm, and those that kill a container before it can have started.

    `found` holds `probe`, `problem` and `kills`: whether it is the second. Times are in seconds.
    """
    for field, probe, data in _probes(element.value):
        delay, period = _number(data, "initialDelaySeconds", 0), _number(data, "periodSeconds", 10)
        timeout, failures = _number(data, "timeoutSeconds", 1), _number(data, "failureThreshold", 3)
        if timeout > period:
            problem = (
                f"waits {timeout} s for an answer although it is due every {period} s: a container that hangs is "
                f"noticed after {timeout * failures} s, not {period * failures} s"
            )
            yield Hit((field, "timeoutSeconds"), {"probe": probe, "problem": problem, "kills": False})
        patience = delay + period * failures
        kills = field == "startupProbe" or (field == "livenessProbe" and "startupProbe" not in element.value)
        if kills and patience < _SHORTEST_START:
            problem = f"gives up {patience} s after the start: a container that needs longer is killed again and again"
            yield Hit((field,), {"probe": probe, "problem": problem, "kills": True})


def _probes(container: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for field, probe in _PROBES.items():
        if isinstance(container.get(field), dict):
            yield field, probe, container[field]


def _problems(probe: str, data: dict[str, Any]) -> Iterator[tuple[Path, str, int]]:
    handlers = [handler for handler in _HANDLERS if handler in data]
    if not handlers:
        yield (), "does not say what to ask: one of `exec`, `httpGet`, `tcpSocket` and `grpc` is needed", 0
    if len(handlers) > 1:
        named = " and ".join(f"`{handler}`" for handler in handlers)
        yield (handlers[1],), f"has {named}, and only one way to ask is allowed", 0
    for field in _NUMBERS:
        value = _integer(data.get(field))
        if value is not None and value < 0:
            yield (field,), f"has `{field}: {value}`, and it cannot be negative", 0
    successes = _integer(data.get("successThreshold"))
    if probe != "readiness" and successes is not None and successes > 1:
        yield ("successThreshold",), f"has `successThreshold: {successes}`, and only 1 is allowed for this probe", 0
    yield from _grace_problems(probe, data.get("terminationGracePeriodSeconds"))
    command = mapping(data.get("exec")).get("command")
    if "exec" in data and not command:
        yield ("exec", "command"), "has an `exec` without a command", 0
    for handler in ("httpGet", "tcpSocket", "grpc"):
        yield from _port_problems(handler, mapping(data.get(handler)).get("port"))


def _grace_problems(probe: str, grace: Any) -> Iterator[tuple[Path, str, int]]:
    path = ("terminationGracePeriodSeconds",)
    seconds = _integer(grace)
    if grace is not None and probe == "readiness":
        yield path, "has `terminationGracePeriodSeconds`, which a probe that never ends a container cannot have", 0
    elif seconds is not None and seconds < 1:
        yield path, f"has `terminationGracePeriodSeconds: {seconds}`, and it must be 1 or more", 0


def _port_problems(handler: str, port: Any) -> Iterator[tuple[Path, str, int]]:
    path = (handler, "port")
    number = _integer(port)
    if number is not None:
        if not 1 <= number <= _LARGEST_PORT:
            yield path, f"asks port {number}, and ports go from 1 to {_LARGEST_PORT}", 0
    elif isinstance(port, str) and not is_placeholder(port):
        if port.isascii() and port.isdigit():
            yield path, f'asks the port named "{port}": a number must be written without quotes', int(port[:6])
        elif len(port) > _LONGEST_PORT_NAME or not _PORT_NAME.fullmatch(port):
            problem = (
                f"asks the port `{port}`, which no port can be named: up to {_LONGEST_PORT_NAME} small letters, "
                "digits and single hyphens"
            )
            yield path, problem, 0


def _number(data: dict[str, Any], field: str, default: int) -> int:
    return _integer(data.get(field)) or default


def _integer(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
