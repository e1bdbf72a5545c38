"""Running rules over one object at a time: scopes, conditions, messages, places, fixes."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from kube_audit.engine import cel, effective
from kube_audit.engine.model import ALL_KINDS, Rule, needs_whole_object, needs_whole_pod, with_params
from kube_audit.engine.related import Related
from kube_audit.engine.scopes import Container, Pod, kind_names, pod_of
from kube_audit.findings import Finding, Patch, Path, RelatedPlace, Severity, parse_path, path_text
from kube_audit.manifests.objects import Object, mapping
from kube_audit.references import expand
from kube_audit.suggestions import as_yaml

_HEAD = ("apiVersion", "kind", "metadata")
_STARTS = ("$object", "$pod", "$container")
WORKLOADS = "workloads"


class Hit(NamedTuple):
    """What a check function found: a path below self, and values that the message may use as `found`."""

    path: Path
    found: Mapping[str, Any]


class Element(NamedTuple):
    """One thing that a rule looks at: `self` of its expressions, and where it stands in the object."""

    obj: Object
    value: Any
    path: Path
    key: str | int | None
    pod: Pod | None
    container: Container | None
    effective: Mapping[str, Any]
    related: Mapping[str, Any]


class Reads(NamedTuple):
    """How much of its surroundings a rule reads: rules that read the same share their variables."""

    whole_object: bool
    whole_pod: bool
    related: frozenset[str]


Check = Callable[[Element, Mapping[str, Any]], Iterable[Hit]]


class Engine:
    """The active rules, ready to be run over the objects of one audit."""

    def __init__(
        self,
        rules: Sequence[Rule],
        related: Related,
        target: str,
        params: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        """Prepare rules for a Kubernetes version; `params` holds other values than the defaults, by rule id."""
        self._related = related
        minor = int(target.partition(".")[2])
        self._target = {"version": target, "minor": minor}
        self._shared_by: Element | None = None
        self._shared: dict[Reads, Any] = {}
        self._plans: dict[tuple[str, ...], _Plan] = {}
        self._rules = [_Prepared(rule, (params or {}).get(rule.id, {})) for rule in rules if rule.stage is None]

    def findings(self, obj: Object) -> Iterator[Finding]:
        """Yield what the rules find in an object, each finding once."""
        names = kind_names(obj.api_version, obj.kind)
        pod = pod_of(obj)
        plan_key = (*names, WORKLOADS) if pod is not None else names
        plan = self._plans.get(plan_key)
        if plan is None:
            plan = self._plans[plan_key] = _Plan(self._rules, plan_key)
        if not plan.any:
            return
        related = self._related.of(obj, plan.related)
        seen: set[tuple[str, Path, str]] = set()
        longest = cel.longest(obj.data)
        if longest > cel.LONGEST:
            yield _too_long(obj, longest)
            return
        for prepared, element in self._elements(plan, obj, pod, related):
            for finding in self._judge(prepared, element):
                identity = (finding.rule, finding.path, finding.message)
                if identity not in seen:
                    seen.add(identity)
                    yield finding

    def _elements(
        self, plan: _Plan, obj: Object, pod: Pod | None, related: dict[str, Any]
    ) -> Iterator[tuple[_Prepared, Element]]:
        whole = Element(obj, obj.data, (), None, pod, None, {}, related)
        for prepared in plan.object_rules:
            yield prepared, whole
        if pod is None or not (plan.pod_rules or plan.container_rules):
            return
        of_pod = effective.of_pod(obj, pod)
        the_pod = Element(obj, pod.spec, pod.path, None, pod, None, of_pod, related)
        for prepared in plan.pod_rules:
            yield prepared, the_pod
        if not plan.container_rules:
            return
        limit_defaults = self._related.relations.limit_defaults(obj)
        for container in pod.containers():
            settings = effective.of_container(of_pod, pod, container, limit_defaults)
            one = Element(obj, container.data, container.path, None, pod, container, settings, related)
            for prepared in plan.container_rules:
                if container.type in prepared.rule.containers:
                    yield prepared, one

    def _judge(self, prepared: _Prepared, element: Element) -> Iterator[Finding]:
        if not prepared.rule.each:
            yield from self._judged(prepared, element)
            return
        for one in _each(prepared.rule, element):
            yield from self._judged(prepared, one)

    def _judged(self, prepared: _Prepared, element: Element) -> Iterable[Finding]:
        """Return the findings of a rule at one element, () in the usual case that all is well."""
        try:
            activation: Any = None
            if prepared.when is not None or prepared.expression is not None:
                activation = self._activation(prepared, element)
                if prepared.when is not None and not prepared.when.evaluate(activation):
                    return ()
                if prepared.expression is not None and prepared.expression.evaluate(activation):
                    return ()
            return list(self._verdict(prepared, element, activation))
        except cel.EvaluationError as error:
            return [_rule_error(prepared.rule, element, str(error))] if self._is_ours(prepared, element) else ()
        except (TypeError, ValueError, KeyError, AttributeError, IndexError) as error:  # in a check function
            reason = f"{type(error).__name__}: {error}"
            return [_rule_error(prepared.rule, element, reason)] if self._is_ours(prepared, element) else ()

    def _is_ours(self, prepared: _Prepared, element: Element) -> bool:
        """Whether an error is the rule's defect: no object that it reads has been refused by the schema already."""
        related = self._related.relations.objects if prepared.rule.related else ()
        return element.obj.schema_valid and all(obj.schema_valid for obj in related)

    def _activation(self, prepared: _Prepared, element: Element) -> Any:
        """Return the variables of a rule at an element: one set for all rules that read as much around it."""
        if prepared.rule.each:
            return cel.activation(_variables(element, self._target, prepared.reads))
        if self._shared_by is not element:
            self._shared_by = element
            self._shared.clear()
        known = self._shared.get(prepared.reads)
        if known is None:
            known = self._shared[prepared.reads] = cel.activation(_variables(element, self._target, prepared.reads))
        return known

    def _verdict(self, prepared: _Prepared, element: Element, activation: Any) -> Iterator[Finding]:
        """Yield what is wrong where a rule's expression is false, or what its check function finds."""
        if prepared.rule.check:
            for hit in prepared.check(element, prepared.params):
                values = {**_variables(element, self._target, prepared.reads), "found": hit.found}
                yield self._finding(prepared, element, cel.activation(values), (*element.path, *hit.path))
        elif prepared.undecided is not None and prepared.undecided.evaluate(activation):
            if prepared.rule.undecided_message is not None:
                yield self._finding(prepared, element, activation, undecided=True)
        else:
            yield self._finding(prepared, element, activation)

    def _finding(
        self,
        prepared: _Prepared,
        element: Element,
        activation: Any,
        path: Path | None = None,
        *,
        undecided: bool = False,
    ) -> Finding:
        rule, obj = prepared.rule, element.obj
        if path is None:
            path = _resolve(cel.template(rule.location).render(activation), element)
        message = rule.undecided_message if undecided and rule.undecided_message else rule.message
        patches = () if undecided else prepared.patches(element, activation)
        suggestion = cel.template(rule.suggestion).render(activation).strip() if rule.suggestion else None
        if suggestion is None and patches:
            suggestion = as_yaml(patches, element.path)
        return Finding(
            rule=rule.id,
            severity="info" if undecided else self._severity(prepared, activation),
            message=cel.template(message).render(activation),
            remediation=rule.remediation,
            file=obj.file,
            span=obj.place(path, at_key=rule.at == "key"),
            path=path,
            stable_path=obj.stable_path(path),
            object=obj.ref,
            container=element.container.name if element.container else None,
            suggestion=suggestion or None,
            fix=("safe" if rule.fix.safe else "unsafe") if patches and rule.fix else None,
            patches=patches,
            related=self._places(prepared, activation),
        )

    def _severity(self, prepared: _Prepared, activation: Any) -> Severity:
        for condition, severity in prepared.severity_when:
            if condition.evaluate(activation):
                return severity
        return prepared.rule.severity

    def _places(self, prepared: _Prepared, activation: Any) -> tuple[RelatedPlace, ...]:
        if prepared.points_to is None:
            return ()
        entries = prepared.points_to.evaluate(activation)
        places = []
        for entry in entries if isinstance(entries, list) else [entries]:
            number = mapping(entry).get("id")
            if isinstance(number, int):
                other = self._related.relations.objects[number]
                span = other.place(("metadata", "name"))
                places.append(RelatedPlace(other.file, span, str(other.ref)))
        return tuple(places)


class _Prepared:
    """A rule ready to be run. CEL is compiled, and texts are taken apart, when they are first needed."""

    def __init__(self, rule: Rule, params: Mapping[str, Any]) -> None:
        self.params = {**rule.params, **params}
        rule = with_params(rule, self.params) if self.params else rule
        self.rule = rule
        self.reads = Reads(needs_whole_object(rule), needs_whole_pod(rule), rule.related)
        self.when = cel.program(rule.when) if rule.when else None
        self.expression = cel.program(rule.expression) if rule.expression else None
        self.undecided = cel.program(rule.undecided) if rule.undecided else None
        self.points_to = cel.program(rule.points_to) if rule.points_to else None
        self.severity_when = [(cel.program(condition), severity) for condition, severity in rule.severity_when]
        self._check: Check | None = None

    @property
    def check(self) -> Check:
        """The function that stands for an expression, where the rule names one."""
        if self._check is None:
            module, _, function = str(self.rule.check).partition(":")
            self._check = getattr(importlib.import_module(f"kube_audit.engine.checks.{module}"), function)
        return self._check

    def patches(self, element: Element, activation: Any) -> tuple[Patch, ...]:
        """Return what the rule's fix does here, () where it has none for this case."""
        fix = self.rule.fix
        if fix is None or (fix.when and not cel.program(fix.when).evaluate(activation)):
            return ()
        patches = [
            Patch("set", _resolve(cel.template(path).render(activation), element), _value(value, activation))
            for path, value in fix.set.items()
        ]
        for path in fix.remove:
            where = _resolve(cel.template(path).render(activation), element)
            if _holds(element.obj.data, where):
                patches.append(Patch("remove", where))
        return tuple(patches)


class _Plan:
    """Which rules look at the objects of one kind."""

    def __init__(self, rules: Iterable[_Prepared], names: tuple[str, ...]) -> None:
        fitting = [prepared for prepared in rules if _fits(prepared.rule, names)]
        self.object_rules = [p for p in fitting if p.rule.scope == "object"]
        self.pod_rules = [p for p in fitting if p.rule.scope == "pod"]
        self.container_rules = [p for p in fitting if p.rule.scope == "container"]
        self.related = frozenset(name for prepared in fitting for name in prepared.rule.related)
        self.any = bool(fitting)


def _fits(rule: Rule, names: tuple[str, ...]) -> bool:
    if not rule.kinds:
        return rule.scope == "object" or WORKLOADS in names
    return ALL_KINDS in rule.kinds or not rule.kinds.isdisjoint(names)


def _each(rule: Rule, element: Element) -> Iterator[Element]:
    if not rule.each:
        yield element
        return
    for pattern in rule.each:
        if pattern.startswith("related."):
            entries = element.related.get(pattern.removeprefix("related."))
            for index, entry in enumerate(entries if isinstance(entries, list) else ()):
                yield _one(element, entry, (), index)
            continue
        start, rest = _start(pattern, element)
        base: Any = element.value if start == element.path else _at(element.obj.data, start)
        for path, found in expand(base, rest):
            at = (*start, *path)
            if isinstance(found, list):
                for index, item in enumerate(found):
                    yield _one(element, item, (*at, index), index)
            elif isinstance(found, dict):
                for key, item in found.items():
                    yield _one(element, item, (*at, key), key)


def _one(element: Element, value: Any, path: Path, key: str | int) -> Element:
    return Element(element.obj, value, path, key, element.pod, element.container, element.effective, element.related)


def _start(text: str, element: Element) -> tuple[Path, str]:
    """Split the start off a path: $object, $pod and $container stand for their own places, else self's."""
    head, _, rest = text.partition(".")
    if head not in _STARTS:
        return element.path, text
    if head == "$pod" and element.pod is not None:
        return element.pod.path, rest
    if head == "$container" and element.container is not None:
        return element.container.path, rest
    return (), rest


def _resolve(text: str, element: Element) -> Path:
    start, rest = _start(text, element)
    try:
        return (*start, *parse_path(rest))
    except ValueError:  # a name from the manifest that no path can hold: show the element itself
        return start


def _at(data: Any, path: Path) -> Any:
    for step in path:
        if isinstance(step, str):
            data = mapping(data).get(step)
        else:
            data = data[step] if isinstance(data, list) and step < len(data) else None
    return data


def _holds(data: Any, path: Path) -> bool:
    return _at(data, path) is not None


def _value(value: Any, activation: Any) -> Any:
    return cel.template(value).value(activation) if isinstance(value, str) else value


def _variables(element: Element, target: dict[str, Any], reads: Reads) -> dict[str, Any]:
    """Return the variables of expressions. What is used is converted whole, so nothing comes that is not needed."""
    data = element.obj.data
    pod = element.pod.spec if element.pod else {}
    if element.container is not None and not reads.whole_pod:
        pod = {key: value for key, value in pod.items() if not key.lower().endswith("containers")}
    return {
        "object": data if reads.whole_object else {key: data[key] for key in _HEAD if key in data},
        "self": element.value,
        "key": element.key,
        "pod": pod,
        "container": element.container.data if element.container else {},
        "related": {name: element.related[name] for name in reads.related},
        "effective": element.effective,
        "target": target,
    }


def _too_long(obj: Object, length: int) -> Finding:
    return Finding(
        rule="rule-error",
        severity="info",
        message=f"no rule was run on this object: {length} entries in one list or mapping, the most is {cel.LONGEST}",
        remediation="Split the object, or audit it by other means; it was held against the API schema.",
        file=obj.file,
        span=obj.place(()),
        object=obj.ref,
    )


def _rule_error(rule: Rule, element: Element, reason: str) -> Finding:
    return Finding(
        rule="rule-error",
        severity="info",
        message=f"rule {rule.id} could not be evaluated at `{path_text(element.path) or element.obj.kind}`: {reason}",
        remediation=f"This is a defect of the rule ({rule.file}), not of the manifest; please report it.",
        file=element.obj.file,
        span=element.obj.place(element.path),
        path=element.path,
        object=element.obj.ref,
        container=element.container.name if element.container else None,
    )
