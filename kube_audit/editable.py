"""Whether an object's text is one that people edit: no template, nothing generated."""

from __future__ import annotations

import re

from kube_audit.manifests.objects import Object
from kube_audit.patterns import lazily

_GENERATED = lazily(
    r"do not (?:edit|modify|change)\b|\bgenerated (?:by|from|with|using|automatically)\b|@generated\b"
    r"|\b(?:code|auto|automatically)[ -]?generated\b",
    re.IGNORECASE,
)
_CHART_SOURCE = lazily(r"#\s*Source: (\S+/templates/\S+)")
_COMMENT_LINES = lazily(r"(?:[ \t]*(?:#[^\r\n]*|---[^\r\n]*|%[^\r\n]*)?(?:\r\n|\r|\n))*")
_DOCUMENT_START = lazily(r"^---", re.M)
_HEAD = 4000
"""Characters before an object in which a comment may say that it is generated."""


def why_not_edited(obj: Object) -> str | None:
    """Say why an object's text is not for people to edit: a template, or a generated file."""
    document = obj.document
    nodes = document.nodes
    trail = nodes.walk(document.root, obj.base)
    item = trail[-1][1] if trail else document.root
    if document.joined_at is not None:
        return "two objects stand in one document; put a line with `---` between them first"
    if "�" in document.text.content:
        return "the file holds bytes that are no text in its encoding"
    if (at := nodes.text.find("{{", nodes.start[item], nodes.end[item])) >= 0:
        line = document.text.position(document.offset + at)[0]
        return f"it is a template, or holds one (`{{{{` on line {line}); change it by hand"
    content = document.text.content
    start = document.offset + nodes.start[document.root]
    above = content[max(0, start - _HEAD) : start]
    separators = list(_DOCUMENT_START.finditer(above))
    above = above[separators[-1].start() if separators else 0 :]
    head = _COMMENT_LINES.match(content[:_HEAD])
    for comment_line in ((head.group() if head else "") + "\n" + above).splitlines():
        _, sign, words = comment_line.partition("#")
        comment = sign + words
        if source := _CHART_SOURCE.search(comment):
            return f"it was rendered from the Helm template {source.group(1)}; fix it there"
        if _GENERATED.search(comment):
            return f"the file is generated (`{comment.strip()[:80]}`); fix what it is generated from"
    return None
