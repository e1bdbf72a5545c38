"""One expression that tells whether a rule is content with a whole object, so that most rules need no second look.

A rule looks at elements: each container, each port of each container. Asking about one after the other costs a set
of variables for every element, and most of the time goes into converting those. The sweep asks about all of them in
one expression over one set of variables of the object.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from kube_audit.engine.model import CONTAINER_TYPES, Reads, Rule
from kube_audit.patterns import lazily

HEAD = "_head"
"""Variable of a sweep: the object's kind, version and metadata, which are converted faster than all of it."""
CONTAINERS = "_containers"
"""Variable of a sweep: the data of every container of the pod, in the order of `Pod.containers`."""
SETTINGS = "_settings"
"""Variable of a sweep: the effective settings of those containers, in the same order."""
POD_SETTINGS = "_podSettings"
"""Variable of a sweep: the effective settings of the pod."""
RELATED = "_related_"
"""Variables of a sweep: `_related_pods` is what rules know as `related.pods`, converted only where it is read."""

STARTS = ("$object", "$pod", "$container")
"""What the path of an `each` or a location may start with, instead of below `self`."""
_PATTERN = ".matches("
_WHOLE_OBJECT = lazily(r"(?<![\w.$])object\b(?!\.\??(?:kind|apiVersion|metadata)\b)")
_WHOLE_SELF = lazily(r"(?<![\w.$])self\b(?!\.\??(?:kind|apiVersion|metadata)\b)")
_WHOLE_POD = lazily(r"(?<![\w.$])pod\b(?!\.\??(?!containers|initContainers|ephemeralContainers)[A-Za-z])")
_RELATED = lazily(r"\brelated\.\??([A-Za-z]+)")


def variables(related: Iterable[str]) -> list[str]:
    """Return the variables that only sweeps have; `related` are the names of its parts."""
    return [HEAD, CONTAINERS, SETTINGS, POD_SETTINGS, *(RELATED + name for name in related)]


def derived(rule: Rule) -> Rule:
    """Return a rule with `reads` and `sweep` as its expressions and texts make them."""
    texts = (*rule.expressions, *rule.texts)
    reads = Reads(
        any(_WHOLE_OBJECT.search(text) for text in texts),
        any(_WHOLE_POD.search(text) for text in texts),
        frozenset(name for text in (*texts, *rule.each) for name in _RELATED.findall(text)),
    )
    rule = rule._replace(reads=reads)
    return rule._replace(sweep=_sweep(rule))


def _sweep(rule: Rule) -> str | None:
    """Return CEL that is true where a rule finds nothing in an object; None for a rule that CEL does not judge.

    Anything else than true, errors included, says only that its elements have to be looked at one by one.
    """
    if rule.expression is None:
        return None
    content = f"({rule.expression})"
    body = content
    if rule.when is not None:
        # A pattern is compiled each time it is asked about, so that comes last. `||` is true with an error beside it.
        late = _PATTERN in rule.when and _PATTERN not in rule.expression
        body = f"({content} || !({rule.when}))" if late else f"(({rule.when}) ? {content} : true)"
    base = HEAD if _is_about_the_head(rule, body) else rule.scope
    if rule.each:
        body = " && ".join(_each(pattern, base, body) for pattern in rule.each)
    if rule.scope == "container":
        body = _in_containers(rule, body)
    elif not rule.each:
        body = _bound("self", base, body)
    if base == HEAD:
        body = _bound("object", HEAD, body)
    if rule.scope == "pod":
        body = _bound("effective", POD_SETTINGS, body)
    parts = ", ".join(f"'{name}': {RELATED}{name}" for name in sorted(rule.reads.related))
    return _bound("related", f"dyn({{{parts}}})", body)


def _is_about_the_head(rule: Rule, body: str) -> bool:
    if rule.scope != "object" or rule.each:
        return False
    return _WHOLE_OBJECT.search(body) is None and _WHOLE_SELF.search(body) is None


def _in_containers(rule: Rule, body: str) -> str:
    if not rule.each:
        body = _bound("self", "container", body)
    if rule.containers != CONTAINER_TYPES:
        wanted = ", ".join(f"'{name}'" for name in sorted(rule.containers))
        body = f"(!({SETTINGS}[_n].type in [{wanted}]) || {body})"
    return f"{CONTAINERS}.all(_n, container, {_bound('effective', f'{SETTINGS}[_n]', body)})"


def _each(pattern: str, base: str, body: str) -> str:
    """Return the condition for every element that a pattern like `spec.rules[].http.paths` leads to."""
    if pattern.startswith("related."):
        return f"{RELATED}{pattern.removeprefix('related.')}.all(key, self, {body})"
    head, _, rest = pattern.partition(".")
    if head in STARTS:
        base, pattern = head.removeprefix("$"), rest
    return _every(base, pattern.split(".") if pattern else [], body, 0)


def _every(base: str, steps: list[str], body: str, depth: int) -> str:
    route = base
    for number, step in enumerate(steps, 1):
        route += f"[?'{step.removesuffix('[]')}']"
        if step.endswith("[]"):
            item = f"_item{depth}"
            return f"{route}.orValue(dyn([])).all({item}, {_every(item, steps[number:], body, depth + 1)})"
    return f"{route}{'.orValue(dyn({}))' if steps else ''}.all(key, self, {body})"


def _bound(name: str, value: str, body: str) -> str:
    """Return an expression in which a name stands for a value, if the expression has that name at all."""
    return f"cel.bind({name}, {value}, {body})" if re.search(rf"(?<![\w.]){name}\b", body) else body
