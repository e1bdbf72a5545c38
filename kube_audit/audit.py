"""An audit from end to end: sources to manifests to objects to findings. The only module that knows every stage."""

from __future__ import annotations

import os.path
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from types import MappingProxyType
from typing import TYPE_CHECKING, BinaryIO

from kube_audit import supersessions, suppressions
from kube_audit.config import EMPTY, Config
from kube_audit.declared import Declared, declare
from kube_audit.engine.catalogue import Catalogue
from kube_audit.engine.model import Rule
from kube_audit.findings import (
    AuditResult,
    Finding,
    RelatedPlace,
    Severity,
    Skipped,
    Summary,
)
from kube_audit.fixable import Fixable
from kube_audit.manifests import kustomizations, manifest
from kube_audit.manifests.document import Problem
from kube_audit.manifests.kustomizations import Kustomizations
from kube_audit.manifests.manifest import Manifest
from kube_audit.manifests.objects import Object
from kube_audit.overrides import Overrides
from kube_audit.records import NamedTuple
from kube_audit.schema_findings import Validation, custom_resources
from kube_audit.sources.files import SourceFile, UnreadableFile
from kube_audit.sources.files import read as read_source
from kube_audit.validation.api_versions import client_side, is_group_like, judge
from kube_audit.validation.kubernetes import Schemas
from kube_audit.wanted import Wanted

if TYPE_CHECKING:
    from kube_audit.changes import Changes
    from kube_audit.validation.schema_folders import Broken, SchemaFolders

Progress = Callable[[str, int, int], None]
"""Told the stage, how many of its steps are done, and how many there are."""

_KUSTOMIZATIONS_ABOVE = 3
"""How many folders above a file are looked into for a kustomization that names it as a patch."""


class Request(NamedTuple):
    """What to audit, and by which rules. `sources` come from `sources.files.find`, or hold their bytes."""

    sources: Iterable[SourceFile | Skipped | tuple[str, bytes]]
    rules: Sequence[Rule]
    kubernetes_version: str
    profile: str = "default"
    config: Config = EMPTY
    params: Mapping[str, Mapping[str, object]] = MappingProxyType({})
    stdin: BinaryIO | None = None
    changes: Changes | None = None
    """Only findings on objects with changed lines count; everything is read all the same."""
    only: frozenset[str] | None = None
    """Only findings in files of these names count; everything is read all the same."""
    roots: tuple[str, ...] = ()
    """The files and folders that `sources` were found in, () where that is not known."""
    schemas: SchemaFolders | None = None
    """Where schemas of custom resources are, besides the definitions among the sources."""
    universes: tuple[str, ...] = ()
    """Patterns of folders whose objects do not see those of one another, besides the configuration's."""
    progress: Progress | None = None


def run(request: Request, catalogue: Catalogue) -> AuditResult:
    """Audit everything that is asked for. Nothing in a file makes this fail."""
    started = time.perf_counter()
    declared = declare(request.config, request.universes)
    summary = Summary()
    manifests = _read(request, summary)
    around = _kustomizations(manifests)
    schemas = Schemas(request.kubernetes_version)
    not_served = _not_served(schemas)
    for one in manifests:
        manifest.sort_out(one, around, not_served)
        summary.skipped.extend(one.skipped)
    findings: list[Finding] = []
    objects = [obj for one in manifests for obj in one.objects]
    active = {rule.id: rule for rule in request.rules}
    for one in manifests:
        findings.extend(
            _reading_finding(one, problem, active[problem.rule].severity)
            for problem in one.problems
            if problem.rule in active
        )
    with_rules = "crd-cel-rule-violated" in active
    custom = custom_resources(objects, schemas, request.schemas, around, declared, with_rules=with_rules)
    objects = _validate(request, Validation(schemas, custom, active), objects, findings, summary)
    summary.objects = len(objects)
    wanted = Wanted(request.only, request.changes, objects)
    findings.extend(_rule_findings(request, objects, wanted, around, declared, catalogue))
    if around.all:
        from kube_audit import rewritten

        findings = rewritten.without_rewritten(findings, objects, around)
    if request.profile != "all":
        findings = supersessions.without_superseded(findings, active)
    findings = [finding for finding in findings if wanted.finding(finding)]
    findings = _silence(findings, manifests, objects, around, wanted, active, request, catalogue)
    summary.audited = len({obj.file for obj in objects} | {finding.file for finding in findings})
    if request.only is not None:
        summary.skipped = [skipped for skipped in summary.skipped if skipped.file in request.only]
    if request.schemas is not None:
        audited = {one.file for one in manifests}
        findings.extend(
            _schema_finding(broken, active[broken.rule].severity)
            for broken in request.schemas.broken
            if broken.rule in active and broken.file not in audited
        )
    findings.sort(key=lambda finding: finding.sort_key)
    summary.seconds = time.perf_counter() - started
    texts = {one.file: one.text.content for one in manifests}
    fixable = Fixable(manifests)
    return AuditResult(
        findings=findings,
        summary=summary,
        kubernetes_version=request.kubernetes_version,
        profile=request.profile,
        rules=tuple(sorted(active)),
        source=texts.get,
        rule_docs=catalogue.doc,
        edits=fixable.edits,
        refusal=fixable.refusal,
        manifests=tuple(manifests),
        judged=wanted.files,
    )


def _read(request: Request, summary: Summary) -> list[Manifest]:
    """Read every source. What cannot be read, or belongs to a Helm chart, is told in the summary."""
    manifests: list[Manifest] = []
    sources = list(request.sources)
    for number, source in enumerate(sources):
        _tell(request, "reading", number, len(sources))
        if isinstance(source, Skipped):
            summary.skipped.append(source)
            continue
        summary.files += 1
        if not isinstance(source, SourceFile):
            manifests.append(manifest.read(*source))
            continue
        reason = manifest.chart_reason(source.name)
        if reason is not None:
            summary.skipped.append(Skipped(source.name, reason))
            continue
        try:
            manifests.append(manifest.read(source.name, read_source(source, request.stdin)))
        except UnreadableFile as error:
            summary.skipped.append(Skipped(source.name, f"unreadable: {error}"))
    return manifests


def _not_served(schemas: Schemas) -> Callable[[str, str], str | None]:
    """Return a function that says why no cluster serves an apiVersion and kind, None where one does, or might."""

    def why(api_version: str, kind: str) -> str | None:
        reason = client_side(api_version, kind)
        if reason is not None or is_group_like(api_version) or judge(api_version, kind, schemas.version, schemas):
            return reason
        return f"no API of a cluster ({api_version})"

    return why


def _kustomizations(manifests: Iterable[Manifest]) -> Kustomizations:
    """Return the kustomizations among the files, and those around them that may name them as patches."""
    around = Kustomizations()
    files = set()
    folders = set()
    for one in manifests:
        files.add(os.path.normpath(one.file))
        folders.add(os.path.dirname(one.file))
        if one.kustomization is not None:
            around.add(one.kustomization)
    for file in _unread_kustomizations(folders, files):
        try:
            with open(file, "rb") as content:
                extra = manifest.read(file, content.read(1_000_000))
        except OSError:
            continue
        if extra.kustomization is not None:
            around.add(extra.kustomization)
    return around


def _unread_kustomizations(folders: Iterable[str], read: set[str]) -> Iterator[str]:
    looked: set[str] = set()
    for folder in sorted(folders):
        here = folder
        for _ in range(_KUSTOMIZATIONS_ABOVE + 1):
            if here in looked:
                break
            looked.add(here)
            for name in kustomizations.FILE_NAMES:
                file = os.path.normpath(os.path.join(here, name))
                if file not in read and os.path.isfile(file):
                    yield file
            if not here or os.path.dirname(here) == here:
                break
            here = os.path.dirname(here)


def _reading_finding(one: Manifest, problem: Problem, severity: Severity) -> Finding:
    related: tuple[RelatedPlace, ...] = ()
    if problem.related is not None:
        start, end, message = problem.related
        related = (RelatedPlace(one.file, one.text.span(start, end), message),)
    span = one.text.span(problem.start, problem.end)
    obj = one.object_at(span.line)
    return Finding(
        rule=problem.rule,
        severity=severity,
        message=problem.message,
        remediation=problem.remediation,
        file=one.file,
        span=span,
        object=obj.ref if obj is not None else None,
        related=related,
    )


def _validate(
    request: Request, validation: Validation, objects: list[Object], findings: list[Finding], summary: Summary
) -> list[Object]:
    """Hold objects against the schemas; return them without those that turn out to be patches."""
    kept = []
    for number, obj in enumerate(objects):
        _tell(request, "validating", number, len(objects))
        judged = validation.judge(obj)
        if judged.incomplete and manifest.looks_like_patch(obj.file):
            reason = "kustomize patch by its name, and not a complete object"
            summary.skipped.append(Skipped(obj.file, reason, obj.line))
            continue
        kept.append(obj)
        findings.extend(judged.findings)
        summary.not_validated += not judged.validated
    return kept


def _schema_finding(broken: Broken, severity: Severity) -> Finding:
    return Finding(broken.rule, severity, broken.message, broken.remediation, broken.file, broken.span)


def _rule_findings(
    request: Request,
    objects: list[Object],
    wanted: Wanted,
    around: Kustomizations,
    declared: Declared,
    catalogue: Catalogue,
) -> Iterator[Finding]:
    if not objects:
        return
    from kube_audit.engine.admission import RULE as ADMISSION_RULE
    from kube_audit.engine.admission import Admission
    from kube_audit.engine.elements import ElementSource
    from kube_audit.engine.related import Related
    from kube_audit.engine.run import Engine
    from kube_audit.relations import Relations

    relations = Relations(objects, around, declared)
    source = ElementSource(Related(relations), request.kubernetes_version)
    engine = Engine(request.rules, source, request.params)
    admission = None
    if any(rule.id == ADMISSION_RULE for rule in request.rules):
        admission = Admission(catalogue.of_profile, source, request.kubernetes_version)
    for number, obj in enumerate(objects):
        _tell(request, "auditing", number, len(objects))
        if not wanted.object(obj):
            continue
        try:
            yield from engine.findings(obj)
            if admission is not None:
                yield from admission.findings(obj)
        except Exception as error:  # a defect of ours must not cost the findings on all other objects
            yield Finding(
                rule="rule-error",
                severity="info",
                message=f"the rules could not be run on this object: {type(error).__name__}: {error}",
                remediation="This is a defect of kube-audit, not of the manifest; please report it.",
                file=obj.file,
                span=obj.place(()),
                object=obj.ref,
            )


def _silence(
    findings: list[Finding],
    manifests: Iterable[Manifest],
    objects: list[Object],
    around: Kustomizations,
    wanted: Wanted,
    active: dict[str, Rule],
    request: Request,
    catalogue: Catalogue,
) -> list[Finding]:
    """Mark what comments, annotations and the configuration silence, and tell which of these do nothing."""
    known, equivalents = frozenset(catalogue.rules), catalogue.equivalents()
    asked = (one for one in manifests if request.only is None or one.file in request.only)
    silencers = [silencer for one in asked for silencer in suppressions.in_manifest(one, known, equivalents)]
    findings = suppressions.apply(findings, silencers)
    rule = active.get(suppressions.UNUSED)
    if rule is not None:
        by_file = {one.file: one.objects for one in manifests}
        judged = (one for one in silencers if wanted.silencer(one, by_file[one.file]))
        findings.extend(suppressions.unused(judged, frozenset(active), rule.severity))
    if request.config.overrides:
        overrides = Overrides(request.config.overrides, objects, date.today(), around)
        findings = [overrides.apply(finding) for finding in findings]
        if rule is not None and wanted.everything:
            findings.extend(overrides.unused(rule.severity, active, request.roots))
    return findings


def _tell(request: Request, stage: str, done: int, total: int) -> None:
    if request.progress is not None and done % 16 == 0:
        request.progress(stage, done, total)
