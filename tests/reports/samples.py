"""Small audit results made by hand, and the ways to write them that the report tests share."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from kube_audit import reports
from kube_audit.findings import AuditResult, Finding, ObjectRef, RuleDoc, Severity, Span, Summary

WEB = ObjectRef("apps/v1", "Deployment", "shop", "web")
SHOP = "deploy/shop.yaml"
SHOP_TEXT = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  namespace: shop
spec:
  template:
    spec:
      containers:
        - name: web
          image: nginx:latest
        - name: logs
          image: fluentd:latest
"""

DOCS = {
    doc.id: doc
    for doc in (
        RuleDoc(
            "image-tag-latest",
            "Image without a fixed version",
            "images",
            "warning",
            "The tag `latest` moves.\n\nNobody knows what runs.",
            "Name a version.",
            ("https://kubernetes.io/docs/concepts/containers/images/",),
            {"kube-linter": ("latest-tag",)},
        ),
        RuleDoc(
            "secret-literal-in-env",
            "Credential in plain text",
            "secrets",
            "error",
            "Everybody who reads the manifest knows it.",
            "Move it into a Secret.",
            security_severity=8.0,
        ),
        RuleDoc("naked-pod", "Pod that nobody restarts", "availability", "info", "It is gone then.", "Use a Job."),
        RuleDoc("yaml-syntax", "File that is no YAML", "schema-api", "error", "It cannot be read.", "Mend it."),
    )
}


def span(line: int, column: int, length: int) -> Span:
    return Span(line, column, line, column + length)


def latest(container: str, line: int, length: int, **more: Any) -> Finding:
    """A finding of image-tag-latest at column 18 of SHOP."""
    given: dict[str, Any] = {
        "rule": "image-tag-latest",
        "severity": "warning",
        "message": f"container {container} runs an image without a fixed version",
        "remediation": "Name the version that you tested.",
        "file": SHOP,
        "span": span(line, 18, length),
        "path": ("spec", "template", "spec", "containers", 1 if container == "logs" else 0, "image"),
        "object": WEB,
        "container": container,
    }
    return Finding(**{**given, **more})


def result(*findings: Finding, texts: dict[str, str] | None = None, **summary: Any) -> AuditResult:
    counts = Summary()
    for name, value in {"files": 1, "audited": 1, "objects": 1, "seconds": 0.25, **summary}.items():
        setattr(counts, name, value)
    return AuditResult(
        findings=sorted(findings, key=lambda finding: finding.sort_key),
        summary=counts,
        kubernetes_version="1.34",
        profile="default",
        rules=tuple(sorted(DOCS)),
        source=({SHOP: SHOP_TEXT} if texts is None else texts).get,
        rule_docs=DOCS.__getitem__,
    )


def written(
    format: str, audited: AuditResult, severity: Severity | None = None, encoding: str = "utf-8", **options: Any
) -> str:
    """Write a report to a stream of that encoding and return its text."""
    raw = io.BytesIO()
    out = io.TextIOWrapper(raw, encoding=encoding, newline="")
    asked = reports.Options(severity or reports.FORMATS[format].severity, root=Path("/repo"), **options)
    reports.write(format, audited, out, asked)
    out.flush()
    return raw.getvalue().decode(encoding)
