"""Credentials in the open: in environment variables, in ConfigMaps, and in URLs anywhere."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from kube_audit.engine.checks.credentials import is_credential, kind_of_name, known_shape
from kube_audit.engine.elements import Element, Hit
from kube_audit.findings import Path
from kube_audit.manifests.objects import mapping
from kube_audit.patterns import lazily

_HINTS = lazily(r"(?i)pass|pwd|pw\b|secret|token|key|cred|bearer")
_COMMENT = ("#", ";", "//", "-- ", "* ", "/*", "<!--", "%%")
_ASSIGNMENT = lazily(
    r"""\s*+(?:-\s++|export\s++|local\s++|set\s++|ENV\s++|\$env:)?["']?(?P<name>[A-Za-z_][\w.-]{0,150}+)["']?"""
    r"""\s*+(?:=>|:=|=(?!=)|:)\s*+(?P<value>.+)"""
)
_JSON_PAIR = lazily(r'"(?P<name>[A-Za-z_][\w.-]{0,150})"\s{0,9}:\s{0,9}"(?P<value>[^"\\\n]{1,2000})"')
_XML_ELEMENT = lazily(r"<(?P<name>[A-Za-z_][\w.-]{0,150})>(?P<value>[^<>\s]{1,2000})</(?P=name)>")
_QUOTED = lazily(r"""(["'])(?P<inner>(?:(?!\1).){0,2000})\1\s*(?:[,;)}\]].*|[#/].*)?""")
_UNQUOTED_CODE = lazily(r"[(){}\[\]<>|;$&*`\\]")
_DOTTED_NAME = lazily(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+")
_PROGRAM = lazily(r"\.(?:py|js|ts|go|lua|rb|groovy|java|php|pl|sql|rego|tpl|tmpl|gotmpl|jsonnet|md|html?)$")

_URL = lazily(
    r"(?<![A-Za-z0-9+.-])(?P<scheme>[A-Za-z][A-Za-z0-9+.-]{0,30})://(?P<user>[^\s/?#\"'<>@:]{0,200})"
    r":(?P<password>[^\s/@\"'<>]{1,300})@(?P<host>[^\s/?#\"'<>@,;]{1,255})"
)
_GO_DSN = lazily(
    r"(?<![\w.-])(?P<user>[\w.-]{1,100}):(?P<password>[^\s/@:\"'<>]{1,300})@(?:tcp|unix)\((?P<host>[^\s()]{1,255})\)"
)
_DSN_PASSWORD = lazily(r"(?i)(?<=[\s;?&,])(?P<name>password|passwd|pwd)\s?=\s?(?P<password>[^\s;&,\"'<>]{1,300})")
_DSN_SIGN = lazily(
    r"(?i)(?<![\w-])(?:jdbc:|(?:host|server|data source|user id|user|uid|username|dbname|database|initial catalog|ssl|"
    r"abortconnect)\s?=)"
)


def literal_env(element: Element, params: Mapping[str, Any]) -> Iterator[Hit]:
    """Yield each environment variable of a container whose literal value is a credential.

    `found` has `name`, and `what`: the kind of credential if the value's shape tells, "" if the name does.
    """
    entries = element.value.get("env")
    for index, entry in enumerate(entries if isinstance(entries, list) else ()):
        name, value = (mapping(entry).get(field) for field in ("name", "value"))
        if not (isinstance(name, str) and isinstance(value, str)) or name in params["allowed_names"]:
            continue
        what = known_shape(value)
        if what or _is_named_credential(name, value, params):
            yield Hit(("env", index, "value"), {"name": name, "what": what})


def in_config_map(element: Element, params: Mapping[str, Any]) -> Iterator[Hit]:
    """Yield each key of a ConfigMap's data whose value is, or holds, a credential.

    `found` has `key`, `what` (the kind of credential, if its shape tells) and `settings`: name and line of
    what is assigned within the value, at most three, empty where the value as a whole is the credential.
    """
    for key, value in mapping(element.value.get("data")).items():
        if not isinstance(value, str) or key in params["allowed_names"]:
            continue
        what = known_shape(value)
        settings = [] if what else list(_settings(key, value, params))
        if what or settings or _is_named_credential(key, value, params):
            found = [f"`{name}` (line {line})" for name, line in settings[:3]]
            if len(settings) > 3:
                found.append(f"{len(settings) - 3} more")
            yield Hit(("data", key), {"key": key, "what": what, "settings": ", ".join(found)})


def in_urls(element: Element, params: Mapping[str, Any]) -> Iterator[Hit]:
    """Yield each text of an object that holds a connection string with a password.

    Looks at literal environment variables, commands and arguments of containers, and the data of ConfigMaps.
    `found` has `where` and `shown`: the connection string without its password.
    """
    for path, where, text in _texts(element):
        shown = password_in_url(text)
        if shown:
            yield Hit(path, {"where": where, "shown": shown})


def password_in_url(text: str) -> str:
    """Return the first connection string that carries a password, the password left out; "" for none."""
    if "://" not in text and "=" not in text and "@" not in text:
        return ""
    for line in text.splitlines():
        if line.lstrip().startswith(_COMMENT) or len(line) > 100_000:
            continue
        for pattern in (_URL, _GO_DSN):
            for found in pattern.finditer(line) if "@" in line else ():
                if is_credential(found["password"], "password"):
                    scheme = f"{found['scheme']}://" if pattern is _URL else ""
                    return f"{scheme}{found['user']}:…@{found['host']}"
        if _DSN_SIGN.search(line):
            for found in _DSN_PASSWORD.finditer(line):
                if is_credential(found["password"], "password"):
                    return f"{found['name']}=…"
    return ""


def _texts(element: Element) -> Iterator[tuple[Path, str, str]]:
    """Yield path, description and text of everything that may hold a connection string."""
    for key, value in mapping(element.value.get("data")).items() if element.obj.kind == "ConfigMap" else ():
        if isinstance(value, str):
            yield ("data", key), f"key `{key}`", value
    for container in element.pod.containers() if element.pod else ():
        of_container = f"of container `{container.name}`"
        entries = container.data.get("env")
        for index, entry in enumerate(entries if isinstance(entries, list) else ()):
            name, value = (mapping(entry).get(field) for field in ("name", "value"))
            if isinstance(value, str):
                yield (*container.path, "env", index, "value"), f"environment variable `{name}` {of_container}", value
        for field, called in (("command", "command"), ("args", "argument")):
            entries = container.data.get(field)
            for index, entry in enumerate(entries if isinstance(entries, list) else ()):
                if isinstance(entry, str):
                    yield (*container.path, field, index), f"{called} {index + 1} {of_container}", entry


def _is_named_credential(name: str, value: str, params: Mapping[str, Any]) -> bool:
    if name in params["allowed_names"]:
        return False
    kind = kind_of_name(name)
    if not kind and any(re.search(pattern, name) for pattern in params["further_names"]):
        kind = "secret"
    return bool(kind) and is_credential(value, kind)


def _settings(key: str, value: str, params: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    """Yield name and line (from 1) of each setting within a text that is given a credential."""
    if "\n" not in value.strip() and not value.lstrip().startswith(("{", "[", "<")) and "=" not in value:
        return
    if not _HINTS.search(value) and not params["further_names"]:
        return
    only_quoted = _PROGRAM.search(key) is not None
    for number, line in enumerate(value.splitlines(), 1):
        if line.lstrip().startswith(_COMMENT):
            continue
        names = {name for name, found in _pairs(line, only_quoted) if _is_named_credential(name, found, params)}
        for name in sorted(names):
            yield name, number


def _pairs(line: str, only_quoted: bool) -> Iterator[tuple[str, str]]:
    """Yield names and values that a line of configuration assigns: properties, YAML, INI, shell, JSON, XML."""
    assignment = _ASSIGNMENT.match(line)
    if assignment:
        quoted = _QUOTED.fullmatch(assignment["value"].rstrip())
        if quoted:
            yield assignment["name"], quoted["inner"]
        elif not only_quoted:
            plain = assignment["value"].partition(" #")[0].strip().rstrip(",")
            if not _UNQUOTED_CODE.search(plain) and not _DOTTED_NAME.fullmatch(plain):
                yield assignment["name"], plain
    for pattern in (_JSON_PAIR, _XML_ELEMENT):
        for pair in pattern.finditer(line):
            yield pair["name"], pair["value"]
