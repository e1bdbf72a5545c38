"""`kube-audit check --fix` and `--diff`: make the fixes of an audit's findings in the files, or only show them."""

from __future__ import annotations

import sys
from collections import defaultdict
from pathlib import Path

from kube_audit.findings import AuditResult, Finding
from kube_audit.fixes import FileFix, Refused, fix_file, unified_diff, write
from kube_audit.manifests.text import decode
from kube_audit.sources.files import STDIN


def fixes(result: AuditResult, *, unsafe: bool) -> list[FileFix]:
    """Return what fixing each file comes to: safe fixes, with `unsafe` those too that may change behaviour."""
    wanted: dict[str, list[Finding]] = defaultdict(list)
    for finding in result.findings:
        if finding.suppressed is None and (finding.fix == "safe" or (unsafe and finding.fix == "unsafe")):
            wanted[finding.file].append(finding)
    return [fix_file(one, wanted[one.file]) for one in result.manifests if one.file in wanted]


def show(all_fixes: list[FileFix], *, color: bool) -> bool:
    """Print the fixes as a diff, and tell what cannot be fixed; return whether anything would change."""
    for fix in all_fixes:
        sys.stdout.write(unified_diff(fix, color))
    _tell_refused(all_fixes)
    count = sum(len(fix.made) for fix in all_fixes)
    files = sum(fix.changed for fix in all_fixes)
    print(f"kube-audit: {_count(count, 'fix')} in {_count(files, 'file')} would be made", file=sys.stderr)
    return files > 0


def make(all_fixes: list[FileFix]) -> bool:
    """Write the fixed files; return whether anything was written. What could not be is told."""
    written, count = 0, 0
    for fix in all_fixes:
        if not fix.changed:
            continue
        path = Path(fix.file)
        try:
            if fix.file == STDIN:
                raise Refused("standard input is no file; take the change from --diff")
            raw = path.read_bytes()
            if decode(raw)[0].content != fix.before:
                raise Refused("the file has changed since it was read; run again")
            write(path, raw, fix.after)
        except (OSError, Refused) as error:
            print(f"kube-audit: {fix.file}: not fixed: {error}", file=sys.stderr)
            continue
        written += 1
        count += len(fix.made)
    _tell_refused(all_fixes)
    if written:
        print(f"kube-audit: {_count(count, 'fix')} made in {_count(written, 'file')}", file=sys.stderr)
    return written > 0


def _tell_refused(all_fixes: list[FileFix]) -> None:
    for fix in all_fixes:
        for finding, why in fix.refused:
            print(f"kube-audit: {fix.file}:{finding.span.line}: {finding.rule} not fixed: {why}", file=sys.stderr)


def _count(number: int, noun: str) -> str:
    plural = noun + ("es" if noun.endswith("x") else "s")
    return f"{number} {noun if number == 1 else plural}"
