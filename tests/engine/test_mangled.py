"""However broken the objects are that others are tied to: no rule fails, and no run ends early."""

from __future__ import annotations

import copy
import json
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from tests.pages import ROOT
from tests.support import audit_text

TIED: list[Any] = list(YAML(typ="safe").load_all((ROOT / "fixtures" / "tied.yaml").read_text()))
"""Objects that are tied to each other in every way that there is."""
Route = tuple[Any, ...]


def routes(value: Any, here: Route = ()) -> list[Route]:
    if isinstance(value, dict | list):
        steps = value.items() if isinstance(value, dict) else enumerate(value)
        return [here, *(route for step, inner in steps for route in routes(inner, (*here, step)))]
    return [here]


ROUTES = [
    (number, route)
    for number, obj in enumerate(TIED)
    for route in routes(obj)
    if route and route not in (("apiVersion",), ("kind",))
]
SCALARS = [None, "", "x", "None", "${X}", "*", 0, -1, 1.5, True]
LISTS: list[Any] = [[], [None], [{}], [[]], [1], ["x"]]
MAPPINGS: list[Any] = [{}, {"a": "b"}, {"a": None}, {"a": [1]}, {"a": {"b": 1}}, {"name": 5}, {"name": "web", "a": 1}]
JUNK = st.sampled_from([*SCALARS, *LISTS, *MAPPINGS])
CHANGES = st.lists(st.tuples(st.sampled_from(ROUTES), JUNK), min_size=1, max_size=4)


def mangled(changes: list[tuple[tuple[int, Route], Any]]) -> str:
    objects = copy.deepcopy(TIED)
    for (number, route), junk in changes:
        at: Any = objects[number]
        try:
            for step in route[:-1]:
                at = at[step]
            at[route[-1]] = copy.deepcopy(junk)
        except (TypeError, KeyError, IndexError):  # an earlier change has taken the place away
            continue
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})


def place(kind: str, *route: Any) -> tuple[int, Route]:
    return next(number for number, obj in enumerate(TIED) if obj["kind"] == kind), route


def test_whole_objects_have_no_failing_rule() -> None:
    assert [f for f in audit_text(mangled([]), profile="all").findings if f.rule == "rule-error"] == []


@settings(max_examples=120, deadline=None)
@given(CHANGES)
@example([(place("Service", "spec", "selector"), ["app"])])
@example([(place("Role", "rules"), None)])
@example([(place("ConfigMap", "data"), None)])
@example([(place("Ingress", "spec", "rules", 0, "http", "paths", 0), 1.5)])
@example(
    [(place("PodDisruptionBudget", "spec", "selector"), {"matchExpressions": [{"key": "tier", "operator": "In"}]})]
)
@example([(place("Deployment", "spec", "template", "metadata", "labels", "tier"), {"a": 1})])
@example([(place("LimitRange", "spec", "limits", 0, "default", "cpu"), {"a": "b"})])
@example([(place("VerticalPodAutoscaler", "spec"), ["x"])])
@example([(place("ServiceMonitor", "spec", "selector"), ["x"])])
@example([(place("Gateway", "metadata"), ["x"])])
@example([(place("ClusterRole", "rules", 0, "apiGroups"), [None])])
@example([(place("Ingress", "spec", "tls"), [None])])
def test_no_rule_fails_over_broken_objects(changes: list[tuple[tuple[int, Route], Any]]) -> None:
    found = audit_text(mangled(changes), profile="all").findings
    assert [(f.message, f.object) for f in found if f.rule == "rule-error"] == []
