"""Sizes that Kubernetes limits: annotations, and objects that `kubectl apply` copies into one."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from kube_audit.engine.checks.metadata import json_size, too_large
from kube_audit.engine.elements import Element
from kube_audit.manifests.manifest import read
from kube_audit.manifests.objects import objects

_KIB = 1024


def _found(text: str) -> list[dict[str, Any]]:
    document = read("a.yaml", text.encode()).documents[0]
    obj = next(iter(objects("a.yaml", document)))
    element = Element(obj, obj.data, (), None, None, None, {}, {})
    return [dict(hit.found) for hit in too_large(element, {})]


def _with_annotation(size: int) -> str:
    return f"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n  annotations:\n    k: {'x' * size}\n"


def test_annotations_may_have_256_kib_with_their_keys() -> None:
    assert all(found["works"] for found in _found(_with_annotation(256 * _KIB - 1)))
    (found,) = _found(_with_annotation(256 * _KIB))
    assert "262145 bytes" in found["problem"]
    assert not found["works"]


def test_an_object_that_apply_cannot_copy_is_told_with_its_size() -> None:
    (found,) = _found(f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a}}\ndata: {{k: {'x' * 270_000}}}\n")
    assert "kubectl apply" in found["problem"]
    assert found["works"]


def test_an_object_of_common_size_is_left_alone() -> None:
    assert _found(f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a}}\ndata: {{k: {'x' * 200_000}}}\n") == []


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(alphabet='ab"\\\n'),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(alphabet="ab"), inner, max_size=4),
)


@given(_JSON)
def test_sizes_are_those_of_compact_json_or_barely_more(data: Any) -> None:
    exact = len(json.dumps(data, separators=(",", ":"), ensure_ascii=False).encode())
    assert exact <= json_size(data) <= 2 * exact + 2


def test_parts_that_aliases_share_are_counted_each_time_without_walking_them_each_time() -> None:
    data: Any = "x" * 10
    for _ in range(60):
        data = [data, data]
    assert json_size(data) > 2**60
