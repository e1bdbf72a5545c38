"""What is written where: patches in every form that YAML and JSON have, to the exact text."""

from __future__ import annotations

import json
from typing import Any

import pytest

from kube_audit import patches as data_patches
from kube_audit.findings import Patch
from kube_audit.fixes import fix_file
from tests.edits.support import HEAD, after, finding, fixed, read, refusal, remove, rename, same_but, set_

POD = (
    HEAD
    + """\
spec:
  # what runs
  containers:
    - name: web  # the server
      image: 'nginx:1.27'
      ports: [{containerPort: 80}]

    # beside it
    - name: log
      image: "busybox"
      command:
        - sh
        - -c
        - |
          echo "a:  b"
          # no comment

# the end
"""
)


def test_a_new_key_follows_the_last_one_before_the_blank_lines_and_comments_of_what_comes_next() -> None:
    assert after(POD, set_("spec.containers[0].securityContext.privileged", False)) == same_but(
        POD,
        (
            "[{containerPort: 80}]\n",
            "[{containerPort: 80}]\n      securityContext:\n        privileged: false\n",
        ),
    )


def test_a_key_gets_another_name_and_nothing_else_changes() -> None:
    assert after(POD, rename("spec.containers[0].image", "img")) == same_but(POD, ("image: 'nginx", "img: 'nginx"))
    assert after(POD, rename("spec.containers[0].ports[0].containerPort", "port")) == same_but(
        POD, ("{containerPort: 80}", "{port: 80}")
    )
    assert after(POD, rename("spec.containers[1].command", "args")) == same_but(POD, ("command:\n", "args:\n"))


def test_a_renamed_key_keeps_its_quotes() -> None:
    text = HEAD + "spec: {\"hostname\": a, 'subdomain': b, hostPID: true}\n"
    wanted = same_but(text, ('"hostname"', '"x"'), ("'subdomain'", "'y'"), ("hostPID", '"a: b"'))
    assert (
        after(text, rename("spec.hostname", "x"), rename("spec.subdomain", "y"), rename("spec.hostPID", "a: b"))
        == wanted
    )
    as_json = '{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}, "spec": {"host": 1}}\n'
    assert after(as_json, rename("spec.host", "hostname")) == same_but(as_json, ('"host"', '"hostname"'))


def test_what_stands_below_a_renamed_key_changes_with_it() -> None:
    below = (set_("spec.containers[0].ports[0].protocol", "TCP"), remove("spec.containers[0].ports[0].containerPort"))
    wanted = same_but(POD, ("ports: [{containerPort: 80}]", "open: [{protocol: TCP}]"))
    assert after(POD, rename("spec.containers[0].ports", "open"), *below) == wanted
    assert after(POD, *below, rename("spec.containers[0].ports", "open")) == wanted
    for other in (remove("spec.containers[0].ports"), set_("spec.containers[0].ports", [])):
        refused = fixed(POD, rename("spec.containers[0].ports", "open"), other).refused
        assert ["wants something else" in reason for _, reason in refused] == [True]


def test_a_name_that_is_taken_or_a_key_in_another_form_is_not_renamed() -> None:
    assert "is there already" in refusal(POD, rename("spec.containers[0].image", "name"))
    assert (
        "wants something else"
        in fixed(POD, rename("spec.containers[0].image", "x"), rename("spec.containers[0].image", "y")).refused[0][1]
    )
    for key in ("&a host", "!!str host", '"h\\x6fst"', "? host\n  "):
        assert "written in a form" in refusal(HEAD + f"spec:\n  {key}: x\n", rename("spec.host", "hostname"))
    merged = HEAD + "other: &o {host: x}\nspec:\n  <<: *o\n  a: b\n"
    assert "comes from" in refusal(merged, rename("spec.host", "hostname"))


def test_a_new_key_after_a_block_of_text_stays_out_of_it() -> None:
    assert after(POD, set_("spec.containers[1].tty", True)) == same_but(
        POD, ("# no comment\n", "# no comment\n      tty: true\n")
    )


def test_fixes_of_one_object_are_made_together_and_new_mappings_are_shared() -> None:
    wanted = after(
        POD,
        set_("spec.containers[0].securityContext.privileged", False),
        set_("spec.containers[0].securityContext.capabilities.drop", ["ALL"]),
        set_("spec.containers[0].securityContext.privileged", False),
        set_("spec.hostPID", False),
    )
    assert wanted == same_but(
        POD,
        (
            "[{containerPort: 80}]\n",
            "[{containerPort: 80}]\n"
            "      securityContext:\n"
            "        privileged: false\n"
            "        capabilities:\n"
            "          drop:\n"
            "            - ALL\n",
        ),
        ("# no comment\n", "# no comment\n  hostPID: false\n"),
    )


@pytest.mark.parametrize(
    ("style", "wanted"),
    [
        ("spec:\n  containers:\n  - name: a\n", "  securityContext:\n    drop:\n    - ALL\n"),
        ("spec:\n  containers:\n    - name: a\n", "  securityContext:\n    drop:\n      - ALL\n"),
        ("spec:\n    containers:\n    - name: a\n", "    securityContext:\n        drop:\n        - ALL\n"),
        ("spec:\n      containers: []\n", "      securityContext:\n            drop:\n            - ALL\n"),
        ("spec: {}\n", None),
    ],
)
def test_indentation_and_list_style_are_learned_from_the_object(style: str, wanted: str | None) -> None:
    text = HEAD + style
    expected = text + wanted if wanted else HEAD + "spec: {securityContext: {drop: [ALL]}}\n"
    assert after(text, set_("spec.securityContext.drop", ["ALL"])) == expected


def test_an_object_without_style_of_its_own_takes_that_of_the_file() -> None:
    other = "---\napiVersion: v1\nkind: Pod\nmetadata:\n    name: b\nspec:\n    containers:\n    - name: c\n"
    text = "apiVersion: v1\nkind: Pod\n"
    assert after(text + other, set_("spec.hosts", ["a"])) == text + "spec:\n    hosts:\n    - a\n" + other


@pytest.mark.parametrize(
    ("beside", "before", "wanted"),
    [
        ("resources: {limits: {cpu: 1}}", "securityContext: {} # later", "securityContext: {a: false} # later"),
        ("resources:\n    limits: {cpu: 1}", "securityContext: {} # later", "securityContext: # later\n    a: false"),
        ("resources:\n    limits: {cpu: 1}", "securityContext:  # later", "securityContext:  # later\n    a: false"),
        ("resources:\n    limits: {cpu: 1}", "securityContext: null", "securityContext:\n    a: false"),
        ("resources: {limits: {cpu: 1}}", "securityContext:", "securityContext: {a: false}"),
        ("nodeName: a", "securityContext: {}", "securityContext:\n    a: false"),
    ],
)
def test_an_empty_mapping_is_filled_as_its_neighbours_are_written(beside: str, before: str, wanted: str) -> None:
    text = "apiVersion: v1\nkind: Pod\nspec:\n  " + beside + "\n  "
    assert after(f"{text}{before}\n", set_("spec.securityContext.a", False)) == f"{text}{wanted}\n"


@pytest.mark.parametrize(
    ("before", "wanted"),
    [
        ("a: {x: 1}", "a: {x: 1, new: 2}"),
        ("a: { x: 1 }", "a: { x: 1, new: 2 }"),
        ("a: {x: 1,}", "a: {x: 1, new: 2,}"),
        ("a: {x: 1,  # one\n    z: 3}  # end", "a: {x: 1,  # one\n    z: 3, new: 2}  # end"),
        ("a: {\n    x: 1\n  }", "a: {\n    x: 1,\n    new: 2\n  }"),
        ("a: {\n    x: 1  # one\n  }", "a: {\n    x: 1,  # one\n    new: 2\n  }"),
        ("a: {\n    x: 1,  # one\n  }", "a: {\n    x: 1,  # one\n    new: 2,\n  }"),
        ("a: {x, z: }", "a: {x, z: , new: 2}"),
        ('a: {"x": 1}', 'a: {"x": 1, "new": 2}'),
        ("a: &anchor {x: 1}", "a: &anchor {x: 1, new: 2}"),
        ("a: &anchor\n    x: 1", "a: &anchor\n    x: 1\n    new: 2"),
        ("a: !!map\n    x: 1", "a: !!map\n    x: 1\n    new: 2"),
        ("a:\n    x: 1\n    <<: {z: 1}", "a:\n    x: 1\n    <<: {z: 1}\n    new: 2"),
    ],
)
def test_a_mapping_takes_a_new_key_in_its_own_form(before: str, wanted: str) -> None:
    text = HEAD + "spec:\n  "
    assert after(f"{text}{before}\n", set_("spec.a.new", 2)) == f"{text}{wanted}\n"


@pytest.mark.parametrize(
    ("spelt", "value", "wanted"),
    [
        ("Always", "Never", "Never"),
        ("Always", "on", '"on"'),
        ("Always", "8080", '"8080"'),
        ("Always", "", '""'),
        ("Always", "two words", "two words"),
        ("Always", "key: value", '"key: value"'),
        ("Always", "no # comment", '"no # comment"'),
        ("Always", "*", '"*"'),
        ("Always", "a\nb", '"a\\nb"'),
        ("Always", "bell \x07 and \u2028", '"bell \\u0007 and \\u2028"'),
        ("'nginx'", "it's", "'it''s'"),
        ("'nginx'", 8080, "8080"),
        ('"nginx"', 'say "x"', '"say \\"x\\""'),
        ('"yes"', True, "true"),
        ("1.5  # c", 2, "2  # c"),
        ("~", "x", "x"),
        ("|-\n    one\n    two", "three", "three"),
        (">+\n    one\n\n\n  # comment", "three", "three\n  # comment"),
        ("one\n    two  # c", "three", "three  # c"),
        ("\n    text", "x", "\n    x"),
        ("[a, b]", "x", "x"),
        ("  # c\n    - a\n    - b", "x", " x  # c"),
        ("x  # c", {"k": {"l": 1}}, "  # c\n    k:\n      l: 1"),
        ("x", [{"k": 1, "l": 2}, [3]], "\n  - k: 1\n    l: 2\n  - [3]"),
        ("x", [], "[]"),
    ],
)
def test_a_value_is_replaced_in_its_own_quotes_where_it_can_be(spelt: str, value: Any, wanted: str) -> None:
    text = HEAD + "spec:\n  before: 1\n  a:{}\n  z: 1\n"
    spelt, wanted = (one if one[:1] in ("\n", " ") else f" {one}" for one in (spelt, wanted))
    assert after(text.replace("{}", spelt), set_("spec.a", value)) == text.replace("{}", wanted)


@pytest.mark.parametrize(
    ("before", "path", "wanted"),
    [
        ("a: 1\n  b: 2  # two\n  c: 3", "spec.b", "a: 1\n  c: 3"),
        ("a: 1\n  # about b\n  b:\n    c: |\n      x\n\n  d: 3", "spec.b", "a: 1\n  # about b\n\n  d: 3"),
        ("a:\n    b: 1  # c", "spec.a.b", "a: {}"),
        ("a:  # c\n    b: 1\n    # d\n  e: 1", "spec.a.b", "a: {}  # c\n    # d\n  e: 1"),
        ("a: {b: 1}", "spec.a.b", "a: {}"),
        ("a: {b: 1, c: 2}", "spec.a.b", "a: {c: 2}"),
        ("a: {b: 1, c: 2}", "spec.a.c", "a: {b: 1}"),
        ("a: {b: 1, c: 2, d: 3}", "spec.a.c", "a: {b: 1, d: 3}"),
        ("a: {\n    b: 1,\n    c: 2,\n  }", "spec.a.c", "a: {\n    b: 1,\n  }"),
        ("a:\n    - b: 1\n      c: 2", "spec.a[0].b", "a:\n    - c: 2"),
        ("a:\n    - b: 1\n      # two\n      c: 2", "spec.a[0].b", "a:\n    - # two\n      c: 2"),
        ("a:\n    - b: 1\n    - c", "spec.a[0].b", "a:\n    - {}\n    - c"),
        ("a:\n  - b\n  - c  # c\n  - d", "spec.a[1]", "a:\n  - b\n  - d"),
        ("a:\n  - b", "spec.a[0]", "a: []"),
        ("a:\n  - - b\n    - c\n  - d", "spec.a[0][0]", "a:\n  - - c\n  - d"),
        ("a: [b, c]", "spec.a[1]", "a: [b]"),
    ],
)
def test_a_removed_key_takes_its_lines_and_no_others(before: str, path: str, wanted: str) -> None:
    text = HEAD + "spec:\n  "
    assert after(f"{text}{before}\n", remove(path)) == f"{text}{wanted}\n"


def test_paths_of_several_fixes_name_places_in_the_file_as_it_stands() -> None:
    text = HEAD + "spec:\n  a:\n  - b\n  - c\n  - d: 1\n"
    wanted = after(text, remove("spec.a[0]"), remove("spec.a[1]"), set_("spec.a[2].e", 2))
    assert wanted == HEAD + "spec:\n  a:\n  - d: 1\n    e: 2\n"


def test_a_list_that_grows_keeps_its_items_and_their_comments() -> None:
    text = HEAD + "spec:\n  drop:\n  - NET_RAW  # why\n  add: [A]\n"
    wanted = after(text, set_("spec.drop", ["NET_RAW", "ALL"]), set_("spec.add", ["A", "B"]))
    assert wanted == HEAD + "spec:\n  drop:\n  - NET_RAW  # why\n  - ALL\n  add: [A, B]\n"


@pytest.mark.parametrize("ending", ["\r\n", "\r"])
@pytest.mark.parametrize("final", ["", "\n"])
def test_line_ends_and_a_missing_last_one_stay(ending: str, final: str) -> None:
    text = (HEAD + "spec:\n  a:\n    b: 1" + final).replace("\n", ending)
    wanted = (HEAD + "spec:\n  a: {}\n  c:\n    d: 1" + final).replace("\n", ending)
    assert after(text, remove("spec.a.b"), set_("spec.c.d", 1)) == wanted


def test_each_object_of_a_file_and_of_a_list_is_fixed_at_its_own_place() -> None:
    text = "---\nkind: List\napiVersion: v1\nitems:\n- " + HEAD.replace("\n", "\n  ").rstrip(" ") + "---\n" + HEAD
    one = read(text)
    assert len(one.objects) == 2
    fix = fix_file(one, [finding(obj, set_("spec.x", 1)) for obj in one.objects if obj.base])
    assert [reason for _, reason in fix.refused] == []
    assert fix.after == text.replace("  metadata: {name: web}\n", "  metadata: {name: web}\n  spec: {x: 1}\n")


@pytest.mark.parametrize("layout", [{"indent": 2}, {"indent": 4}, {"indent": "\t"}, {}, {"separators": (",", ":")}])
def test_json_stays_json_in_its_own_layout(layout: dict[str, Any]) -> None:
    data: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "a"},
        "spec": {"a": [1, {"b": "é"}]},
    }
    patches = [
        set_("spec.a[1].c", {"d": ["x"]}),
        set_("spec.a[1].b", 'a "b"'),
        set_('metadata.annotations["x/y"]', "yes"),
        remove("metadata.name"),
        set_("spec.n", None),
    ]
    wanted = data_patches.apply(data, patches)
    text = after(json.dumps(data, ensure_ascii=False, **layout), *patches)
    assert text == json.dumps(wanted, ensure_ascii=False, **layout)


def test_an_object_nested_as_deep_as_is_read_can_be_fixed() -> None:
    depth = 390
    text = HEAD + "spec: " + "{a: " * depth + "1" + "}" * depth + "\n"
    path = ("spec", *("a",) * (depth - 1), "b")
    assert after(text, Patch("set", path, 2)) == text.replace("a: 1}", "a: 1, b: 2}")
