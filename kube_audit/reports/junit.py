"""The report for dashboards of test results: JUnit XML, as Jenkins, GitLab and Azure Pipelines read it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TextIO

from kube_audit.findings import AuditResult, Finding, at_least
from kube_audit.records import NamedTuple
from kube_audit.reports import Options, listed, rule_doc
from kube_audit.reports.plain import about, block, in_checkout, one_line, told
from kube_audit.reports.xml import HEAD, content, element


class _Case(NamedTuple):
    """One test: a rule held against an object."""

    name: str
    subject: str
    findings: list[Finding]

    @property
    def failed(self) -> list[Finding]:
        """Findings that make the test fail: a mere hint does not, nor does what is suppressed."""
        return [f for f in self.findings if f.suppressed is None and at_least(f.severity, "warning")]

    @property
    def skipped(self) -> bool:
        """Whether all that the test found is suppressed."""
        return all(finding.suppressed is not None for finding in self.findings)


def write(result: AuditResult, out: TextIO, options: Options) -> None:
    """Write a suite for each file with a test for each rule and object, and one of the rules that found nothing.

    A file with objects that were judged, and in which nothing was found, hidden findings included, is a suite with
    one test that passes.
    Errors and warnings fail a test, infos are output of one that passes, and suppressed findings skip it. There are
    no times in it. Names of tests hold no line, so that a test is the same one from run to run.
    """
    suites: dict[str, dict[tuple[str, str], list[Finding]]] = {}
    for finding in listed(result, options):
        subject = one_line(str(finding.object)) if finding.object else "the file itself"
        suites.setdefault(finding.file, {}).setdefault((subject, finding.rule), []).append(finding)
    silent = sorted(set(result.rules) - {finding.rule for finding in result.findings})
    cases = {
        file: [
            _Case(f"{rule}: {rule_doc(result, rule).title}", subject, found) for (subject, rule), found in by.items()
        ]
        for file, by in suites.items()
    }
    judged = {
        one.file for one in result.manifests if one.objects and (result.judged is None or one.file in result.judged)
    }
    spotless = judged - {finding.file for finding in result.findings}
    every = [case for listed_cases in cases.values() for case in listed_cases]
    counts = _counts(every, len(spotless) + len(silent))
    del counts["skipped"]  # which Jenkins' schema has for suites alone
    out.write(HEAD + element("testsuites", {"name": "kube-audit", **counts}) + "\n")
    for file in sorted({*cases, *spotless}):
        name = in_checkout(file, options.root)
        if file in spotless:
            out.write(element("testsuite", {"name": name, **_counts((), 1)}) + "\n")
            passed = {"name": "no findings", "classname": "the file itself", "file": name}
            out.write(element("testcase", {**passed}, empty=True) + "\n</testsuite>\n")
            continue
        in_file = cases[file]
        out.write(element("testsuite", {"name": name, **_counts(in_file)}) + "\n")
        out.writelines(line + "\n" for case in in_file for line in _case(case, name))
        out.write("</testsuite>\n")
    if silent:
        out.write(element("testsuite", {"name": "rules that found nothing", **_counts((), len(silent))}) + "\n")
        for rule in silent:
            attributes = {"name": f"{rule}: {rule_doc(result, rule).title}", "classname": "all files"}
            out.write(element("testcase", {**attributes}, empty=True) + "\n")
        out.write("</testsuite>\n")
    out.write("</testsuites>\n")


def _counts(cases: Iterable[_Case], passed: int = 0) -> dict[str, object]:
    cases = list(cases)
    return {
        "tests": len(cases) + passed,
        "failures": sum(1 for case in cases if case.failed),
        "errors": 0,
        "skipped": sum(1 for case in cases if case.skipped),
    }


def _case(case: _Case, file: str) -> Iterable[str]:
    """Yield a test's lines. `file` is there for GitLab, which shows it."""
    yield element("testcase", {"name": case.name, "classname": case.subject, "file": file})
    if case.skipped:
        reasons = {_suppression(finding): None for finding in case.findings}
        yield element("skipped", {"message": "; ".join(reasons)}, empty=True)
    elif case.failed:
        message = case.failed[0].message
        if len(case.failed) > 1:
            message += f" (and {len(case.failed) - 1} more)"
        worst = "error" if any(finding.severity == "error" for finding in case.failed) else "warning"
        failure = element("failure", {"type": worst, "message": message})
        yield failure + content("\n\n".join(_text(finding, file) for finding in case.failed)) + "</failure>"
    else:
        hints = [finding for finding in case.findings if finding.suppressed is None]
        yield "<system-out>" + content("\n\n".join(_text(finding, file) for finding in hints)) + "</system-out>"
    yield "</testcase>"


def _suppression(finding: Finding) -> str:
    """Say by what a finding is suppressed, and why if that was said."""
    if finding.suppressed is None:
        return ""
    reason = f": {finding.suppressed.reason}" if finding.suppressed.reason else ""
    return f"suppressed by {finding.suppressed.kind}{reason}"


def _text(finding: Finding, file: str) -> str:
    place = f"{file}:{finding.span.line}:{finding.span.column}: {finding.severity}: {about(finding)}"
    suggestion = ["", *("    " + line for line in block(finding.suggestion).split("\n"))] if finding.suggestion else []
    return "\n".join([place, *told(finding), *suggestion])
