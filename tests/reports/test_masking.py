"""What a report may quote: no value of a Secret, no credential that was found, the rest as it is."""

from __future__ import annotations

import io
import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from kube_audit.findings import Finding, ObjectRef, Span
from kube_audit.reports.masking import masked_source

SECRET = ObjectRef("v1", "Secret", None, "db")
WORKLOAD = ObjectRef("apps/v1", "Deployment", None, "web")
CONFIG = ObjectRef("v1", "ConfigMap", None, "settings")


def quoted(text: str, about: ObjectRef | None, *credentials: Finding) -> str:
    source = masked_source(text, credentials)
    return "\n".join(source.line(number, about) for number in range(1, len(source.lines) + 1))


def credential(
    line: int, column: int, end_column: int, about: ObjectRef = WORKLOAD, end_line: int | None = None
) -> Finding:
    where = Span(line, column, end_line or line, end_column)
    return Finding("secret-literal-in-env", "error", "", "", "x.yaml", where, object=about)


def test_a_secret_shows_its_keys_and_metadata_but_no_value() -> None:
    text = """\
apiVersion: v1
kind: Secret
metadata:
  name: db
  labels:
    app: shop
type: Opaque
data:
  password: aHVudGVyMg==
stringData:
  "user": admin
  config.yaml: |
    password: hunter2
    plain line
  name: hunter2"""
    assert (
        quoted(text, SECRET)
        == """\
apiVersion: v1
kind: Secret
metadata:
  name: db
  labels:
    app: shop
type: Opaque
data:
  password: *****
stringData:
  "user": *****
  config.yaml: *****
    *****
    *****
  name: *****"""
    )


@pytest.mark.parametrize(
    "text",
    [
        '{"apiVersion": "v1", "kind": "Secret", "data": {"password": "hunter2"}}',
        'kind: Secret\n"metadata": {"name": "db"}, "data": {"password": "hunter2"}',
        '{\n  "kind": "Secret",\n  "stringData": {\n    "password": "hunter2"\n  }\n}',
        "kind: Secret\n# the password is hunter2",
        "kind: Secret\ndata: {password: hunter2}",
        "kind: Secret\nstringData:\n  ? password\n  : hunter2",
        "kind: Secret\nstringData:\n  key: 'first\nhunter2'",
        "kind: Secret\nstringData:\n  key: >-\n    metadata:\n      name: hunter2",
        "kind: Secret\nmetadata:\n  annotations:\n    kubectl.kubernetes.io/last-applied-configuration: |\n"
        '      {"data": {"password": "hunter2"}}',
        "apiVersion: v1\nkind: List\nitems:\n- kind: Secret\n  data:\n    name: hunter2\n- kind: Secret",
        "kind: Secret\npassword: hunter2",
        "kind: Secret\n\tdata: hunter2",
        "apiVersion: v1\nkind: Secret\ndata:\n  a: hunter2\ndata:\n  b: x",
        "x: &p hunter2\napiVersion: v1\nkind: Secret\ndata: {a: *p}\n",
        "apiVersion: v1\nkind: !!str Secret\ndata: &d\n  a: hunter2\nstringData: *d",
        "spec:\n  manifest:\n    kind: Secret\n    stringData:\n      a: hunter2",
        "a: b\r---\rkind: Secret\rdata:\r  a: hunter2",
        "%YAML 1.1\n---\nkind: Secret\ndata:\n  a: hunter2",
        '"kind": |-\n  Secret\n"data":\n  "a": |\n    hunter2:\n',
        "kind: >-\n  Secret\ndata:\n  a: |\n    hunter2:\n",
        'kind: "\\u0053ecret"\ndata:\n  a: hunter2',
        '{"k\\u0069nd": "\\u0053ecret", "data": {"a": "hunter2"}}',
        "kind: !!binary U2VjcmV0\ndata:\n  a: hunter2",
        "x: &k kind\n*k : Secret\ndata:\n  a: hunter2",
        "? kind # the kind\n: &s Secret\ndata:\n  a: hunter2",
        "x: &k {kind: Secret}\n<<: *k\ndata:\n  a: hunter2",
        "x: &d\n  data: {a: hunter2}\nkind: Secret\n<<: [*d]",
        "x: &p [hunter2]\ny: &q [*p]\nkind: Secret\ndata:\n  a: *q",
        "x: &p {a: hunter2}\nkind: Secret\nmetadata: {name: a, annotations: {<<: *p}}",
        "kind: Secret\nmetadata: hunter2",
        "kind: Secret\ntype: {data: hunter2}",
        "kind: Secret\ntype: |\n  hunter2",
        "apiVersion: v1\nkind: SecretList\nitems:\n- metadata: {name: a}\n  data:\n    name: hunter2",
        "kind: Secret\nkind: ConfigMap\ndata:\n  a: hunter2",
        "kind: Secret\nstringData:\n  a: |\n    hunter2:\n  b: [",
        "kind:\n  Secret\nstringData:\n\ta: |\n    name: hunter2\n    hunter2: b",
        "kind: ConfigMap\ndata:\n  secret.yaml: |\n    kind: Secret\n    stringData:\n      a: hunter2",
        'kind: ConfigMap\ndata:\n  secret.json: "{\\"kind\\":\\"Secret\\",\\"data\\":{\\"a\\":\\"hunter2\\"}}"',
    ],
)
def test_no_way_of_writing_a_secret_shows_its_value(text: str) -> None:
    assert "hunter2" not in quoted(text, SECRET)
    assert "hunter2" not in quoted(text, None)


def test_a_reference_to_a_secret_is_no_secret() -> None:
    text = "spec:\n  valuesFrom:\n  - kind: Secret\n    name: db"
    assert quoted(text, WORKLOAD) == text


VALUES = st.text(st.sampled_from("ab:-#'\"{}[]|> \n\t"), max_size=30).map(lambda text: f"{text}hunter2{text}")
KEYS = st.sampled_from(["name", "type", "kind", "metadata", "data", "a.b", "x y", "apiVersion", "items"])


@given(
    st.sampled_from(["data", "stringData"]),
    st.dictionaries(KEYS, VALUES, min_size=1, max_size=4),
    st.sampled_from([None, True, False]),
    st.integers(20, 200),
    st.sampled_from([None, '"', "'", "|", ">"]),
    st.booleans(),
)
def test_however_a_secret_is_laid_out_no_value_is_shown(
    section: str, values: dict[str, str], flow: bool | None, width: int, style: str | None, in_list: bool
) -> None:
    secret: object = {"apiVersion": "v1", section: values, "kind": "Secret", "metadata": {"name": "db"}}
    writer: Any = YAML(typ="safe", pure=True)
    writer.default_flow_style, writer.width, writer.default_style = flow, width, style
    out = io.StringIO()
    writer.dump({"kind": "List", "items": [secret]} if in_list else secret, out)
    assert "hunter2" not in quoted(out.getvalue(), SECRET)
    assert "hunter2" not in quoted(json.dumps(secret, indent=width % 4 or None), SECRET)


def test_a_file_that_cannot_be_parsed_shows_no_value_of_its_secret() -> None:
    text = "kind: ConfigMap\n---\nkind: Secret\ndata:\n  password: a: hunter2\n  broken"
    assert "hunter2" not in quoted(text, None)
    assert quoted(text, None).startswith("kind: ConfigMap\n---\nkind: Secret\n")


def test_beside_a_secret_in_a_list_another_object_is_shown() -> None:
    text = "kind: List\nitems:\n- kind: Secret\n  data:\n    p: hunter2\n- kind: Deployment\n  spec:\n    replicas: 1"
    shown = quoted(text, WORKLOAD)
    assert "hunter2" not in shown
    assert shown.endswith("- kind: Deployment\n  spec:\n    replicas: 1")


ENVIRONMENT = """\
        env:
        - name: DB_PASSWORD
          value: "correct-horse-1"
        - name: COPY
          value: correct-horse-1
        - name: MODE
          value: production
        image: postgres:12"""


@pytest.mark.parametrize(
    "found",
    [
        credential(3, 18, 35),
        credential(3, 11, 16),
        credential(2, 17, 28),
        credential(2, 11, 35, end_line=3),
    ],
    ids=["the value", "its key", "the variable's name", "the whole variable"],
)
def test_a_credential_is_masked_wherever_the_finding_points(found: Finding) -> None:
    assert quoted(ENVIRONMENT, WORKLOAD, found).splitlines() == [
        "        env:",
        "        - name: DB_PASSWORD",
        '          value: "cor*****',
        "        - name: COPY",
        "          value: cor*****",
        "        - name: MODE",
        "          value: production",
        "        image: postgres:12",
    ]


def test_the_frames_of_other_findings_mask_it_too() -> None:
    source = masked_source(ENVIRONMENT, [credential(3, 18, 35)])
    assert source.line(3, CONFIG) == '          value: "cor*****'


def test_a_short_credential_shows_no_character() -> None:
    assert quoted("- name: PIN\n  value: 1234", WORKLOAD, credential(2, 10, 14)).endswith("value: 1*****")
    assert quoted("- name: PIN\n  value: 123", WORKLOAD, credential(2, 10, 13)).endswith("value: *****")


def test_a_credential_in_a_configmap_is_masked_with_every_line_of_its_block() -> None:
    text = "data:\n  key: |\n    -----BEGIN KEY-----\n    MIIEvQIBADANB\n  mode: fast"
    expected = "data:\n  key: *****\n    -----BEGIN"
    shown = quoted(text, CONFIG, credential(2, 3, 6, CONFIG))
    assert "MIIEvQIBADANB" not in shown
    assert shown.endswith("\n  mode: fast")
    assert not shown.startswith(expected)


def test_a_credential_among_arguments_is_masked() -> None:
    text = "args:\n- --user=web\n- --password=correct-horse-1"
    assert quoted(text, WORKLOAD, credential(3, 3, 29)).splitlines()[1:] == ["- --user=web", "- --p*****"]


def test_without_a_finding_telling_names_and_addresses_are_masked_all_the_same() -> None:
    text = """\
- name: API_TOKEN
  value: abcdefghijkl
- value: abcdefghijkl
  name: API_TOKEN
- {name: API_TOKEN, value: abcdefghijkl}
- name: URL
  value: postgres://web:hunter2@db:5432/shop
automountServiceAccountToken: false
secretName: db"""
    assert quoted(text, WORKLOAD).splitlines() == [
        "- name: API_TOKEN",
        "  value: abc*****",
        "- value: abc*****",
        "  name: API_TOKEN",
        "- {name: API_TOKEN, value: abc*****",
        "- name: URL",
        "  value: postgres://web:*****@db:5432/shop",
        "automountServiceAccountToken: false",
        "secretName: db",
    ]


@pytest.mark.parametrize("text", ["a: b\r\nc: d", "a: b\rc: d", "\ufeffa: b\nc: d"])
def test_lines_are_counted_as_yaml_counts_them(text: str) -> None:
    assert masked_source(text, ()).lines == ["a: b", "c: d"]


@pytest.mark.parametrize(
    "line",
    [
        "a" + " " * 200_000,
        " " * 200_000,
        "- " * 100_000,
        '"' + "a" * 200_000,
        "://" * 70_000,
        "name: " * 40_000,
        "name:" + " " * 200_000,
        "data" + " " * 200_000,
        "name: x, " * 30_000,
        "kind:!" * 60_000,
        "# kind\n" * 60_000,
        "kind " * 60_000 + ":",
        'kind: "\\' * 60_000,
        "*a kind: &a " * 30_000,
        "kind: !!a " * 30_000,
    ],
    ids=[
        "blanks",
        "indent",
        "dashes",
        "quote",
        "addresses",
        "names",
        "name",
        "data",
        "pairs",
        "kinds",
        "comments",
        "spaced kinds",
        "escapes",
        "aliases",
        "tags",
    ],
)
def test_a_hostile_line_takes_no_time(line: str) -> None:
    source = masked_source(f"kind: Secret\n{line}\n---\n{line}\nvalue: x", [credential(4, 1, 3)])
    began = time.perf_counter()
    for about in (SECRET, WORKLOAD, None):
        for number in range(1, 6):
            source.line(number, about)
    assert time.perf_counter() - began < 2
