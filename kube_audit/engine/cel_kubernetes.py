"""Kubernetes' CEL function libraries, under Kubernetes' own names, and a few functions of kube-audit's own.

Lists, regular expressions, URLs, quantities, IP addresses, CIDR ranges, formats and semantic versions follow
k8s.io/apiserver/pkg/cel/library; optionals, strings, sets, math, encoders, `cel.bind` and comprehensions with two
variables come from the runtime. What differs from an API server:

- `type()` knows none of Kubernetes' types: URLs, addresses, ranges, versions and formats are strings here,
  quantities are maps. Calls with a wrong type therefore fail when they run, not always before.
- `isInteger()` asks for the value alone: `quantity("1.5Gi")` is a whole number of bytes.
- `indexOf` and `lastIndexOf` do not look for null; `sum`, `min` and `max` take no durations and timestamps.
- `quantity` takes the numbers that manifests have instead of texts, too, and `add` and `sub` take texts.
- Of the comprehensions with two variables, `transformMap` and `transformMapEntry` are missing.
- An expression may be nested 31 levels deep (each `.field` and each `+` is one) and go through 10,000 elements in all.
- There is no `authorizer`: nothing here knows who asks.
- Maps have no order: sort what is made of their keys (`labels.map(k, k).sort()`) before it reaches a message.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from kube_audit.patterns import lazily

FORMAT_NAMES = (
    "dns1123Label",
    "dns1123Subdomain",
    "dns1035Label",
    "qualifiedName",
    "dns1123LabelPrefix",
    "dns1123SubdomainPrefix",
    "dns1035LabelPrefix",
    "labelValue",
    "uri",
    "uuid",
    "byte",
    "date",
    "datetime",
)

# <receiver>.function(parameters) -> result = module.function; modules are those beside this one.
_FUNCTIONS = """
<list>.isSorted() -> bool = cel_functions.is_sorted
<list>.sum() -> dyn = cel_functions.total
<list>.min() -> dyn = cel_functions.smallest
<list>.max() -> dyn = cel_functions.largest
<list>.indexOf(value) -> int = cel_functions.index_of
<list>.lastIndexOf(value) -> int = cel_functions.last_index_of

<string>.find(string) -> string = cel_functions.find
<string>.findAll(string) -> strings = cel_functions.find_all
<string>.findAll(string, int) -> strings = cel_functions.find_some

url(string) -> string = cel_network.url
isURL(string) -> bool = cel_network.is_url
<string>.getScheme() -> string = cel_network.get_scheme
<string>.getHost() -> string = cel_network.get_host
<string>.getHostname() -> string = cel_network.get_hostname
<string>.getPort() -> string = cel_network.get_port
<string>.getEscapedPath() -> string = cel_network.get_escaped_path
<string>.getQuery() -> map = cel_network.get_query

quantity(string) -> quantity = cel_functions.quantity
quantity(int) -> quantity = cel_functions.quantity_of_number
quantity(double) -> quantity = cel_functions.quantity_of_number
isQuantity(string) -> bool = cel_functions.is_quantity
sign(quantity) -> int = cel_functions.sign
<quantity>.sign() -> int = cel_functions.sign
<quantity>.isInteger() -> bool = cel_functions.is_integer
<quantity>.asInteger() -> int = cel_functions.as_integer
<quantity>.asApproximateFloat() -> double = cel_functions.as_float
<quantity>.add(quantity) -> quantity = cel_functions.add
<quantity>.add(int) -> quantity = cel_functions.add
<quantity>.add(string) -> quantity = cel_functions.add
<quantity>.sub(quantity) -> quantity = cel_functions.subtract
<quantity>.sub(int) -> quantity = cel_functions.subtract
<quantity>.sub(string) -> quantity = cel_functions.subtract
<quantity>.compareTo(quantity) -> int = cel_functions.compare
<quantity>.isLessThan(quantity) -> bool = cel_functions.is_less
<quantity>.isGreaterThan(quantity) -> bool = cel_functions.is_greater

ip(string) -> string = cel_network.ip
isIP(string) -> bool = cel_network.is_ip
ip.isCanonical(string) -> bool = cel_network.ip_is_canonical
<string>.family() -> int = cel_network.family
<string>.isUnspecified() -> bool = cel_network.is_unspecified
<string>.isLoopback() -> bool = cel_network.is_loopback
<string>.isLinkLocalMulticast() -> bool = cel_network.is_link_local_multicast
<string>.isLinkLocalUnicast() -> bool = cel_network.is_link_local_unicast
<string>.isGlobalUnicast() -> bool = cel_network.is_global_unicast

cidr(string) -> string = cel_network.cidr
isCIDR(string) -> bool = cel_network.is_cidr
<string>.containsIP(string) -> bool = cel_network.contains_ip
<string>.containsCIDR(string) -> bool = cel_network.contains_cidr
<string>.ip() -> string = cel_network.cidr_ip
<string>.masked() -> string = cel_network.masked
<string>.prefixLength() -> int = cel_network.prefix_length

semver(string) -> string = cel_semver.semver
semver(string, bool) -> string = cel_semver.semver_normalized
isSemver(string) -> bool = cel_semver.is_semver
isSemver(string, bool) -> bool = cel_semver.is_semver_normalized
<string>.major() -> int = cel_semver.major
<string>.minor() -> int = cel_semver.minor
<string>.patch() -> int = cel_semver.patch
<string>.compareTo(string) -> int = cel_semver.compare
<string>.isLessThan(string) -> bool = cel_semver.is_less
<string>.isGreaterThan(string) -> bool = cel_semver.is_greater

format.named(string) -> dyn = cel_functions.format_named
<string>.validate(string) -> dyn = cel_functions.validate

image(string) -> map = cel_functions.image
isImage(string) -> bool = images.is_image
placeholder(string) -> bool = placeholders.is_placeholder
matchesSelector(object, object) -> bool = cel_functions.matches_selector
matchesLabels(object, object) -> bool = cel_functions.matches_labels
similar(string, list) -> string = cel_functions.similar
"""
_LINE = lazily(r"(?:<(\w+)>\.)?([\w.]+)\((.*)\) -> (\w+) = (\w+)\.(\w+)")
_ALTERNATIVES = {
    "value": ("string", "int", "uint", "double", "bool", "list", "map", "bytes", "timestamp", "duration"),
    "object": ("map", "null"),
}
_SHARED = frozenset({"indexOf", "lastIndexOf"})
"""Functions that the runtime's strings extension declares as well."""


def names() -> set[str]:
    """Return the name of every function that is declared here."""
    return {match[2] for match in _LINE.finditer(_FUNCTIONS)} | {f"format.{name}" for name in FORMAT_NAMES}


def declarations(cel: Any) -> dict[str, list[Any]]:
    """Return the functions as the arguments `functions` and `extensions` of `cel.NewEnv`.

    Only an extension may add to functions that others declare, and only outside of one may a parameter be null.
    """
    types = _types(cel)
    overloads: dict[str, list[Any]] = {}
    for receiver, name, parameters, result, module, function in _LINE.findall(_FUNCTIONS):
        implementation = _late(module, function)
        for kinds in _combinations([receiver, *parameters.split(", ")]):
            overloads.setdefault(name, []).append(
                cel.Overload(
                    "_".join(("of" if receiver else "to", name.replace(".", "_"), *kinds)),
                    types[result],
                    [types[kind] for kind in kinds],
                    is_member=bool(receiver),
                    impl=implementation,
                )
            )
    for name in FORMAT_NAMES:
        overload = cel.Overload(f"format_{name}", types["string"], [], impl=_constant(name))
        overloads[f"format.{name}"] = [overload]
    functions = [cel.FunctionDecl(name, each) for name, each in overloads.items() if name not in _SHARED]
    shared = [cel.FunctionDecl(name, overloads[name]) for name in sorted(_SHARED)]
    return {"functions": functions, "extensions": [cel.CelExtension("kubernetes", shared)]}


def _types(cel: Any) -> dict[str, Any]:
    kinds = ("string", "int", "uint", "double", "bool", "list", "map", "null", "bytes", "timestamp", "duration", "dyn")
    types = {kind: getattr(cel.Type, kind.upper()) for kind in kinds}
    types["strings"] = cel.Type.List(cel.Type.STRING)
    types["quantity"] = cel.Type.Map(cel.Type.STRING, cel.Type.DYN)
    return types


def _combinations(parameters: list[str]) -> list[tuple[str, ...]]:
    """Write out parameters of several kinds: the runtime wants an overload for each kind, `dyn` fits none."""
    found: list[tuple[str, ...]] = [()]
    for parameter in filter(None, parameters):
        found = [(*before, kind) for before in found for kind in _ALTERNATIVES.get(parameter, (parameter,))]
    return found


def _late(module: str, function: str) -> Callable[..., Any]:
    """Return a function that imports what it calls when it is first called: most rules need few of them."""
    found: Callable[..., Any] | None = None

    def call(*arguments: Any) -> Any:
        nonlocal found
        if found is None:
            package = "kube_audit" if module == "placeholders" else "kube_audit.engine"
            found = getattr(import_module(f"{package}.{module}"), function)
        return found(*arguments)

    return call


def _constant(value: str) -> Callable[[], str]:
    return lambda: value
