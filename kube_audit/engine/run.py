"""Running rules over one object at a time: scopes, conditions, messages, places, fixes."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path as FilePath
from typing import Any

from kube_audit.bundled import rules_dir
from kube_audit.engine import cel
from kube_audit.engine.elements import Element, Elements, ElementSource, Hit, start
from kube_audit.engine.model import ALL_KINDS, Rule, with_params
from kube_audit.engine.scopes import kind_names, pod_of
from kube_audit.engine.sweep import derived
from kube_audit.findings import Finding, Patch, Path, RelatedPlace, Severity, parse_path, path_text
from kube_audit.manifests.objects import Object, mapping
from kube_audit.paths import at
from kube_audit.suggestions import as_yaml

WORKLOADS = "workloads"

Check = Callable[[Element, Mapping[str, Any]], Iterable[Hit]]


class Engine:
    """The active rules, ready to be run over the objects of one audit."""

    def __init__(
        self,
        rules: Sequence[Rule],
        source: ElementSource,
        params: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        """Prepare rules; `params` holds other values than the defaults, by rule id."""
        self._source = source
        self._relations = source.related.relations
        self._plans: dict[tuple[str, ...], _Plan] = {}
        self._rules = [_Prepared(rule, (params or {}).get(rule.id, {})) for rule in rules if rule.stage is None]

    def findings(self, obj: Object) -> Iterator[Finding]:
        """Yield what the rules find in an object, each finding once."""
        names = kind_names(obj.api_version, obj.kind)
        plan_key = (*names, WORKLOADS) if pod_of(obj) is not None else names
        plan = self._plans.get(plan_key)
        if plan is None:
            plan = self._plans[plan_key] = _Plan(self._rules, plan_key)
        if not plan.groups:
            return
        if obj.document.size > cel.LONGEST and (longest := cel.longest(obj.data)) > cel.LONGEST:
            yield _too_long(obj, longest)
            return
        elements = self._source.of(obj, plan.related)
        seen: set[tuple[str, Path, str]] = set()
        for group in plan.groups:
            if not elements.any(group[0].rule):
                continue
            for prepared in group:
                if prepared.sweep is not None and prepared.sweep.holds(elements.sweep()):
                    continue
                for element in elements.of(prepared.rule):
                    for finding in self._judged(prepared.logic, element, elements):
                        identity = (finding.rule, finding.path, finding.message)
                        if identity not in seen:
                            seen.add(identity)
                            yield finding

    def _judged(self, logic: _Logic, element: Element, elements: Elements) -> Iterable[Finding]:
        """Return the findings of a rule at one element, () in the usual case that all is well."""
        try:
            if logic.rule.check:
                return self._hits(logic, element, elements)
            if not self._applies(logic, element, elements):
                return ()
            activation = elements.activation(element, logic.rule.reads)
            if logic.expression is not None and logic.expression.evaluate(activation):
                return ()
            return list(self._verdict(logic, element, activation))
        except cel.EvaluationError as error:
            return [_rule_error(logic.rule, element, str(error))] if self._is_ours(logic, element) else ()
        except (TypeError, ValueError, KeyError, AttributeError, IndexError) as error:  # in a check function
            reason = f"{type(error).__name__}: {error}"
            return [_rule_error(logic.rule, element, reason)] if self._is_ours(logic, element) else ()

    def _is_ours(self, logic: _Logic, element: Element) -> bool:
        """Whether an error is the rule's defect: no object that it reads has been refused by the schema already.

        Built-in rules pass over whatever nonsense a custom resource holds; who writes rules for one wants to know.
        """
        all_valid, all_known = self._schema_verdicts if logic.rule.reads.related else (True, True)
        known = all_known and element.obj.schema_known
        if not known and FilePath(logic.rule.file).is_relative_to(rules_dir()):
            return False
        return all_valid and element.obj.schema_valid

    @cached_property
    def _schema_verdicts(self) -> tuple[bool, bool]:
        """Whether every object of the run fits its schema, and whether every one has a schema."""
        objects = self._relations.objects
        return all(obj.schema_valid for obj in objects), all(obj.schema_known for obj in objects)

    def _applies(self, logic: _Logic, element: Element, elements: Elements) -> bool:
        return logic.when is None or bool(logic.when.evaluate(elements.activation(element, logic.rule.reads)))

    def _hits(self, logic: _Logic, element: Element, elements: Elements) -> list[Finding]:
        """Return what a check function finds. Its `when` is asked last: there is seldom anything to ask it for."""
        try:
            hits = list(logic.check(element, logic.params))
        except Exception:  # whatever it is: where the rule does not apply, nothing has gone wrong
            if self._applies(logic, element, elements):
                raise
            return []
        if not hits or not self._applies(logic, element, elements):
            return []
        variables = elements.variables(element, logic.rule.reads)
        return [
            self._finding(logic, element, cel.activation({**variables, "found": hit.found}), (*element.path, *hit.path))
            for hit in hits
        ]

    def _verdict(self, logic: _Logic, element: Element, activation: Any) -> Iterator[Finding]:
        """Yield what is wrong where a rule's expression is false."""
        if logic.undecided is not None and logic.undecided.evaluate(activation):
            if logic.rule.undecided_message is not None:
                yield self._finding(logic, element, activation, undecided=True)
        else:
            yield self._finding(logic, element, activation)

    def _finding(
        self,
        logic: _Logic,
        element: Element,
        activation: Any,
        path: Path | None = None,
        *,
        undecided: bool = False,
    ) -> Finding:
        rule, obj = logic.rule, element.obj
        if path is None:
            path = _resolve(cel.template(rule.location).render(activation), element)
        message = rule.undecided_message if undecided and rule.undecided_message else rule.message
        patches = () if undecided else logic.patches(element, activation)
        suggestion = cel.template(rule.suggestion).render(activation).strip() if rule.suggestion else None
        if suggestion is None and patches:
            suggestion = as_yaml(patches, element.path)
        return Finding(
            rule=rule.id,
            severity="info" if undecided else self._severity(logic, activation),
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
            related=() if undecided else self._places(logic, activation),
        )

    def _severity(self, logic: _Logic, activation: Any) -> Severity:
        for condition, severity in logic.severity_when:
            if condition.evaluate(activation):
                return severity
        return logic.rule.severity

    def _places(self, logic: _Logic, activation: Any) -> tuple[RelatedPlace, ...]:
        if logic.points_to is None:
            return ()
        entries = logic.points_to.evaluate(activation)
        places = []
        for entry in entries if isinstance(entries, list) else [entries]:
            number, at = (mapping(entry).get(key) for key in ("id", "at"))
            if not isinstance(number, int):
                continue
            other = self._relations.objects[number]
            if isinstance(at, str) and at:
                span, ref = other.place(parse_path(at), at_key=True), f"{other.ref}, `{at}`"
            else:
                span, ref = other.place(("metadata", "name")), str(other.ref)
            places.append(RelatedPlace(other.file, span, ref))
        return tuple(dict.fromkeys(places))


class _Prepared:
    """A rule as it is asked about objects. Its logic is made when the sweep does not settle the matter."""

    def __init__(self, rule: Rule, params: Mapping[str, Any]) -> None:
        self._params = {**rule.params, **params}
        self.rule = derived(with_params(rule, self._params)) if params else rule
        self.sweep = cel.program(self.rule.sweep) if self.rule.sweep is not None else None

    @cached_property
    def logic(self) -> _Logic:
        """What judges one element."""
        return _Logic(with_params(self.rule, self._params) if self._params else self.rule, self._params)


class _Logic:
    """The programs of a rule, with the values of its parameters. CEL is compiled when it is first evaluated."""

    def __init__(self, rule: Rule, params: Mapping[str, Any]) -> None:
        self.rule = rule
        self.params = params
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
    """Which rules look at the objects of one kind. Those that look at the same elements stand together."""

    def __init__(self, rules: Iterable[_Prepared], names: tuple[str, ...]) -> None:
        fitting = [prepared for prepared in rules if _fits(prepared.rule, names)]
        groups: dict[tuple[str, frozenset[str], tuple[str, ...]], list[_Prepared]] = {}
        for prepared in fitting:
            rule = prepared.rule
            groups.setdefault((rule.scope, rule.containers, rule.each), []).append(prepared)
        self.groups = tuple(groups.values())
        self.related = frozenset(name for prepared in fitting for name in prepared.rule.reads.related)


def _fits(rule: Rule, names: tuple[str, ...]) -> bool:
    if not rule.kinds:
        return rule.scope == "object" or WORKLOADS in names
    return ALL_KINDS in rule.kinds or not rule.kinds.isdisjoint(names)


def _resolve(text: str, element: Element) -> Path:
    first, rest = start(text, element)
    try:
        return (*first, *parse_path(rest))
    except ValueError:  # a name from the manifest that no path can hold: show the element itself
        return first


def _holds(data: Any, path: Path) -> bool:
    return at(data, path) is not None


def _value(value: Any, activation: Any) -> Any:
    return cel.template(value).value(activation) if isinstance(value, str) else value


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
