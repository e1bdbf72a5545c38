"""Tolerations, affinities and topology spread that the API server refuses.

Source: ValidateTolerations, validateAffinity, ValidateNodeSelectorRequirement and
validateTopologySpreadConstraints of k8s.io/kubernetes/pkg/apis/core/validation.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kube_audit.engine.elements import Element, Hit
from kube_audit.findings import Path
from kube_audit.manifests.objects import mapping
from kube_audit.patterns import lazily

Problem = tuple[Path, str]
_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
_PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"
_INTEGER = lazily(r"-?[0-9]+")


def invalid(element: Element, params: Mapping[str, Any]) -> Iterator[Hit]:
    """Yield what is refused in a pod's placement; `found` holds `problem`."""
    pod = element.value
    found = [*_tolerations(pod), *_affinity(mapping(pod.get("affinity"))), *_spread(pod)]
    for path, problem in found:
        yield Hit(path, {"problem": problem})


def _tolerations(pod: dict[str, Any]) -> Iterator[Problem]:
    for index, toleration in _entries(pod.get("tolerations")):
        path: Path = ("tolerations", index)
        operator, key, value = toleration.get("operator", "Equal"), toleration.get("key"), toleration.get("value")
        if operator == "Exists" and value:
            yield (*path, "value"), f"a toleration with `operator: Exists` has the value `{value}`, and cannot have one"
        elif operator != "Exists" and not key:
            yield path, "a toleration has no key: that means every taint, and needs `operator: Exists`"
        if "tolerationSeconds" in toleration and toleration.get("effect") != "NoExecute":
            reason = "a toleration has `tolerationSeconds`, which needs `effect: NoExecute`"
            yield (*path, "tolerationSeconds"), reason


def _affinity(affinity: dict[str, Any]) -> Iterator[Problem]:
    of_nodes = mapping(affinity.get("nodeAffinity"))
    base: Path = ("affinity", "nodeAffinity")
    required = mapping(of_nodes.get(_REQUIRED))
    if required.get("nodeSelectorTerms") == []:
        yield (*base, _REQUIRED, "nodeSelectorTerms"), "the required node affinity has no terms, and needs one"
    for index, term in _entries(required.get("nodeSelectorTerms")):
        yield from _node_term((*base, _REQUIRED, "nodeSelectorTerms", index), term)
    for index, preference in _entries(of_nodes.get(_PREFERRED)):
        path: Path = (*base, _PREFERRED, index)
        yield from _weight(path, preference)
        yield from _node_term((*path, "preference"), mapping(preference.get("preference")))
    for field in ("podAffinity", "podAntiAffinity"):
        of_pods = mapping(affinity.get(field))
        for index, term in _entries(of_pods.get(_REQUIRED)):
            yield from _topology_key(("affinity", field, _REQUIRED, index), term)
        for index, preference in _entries(of_pods.get(_PREFERRED)):
            path = ("affinity", field, _PREFERRED, index)
            yield from _weight(path, preference)
            yield from _topology_key((*path, "podAffinityTerm"), mapping(preference.get("podAffinityTerm")))


def _weight(path: Path, preference: dict[str, Any]) -> Iterator[Problem]:
    weight = _integer(preference.get("weight"))
    if weight is not None and not 1 <= weight <= 100:
        yield (*path, "weight"), f"a preferred affinity has the weight {weight}, and weights go from 1 to 100"


def _topology_key(path: Path, term: dict[str, Any]) -> Iterator[Problem]:
    if term.get("topologyKey") == "":
        yield (*path, "topologyKey"), "an affinity to pods has an empty `topologyKey`, which says what being near means"


def _node_term(path: Path, term: dict[str, Any]) -> Iterator[Problem]:
    for field in ("matchExpressions", "matchFields"):
        for index, requirement in _entries(term.get(field)):
            problem = _values_problem(requirement)
            if problem:
                yield (*path, field, index, "values"), problem


def _values_problem(requirement: dict[str, Any]) -> str | None:
    """Say what is wrong with the values of a node selector's requirement, None where nothing is."""
    operator, values = requirement.get("operator"), requirement.get("values", [])
    if not isinstance(values, list):
        return None
    if operator in ("In", "NotIn") and not values:
        return f"a node affinity with `operator: {operator}` has no values"
    if operator in ("Exists", "DoesNotExist") and values:
        return f"a node affinity with `operator: {operator}` has values, and cannot have any"
    if operator in ("Gt", "Lt") and not (len(values) == 1 and _INTEGER.fullmatch(str(values[0]))):
        return f"a node affinity with `operator: {operator}` needs exactly one value, an integer"
    return None


def _spread(pod: dict[str, Any]) -> Iterator[Problem]:
    for index, constraint in _entries(pod.get("topologySpreadConstraints")):
        path: Path = ("topologySpreadConstraints", index)
        skew, domains = _integer(constraint.get("maxSkew")), _integer(constraint.get("minDomains"))
        if skew is not None and skew < 1:
            yield (*path, "maxSkew"), f"a topology spread has `maxSkew: {skew}`, and it must be 1 or more"
        if constraint.get("topologyKey") == "":
            yield (*path, "topologyKey"), "a topology spread has an empty `topologyKey`, which says what to spread over"
        if domains is not None and domains < 1:
            yield (*path, "minDomains"), f"a topology spread has `minDomains: {domains}`, and it must be 1 or more"
        elif domains is not None and constraint.get("whenUnsatisfiable") == "ScheduleAnyway":
            reason = "a topology spread has `minDomains`, which goes only with `whenUnsatisfiable: DoNotSchedule`"
            yield (*path, "minDomains"), reason


def _entries(value: Any) -> Iterator[tuple[int, dict[str, Any]]]:
    for index, entry in enumerate(value if isinstance(value, list) else ()):
        if isinstance(entry, dict):
            yield index, entry


def _integer(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
