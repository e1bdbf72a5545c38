"""The rule catalogue: every rule file of the given folders, kept in compiled form between runs."""

from __future__ import annotations

import marshal
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
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
    Rule,
    RuleError,
    as_plain,
    doc_from_data,
    from_data,
    from_plain,
    read_file,
    with_params,
)
from kube_audit.engine.sweep import derived
from kube_audit.findings import RuleDoc
from kube_audit.records import NamedTuple

PROFILES = ("default", "strict", "schema", "pss-baseline", "pss-restricted", "cis", "all")
_FORMAT = 10


class SelectionError(ValueError):
    """A profile or rule id that does not exist; the message says which ones do."""


class _Packed(NamedTuple):
    """A rule as it is kept: what choosing asks for, and the rest to be unpacked when the rule is wanted."""

    id: str
    profiles: tuple[str, ...]
    equivalents: dict[str, list[str]]
    rest: bytes
    """Marshalled: the rule as plain data, and its compiled CEL by expression."""


class _Rules(Mapping[str, Rule]):
    """Rules by id, each made when it is first asked for: most runs need less than half of them."""

    def __init__(self, packed: Iterable[_Packed]) -> None:
        self.packed = {one.id: one for one in sorted(packed)}
        self._made: dict[str, Rule] = {}

    def __getitem__(self, rule_id: str) -> Rule:
        made = self._made.get(rule_id)
        if made is None:
            plain, programs = marshal.loads(self.packed[rule_id].rest)  # noqa: S302 (the user's own cache)
            cel.preload(programs)
            made = self._made[rule_id] = from_plain(plain)
        return made

    def __iter__(self) -> Iterator[str]:
        return iter(self.packed)

    def __len__(self) -> int:
        return len(self.packed)


class Catalogue:
    """The rules by id. `texts` gives the documentation of each, marshalled, when it is first asked for."""

    def __init__(self, packed: Iterable[_Packed], texts: Callable[[], dict[str, bytes]]) -> None:
        self.rules = _Rules(packed)
        self._texts = cached_call(texts)

    def doc(self, rule_id: str) -> RuleDoc:
        """Return a rule's documentation. Raises KeyError for an unknown id."""
        return doc_from_data(self._text(rule_id))

    def _text(self, rule_id: str) -> dict[str, Any]:
        text: dict[str, Any] = marshal.loads(self._texts()[rule_id])  # noqa: S302 (the user's own cache)
        return text

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
                raise SelectionError(unknown("rule", rule_id, self.rules))
        known = set(self.rules)
        for rule_id in (*select, *ignore):
            if rule_id not in known:
                raise SelectionError(unknown("rule", rule_id, known))
        if profile not in PROFILES:
            raise SelectionError(unknown("profile", profile, PROFILES))
        if select:
            chosen = set(select)
        else:
            chosen = {one.id for one in self.rules.packed.values() if _belongs(one, profile)}
            chosen |= {name for name, setting in settings.items() if setting.enabled}
            chosen -= {name for name, setting in settings.items() if setting.enabled is False}
        chosen -= set(ignore)
        return [_with_severity(self.rules[rule_id], settings.get(rule_id)) for rule_id in sorted(chosen)]

    def of_profile(self, profile: str) -> list[Rule]:
        """Return all rules of a profile."""
        return [self.rules[one.id] for one in self.rules.packed.values() if _belongs(one, profile)]

    def wrong_params(self, settings: Mapping[str, RuleSetting]) -> list[tuple[str, str]]:
        """Return (rule id, what is wrong) for parameters that a rule does not have, or that do not fit its schema."""
        wrong = []
        for rule_id, setting in settings.items():
            if not setting.params or rule_id not in self.rules:
                continue
            known = self._text(rule_id).get("params", {})
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
        for one in self.rules.packed.values():
            for tool, names in one.equivalents.items():
                for name in names:
                    found.setdefault((tool, name.lower()), set()).add(one.id)
        return {key: frozenset(ids) for key, ids in found.items()}


def _belongs(one: _Packed, profile: str) -> bool:
    return "optional" not in one.profiles if profile == "all" else profile in one.profiles


def _with_severity(rule: Rule, setting: RuleSetting | None) -> Rule:
    if setting is None or setting.severity is None:
        return rule
    return rule._replace(severity=setting.severity, severity_when=())


def _misfit(schema: dict[str, Any], value: Any) -> str | None:
    import jsonschema_rs

    error = next(iter(jsonschema_rs.validator_for(schema).iter_errors(value)), None)
    return error.message if error is not None else None


def unknown(what: str, name: str, known: Iterable[str]) -> str:
    """Say that there is no such thing, and which one may have been meant."""
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
    files = sorted(entry for folder in (rules_dir(), *folders) for entry in _rule_files(os.fspath(folder)))
    schema = schemas_dir() / "rule.schema.json"
    name = _cache_name([*files, (os.fspath(schema), schema.stat())])
    kept, texts = _unpack(cache.load(name)), None
    if kept is None:
        kept, texts = _compile(Path(file) for file, _ in files)
        cache.store(f"{name}-texts", marshal.dumps(texts))
        cache.store(name, marshal.dumps(kept))
    return Catalogue(
        (_Packed(*one) for one in kept),
        lambda: texts or _unpack(cache.load(f"{name}-texts")) or _compile(Path(file) for file, _ in files)[1],
    )


def _rule_files(folder: str) -> Iterator[tuple[str, os.stat_result]]:
    """Yield the rule files below a folder, with what the system knows about them."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir():
                yield from _rule_files(entry.path)
            elif entry.name.endswith(".yaml"):
                yield entry.path, entry.stat()


def _cache_name(files: Iterable[tuple[str, os.stat_result]]) -> str:
    checksum = crc32(f"{_FORMAT} {Rule._fields} {__version__} {sys.version} {cel.runtime_version()}".encode())
    for file, status in files:
        known = f"\0{file}\0{status.st_size}\0{status.st_mtime_ns}\0{status.st_ino}"
        checksum = crc32(known.encode("utf-8", "surrogateescape"), checksum)
    return f"rules-{checksum:08x}"


def _unpack(content: bytes | None) -> Any:
    try:
        return marshal.loads(content) if content else None  # noqa: S302 (the user's own cache)
    except (ValueError, EOFError, TypeError):
        return None


def _compile(files: Iterable[Path]) -> tuple[list[tuple[Any, ...]], dict[str, bytes]]:
    """Read and check rule files; return the fields of each _Packed rule, and the rules' texts, marshalled, by id."""
    texts: dict[str, bytes] = {}
    packed: list[tuple[Any, ...]] = []
    seen: dict[str, Path] = {}
    for file in files:
        data = read_file(file)
        if data["id"] in seen:
            raise RuleError(f"{file}:1: rule `{data['id']}` is defined already, in {seen[data['id']]}")
        seen[data["id"]] = file
        rule = from_data(data, str(file))
        filled = derived(with_params(rule, rule.params))
        try:
            holes = (e for text in filled.texts for e in cel.template(text).expressions)
            programs = {expression: cel.serialize(expression) for expression in (*filled.expressions, *holes)}
            if filled.sweep is not None:
                programs[filled.sweep] = cel.serialize(filled.sweep)
        except cel.ExpressionError as error:
            raise RuleError(f"{file}:{_line_of(file, error)}: {error}") from error
        texts[rule.id] = marshal.dumps({key: value for key, value in data.items() if key != "examples"})
        rest = marshal.dumps((as_plain(rule._replace(reads=filled.reads, sweep=filled.sweep)), programs))
        packed.append((rule.id, tuple(data["profiles"]), data.get("equivalents", {}), rest))
    return packed, texts


def _line_of(file: Path, error: cel.ExpressionError) -> int:
    """Return the line of a rule file on which a broken expression starts, 1 where it is not found."""
    first = error.expression.strip().splitlines()[0].strip()
    for number, line in enumerate(file.read_text("utf-8").splitlines(), 1):
        if first in line:
            return number
    return 1
