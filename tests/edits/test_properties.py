"""Any patch on any manifest changes exactly what it says: on real manifests, and on generated ones."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kube_audit import patches as data_patches
from kube_audit.edits.plan import same
from kube_audit.findings import AuditResult, Finding, Patch
from kube_audit.fixes import apply, fix_file, unified_diff
from kube_audit.manifests.manifest import Manifest
from kube_audit.manifests.objects import Object
from kube_audit.manifests.text import Text
from kube_audit.manifests.yaml import documents
from tests.corpus import CORPUS, corpus_files, needs_corpus
from tests.edits.support import finding, read
from tests.edits.wild import manifest, some_data
from tests.support import audit_texts

VALUES: tuple[Any, ...] = (
    *(True, 3, 1.5, None, "", "x", "yes", "1", "a: b", "# no", "two words", "l1\nl2", "\u2028\x07'\"é", {}, []),
    *({"a": 1}, {"a": {"b": ["c", {"d": 1, "e": [2]}]}}, ["ALL"], [{"x": 1, "y": 2}], [["x"]]),
)


def paths(data: Any, at: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    yield at, data
    for step, below in data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ():
        yield from paths(below, (*at, step))


def some_patch(random: Random, data: Any) -> Patch:
    """Set something new, replace, remove or rename something, anywhere but where it is said what the object is."""
    places = [(path, value) for path, value in paths(data) if path[:1] not in ((), ("apiVersion",), ("kind",))]
    path, value = random.choice(places or [(("spec",), None)])
    if isinstance(value, dict) and random.random() < 0.5:
        new = [random.choice(("newKey", "example.com/x", "true", "1")) for _ in range(random.choice((1, 1, 2)))]
        return Patch("set", (*path, *new), random.choice(VALUES))
    if isinstance(path[-1], str) and random.random() < 0.4:
        return Patch("remove", path)
    if isinstance(path[-1], str) and random.random() < 0.4:
        return Patch("rename", path, random.choice(("newKey", "example.com/x", "true", "1")))
    return Patch("set", path, random.choice(VALUES))


def comments(text: str) -> Counter[str]:
    """The whole-line comments of a text, with those that are lines of a block of text."""
    return Counter(line.strip() for line in re.split(r"\r\n|\r|\n", text) if line.lstrip().startswith("#"))


def lines_of(obj: Object, patch: Patch) -> tuple[int, int]:
    """Where a patch may change the file: the lines of what it names, or of the nearest thing above it that is there.

    For a removal, these are the lines of what holds the thing, which may have to be written as empty.
    """
    document, nodes = obj.document, obj.document.nodes
    path = (*obj.base, *patch.path)
    trail = nodes.walk(document.root, path[: len(path) - (patch.action == "remove")])
    key, node = trail[-1] if trail else (None, document.root)
    first = nodes.start[node if key is None else key]
    if key is None and trail:  # an item's dash may stand on a line above it
        above = trail[-2][1] if len(trail) > 1 else document.root
        before = [other for other in nodes.items(above) if other < node]
        first = nodes.end[nodes.last(before[-1])] if before else nodes.start[above]
    start = max(nodes.text.rfind("\n", 0, first), nodes.text.rfind("\r", 0, first))
    line_end = re.compile(r"[\r\n]|\Z").search(nodes.text, nodes.end[node])
    assert line_end is not None
    return document.offset + max(start - 1, 0), document.offset + line_end.end()


def check_only_patched(one: Manifest, obj: Object, patch: Patch) -> bool:
    """Hold one patch against its definition in data; return whether it was made."""
    before = one.text.content
    fix = fix_file(one, [finding(obj, patch)])
    if not fix.made:
        assert fix.after == before
        assert fix.refused
        return False
    number = one.documents.index(obj.document)
    changed = list(documents(Text(fix.after)))
    assert len(changed) == len(one.documents)
    for index, (old, new) in enumerate(zip(one.documents, changed, strict=True)):
        made = Patch(patch.action, (*obj.base, *patch.path), patch.value)
        expected = data_patches.apply(old.data, [made]) if index == number else old.data
        assert same(new.data, expected)
    start, end = lines_of(obj, patch)
    assert all(start <= edit.start and edit.end <= end for edit in fix.edits)
    if all(edit.start == edit.end for edit in fix.edits):
        assert not comments(before) - comments(fix.after)
    if not obj.base:
        reread = read(fix.after, one.file)
        for again in reread.objects:
            if again.ref == obj.ref and reread.documents.index(again.document) == number:
                assert not fix_file(reread, [finding(again, patch)]).changed
    return True


def as_json(text: str) -> str:
    return json.dumps(next(iter(documents(Text(text)))).data, indent=2)


LAYOUTS: dict[str, Callable[[str], str]] = {
    "as it is": lambda text: text,
    "CRLF": lambda text: re.sub(r"\r\n|\r|\n", "\r\n", text),
    "CR": lambda text: re.sub(r"\r\n|\r|\n", "\r", text),
    "no final line end": str.rstrip,
    "JSON": as_json,
}


@needs_corpus
@pytest.mark.parametrize("layout", LAYOUTS)
def test_on_real_manifests_any_patch_changes_exactly_what_it_says(layout: str) -> None:
    random = Random(layout)
    made = tried = 0
    for file in corpus_files():
        one = read(file.read_bytes(), str(file))
        if not one.objects or len(one.text.content) > 30_000 or not all(d.readable for d in one.documents):
            continue
        one = read(LAYOUTS[layout](one.text.content), str(file))
        for _ in range(2 if one.objects else 0):
            obj = random.choice(one.objects)
            tried += 1
            made += check_only_patched(one, obj, some_patch(random, obj.data))
    assert tried > 500
    assert made > 0.9 * tried


@settings(max_examples=400, deadline=None)
@given(st.integers(min_value=0, max_value=2**40))
def test_on_any_manifest_any_patch_changes_exactly_what_it_says(seed: int) -> None:
    random = Random(seed)
    names = random.choice((["web"], ["web", "api"]))
    head = {"apiVersion": "v1", "kind": "Pod"}
    one = read(manifest(random, [{**head, "metadata": {"name": n}, "spec": some_data(random) or {}} for n in names]))
    for obj in one.objects:
        check_only_patched(one, obj, some_patch(random, obj.data))


def as_they_are(files: dict[str, bytes]) -> dict[str, bytes]:
    return files


def written_wildly(files: dict[str, bytes]) -> dict[str, bytes]:
    """Some of the files' objects, in every form that YAML allows."""
    random = Random(5)
    read_files = [read(content, name) for name, content in list(files.items())[::3] if len(content) < 20_000]
    objects = [[obj.data for obj in one.objects[:3]] for one in read_files if one.objects and not one.problems]
    return {f"{n}/wild.yaml": manifest(random, data).encode() for n, data in enumerate(objects)}


@needs_corpus
@pytest.mark.parametrize(("given_files", "enough"), [(as_they_are, 1000), (written_wildly, 300)])
def test_fixing_all_that_is_found_on_real_manifests_mends_it_and_breaks_nothing(
    given_files: Callable[[dict[str, bytes]], dict[str, bytes]], enough: int
) -> None:
    files = given_files(
        {str(file.relative_to(CORPUS)): file.read_bytes() for file in corpus_files() if file.stat().st_size < 10**6}
    )
    result = audit_texts(dict(files), profile="all")
    wanted: dict[str, list[Finding]] = {}
    for found in result.findings:
        if found.patches:
            wanted.setdefault(found.file, []).append(found)
    fixes = {}
    for file, findings in wanted.items():
        one = read(files[file], file)
        fixes[file] = fix = fix_file(one, findings)
        assert len(fix.made) + len(fix.refused) == len(findings)
        assert apply(fix.before, fix.edits) == fix.after
        if all(edit.start == edit.end for edit in fix.edits):
            assert not comments(fix.before) - comments(fix.after)
        again = read(fix.after, file)
        expected = zip(again.documents, patched_data(one, fix.made), strict=True)
        assert all(same(document.data, data) for document, data in expected)
        assert not fix_file(again, fix.made).changed
    made, refused = sum(len(fix.made) for fix in fixes.values()), sum(len(fix.refused) for fix in fixes.values())
    assert made > enough
    assert refused < 0.1 * made
    mended = audit_texts({**files, **{file: fix.after.encode() for file, fix in fixes.items()}}, profile="all")
    left = Counter(about(f) for f in mended.findings)
    before = Counter(about(f) for f in result.findings)
    for fix in fixes.values():
        for key, count in Counter(about(f) for f in fix.made).items():
            assert left[key] <= before[key] - count, key
    # Nothing was known of an old API version; the new one has a schema, which may have something to say.
    moved = {file for file, fix in fixes.items() if any(renames(f) for f in fix.made)}
    assert not [file for file in errors(mended) - errors(result) if file not in moved]


def patched_data(one: Manifest, made: list[Finding]) -> list[Any]:
    """The data of a file's documents with patches made, by their definition in data alone."""
    wanted: dict[int, list[Patch]] = {}
    for found in made:
        obj = next(o for o in one.objects if o.ref == found.object and o.lines[0] <= found.span.line <= o.lines[1])
        patches = [Patch(patch.action, (*obj.base, *patch.path), patch.value) for patch in found.patches]
        wanted.setdefault(id(obj.document), []).extend(patches)
    return [data_patches.apply(document.data, wanted.get(id(document), ())) for document in one.documents]


def about(found: Finding) -> tuple[object, ...]:
    return (found.file, found.rule, found.object, found.path, found.message)


def renames(found: Finding) -> bool:
    return any(patch.path in (("apiVersion",), ("kind",)) for patch in found.patches)


def errors(result: AuditResult) -> Counter[str]:
    """How many errors of syntax and schema each file has."""
    return Counter(f.file for f in result.findings if f.rule.startswith(("schema-", "yaml-")))


@needs_corpus
@pytest.mark.skipif(shutil.which("patch") is None, reason="the program patch is not here")
def test_diffs_of_real_manifests_are_understood_by_patch(tmp_path: Path) -> None:
    random = Random(1)
    for file in corpus_files()[::5]:
        raw = file.read_bytes()
        one = read(raw, "a.yaml")
        if not one.objects or raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
            continue
        objects = random.sample(one.objects, min(3, len(one.objects)))
        fix = fix_file(one, [finding(obj, some_patch(random, obj.data)) for obj in objects])
        if fix.changed:
            target = tmp_path / "a.yaml"
            target.write_bytes(fix.before.encode())
            diff = unified_diff(fix, color=False).encode()
            subprocess.run(["patch", "-p1", "--binary", "-s"], cwd=tmp_path, input=diff, check=True)
            assert target.read_bytes().decode() == fix.after
