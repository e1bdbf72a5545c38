"""The report for code scanning and editors: SARIF 2.1.0, one run, in the subset that GitHub reads."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TextIO
from urllib.parse import quote

from kube_audit import __version__
from kube_audit.findings import AuditResult, Finding, ObjectRef, RuleDoc, Severity, Skipped, Span, Suppression, TextEdit
from kube_audit.reports import Options, listed, rule_doc
from kube_audit.reports.json import dumps
from kube_audit.reports.masking import MaskedSource, quotable
from kube_audit.reports.offers import offers
from kube_audit.reports.sarif_limits import kept, told

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_ROOT = "%SRCROOT%"
_LEVELS: dict[Severity, str] = {"error": "error", "warning": "warning", "info": "note"}
_PROBLEM: dict[Severity, str] = {"error": "error", "warning": "warning", "info": "recommendation"}
_LONGEST_DESCRIPTION = 1024
"""GitHub's limit for short and full descriptions, in characters."""
_LONGEST_SNIPPET = 500
_STDIN = "<stdin>"


def write(result: AuditResult, out: TextIO, options: Options) -> None:
    """Write the SARIF log. It names files relative to the root, and the root itself nowhere.

    Suppressed findings go along as results with `suppressions`, unless `options.carry_suppressed` is off. What
    code scanning would refuse the log for is cut, and a notification in it says so.
    """
    findings = listed(result, options)
    rules = sorted({*result.rules, *(finding.rule for finding in findings)})
    index = {rule: number for number, rule in enumerate(rules)}
    driver = {
        "name": "kube-audit",
        "version": __version__,
        "semanticVersion": __version__,
        **_information(),
        "rules": [_rule(rule_doc(result, rule)) for rule in rules],
    }
    root = Path(os.path.abspath(options.root))
    results = [dumps(one) for one in _results(result, findings, index, root)]
    notifications = [_notification(one, root) for one in result.summary.skipped]
    staying = kept(findings, results, dumps([driver, notifications]))
    if len(staying) < len(results):
        cut = told(len(results) - len(staying), len(results))
        notifications.insert(0, {"level": "warning", "message": {"text": cut}})
    head = {
        "tool": {"driver": driver},
        "automationDetails": {"id": "kube-audit/"},
        "columnKind": "unicodeCodePoints",
        "newlineSequences": ["\r\n", "\n", "\r"],
        "originalUriBaseIds": {
            _ROOT: {"description": {"text": "The working directory of the audit, the root of the checkout."}}
        },
        "invocations": [{"executionSuccessful": True, "toolExecutionNotifications": notifications}],
        "properties": {"kubernetesVersion": result.kubernetes_version, "profile": result.profile},
    }
    out.write(f'{{"$schema": {dumps(_SCHEMA)}, "version": "2.1.0", "runs": [\n{{\n')
    out.writelines(f"{dumps(key)}: {dumps(value)},\n" for key, value in head.items())
    out.write('"results": [')
    out.write(",".join(f"\n{results[number]}" for number in staying))
    out.write("\n]\n}\n]}\n")


def _results(
    result: AuditResult, findings: list[Finding], index: dict[str, int], root: Path
) -> Iterator[dict[str, Any]]:
    source = quotable(result)
    offered = offers(result, source)
    names = _fingerprints(result.findings)
    any_suppressed = any(finding.suppressed for finding in findings)
    for finding in findings:
        location: dict[str, Any] = {"physicalLocation": _place(finding.file, finding.span, root)}
        if snippet := _snippet(source(finding.file), finding):
            location["physicalLocation"]["region"]["snippet"] = {"text": snippet}
        if finding.object is not None:
            location["logicalLocations"] = [_logical(finding.object)]
        entry: dict[str, Any] = {
            "ruleId": finding.rule,
            "ruleIndex": index[finding.rule],
            "level": _LEVELS[finding.severity],
            "message": {"text": _message(finding), "markdown": _markdown(finding)},
            "locations": [location],
            "partialFingerprints": {"kubeAudit/v1": names[id(finding)]},
        }
        if finding.related:
            entry["relatedLocations"] = [
                {
                    "id": number,
                    "message": {"text": _literal(place.message)},
                    "physicalLocation": _place(place.file, place.span, root),
                }
                for number, place in enumerate(finding.related, start=1)
            ]
        if any_suppressed:
            # SARIF 3.27.23: either every result of a run has this property or none has.
            entry["suppressions"] = [_suppression(finding.suppressed)] if finding.suppressed else []
        if edits := offered(finding):
            entry["fixes"] = [_fix(finding, edits, root)]
        if finding.fix or finding.container:
            entry["properties"] = {"fix": finding.fix, "container": finding.container}
        yield entry


def _fix(finding: Finding, edits: Iterable[TextEdit], root: Path) -> dict[str, Any]:
    effect = "keeps the behaviour" if finding.fix == "safe" else "may change the behaviour"
    replacements = [
        {"deletedRegion": _region(edit.span)} | ({"insertedContent": {"text": edit.text}} if edit.text else {})
        for edit in edits
    ]
    return {
        "description": {"text": f"A change that {effect}."},
        "artifactChanges": [{"artifactLocation": _artifact(finding.file, root), "replacements": replacements}],
    }


def _fingerprints(findings: list[Finding]) -> dict[int, str]:
    """Give every finding (by identity) a fingerprint of its own: of several that share one, later ones are numbered."""
    seen: Counter[str] = Counter()
    names: dict[int, str] = {}
    for finding in findings:
        shared = finding.fingerprint
        seen[shared] += 1
        names[id(finding)] = shared if seen[shared] == 1 else f"{shared}:{seen[shared]}"
    return names


def _rule(doc: RuleDoc) -> dict[str, Any]:
    properties: dict[str, Any] = {
        "tags": ["kubernetes", doc.category],
        "precision": "medium" if doc.severity == "info" else "high",
        "problem.severity": _PROBLEM[doc.severity],
    }
    if doc.security_severity is not None:
        properties["tags"].append("security")
        properties["security-severity"] = f"{doc.security_severity:.1f}"
    descriptor: dict[str, Any] = {
        "id": doc.id,
        "name": "".join(word[:1].upper() + word[1:] for word in re.split(r"[^0-9A-Za-z]+", doc.id)) or doc.id,
        "shortDescription": {"text": _shortened(doc.title)},
        "fullDescription": {"text": _shortened(doc.rationale.strip() or doc.title)},
        "help": {"text": _help(doc, markdown=False), "markdown": _help(doc, markdown=True)},
        "defaultConfiguration": {"level": _LEVELS[doc.severity]},
        "properties": properties,
    }
    if doc.references:
        descriptor["helpUri"] = doc.references[0]
    return descriptor


def _help(doc: RuleDoc, markdown: bool) -> str:
    parts = [("Why", doc.rationale.strip()), ("What to do", doc.remediation.strip())]
    links = (f"- <{link}>" if markdown else f"- {link}" for link in doc.references)
    parts.append(("Read more", "\n".join(links)))
    others = (f"- {tool}: {', '.join(names)}" for tool, names in sorted(doc.equivalents.items()))
    parts.append(("The same check elsewhere", "\n".join(others)))
    mark = "## " if markdown else ""
    head = f"# {doc.title}" if markdown else doc.title
    return "\n\n".join([head, *(f"{mark}{title}\n\n{body}" for title, body in parts if body)])


def _message(finding: Finding) -> str:
    """Say in plain text what is wrong and what to do, with links to the related locations."""
    text = finding.message.strip()
    if text and text[-1] not in ".!?":
        text += "."
    links = (f"[{_literal(place.message)}]({number})" for number, place in enumerate(finding.related, start=1))
    return "\n".join(part for part in (_literal(text), _literal(finding.remediation.strip()), *links) if part)


def _markdown(finding: Finding) -> str:
    if not finding.suggestion:
        return _message(finding)
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", finding.suggestion)), default=0))
    return f"{_message(finding)}\n\n{fence}yaml\n{finding.suggestion.strip()}\n{fence}"


def _literal(text: str) -> str:
    """Escape what a message would take for a link (SARIF 3.11.6)."""
    return re.sub(r"([\[\]])", r"\\\1", text) if "](" in text else text


def _place(file: str, span: Span, root: Path) -> dict[str, Any]:
    return {"artifactLocation": _artifact(file, root), "region": _region(span)}


def _artifact(file: str, root: Path) -> dict[str, Any]:
    """Name a file: relative to the root below it, else by an absolute URI."""
    if file == _STDIN:
        return {"uri": "stdin", "description": {"text": "standard input"}}
    absolute = os.path.normpath(os.path.join(root, file.replace("\0", "\ufffd")))
    relative = os.path.relpath(absolute, root)
    if relative == os.pardir or relative.startswith(os.pardir + os.sep):
        return {"uri": "file:///" + _uri(absolute).lstrip("/")}
    return {"uri": _uri(relative), "uriBaseId": _ROOT}


def _uri(path: str) -> str:
    try:
        raw = path.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raw = path.encode("utf-8", "replace")
    return quote(raw.replace(os.sep.encode(), b"/"))


def _region(span: Span) -> dict[str, int]:
    return {
        "startLine": span.line,
        "startColumn": span.column,
        "endLine": span.end_line,
        "endColumn": span.end_column,
    }


def _snippet(source: MaskedSource | None, finding: Finding) -> str:
    """Return the text of a finding's place with secret values masked; nothing where it is long."""
    span = finding.span
    if source is None or span.end_line > span.line or not 0 < span.line <= len(source.lines):
        return ""
    shown = source.line(span.line, finding.object)
    end = span.end_column - 1 if shown == source.lines[span.line - 1] else len(shown)
    text = shown[span.column - 1 : end]
    return text if len(text) <= _LONGEST_SNIPPET else ""


def _logical(about: ObjectRef) -> dict[str, str]:
    full = "/".join(part for part in (about.namespace, about.kind, about.name) if part)
    return {"name": about.name or about.kind, "fullyQualifiedName": full, "kind": "object"}


def _suppression(suppression: Suppression) -> dict[str, str]:
    kind = "inSource" if suppression.kind in ("comment", "annotation") else "external"
    return {"kind": kind} | ({"justification": suppression.reason} if suppression.reason else {})


def _notification(skipped: Skipped, root: Path) -> dict[str, Any]:
    place: dict[str, Any] = {"artifactLocation": _artifact(skipped.file, root)}
    if skipped.line is not None:
        place["region"] = {"startLine": skipped.line}
    return {
        "level": "note",
        "message": {"text": f"Skipped: {skipped.reason}"},
        "locations": [{"physicalLocation": place}],
    }


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST_DESCRIPTION else text[: _LONGEST_DESCRIPTION - 1] + "…"


def _information() -> dict[str, str]:
    """Give the project's address as the package's metadata has it, nothing where it has none."""
    from importlib.metadata import PackageNotFoundError, metadata

    try:
        addresses = metadata("kube-audit").get_all("Project-URL") or []
    except PackageNotFoundError:
        return {}
    homes = [address for label, _, address in (line.partition(", ") for line in addresses) if label == "Homepage"]
    return {"informationUri": homes[0]} if homes else {}
