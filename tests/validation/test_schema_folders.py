"""Folders with schemas of custom resources: definitions, location templates, and what must not be read."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from kube_audit.validation.schema_folders import FolderError, SchemaFolders
from tests.cli.test_check import report, run
from tests.pages import ROOT
from tests.validation.test_custom_resources import OTHER, WRONG, definition, shop

PLAIN = {
    "type": "object",
    "properties": {
        "spec": {"type": "object", "additionalProperties": False, "properties": {"size": {"type": "integer"}}}
    },
}


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    return folder


def said(folder: Path, *arguments: str) -> list[str]:
    """Return `file:line:column rule: message` of what is found in app/."""
    found = report(
        "app",
        "--profile",
        "strict",
        "--select",
        "schema-invalid,yaml-syntax,crd-definition-invalid",
        *arguments,
        cwd=folder,
    )
    return [f"{f['file']}:{f['line']}:{f['column']} {f['rule']}: {f['message']}" for f in found["findings"]]


TOLD = ['app/shop.yaml:4:14 schema-invalid: `size` is the text "x", a whole number is wanted']


@pytest.mark.parametrize(
    ("file", "content", "entry"),
    [
        ("crds/shop.yaml", definition(), "crds"),
        ("crds/deep/all.yml", f"a: 1\n---\n{definition()}\n", "crds"),
        (
            "crds/list.json",
            json.dumps({"apiVersion": "v1", "kind": "List", "items": [json.loads(definition())]}),
            "crds",
        ),
        ("crds/example.com/shop_v1.json", json.dumps(PLAIN), "crds"),
        ("crds/example.com/shop_v1.json", json.dumps(PLAIN), "crds/{group}/{kind}_{version}.json"),
        ("crds/v1-Shop.example.com.yaml", json.dumps(PLAIN), "crds/{version}-{Kind}.{group}.yaml"),
        ("crds/shop-v1.yaml", definition(), "crds/{kind}-{version}.yaml"),
        ("shop.json", json.dumps(PLAIN), "{kind}.json"),
    ],
)
def test_a_schema_is_found_in_a_folder_or_by_a_template(tmp_path: Path, file: str, content: str, entry: str) -> None:
    write(tmp_path, {file: content, "app/shop.yaml": shop(WRONG)})
    assert said(tmp_path) == []
    assert said(tmp_path, "--schema-dir", entry) == TOLD


def test_the_configuration_names_folders_relative_to_itself(tmp_path: Path) -> None:
    files = {"crds/shop.yaml": definition(), "app/shop.yaml": shop(WRONG)}
    write(tmp_path, {**files, "app/.kube-audit.yaml": "schema-folders: [../none/../crds]\n"})
    (tmp_path / "none").mkdir()
    assert said(tmp_path) == TOLD
    shown = run("config", "show", "app", cwd=tmp_path)
    assert "schema-folders:" in shown.stdout


def test_a_folder_that_is_not_there_and_a_wrong_placeholder_are_told_with_where_they_were_named(tmp_path: Path) -> None:
    write(tmp_path, {"app/shop.yaml": shop()})
    done = run("check", "app", "--schema-dir", "nowhere", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (2, "kube-audit: --schema-dir: nowhere: there is no such folder\n")
    done = run("check", "app", "--schema-dir", "app/{knd}.json", cwd=tmp_path)
    assert done.returncode == 2
    assert "there is no placeholder {knd}; there are {group}, {kind}, {Kind}, {version}" in done.stderr
    write(tmp_path, {"app/.kube-audit.yaml": "profile: strict\nschema-folders: [nowhere]\n"})
    done = run("check", "app", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith(f"kube-audit: {Path('app', '.kube-audit.yaml')}:2:1: ")


def test_definitions_of_the_tree_come_before_those_of_folders(tmp_path: Path) -> None:
    write(tmp_path, {"app/crd.yaml": definition(OTHER), "app/shop.yaml": shop(WRONG), "crds/shop.yaml": definition()})
    assert said(tmp_path, "--schema-dir", "crds") == []


def test_a_version_that_only_a_folder_has_is_taken_from_there(tmp_path: Path) -> None:
    files = {"app/crd.yaml": definition(versions=("v2",)), "app/shop.yaml": shop(WRONG), "crds/shop.yaml": definition()}
    write(tmp_path, files)
    assert said(tmp_path, "--schema-dir", "crds") == TOLD
    assert "has no version v1" in said(tmp_path)[0]


def test_a_broken_file_is_told_once_at_its_place_and_the_others_count(tmp_path: Path) -> None:
    broken = "kind: CustomResourceDefinition\nspec:\n  group: example.com\n bad: [\n"
    files = {"crds/a.yaml": broken, "crds/b.yaml": definition(), "app/shop.yaml": shop(WRONG) + "---\n" + shop(WRONG)}
    found = said(write(tmp_path, files), "--schema-dir", "crds")
    assert [line.partition(": ")[0] for line in found] == [
        "app/shop.yaml:4:14 schema-invalid",
        "app/shop.yaml:9:14 schema-invalid",
        "crds/a.yaml:4:2 yaml-syntax",
    ]


def test_a_broken_file_for_other_groups_is_nobodys_business(tmp_path: Path) -> None:
    broken = "kind: CustomResourceDefinition\nspec:\n  group: example.org\n bad: [\n"
    write(tmp_path, {"crds/a.yaml": broken, "crds/b.yaml": definition(), "app/shop.yaml": shop(WRONG)})
    assert said(tmp_path, "--schema-dir", "crds") == TOLD


@pytest.mark.parametrize(
    ("content", "place", "reason"),
    [
        ('{"type": "object",\n "properties": {"spec": {"pattern": 5}}}', "2:37", '5 is not of type "string"'),
        ("[]", "1:1", "it is no mapping"),
        ('{"$ref": "https://example.com/other.json"}', "1:2", "Retrieval is disabled"),
    ],
)
def test_a_json_schema_that_is_none_is_told_at_its_place(tmp_path: Path, content: str, place: str, reason: str) -> None:
    write(tmp_path, {"crds/example.com/shop_v1.json": content, "app/shop.yaml": shop(WRONG)})
    (line,) = said(tmp_path, "--schema-dir", "crds")
    assert line.startswith(f"crds/example.com/shop_v1.json:{place} crd-definition-invalid: ")
    assert reason in line


def test_no_link_and_no_name_leads_out_of_a_folder(tmp_path: Path) -> None:
    outside = write(tmp_path / "outside", {"shop.yaml": definition(), "example.com/shop_v1.json": json.dumps(PLAIN)})
    inside = write(tmp_path / "crds", {"other.yaml": "a: 1\n"})
    os.symlink(outside / "shop.yaml", inside / "shop.yaml")
    os.symlink(outside, inside / "linked")
    os.symlink(outside / "example.com", inside / "example.com")
    folders = SchemaFolders([str(inside), str(inside / "{group}" / "{kind}_{version}.json")])
    assert folders.definitions("example.com", "Shop") == []
    assert list(folders.schemas("example.com", "v1", "Shop")) == []
    above = SchemaFolders([str(inside / "{group}" / "{kind}")])
    for group, version, kind in (
        ("..", "v1", "outside"),
        ("../outside", "v1", "shop.yaml"),
        ("a/b", "v1", "x"),
        ("", "", ""),
    ):
        assert list(above.schemas(group, version, kind)) == []
    assert not folders.broken
    assert not above.broken


def test_a_link_within_a_folder_is_followed(tmp_path: Path) -> None:
    write(tmp_path, {"crds/all/shop.yaml": json.dumps(PLAIN)})
    (tmp_path / "crds" / "example.com").mkdir()
    os.symlink(tmp_path / "crds" / "all" / "shop.yaml", tmp_path / "crds" / "example.com" / "shop_v1.json")
    assert list(SchemaFolders([str(tmp_path / "crds")]).schemas("example.com", "v1", "Shop"))


def test_nothing_is_read_before_a_kind_needs_it(tmp_path: Path) -> None:
    write(tmp_path, {"crds/a.yaml": "kind: CustomResourceDefinition\ngroup: example.com\n bad: [\n"})
    folders = SchemaFolders([str(tmp_path / "crds")])
    folders.definitions("example.org", "Shop")
    assert folders.broken == []
    folders.definitions("example.com", "Shop")
    assert [broken.file for broken in folders.broken] == [str(tmp_path / "crds" / "a.yaml")]


def test_a_template_in_another_tools_syntax_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FolderError, match="no placeholder"):
        SchemaFolders([str(tmp_path / "{{ .Group }}.json")])


def test_a_run_without_custom_resources_loads_nothing_for_them() -> None:
    code = (
        "import sys; from tests.support import audit_text\n"
        f"audit_text({definition()!r} + '\\n---\\n{{apiVersion: v1, kind: ConfigMap, metadata: {{name: a}}}}')\n"
        "print([m for m in sys.modules if m.endswith(('crds', 'crd_rules', 'custom_resources', 'structural'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.stdout == "[]\n", done.stderr
