"""YAML read as Kubernetes does: data, positions, problems, and nothing lost beside a broken document."""

from __future__ import annotations

import json
import shutil
import subprocess
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kube_audit.findings import Span
from kube_audit.manifests.document import Document
from kube_audit.manifests.objects import Object, objects, without_nulls
from kube_audit.manifests.text import Text, decode
from kube_audit.manifests.yaml import documents
from tests.corpus import corpus_files, needs_corpus


def read(text: str) -> list[Document]:
    return list(documents(Text(text)))


def data(text: str) -> Any:
    (document,) = read(text)
    assert not document.problems
    return document.data


def problems(text: str) -> list[tuple[str, int, int]]:
    """Return (rule, line, column) of everything that is wrong with a text."""
    content = Text(text)
    return [(p.rule, *content.position(p.start)) for document in documents(content) for p in document.problems]


def test_merge_keys_override_what_stands_before_them_as_in_kubectl() -> None:
    text = "base: &b {a: 1, b: 2}\nbefore: {a: 9, <<: *b}\nafter: {<<: *b, a: 9}\n"
    assert data(text) == {"base": {"a": 1, "b": 2}, "before": {"a": 1, "b": 2}, "after": {"a": 9, "b": 2}}


def test_of_several_merged_mappings_the_first_wins() -> None:
    assert data("a: &a {x: 1}\nb: &b {x: 2, z: 3}\nc:\n  <<: [*a, *b]\n")["c"] == {"x": 1, "z": 3}


def test_an_anchor_may_be_used_twice_and_the_later_one_wins() -> None:
    assert data("a: &x 1\nb: &x 2\nc: *x\n")["c"] == 2


def test_keys_are_strings() -> None:
    assert data("{1: a, true: b, 1.5: c, 0x10: d}") == {"1": "a", "true": "b", "1.5": "c", "16": "d"}


def test_unknown_tags_are_ignored() -> None:
    assert data("a: !Ref Name\nb: !Sub {c: d}\n") == {"a": "Name", "b": {"c": "d"}}


def test_what_libyaml_refuses_and_kubernetes_reads() -> None:
    assert data("addresses: [1.2.3.4, 001:db8::]\n") == {"addresses": ["1.2.3.4", "001:db8::"]}


def test_empty_documents_are_left_out() -> None:
    assert read("") == []
    assert read("# only a comment\n---\n---\n") == []


def test_duplicate_keys_are_told_with_both_places() -> None:
    content = Text("spec:\n  a: 1\n  b: 2\n  a: 3\n")
    (document,) = documents(content)
    (problem,) = document.problems
    assert document.data == {"spec": {"a": 3, "b": 2}}
    assert (problem.rule, content.position(problem.start)) == ("yaml-duplicate-key", (4, 3))
    assert problem.related is not None
    assert content.position(problem.related[0]) == (2, 3)


def test_duplicates_are_compared_as_kubernetes_reads_them() -> None:
    assert problems('{1: a, "1": b}') == [("yaml-duplicate-key", 1, 8)]


def test_an_override_of_a_merged_key_is_no_duplicate() -> None:
    assert problems("a: &a {x: 1}\nb: {<<: *a, x: 2}\n") == []


def test_two_objects_without_a_separator_are_one_problem_at_the_second_one() -> None:
    text = "apiVersion: v1\nkind: A\nmetadata: {}\napiVersion: v1\nkind: B\nmetadata: {}\n"
    content = Text(text)
    found = [p for document in documents(content) for p in document.problems]
    assert [content.position(p.start) for p in found] == [(4, 1)]
    assert "`---`" in found[0].remediation


def test_a_broken_document_hides_no_other() -> None:
    text = "a: 1\n---\nb: [1\n---\nc: 3\n"
    found = read(text)
    assert [document.data for document in found] == [{"a": 1}, None, {"c": 3}]
    assert problems(text) == [("yaml-syntax", 3, 5)]


@pytest.mark.parametrize(
    ("text", "line", "column", "word"),
    [
        ("a:\n\tb: 1\n", 2, 1, "tab"),
        ("a: b: c\n", 1, 5, "colon"),
        ("a: 'open\n", 1, 4, "quote"),
        ("a: 1\n b: 2\n", 2, 3, "key"),
        ("a: @x\n", 1, 4, "`@`"),
        ("a: \x00\n", 1, 4, "NUL"),
        ("a: \x01\n", 1, 4, "control character"),
        ("a: *nowhere\n", 1, 4, "anchor"),
        ("a: &a [*a]\n", 1, 8, "contains itself"),
        ("{[1]: 2}\n", 1, 2, "key"),
        ("a: {null: 1}\n", 1, 5, "key"),
        ("a: .nan\n", 1, 4, "JSON"),
    ],
)
def test_mistakes_are_told_where_they_are_in_plain_words(text: str, line: int, column: int, word: str) -> None:
    content = Text(text)
    problem = next(p for document in documents(content) for p in document.problems)
    assert problem.rule == "yaml-syntax"
    assert word in f"{problem.message} {problem.remediation}"
    assert content.position(problem.start)[0] == line
    if column:
        assert abs(content.position(problem.start)[1] - column) <= 5


@pytest.mark.parametrize("merged", ["*gone", "[*gone, *lost]", "[x, *gone]", "x", "[x, {a: b}]"])
def test_what_cannot_be_merged_is_told_once(merged: str) -> None:
    (document,) = read(f"a:\n  <<: {merged}\n")
    said = ["has no anchor" in problem.message for problem in document.problems]
    assert said == [True] * merged.count("*") or (said == [False] and "*" not in merged)


def test_alias_bombs_are_refused_quickly() -> None:
    lines = ["a: &a [x,x,x,x,x,x,x,x,x]"]
    for before, name in zip("abcdefgh", "bcdefghi", strict=True):
        lines.append(f"{name}: &{name} [{','.join([f'*{before}'] * 9)}]")
    assert [rule for rule, _, _ in problems("\n".join(lines))] == ["yaml-syntax"]


@pytest.mark.parametrize(
    ("long", "times", "fits"),
    [
        (50, 20, True),  # small documents may repeat nearly all that they hold
        (1000, 50, True),
        (1000, 390, False),  # 400,000 values, 99.7 of 100 of them by repetition
        (400_000, 1, True),
        (400_000, 9, False),  # four million values, nine of ten by repetition
    ],
)
def test_aliases_may_stand_for_as_much_as_kubernetes_allows(long: int, times: int, fits: bool) -> None:
    (document,) = read("a: &a [" + "x," * long + "x]\nb: [" + "*a, " * times + "x]\n")
    assert document.readable is fits


def test_merge_bombs_are_refused_before_they_take_room() -> None:
    keys = "".join(f"  k{n}: v\n" for n in range(5000))
    text = f"a: &a\n{keys}b:\n" + "- <<: *a\n" * 5000
    tracemalloc.start()
    (document,) = read(text)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert not document.readable
    assert ["copy more than 200000 keys" in problem.message for problem in document.problems] == [True]
    assert most < 50_000_000


def test_deep_nesting_is_refused_without_a_crash() -> None:
    assert [rule for rule, _, _ in problems("[" * 10_000 + "]" * 10_000)] == ["yaml-syntax"]
    assert problems("\n".join(" " * n + "a:" for n in range(2_000)))[0][0] == "yaml-syntax"


def object_of(text: str) -> Object:
    (document,) = read(text)
    (obj,) = objects("x.yaml", document)
    return obj


POD = """\
apiVersion: v1
kind: Pod
metadata:
  name: "web"
spec:
  containers:
  - name: app
    image: nginx
    resources:
      limits: {cpu: 1}
    env:
    - {name: A, value: "x"}
"""


@pytest.mark.parametrize(
    ("path", "span"),
    [
        ((), Span(2, 1, 2, 10)),
        (("metadata", "name"), Span(4, 9, 4, 14)),
        (("spec", "containers", 0), Span(7, 5, 7, 14)),
        (("spec", "containers", 0, "image"), Span(8, 12, 8, 17)),
        (("spec", "containers", 0, "resources", "limits"), Span(10, 7, 10, 13)),
        (("spec", "containers", 0, "resources", "limits", "cpu"), Span(10, 21, 10, 22)),
        (("spec", "containers", 0, "resources", "requests", "cpu"), Span(9, 5, 9, 14)),
        (("spec", "containers", 0, "livenessProbe"), Span(7, 5, 7, 14)),
        (("spec", "containers", 0, "env", 0, "value"), Span(12, 24, 12, 27)),
        (("spec", "hostNetwork"), Span(5, 1, 5, 5)),
        (("status",), Span(2, 1, 2, 10)),
    ],
)
def test_places_are_exact_and_absent_things_are_shown_by_the_nearest_above(path: Any, span: Span) -> None:
    assert object_of(POD).place(path) == span


def test_places_of_merged_and_aliased_parts_are_at_their_anchor() -> None:
    text = (
        "apiVersion: v1\nkind: Pod\nx: &x\n  cpu: 1\nmetadata: {name: a}\n"
        "spec:\n  limits: *x\n  requests:\n    <<: *x\n    memory: 2\n"
    )
    obj = object_of(text)
    assert obj.place(("spec", "limits", "cpu")).line == 4
    assert obj.place(("spec", "requests", "cpu")).line == 4
    assert obj.place(("spec", "requests", "memory")).line == 10


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_lines_and_columns_hold_for_every_kind_of_line_end(newline: str) -> None:
    raw = b"\xef\xbb\xbf" + POD.replace("\n", newline).encode()
    text, bad = decode(raw)
    assert bad is None
    (document,) = documents(text)
    (obj,) = objects("x.yaml", document)
    assert obj.place(("spec", "containers", 0, "image")) == Span(8, 12, 8, 17)
    assert obj.place(("apiVersion",)) == Span(1, 13, 1, 15)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_other_unicode_encodings_are_read_by_their_mark(encoding: str) -> None:
    bom = {"utf-16-le": b"\xff\xfe", "utf-16-be": b"\xfe\xff"}.get(encoding, b"")
    text, bad = decode(bom + POD.encode(encoding))
    assert bad is None
    assert text.content == POD


def test_bad_bytes_are_told_and_the_rest_is_read() -> None:
    text, bad = decode(b"a: 1\nb: \xff\xfe\nc: 3\n")
    assert bad is not None
    assert text.position(bad.offset) == (2, 4)
    assert next(documents(text)).data["c"] == 3


def test_items_of_lists_are_objects_with_their_own_places() -> None:
    text = (
        "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Pod\n  metadata: {name: a}\n- {}\n"
        "- apiVersion: rbac.authorization.k8s.io/v1\n  kind: RoleList\n  items:\n  - metadata: {name: b}\n"
    )
    (document,) = read(text)
    found = list(objects("x.yaml", document))
    assert [(obj.kind, obj.name, obj.line) for obj in found] == [("Pod", "a", 5), ("Role", "b", 11)]


@given(st.text(max_size=200))
def test_no_text_crashes_the_reader(text: str) -> None:
    for document in documents(Text(text)):
        for obj in objects("x.yaml", document):
            obj.place(("spec",))


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(st.characters(codec="utf-8"), max_size=20),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
        max_leaves=20,
    )
)
@example("x\x85y\u2028\u2029")  # YAML folds these as line breaks
def test_json_is_read_as_json(value: Any) -> None:
    text = json.dumps({"a": value}, ensure_ascii=False)
    found = read(text)
    if any(document.problems for document in found):  # control characters that YAML knows only as escapes
        assert any(not char.isprintable() for char in text)
    else:
        assert found[0].data == {"a": value}


@needs_corpus
@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not here")
def test_data_is_what_kubectl_reads_in_every_corpus_file_that_it_accepts(tmp_path: Path) -> None:
    def kubectl(file: Path) -> tuple[Path, Any]:
        command = ["kubectl", "annotate", "--local", "-f", str(file), "x=y", "-o", "json"]
        done = subprocess.run(command, capture_output=True, env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"})
        return file, _stream(done.stdout.decode()) if done.returncode == 0 else None

    with ThreadPoolExecutor(2) as pool:
        compared = [pair for pair in pool.map(kubectl, corpus_files()) if pair[1] is not None]
    assert len(compared) > 200
    for file, wanted in compared:
        text, _ = decode(file.read_bytes())
        read_here = [
            _annotated(obj.data) for document in documents(text) for obj in objects(file.name, document) if obj.name
        ]
        assert [x for x in read_here if x in wanted] == read_here, file
        assert len(read_here) == len(wanted), file


def _stream(text: str) -> list[Any]:
    """Return the objects of concatenated JSON, Lists taken apart, null values left out."""
    decoder, at, found = json.JSONDecoder(), 0, []
    while at < len(text.rstrip()):
        value, at = decoder.raw_decode(text, at)
        value = without_nulls(value)
        found += [
            obj
            for obj in (value["items"] if value["kind"] == "List" else [value])
            if obj.get("apiVersion") and _name(obj)
        ]
        at += len(text[at:]) - len(text[at:].lstrip())
    return found


def _name(obj: dict[str, Any]) -> str | None:
    metadata = obj["metadata"]
    name: str | None = metadata.get("name") or metadata.get("generateName")
    return name


def _annotated(obj: dict[str, Any]) -> Any:
    """Return an object with the annotation that kubectl was asked to add, and no empty namespace, which it drops."""
    metadata = {key: value for key, value in obj["metadata"].items() if (key, value) != ("namespace", "")}
    metadata["annotations"] = {**(metadata.get("annotations") or {}), "x": "y"}
    return {**obj, "metadata": metadata}
