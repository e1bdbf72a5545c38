"""A rule's documentation as a Markdown page: the same text in docs/rules/ and in `kube-audit rules show`."""

from __future__ import annotations

import json
from typing import Any

_SELF = {"object": "the whole object", "pod": "each pod or pod template", "container": "each container"}


def page(content: dict[str, Any]) -> str:
    """Return the page of a rule, made of its file's content."""
    parts = [f"# {content['id']}", f"{content['title']}.", _facts(content)]
    parts += ["## Why", content["rationale"].strip(), "## What to do", content["remediation"].strip()]
    parts += _fix(content)
    parts += _params(content.get("params", {}))
    parts += _examples(content["examples"])
    if "notes" in content:
        parts += ["## Notes", content["notes"].strip()]
    parts += _names("## The same check elsewhere", content.get("equivalents", {}))
    parts += _names("## In frameworks", content.get("frameworks", {}))
    parts += ["## References", "\n".join(f"- <{url}>" for url in content["references"])]
    return "\n\n".join(parts) + "\n"


def _facts(content: dict[str, Any]) -> str:
    looks_at = _SELF[content.get("scope", "object")]
    if "kinds" in content:
        looks_at += f" of {', '.join(content['kinds'])}"
    if "containers" in content:
        looks_at += f" ({', '.join(content['containers'])})"
    rows = [
        ("Severity", _severity(content)),
        ("Category", content["category"]),
        ("Profiles", ", ".join([*content["profiles"], *([] if "optional" in content["profiles"] else ["all"])])),
        ("Looks at", looks_at),
        ("Fix", _fix_kind(content)),
    ]
    return "| | |\n|---|---|\n" + "\n".join(f"| {name} | {value} |" for name, value in rows)


def _severity(content: dict[str, Any]) -> str:
    others = sorted({case["severity"] for case in content.get("severity_when", ())} - {content["severity"]})
    severity: str = content["severity"]
    return f"{severity}; in some cases {', '.join(others)}" if others else severity


def _fix_kind(content: dict[str, Any]) -> str:
    fix = content.get("fix")
    if fix is None:
        return "depends on what is wrong; the finding says it" if content.get("stage") == "validation" else "by hand"
    return "safe" if fix["safe"] else "unsafe: running workloads may behave differently"


def _fix(content: dict[str, Any]) -> list[str]:
    fix = content.get("fix")
    if fix is None:
        return []
    changes = [f"sets `{path}`" for path in fix.get("set", {})] + [
        f"removes `{path}`" for path in fix.get("remove", ())
    ]
    return [f"The fix {' and '.join(changes)}."]


def _params(params: dict[str, Any]) -> list[str]:
    if not params:
        return []
    lines = [f"- `{name}` (default `{json.dumps(p['default'])}`): {p['description']}" for name, p in params.items()]
    return ["## Parameters", "\n".join(lines)]


def _examples(examples: list[dict[str, Any]]) -> list[str]:
    parts = []
    for heading, field in (("## Fails", "fails"), ("## Passes", "passes")):
        shown = [example for example in examples if field in example][:2]
        if shown:
            parts.append(heading)
        for example in shown:
            parts.append(_yaml(example[field]))
            if "fixed" in example:
                parts += ["After the fix:", _yaml(example["fixed"].replace("  # finding", ""))]
    return parts


def _yaml(text: str) -> str:
    return f"```yaml\n{text.strip()}\n```"


def _names(heading: str, names: dict[str, list[str]]) -> list[str]:
    if not names:
        return []
    return [heading, "\n".join(f"- {name}: {', '.join(f'`{i}`' for i in ids)}" for name, ids in sorted(names.items()))]
