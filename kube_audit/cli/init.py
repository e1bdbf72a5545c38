"""`kube-audit init`: a first configuration, for what a folder holds or from what another tool was told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kube_audit import config
from kube_audit.cli.errors import CannotRun
from kube_audit.files import write_atomically
from kube_audit.findings import AuditResult
from kube_audit.manifests.objects import Object, mapping
from kube_audit.suggestions import scalar

if TYPE_CHECKING:
    from kube_audit.engine.catalogue import Catalogue
    from kube_audit.manifests.manifest import Manifest

_SCHEMA_FILE = ".kube-audit.schema.json"
_BASELINE = ".kube-audit-baseline.json"
_HEAD = f"""\
# What kube-audit checks here. `kube-audit config show` prints what it comes to; every line may be left out.
#
# For completion in editors: kube-audit config schema > {_SCHEMA_FILE}, and this as the first line:
# # yaml-language-server: $schema={_SCHEMA_FILE}
"""
_TEMPLATE = """\

profile: default          # default, strict, schema, pss-baseline, pss-restricted, cis, all

# Version of the cluster that these manifests are for; the newest that is known if left out.
# kubernetes-version: "{version}"

# Rules that are off, or of another severity; `kube-audit rules show ID` explains one.
# rules:
{rules}
# Decisions about some files or objects, with the reason.
# overrides:
# - paths: [{folder}]
#   rules: {{{noisiest}: off}}
#   reason: moves to the new platform
#   until: "2030-01-31"

{workloads}# What exists although no file here makes it; references to it are right.
# external:
{external}
# Folders with the CustomResourceDefinitions of custom resources, besides those among the audited files.
# schema-folders: [crds]

# Findings that are known and do not count yet: kube-audit check --write-baseline {baseline}
# baseline: {baseline}
"""
_NOISIEST = 5
_EXTERNAL = 8
_DEEPEST_TEMPLATE = 5


def init(folder: Path, *, force: bool, foreign: Path | None) -> None:
    """Write a commented configuration that fits what a folder holds, or that another tool's comes to."""
    file = folder / config.FILE_NAMES[0]
    if file.exists() and not force:
        raise CannotRun(f"{file} is there already; --force writes a new one")
    content = _HEAD + (_fitting(folder) if foreign is None else _carried_over(foreign))
    try:
        write_atomically(file, content.encode())
    except OSError as error:
        raise CannotRun(f"{file} cannot be written: {error.strerror}") from error
    lost = content.count("\n# Not carried over: ")
    told = f" {lost} things could not be carried over; it says which." if lost else ""
    click.echo(f"{file} is written.{told} Next: kube-audit check {folder}")


def _fitting(folder: Path) -> str:
    from kube_audit import audit
    from kube_audit.engine import catalogue
    from kube_audit.sources.files import find
    from kube_audit.validation.definitions import newest_version

    known = catalogue.load()
    request = audit.Request(list(find([str(folder)], Path.cwd())), known.choose("default", [], []), newest_version())
    result = audit.run(request, known)
    rules = _noisiest(result, known)
    return _TEMPLATE.format(
        version=newest_version(),
        rules="".join(f"#   {rule}: off    # {told}\n" for rule, told in rules),
        noisiest=rules[0][0],
        folder=_noisiest_folder(result, folder),
        workloads=_workloads(one for manifest in result.manifests for one in manifest.objects),
        external="".join(_external(result.manifests)),
        baseline=_BASELINE,
    )


def _noisiest(result: AuditResult, known: Catalogue) -> list[tuple[str, str]]:
    """Return the rules with most warnings, with what they say and how often. Errors are to be mended."""
    counts = Counter(finding.rule for finding in result.findings if finding.severity == "warning")
    if not counts:
        return [("naked-pod", known.doc("naked-pod").title)]
    order = sorted(counts, key=lambda rule: (-counts[rule], rule))[:_NOISIEST]
    titles = {rule: known.doc(rule).title if rule in known.rules else rule for rule in order}
    return [(rule, f"{counts[rule]} now: {titles[rule]}") for rule in order]


def _noisiest_folder(result: AuditResult, folder: Path) -> str:
    """Return the folder below the audited one with most findings, as a pattern."""
    counts: Counter[str] = Counter()
    for finding in result.findings:
        path = Path(finding.file)
        inner = (
            path.absolute().relative_to(folder.absolute())
            if path.absolute().is_relative_to(folder.absolute())
            else path
        )
        if len(inner.parts) > 1:
            counts[inner.parts[0]] += 1
    return scalar(f"{counts.most_common(1)[0][0]}/") if counts else "legacy/"


def _workloads(objects: Iterable[Object]) -> str:
    """Return the custom kinds that hold pod templates, ready to be used."""
    from kube_audit.engine.scopes import is_kubernetes_group, pod_of

    found: dict[str, str] = {}
    for obj in objects:
        if not is_kubernetes_group(obj.group) and pod_of(obj) is None and (path := _pod_template(obj.data)):
            found.setdefault(f"{obj.kind}.{obj.group}", path)
    lines = [f"# - kind: {kind}\n#   pod-template: {path}\n" for kind, path in sorted(found.items())]
    if not lines:
        return ""
    head = "# Custom kinds that make pods, as it seems: rules for pods and containers would hold for them too.\n"
    return head + "# workloads:\n" + "".join(lines) + "\n"


def _pod_template(data: Any, path: tuple[str, ...] = ()) -> str | None:
    """Return the path of what looks like a pod template: metadata and a spec with containers that have an image."""
    containers = mapping(mapping(data).get("spec")).get("containers")
    if path and isinstance(containers, list) and containers and all("image" in mapping(one) for one in containers):
        return ".".join(path)
    if len(path) == _DEEPEST_TEMPLATE:
        return None
    below = (_pod_template(value, (*path, key)) for key, value in mapping(data).items() if key.isalnum())
    return next((found for found in below if found), None)


def _external(manifests: Iterable[Manifest]) -> Iterator[str]:
    """Yield entries for what is referred to and made by none of the objects and kustomizations."""
    from kube_audit.engine.verdicts import judge
    from kube_audit.manifests.kustomizations import Kustomizations
    from kube_audit.relations import Relations

    around = Kustomizations()
    objects: list[Object] = []
    for manifest in manifests:
        objects += manifest.objects
        if manifest.kustomization is not None:
            around.add(manifest.kustomization)
    relations = Relations(objects, around)
    counts: Counter[tuple[str, str]] = Counter()
    for obj in objects:
        for reference in relations.references(obj):
            if judge(relations, obj, reference, lambda number: {})[0]["verdict"] in ("missing", "unknown"):
                counts[reference.kind, reference.name] += 1
    for kind, name in sorted(counts, key=lambda key: (-counts[key], key))[:_EXTERNAL]:
        told = f"{_times(counts[kind, name])} here, and defined nowhere"
        yield f"# - kind: {scalar(kind)}\n#   name: {scalar(name)}    # {told}\n"
    if not counts:
        yield "# - kind: Secret\n#   name: tls-*\n#   reason: made by cert-manager\n"


def _times(count: int) -> str:
    return "named once" if count == 1 else f"named {count} times"


def _carried_over(file: Path) -> str:
    """Return a configuration made of another tool's, with what could not be carried over as comments."""
    from kube_audit.engine import catalogue
    from kube_audit.foreign_config import ForeignConfigError, read
    from kube_audit.manifests.text import decode
    from kube_audit.manifests.yaml import documents

    try:
        text, _ = decode(file.read_bytes())
    except OSError as error:
        raise CannotRun(f"{file} cannot be read: {error.strerror}") from error
    found = list(documents(text))
    data = found[0].data if found and found[0].readable else None
    try:
        made = read(str(file), text.content, data, catalogue.load().equivalents())
    except ForeignConfigError as error:
        raise CannotRun(str(error)) from error
    lines = ["", f"# Carried over from {made.tool}: {_in_comment(file.name)}"]
    lines += [f"# Not carried over: {_in_comment(what)}" for what in made.lost]
    lines += [f"{key}: {scalar(value)}" for key, value in made.values.items()]
    if made.rules:
        lines += ["rules:", *(f"  {rule}: {to}" for rule, to in sorted(made.rules.items()))]
    overrides = list(made.overrides)
    if made.ignored_paths:
        reason = f"left out in {made.tool}"
        overrides.insert(0, {"paths": made.ignored_paths, "rules": {"*": "off"}, "reason": reason})
    if overrides:
        lines.append("overrides:")
    for override in overrides:
        for number, (key, value) in enumerate(override.items()):
            if isinstance(value, list):
                written = f"[{', '.join(scalar(entry) for entry in value)}]"
            elif isinstance(value, dict):
                written = "{" + ", ".join(f"{scalar(k)}: {v}" for k, v in value.items()) + "}"
            else:
                written = scalar(value)
            lines.append(f"{'- ' if number == 0 else '  '}{key}: {written}")
    return "\n".join(lines) + "\n"


def _in_comment(text: str) -> str:
    """Return a text on one line, without signs that end one."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
