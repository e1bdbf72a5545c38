"""The rule catalogue: every rule file of the given folders, kept in compiled form between runs."""

from __future__ import annotations

import marshal
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache as cached_call
from pathlib import Path
from types import MappingProxyType
from typing import Any
from zlib import crc32

from kube_audit import __version__, cache
from kube_audit.bundled import rules_dir, schemas_dir
from kube_audit.config import RuleSetting
from kube_audit.engine import cel
from kube_audit.engine.model import (
    RELATED,
    Rule,
    RuleError,
    doc_from_data,
    from_data,
    read_file,
    related_names,
    with_params,
)
from kube_audit.findings import RuleDoc

PROFILES = ("default", "strict", "schema", "pss-baseline", "pss-restricted", "cis", "all")
_DOCUMENTATION = frozenset({"rationale", "references", "frameworks", "notes", "examples"})
_FORMAT = 4


class SelectionError(ValueError):
    """A profile or rule id that does not exist; the message says which ones do."""


class Catalogue:
    """The rules by id. `texts` gives the documentation of all rules when it is first asked for."""

    def __init__(self, rules: Iterable[Rule], texts: Callable[[], dict[str, Any]]) -> None:
        self.rules = {rule.id: rule for rule in sorted(rules, key=lambda rule: rule.id)}
        self._texts = cached_call(texts)

    def doc(self, rule_id: str) -> RuleDoc:
        """Return a rule's documentation. Raises KeyError for an unknown id."""
        return doc_from_data(self._texts()[rule_id])

    def content(self, rule_id: str) -> dict[str, Any]:
        """Return the whole content of a rule's file. Raises KeyError for an unknown id."""
        return read_file(Path(self.rules[rule_id].file))

    def choose(
        self,
        profile: str,
        select: Sequence[str],
        ignore: Sequence[str],
        settings: Mapping[str, RuleSetting] = MappingProxyType({}),
    ) -> list[Rule]:
        """Return the rules of a profile, or only the selected ones, without the ignored ones.

        `settings` are those of the configuration: they switch rules of the profile on and off, and give selected ones
        another severity. Raises SelectionError for a profile or an id that does not exist.
        """
        for rule_id in settings:
            if rule_id not in self.rules:
                raise SelectionError(_unknown("rule", rule_id, self.rules))
        known = set(self.rules)
        for rule_id in (*select, *ignore):
            if rule_id not in known:
                raise SelectionError(_unknown("rule", rule_id, known))
        if profile not in PROFILES:
            raise SelectionError(_unknown("profile", profile, PROFILES))
        if select:
            chosen = [rule for rule in self.rules.values() if rule.id in select]
        elif profile == "all":
            chosen = [rule for rule in self.rules.values() if "optional" not in rule.profiles]
        else:
            chosen = [rule for rule in self.rules.values() if profile in rule.profiles]
        if not select:
            on = {rule.id for rule in chosen} | {name for name, setting in settings.items() if setting.enabled}
            off = {name for name, setting in settings.items() if setting.enabled is False}
            chosen = [rule for rule in self.rules.values() if rule.id in on - off]
        return [_with_severity(rule, settings.get(rule.id)) for rule in chosen if rule.id not in ignore]

    def wrong_params(self, settings: Mapping[str, RuleSetting]) -> list[tuple[str, str]]:
        """Return (rule id, what is wrong) for parameters that a rule does not have, or that do not fit its schema."""
        wrong = []
        for rule_id, setting in settings.items():
            if not setting.params or rule_id not in self.rules:
                continue
            known = self._texts()[rule_id].get("params", {})
            for name, value in setting.params.items():
                if name not in known:
                    there = f"; it has: {', '.join(known)}" if known else "; it has none"
                    wrong.append((rule_id, f"there is no parameter `{name}`{there}"))
                elif reason := _misfit(known[name].get("schema", {}), value):
                    wrong.append((rule_id, f"parameter `{name}`: {reason}"))
        return wrong

    def equivalents(self) -> dict[tuple[str, str], frozenset[str]]:
        """Return (tool, its id in lower case) to the ids of the rules that cover that check."""
        found: dict[tuple[str, str], set[str]] = {}
        for rule in self.rules.values():
            for tool, names in rule.equivalents.items():
                for name in names:
                    found.setdefault((tool, name.lower()), set()).add(rule.id)
        return {key: frozenset(ids) for key, ids in found.items()}


def _with_severity(rule: Rule, setting: RuleSetting | None) -> Rule:
    if setting is None or setting.severity is None:
        return rule
    return rule._replace(severity=setting.severity, severity_when=())


def _misfit(schema: dict[str, Any], value: Any) -> str | None:
    import jsonschema_rs

    error = next(iter(jsonschema_rs.validator_for(schema).iter_errors(value)), None)
    return error.message if error is not None else None


def _unknown(what: str, name: str, known: Iterable[str]) -> str:
    from difflib import get_close_matches

    names = sorted(known)
    close = get_close_matches(name, names, n=1)
    if close:
        return f"there is no {what} `{name}`; did you mean `{close[0]}`?"
    if len(names) <= 10:
        return f"there is no {what} `{name}`; there are: {', '.join(names)}"
    return f"there is no {what} `{name}`; `kube-audit rules list` shows them all"


def load(folders: Sequence[Path] = ()) -> Catalogue:
    """Return the built-in rules and those of further folders. Raises RuleError for a broken or repeated rule.

    Rules are compiled once and kept in the cache, under a name made of every file's path, size and time of
    change, so that an edited file is always read again.
    """
    files = sorted(file for folder in (rules_dir(), *folders) for file in folder.rglob("*.yaml"))
    name = _cache_name([*files, schemas_dir() / "rule.schema.json"])
    kept = _unpack(cache.load(name))
    if kept is None:
        kept, texts = _compile(files)
        cache.store(f"{name}-texts", marshal.dumps(texts))
        cache.store(name, marshal.dumps(kept))
    cel.preload(kept["programs"])
    return Catalogue(
        (from_data(data, file) for data, file in kept["rules"]),
        lambda: _unpack(cache.load(f"{name}-texts")) or _compile(files)[1],
    )


def _cache_name(files: Iterable[Path]) -> str:
    checksum = crc32(f"{_FORMAT} {__version__} {sys.version} {cel.runtime_version()}".encode())
    for file in files:
        status = file.stat()
        name = f"\0{file}\0{status.st_size}\0{status.st_mtime_ns}\0{status.st_ino}"
        checksum = crc32(name.encode("utf-8", "surrogateescape"), checksum)
    return f"rules-{checksum:08x}"


def _unpack(content: bytes | None) -> Any:
    try:
        return marshal.loads(content) if content else None  # noqa: S302 (the user's own cache)
    except (ValueError, EOFError, TypeError):
        return None


def _compile(files: Iterable[Path]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Read and check rule files; return what a run needs, CEL in serialized form, and the rules' texts by id."""
    texts: dict[str, Any] = {}
    rules: list[tuple[dict[str, Any], str]] = []
    programs: dict[str, bytes] = {}
    seen: dict[str, Path] = {}
    for file in files:
        data = read_file(file)
        if data["id"] in seen:
            raise RuleError(f"{file}:1: rule `{data['id']}` is defined already, in {seen[data['id']]}")
        seen[data["id"]] = file
        rule = from_data(data, str(file))
        filled = with_params(rule, rule.params)
        holes = (e for text in filled.texts for e in cel.template(text).expressions)
        try:
            for expression in (*filled.expressions, *holes):
                programs.setdefault(expression, cel.serialize(expression))
        except cel.ExpressionError as error:
            raise RuleError(f"{file}:{_line_of(file, error)}: {error}") from error
        texts[rule.id] = {key: value for key, value in data.items() if key != "examples"}
        kept = {key: value for key, value in data.items() if key not in _DOCUMENTATION}
        rules.append(({**kept, RELATED: related_names(rule)}, str(file)))
    return {"rules": rules, "programs": programs}, texts


def _line_of(file: Path, error: cel.ExpressionError) -> int:
    """Return the line of a rule file on which a broken expression starts, 1 where it is not found."""
    first = error.expression.strip().splitlines()[0].strip()
    for number, line in enumerate(file.read_text("utf-8").splitlines(), 1):
        if first in line:
            return number
    return 1
