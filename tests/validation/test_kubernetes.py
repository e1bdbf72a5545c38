"""Objects against the Kubernetes schemas: what is reported, where, in which words; and that no verdict is invented."""

from __future__ import annotations

import copy
import functools
import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path as FilePath
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kube_audit import cache
from kube_audit.findings import Patch, Path
from kube_audit.manifests.objects import objects
from kube_audit.manifests.text import decode
from kube_audit.manifests.yaml import documents
from kube_audit.validation import definitions, field_values
from kube_audit.validation.kubernetes import SchemaProblem, Schemas, Written
from tests.corpus import CORPUS, corpus_files, needs_corpus

needs_kubectl = pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")
NEWEST = definitions.newest_version()


@functools.cache
def schemas(version: str = NEWEST) -> Schemas:
    return Schemas(version)


def problems_of(manifest: str, version: str = NEWEST) -> list[SchemaProblem]:
    """Return the problems of the one object in a manifest."""
    text, _ = decode(manifest.encode())
    (document,) = documents(text)
    (found,) = objects("file.yaml", document)

    def written(path: Path) -> Written | None:
        spelt = found.written(path)
        return Written(*spelt) if spelt is not None else None

    return schemas(version).problems(found.data, written)


def only_problem(manifest: str, version: str = NEWEST) -> SchemaProblem:
    (problem,) = problems_of(manifest, version)
    return problem


def deployment(
    container: str = "", pod: str = "", spec: str = "selector: {matchLabels: {a: b}}", metadata: str = ""
) -> str:
    return (
        f"apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: web, {metadata}}}\nspec:\n  {spec}\n"
        f"  template:\n    metadata: {{labels: {{a: b}}}}\n    spec:\n      {pod or '{}'.strip('{}')}\n"
        f"      containers:\n      - {{name: web, image: nginx, {container}}}\n"
    )


CONTAINER: Path = ("spec", "template", "spec", "containers", 0)


def unknown_versions() -> list[str]:
    return ["1.24", "1.99", "2.0", "latest", "", "1", "1.30.x"]


def test_a_valid_object_has_no_problem() -> None:
    assert problems_of(deployment("ports: [{containerPort: 80}], resources: {limits: {cpu: 100m}}")) == []


def test_versions_are_ordered_by_number_and_include_every_minor_from_1_25() -> None:
    versions = definitions.supported_versions()
    minors = [int(version.removeprefix("1.")) for version in versions]
    assert minors == list(range(25, minors[-1] + 1))
    assert definitions.newest_version() == versions[-1]


@pytest.mark.parametrize("version", unknown_versions())
def test_a_version_without_schemas_is_refused_with_the_range_there_is(version: str) -> None:
    with pytest.raises(ValueError, match=rf"from 1\.25 to {NEWEST}"):
        Schemas(version)


@pytest.mark.parametrize("spelling", ["1.30", "v1.30", "1.30.4"])
def test_a_version_may_have_a_v_and_a_patch_number(spelling: str) -> None:
    assert Schemas(spelling).version == "1.30"


def test_kinds_that_kubernetes_does_not_serve_are_not_validated() -> None:
    assert problems_of("apiVersion: example.com/v1\nkind: Thing\nspec: {anything: [1]}\n") == []
    assert not schemas().knows("example.com/v1", "Thing")
    assert not schemas().knows("v1", "Container")


@pytest.mark.parametrize(("api_version", "kind"), [(["v1"], "Pod"), ("v1", {"Pod": 1}), (None, None)])
def test_an_apiversion_or_kind_that_is_no_text_is_somebody_elses_finding(api_version: Any, kind: Any) -> None:
    assert schemas().problems({"apiVersion": api_version, "kind": kind}, lambda path: None) == []


# Unknown fields: the message says what was probably meant.


@pytest.mark.parametrize(
    ("manifest", "path", "hint"),
    [
        (deployment("livenessprobe: {}"), (*CONTAINER, "livenessprobe"), "did you mean `livenessProbe`?"),
        (deployment("image_pull_policy: x"), (*CONTAINER, "image_pull_policy"), "did you mean `imagePullPolicy`?"),
        (deployment("comand: [a]"), (*CONTAINER, "comand"), "did you mean `command`?"),
        (deployment("enviroment: [{name: A, value: b}]"), (*CONTAINER, "enviroment"), "did you mean `env`?"),
        (deployment("entrypoint: [a]"), (*CONTAINER, "entrypoint"), "did you mean `command`?"),
        (deployment(pod="restart: Always"), ("spec", "template", "spec", "restart"), "did you mean `restartPolicy`?"),
        (deployment("ports: [{port: 80}]"), (*CONTAINER, "ports", 0, "port"), "did you mean `containerPort`?"),
        (
            deployment(pod="imagePullPolicy: Always"),
            ("spec", "template", "spec", "imagePullPolicy"),
            "it belongs into a container (`containers[]`)",
        ),
        (
            deployment(pod="runAsNonRoot: true"),
            ("spec", "template", "spec", "runAsNonRoot"),
            "it belongs into `securityContext`",
        ),
        (
            deployment(pod="privileged: true"),
            ("spec", "template", "spec", "privileged"),
            "it belongs into `containers[].securityContext`",
        ),
        (
            deployment("volumes: []"),
            (*CONTAINER, "volumes"),
            "it belongs into the pod's spec (`spec.template.spec`)",
        ),
        (
            deployment("terminationGracePeriodSeconds: 5"),
            (*CONTAINER, "terminationGracePeriodSeconds"),
            "it belongs into the pod's spec (`spec.template.spec`)",
        ),
        (
            deployment("ports: [{containerPort: 80, livenessProbe: {}}]"),
            (*CONTAINER, "ports", 0, "livenessProbe"),
            "it belongs into a container (`spec.template.spec.containers[0]`)",
        ),
        (
            deployment("livenessProbe: {port: 80}"),
            (*CONTAINER, "livenessProbe", "port"),
            "it belongs into `grpc`, `httpGet` or `tcpSocket`",
        ),
        (
            deployment("resources: {cpu: 1}"),
            (*CONTAINER, "resources", "cpu"),
            "put it under `requests` (what is reserved) or `limits` (the most it may use)",
        ),
        (
            deployment(spec="selector: {app: web}"),
            ("spec", "selector", "app"),
            "labels go under `matchLabels`",
        ),
        (deployment(metadata="team: x"), ("metadata", "team"), "free names are for labels and annotations"),
        (deployment(metadata="label: {}"), ("metadata", "label"), "did you mean `labels`?"),
        (
            deployment(spec="imagePullSecrets: []\n  selector: {}"),
            ("spec", "imagePullSecrets"),
            "it belongs into the pod's spec (`template.spec`)",
        ),
        (
            "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {port: 80}\n",
            ("spec", "port"),
            "it belongs into `ports[]`",
        ),
        (
            "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {port: [{port: 80}]}\n",
            ("spec", "port"),
            "did you mean `ports`?",
        ),
        (
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\nstringData: {a: b}\n",
            ("stringData",),
            "a ConfigMap keeps text under `data`",
        ),
        (deployment("$patch: delete"), (*CONTAINER, "$patch"), "it is a directive of a strategic merge patch"),
    ],
)
def test_an_unknown_field_is_named_with_what_was_meant(manifest: str, path: Path, hint: str) -> None:
    problem = only_problem(manifest)
    assert (problem.rule, problem.kind, problem.path, problem.at) == (
        "schema-invalid",
        "unknown-field",
        path,
        "key",
    )
    assert problem.message.startswith(f"unknown field `{path[-1]}` in ")
    assert problem.message.endswith(f"; {hint}")


@pytest.mark.parametrize(
    ("manifest", "name"),
    [
        (deployment("livenessprobe: {}"), "livenessProbe"),
        (deployment("comand: [a]"), "command"),
        (deployment("ports: [{port: 80}]"), "containerPort"),
        (deployment("comand: a"), None),  # no list, as the other field wants one
        (deployment("comand: [a], command: [b]"), None),
        (deployment(pod="imagePullPolicy: Always"), None),
        (deployment("qwertz: 1"), None),
    ],
)
def test_a_misspelt_field_is_renamed_where_its_value_fits_which_may_change_what_runs(
    manifest: str, name: str | None
) -> None:
    problem = only_problem(manifest)
    patches = (Patch("rename", problem.path, name),) if name is not None else ()
    assert (problem.patches, problem.fix) == (patches, "unsafe" if patches else None)


def test_nothing_is_guessed_for_a_field_that_resembles_none() -> None:
    problem = only_problem(deployment("qwertz: 1"))
    assert problem.message == "unknown field `qwertz` in the container"


def test_each_unknown_field_is_a_problem_of_its_own() -> None:
    found = problems_of(deployment("foo: 1, bar: 2", metadata="baz: 3"))
    assert [problem.path[-1] for problem in found] == ["baz", "bar", "foo"]


def test_a_field_of_a_newer_version_is_said_to_be_newer() -> None:
    manifest = deployment("resizePolicy: []")
    assert problems_of(manifest, "1.27") == []
    problem = only_problem(manifest, "1.26")
    assert problem.message.endswith("; Kubernetes has it from 1.27 on, the target version is 1.26")


def test_the_old_ingress_fields_are_translated() -> None:
    old = (
        "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: a}\n"
        "spec: {rules: [{http: {paths: [{pathType: Prefix, backend: {serviceName: a, servicePort: 80}}]}}]}\n"
    )
    first, second = problems_of(old)
    assert "`service: {name: …}`" in first.message
    assert "`service: {port: {number: …}}`" in second.message


def test_a_typo_of_a_required_field_is_not_also_a_missing_field() -> None:
    manifest = deployment().replace("name: web, image", "nme: web, image")
    problem = only_problem(manifest)
    assert problem.message == "unknown field `nme` in the container; did you mean `name`?"


def test_a_variable_written_as_a_mapping_is_explained_once() -> None:
    problem = only_problem(deployment("env: [{DEBUG: x}]"))
    assert problem.remediation == "Write `- name: DEBUG` and, below it, `value: …`."


# Missing fields.


@pytest.mark.parametrize(
    ("manifest", "path", "at", "message"),
    [
        (
            deployment(spec="replicas: 1"),
            ("spec",),
            "key",
            "`spec` has no `selector`; it says which pods are its own: repeat the labels of the pod template",
        ),
        (
            deployment("env: [{value: a}]"),
            (*CONTAINER, "env", 0),
            "value",
            "the environment variable has no `name`; every environment variable needs a name",
        ),
        (
            "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: null}\n",
            ("spec",),
            "key",
            "the pod's spec has no `containers`; a pod runs at least one container",
        ),
        (
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\n",
            (),
            "value",
            "the Deployment has no `spec`, which Kubernetes requires",
        ),
    ],
)
def test_a_missing_field_points_at_what_lacks_it(manifest: str, path: Path, at: str, message: str) -> None:
    problem = only_problem(manifest)
    assert (problem.kind, problem.path, problem.at, problem.message) == ("missing-field", path, at, message)


def test_an_incomplete_status_is_no_problem_because_the_api_server_drops_it() -> None:
    budget = "apiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {name: a}\nspec: {}\nstatus: {}\n"
    assert problems_of(budget) == []


# Scalars that YAML made something else where only text is allowed.


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("yes", "`env[0].value` must be text, but YAML reads yes as true"),
        ("off", "`env[0].value` must be text, but YAML reads off as false"),
        ("true", "`env[0].value` must be text, but YAML reads true as a boolean"),
        ("1.10", "`env[0].value` must be text, but YAML reads 1.10 as the number 1.1"),
        ("0777", "`env[0].value` must be text, but YAML reads 0777 as the number 511"),
        ("8080", "`env[0].value` must be text, but YAML reads 8080 as a number"),
        ("1e3", "`env[0].value` must be text, but YAML reads 1e3 as the number 1000"),
    ],
)
def test_a_yaml_trap_says_what_yaml_reads_and_is_mended_by_quoting_as_written(written: str, message: str) -> None:
    problem = only_problem(deployment(f"env: [{{name: A, value: {written}}}]"))
    path = (*CONTAINER, "env", 0, "value")
    assert problem == SchemaProblem(
        "yaml-type-trap",
        "wrong-type",
        path,
        "value",
        message,
        f'Put quotes around it: "{written}".',
        (Patch("set", path, written),),
        "safe",
    )


@pytest.mark.parametrize("where", ["labels", "annotations"])
def test_labels_and_annotations_are_text_too(where: str) -> None:
    problem = only_problem(deployment(metadata=f"{where}: {{team: on}}"))
    assert problem.rule == "yaml-type-trap"
    assert problem.message == f"`{where}.team` must be text, but YAML reads on as true"


def test_a_trap_needs_to_know_that_the_scalar_stands_there_without_quotes() -> None:
    data = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"a": True}}
    for spelt in (None, Written("!!bool 'yes'", plain=False)):
        (problem,) = schemas().problems(data, lambda path, spelt=spelt: spelt)  # type: ignore[misc]
        assert (problem.rule, problem.kind, problem.patches) == ("schema-invalid", "wrong-type", ())


# Other wrong types.


@pytest.mark.parametrize(
    ("manifest", "message", "remediation"),
    [
        (
            deployment(spec='replicas: "3"\n  selector: {}'),
            '`replicas` is the text "3", a whole number is wanted',
            "Write 3 without quotes.",
        ),
        (
            deployment(spec="replicas: 2.5\n  selector: {}"),
            "`replicas` is the number 2.5, a whole number is wanted",
            "Write a number, without quotes and without a unit.",
        ),
        (
            deployment('securityContext: {privileged: "yes"}'),
            '`privileged` is the text "yes", true or false is wanted',
            "Write true without quotes.",
        ),
        (
            deployment("env: {A: b}"),
            "`containers[0].env` is a mapping, a list of mappings is wanted",
            "Start each item with `- `.",
        ),
        (
            deployment("args: --verbose"),
            '`containers[0].args` is the text "--verbose", a list is wanted',
            "Make it a list: `[--verbose]`.",
        ),
        (
            deployment("command: echo hello"),
            '`containers[0].command` is the text "echo hello", a list is wanted',
            'Make it a list with one item for each word: `["…", "…"]`.',
        ),
        (
            deployment("resources: []"),
            "`containers[0].resources` is a list, a mapping is wanted",
            "Remove the `- ` in front, so that the fields stand directly below.",
        ),
        (
            deployment(pod="nodeSelector: [{name: disk, value: ssd}]"),
            "`nodeSelector` is a list, a mapping is wanted",
            "Write one `name: value` line for each, without `- `.",
        ),
        (
            deployment("ports: [null]"),
            "`containers[0].ports[0]` is empty, a mapping is wanted",
            "Fill the item in or remove its `-`.",
        ),
        (
            "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {ports: [{port: 1, targetPort: true}]}\n",
            "`ports[0].targetPort` is true, a whole number or text is wanted",
            "Write a number, or a name in quotes.",
        ),
        (
            deployment(pod="priority: 99999999999"),
            "`priority` is the number 99999999999, which does not fit this field",
            "Write a whole number from -2147483648 to 2147483647.",
        ),
    ],
)
def test_a_wrong_value_is_named_with_what_is_wanted(manifest: str, message: str, remediation: str) -> None:
    problem = only_problem(manifest)
    assert (problem.message, problem.remediation) == (message, remediation)
    assert (problem.rule, problem.at) == ("schema-invalid", "value")


@pytest.mark.parametrize(
    ("manifest", "value"),
    [
        (deployment(spec='replicas: "3"\n  selector: {}'), 3),
        (deployment(spec="replicas: '+03'\n  selector: {}"), 3),
        (deployment('securityContext: {privileged: "yes"}'), True),
        (deployment('securityContext: {privileged: "Off"}'), False),
        (deployment(spec='replicas: "three"\n  selector: {}'), None),
        (deployment(spec=f'replicas: "{"9" * 12}"\n  selector: {{}}'), None),
        (deployment(spec=f'replicas: "{"9" * 5000}"\n  selector: {{}}'), None),
        (deployment(spec="replicas: 2.5\n  selector: {}"), None),
        (deployment("args: --verbose"), None),
    ],
)
def test_a_number_or_boolean_in_quotes_is_safely_fixed_where_it_is_one(manifest: str, value: Any) -> None:
    problem = only_problem(manifest)
    patches = (Patch("set", problem.path, value),) if value is not None else ()
    assert (problem.patches, problem.fix) == (patches, "safe" if patches else None)


def test_empty_list_items_that_kubernetes_takes_for_empty_text_are_fine() -> None:
    assert problems_of(deployment("args: [a, null]")) == []


def test_whole_numbers_written_with_a_point_are_whole_numbers() -> None:
    assert problems_of(deployment(spec="replicas: 3.0\n  selector: {}")) == []


# Placeholders.


@pytest.mark.parametrize(
    "template",
    ["$PORT", "'${PORT}'", "$(PORT)", "'{{ port }}'", "'{{ .Values.port }}'", "'@PORT@'", "<%= port %>"],
)
def test_what_a_template_fills_in_is_no_problem(template: str) -> None:
    assert problems_of(deployment(f"ports: [{{containerPort: {template}}}]")) == []
    assert problems_of(deployment(f"imagePullPolicy: {template}, tty: {template}")) == []
    assert problems_of(deployment(f"resources: {{limits: {{cpu: {template}}}}}")) == []


@pytest.mark.parametrize(
    ("container", "message"),
    [
        ("ports: [{containerPort: PORT}]", '`ports[0].containerPort` is the text "PORT"'),
        ("ports: [{containerPort: <port>}]", '`ports[0].containerPort` is the text "<port>"'),
        ("ports: [{containerPort: YOUR_PORT}]", '`ports[0].containerPort` is the text "YOUR_PORT"'),
        ("image: [IMAGE_URL]", "`containers[0].image` is the list [IMAGE_URL]"),
        ("image: [YOUR REGISTRY]", "`containers[0].image` is the list [YOUR REGISTRY]"),
        ("resources: {limits: {cpu: CPU_LIMIT}}", '`limits.cpu` is the text "CPU_LIMIT"'),
    ],
)
def test_a_value_left_to_fill_in_is_said_to_read_like_one(container: str, message: str) -> None:
    manifest = deployment(container).replace("image: nginx, image", "image")
    problem = only_problem(manifest)
    assert problem.message.startswith(f"{message}, which reads like a placeholder; ")


def test_an_object_encrypted_by_sops_is_judged_as_if_decrypted() -> None:
    manifest = (
        "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\n"
        "data: {a: 'ENC[AES256_GCM,data:x,type:str]'}\nsops: {version: 3.9.0}\n"
    )
    assert problems_of(manifest) == []
    assert len(problems_of(manifest.replace("sops:", "spos:"))) == 2


# Fixed sets of values.


@pytest.mark.parametrize(
    ("manifest", "message"),
    [
        (
            deployment("imagePullPolicy: always"),
            "`containers[0].imagePullPolicy` is `always`; allowed are Always, IfNotPresent and Never; "
            "did you mean Always (capital letters matter)?",
        ),
        (
            deployment("ports: [{containerPort: 80, protocol: http}]"),
            "`ports[0].protocol` is `http`; allowed are TCP, UDP and SCTP",
        ),
        (
            deployment(pod="restartPolicy: no"),
            "`restartPolicy` is `no`, which YAML reads as false; allowed are Always, OnFailure and Never",
        ),
        (
            "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {type: LoadBalancr}\n",
            "`type` is `LoadBalancr`; allowed are ClusterIP, NodePort, LoadBalancer and ExternalName; "
            "did you mean LoadBalancer?",
        ),
        (
            "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: a}\nspec: {accessModes: [RWO]}\n",
            "`accessModes[0]` is `RWO`; allowed are ReadWriteOnce, ReadOnlyMany, ReadWriteMany and ReadWriteOncePod",
        ),
    ],
)
def test_a_value_outside_the_fixed_set_is_named_with_the_set(manifest: str, message: str) -> None:
    problem = only_problem(manifest)
    assert (problem.kind, problem.message) == ("bad-enum", message)


@pytest.mark.parametrize(
    ("manifest", "value"),
    [
        (deployment("imagePullPolicy: always"), "Always"),
        (deployment("imagePullPolicy: 'if-not-present'"), "IfNotPresent"),
        (deployment("imagePullPolicy: Alway"), None),
        (deployment("imagePullPolicy: '-'"), None),
        (deployment(pod="restartPolicy: no"), None),
    ],
)
def test_a_value_with_other_capitals_or_hyphens_is_safely_fixed(manifest: str, value: str | None) -> None:
    problem = only_problem(manifest)
    patches = (Patch("set", problem.path, value),) if value is not None else ()
    assert (problem.patches, problem.fix) == (patches, "safe" if patches else None)


def test_an_empty_text_is_a_value_left_out() -> None:
    assert problems_of(deployment("imagePullPolicy: ''")) == []


def _raw(version: str) -> dict[str, Any]:
    folder = definitions._package() / "kubernetes-json-schema" / f"v{version}.0-local-strict"
    content: dict[str, Any] = json.loads((folder / "_definitions.json").read_bytes())["$defs"]
    return content


NOT_ENUMERATED_IN_THE_DESCRIPTION = {
    # The API reference lists these values; the field's description in the schema does not.
    "Container.restartPolicy",
    "ContainerResizePolicy.restartPolicy",
    "HTTPGetAction.scheme",
    "HostPathVolumeSource.type",
    "PersistentVolumeClaimSpec.accessModes",
    "PersistentVolumeClaimSpec.volumeMode",
    "PersistentVolumeSpec.accessModes",
    "PersistentVolumeSpec.volumeMode",
    "SecurityContext.procMount",
    "VolumeMount.mountPropagation",
    "StatefulSetUpdateStrategy.type",
    "HPAScalingPolicy.type",
    "HPAScalingRules.selectPolicy",
    "RoleRef.apiGroup",
    "RoleRef.kind",
    "CSIDriverSpec.fsGroupPolicy",
    "StorageClass.reclaimPolicy",
    "StorageClass.volumeBindingMode",
}


def test_every_fixed_set_is_that_of_a_real_field_and_its_values_stand_in_the_fields_description() -> None:
    undocumented = set()
    versions = [_raw(version) for version in ("1.25", "1.30", NEWEST)]
    for field, values in field_values.ALLOWED.items():
        name, _, prop = field.rpartition(".")
        found = [raw[f"io.k8s.{name}"]["properties"] for raw in versions if f"io.k8s.{name}" in raw]
        descriptions = " ".join(fields[prop]["description"] for fields in found if prop in fields)
        assert descriptions, f"no bundled version has {field}"
        if any(value not in descriptions for value in values):
            undocumented.add(".".join(field.split(".")[-2:]))
    assert undocumented == NOT_ENUMERATED_IN_THE_DESCRIPTION


# Quantities, base64, times: what kubectl's own decoder takes and refuses.

QUANTITIES = {
    "0": True,
    "1": True,
    "+5": True,
    "-1": True,
    ".5": True,
    "1.": True,
    "100m": True,
    "1n": True,
    "1u": True,
    "1k": True,
    "1Ki": True,
    "1E": True,
    "1e3": True,
    "1E3": True,
    "1e-3": True,
    "1E+3": True,
    " 12Mi ": True,
    "": False,
    "100 m": False,
    "512MB": False,
    "1g": False,
    "1K": False,
    "1ki": False,
    "1e": False,
    "1i": False,
    "1mm": False,
    "1Kim": False,
    "1e3Mi": False,
    "1.5.2": False,
    "0x10": False,
    "1_000": False,
    "two": False,
    "50%": False,
}


def _with_limit(quantity: str) -> str:
    return deployment(f"resources: {{limits: {{memory: {json.dumps(quantity)}}}}}")


@pytest.mark.parametrize(("quantity", "valid"), QUANTITIES.items())
def test_quantities_are_read_as_kubernetes_reads_them(quantity: str, valid: bool) -> None:
    found = problems_of(_with_limit(quantity))
    assert [problem.kind for problem in found] == ([] if valid else ["bad-format"])


@needs_kubectl
def test_kubectl_agrees_on_the_quantities(tmp_path: FilePath) -> None:
    def decodes(quantity: str) -> bool:
        file = tmp_path / "manifest.yaml"
        file.write_text(_with_limit(quantity))
        command = ["kubectl", "set", "image", "--local", "-f", str(file), "web=x", "-o", "name"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0 or "quantit" in done.stderr, done.stderr
        return done.returncode == 0

    assert {quantity: decodes(quantity) for quantity in QUANTITIES} == QUANTITIES


@pytest.mark.parametrize(
    ("quantity", "likely"),
    [
        ("512MB", "512Mi or 512M"),
        ("1g", "1Gi or 1G"),
        ("100 m", "100m"),
        ("1K", "1Ki or 1k"),
        ("2 cores", "2"),
        ("64 mib", "64Mi"),
    ],
)
def test_a_malformed_quantity_is_named_with_what_was_meant(quantity: str, likely: str) -> None:
    message = only_problem(_with_limit(quantity)).message
    assert message == f'`limits.memory` is the text "{quantity}", which is no quantity; did you mean {likely}?'


@given(st.text(max_size=50))
def test_what_is_suggested_for_a_quantity_is_one(text: str) -> None:
    for suggestion in field_values.likely_quantities(text):
        assert problems_of(_with_limit(suggestion)) == []


@pytest.mark.parametrize(
    ("encoded", "valid"),
    [
        ("", True),
        ("YQ==", True),
        ("YWI=", True),
        ("YR==", True),
        ("YWFh\nYWFh\n", True),
        ("YQ", False),
        ("YQ=", False),
        ("Y Q==", False),
        ("-_8=", False),
        ("hunter2", False),
    ],
)
def test_secret_data_is_base64_as_kubernetes_reads_it(encoded: str, valid: bool) -> None:
    manifest = f"apiVersion: v1\nkind: Secret\nmetadata: {{name: a}}\ndata: {{a: {json.dumps(encoded)}}}\n"
    found = problems_of(manifest)
    assert [problem.kind for problem in found] == ([] if valid else ["bad-format"])


@pytest.mark.parametrize(
    "manifest",
    [
        "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\ndata: {password: 4815162342!}\n",
        "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\ndata: {password: 4815162342}\n",
        "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData: {password: 4815162342}\n",
        deployment("env: [{name: DB_PASSWORD, value: 4815162342}]"),
    ],
)
def test_no_message_shows_a_secrets_value(manifest: str) -> None:
    problem = only_problem(manifest)
    assert "4815162342" not in problem.message + problem.remediation


@pytest.mark.parametrize(
    ("time", "valid"),
    [("2024-01-01T00:00:00Z", True), ("2024-01-01T00:00:00.5+02:00", True), ("2024-01-01", False), ("now", False)],
)
def test_times_are_read_as_kubernetes_reads_them(time: str, valid: bool) -> None:
    found = problems_of(deployment(metadata=f"creationTimestamp: '{time}'"))
    assert [problem.kind for problem in found] == ([] if valid else ["bad-format"])


# Order, amount, hostile input.


def test_problems_come_in_order_of_path_whatever_the_order_of_keys() -> None:
    manifest = deployment("tty: maybe, foo: 1", pod="hostNetwork: maybe", spec="replicas: many\n  selector: {}")
    found = problems_of(manifest)
    paths = [[str(step) for step in problem.path] for problem in found]
    assert paths == sorted(paths)
    assert found == problems_of(manifest)


@pytest.mark.parametrize(
    "key", ["80", "080", "+5", "-5", "0", "00", "1e3", "18446744073709551616", "a/b", "~0", "~1", " 7"]
)
def test_a_key_that_looks_like_a_number_is_still_a_key(key: str) -> None:
    data = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"80": "a", key: ["b"]}}
    (problem,) = schemas().problems(data, lambda path: None)
    assert problem.path == ("data", key)


def test_thousands_of_mistakes_are_all_reported() -> None:
    fields = ", ".join(f"field{number}: 1" for number in range(3000))
    assert len(problems_of(deployment(fields))) == 3000


def test_deep_nesting_is_met() -> None:
    deep: dict[str, Any] = {"typo": 1}
    for _ in range(400):
        deep = {"properties": {"a": deep}}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": deep}}
    names = {"kind": "A", "plural": "as"}
    data = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "as.example.com"},
        "spec": {"group": "example.com", "names": names, "scope": "Cluster", "versions": [version]},
    }
    (problem,) = schemas().problems(data, lambda path: None)
    assert problem.path[-1] == "typo"


@pytest.mark.parametrize("value", ["\ud800", float("nan"), float("inf"), 10**40, "x" * 10**6, "\0", [[[]]]])
def test_values_that_are_no_json_are_a_problem_and_no_crash(value: Any) -> None:
    container = {"name": "a", value if isinstance(value, str) else "field": value}
    spec = {"priority": value, "containers": [container]}
    data = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}, "spec": spec}
    found = schemas().problems(data, lambda path: None)
    assert found
    assert all(len(problem.message) < 400 for problem in found)


# The verdicts against two independent referees.

Verdict = tuple[str, Path]


@functools.cache
def _referee(version: str, api_version: str, kind: str) -> jsonschema.Draft202012Validator:
    group, _, number = api_version.rpartition("/")
    for name, schema in (defs := _raw(version)).items():
        if {"group": group, "version": number, "kind": kind} in schema.get("x-kubernetes-group-version-kind", ()):
            return jsonschema.Draft202012Validator({"$ref": f"#/$defs/{name}", "$defs": defs})
    raise LookupError(kind)


def _judged_by_jsonschema(version: str, data: dict[str, Any]) -> set[Verdict]:
    """Return unknown fields, missing fields and wrong types; enums and formats are not in the raw schemas."""
    found: set[Verdict] = set()
    for error in _referee(version, data["apiVersion"], data["kind"]).iter_errors(data):
        path = tuple(error.absolute_path)
        if error.validator == "additionalProperties":
            known = error.schema["properties"]
            found |= {("unknown-field", (*path, key)) for key in error.instance if key not in known}
        elif error.validator == "required" and path[:1] != ("status",):
            found.add(("missing-field", path))
        elif error.validator in ("type", "oneOf"):
            found.add(("wrong-type", path))
    return found


def _judged_by_us(found: list[SchemaProblem]) -> set[Verdict]:
    return {(p.kind, p.path) for p in found if p.kind in ("unknown-field", "missing-field", "wrong-type")}


def _filled_in_later(data: Any, path: Path) -> bool:
    """Whether a template or SOPS stands at a path, as value or as key."""
    for step in path:
        data = data[step]
    return any(sign in f"{path[-1:]} {data}" for sign in ("$", "{{", "@", "<%", "sops", "ENC["))


def _assert_same_verdict(data: dict[str, Any], found: list[SchemaProblem], version: str = NEWEST) -> None:
    ours, theirs = _judged_by_us(found), _judged_by_jsonschema(version, data)
    with_unknown_fields = {path[:-1] for kind, path in ours if kind == "unknown-field"}
    for kind, path in theirs - ours:
        # A missing field that stands there misspelt is reported as the typo alone; a value of the wrong type
        # where only some values are allowed, or only base64, is reported as that.
        merged = kind == "missing-field" and path in with_unknown_fields
        renamed = any(p.path == path and p.kind in ("bad-enum", "bad-format") for p in found)
        assert merged or renamed or _filled_in_later(data, path), (kind, path)
    for kind, path in ours - theirs:
        # An empty item of a list is an empty mapping to Kubernetes and lacks what is required.
        value: Any = data
        for step in path:
            value = value[step]
        assert value is None, (kind, path)


@functools.cache
def _corpus_objects() -> list[tuple[str, dict[str, Any], tuple[SchemaProblem, ...]]]:
    found = []
    for file in corpus_files():
        text, _ = decode(file.read_bytes())
        for document in documents(text):
            for one in objects(str(file.relative_to(CORPUS)), document):
                data = {"apiVersion": one.api_version, "kind": one.kind, **one.data}
                if schemas().knows(one.api_version, one.kind):
                    found.append((one.file, data, tuple(schemas().problems(data, lambda path: None))))
    return found


@needs_corpus
def test_real_manifests_get_jsonschemas_verdict_and_places() -> None:
    refused = 0
    for _, data, found in _corpus_objects():
        if found or not _referee(NEWEST, data["apiVersion"], data["kind"]).is_valid(data):
            _assert_same_verdict(data, list(found))
            refused += 1
    assert refused > 10
    assert len(_corpus_objects()) > 500


@needs_corpus
def test_kubernetes_validate_refuses_the_same_real_manifests(monkeypatch: pytest.MonkeyPatch) -> None:
    import kubernetes_validate
    from kubernetes_validate import utils

    for name in ("schema_contents", "all_versions"):  # it would read 1.8 MB for each object
        monkeypatch.setattr(utils, name, functools.cache(getattr(utils, name)))
    for file, data, found in _corpus_objects():
        try:
            kubernetes_validate.validate(data, NEWEST, strict=True)
            refused = None
        except kubernetes_validate.ValidationError as error:
            refused = error
        ours = any(problem.kind in ("unknown-field", "missing-field", "wrong-type") for problem in found)
        if ours != (refused is not None):
            assert refused is not None, file
            assert _filled_in_later(refused.instance, ()), file


BASE: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "a", "labels": {"a": "b"}},
    "spec": {
        "replicas": 2,
        "selector": {"matchLabels": {"a": "b"}},
        "template": {
            "metadata": {"labels": {"a": "b"}},
            "spec": {
                "hostNetwork": False,
                "tolerations": [{"key": "a", "operator": "Exists"}],
                "volumes": [{"name": "v", "emptyDir": {}}],
                "containers": [
                    {
                        "name": "a",
                        "env": [{"name": "A", "value": "b"}],
                        "ports": [{"containerPort": 80}],
                        "resources": {"limits": {"cpu": "1"}},
                        "livenessProbe": {"httpGet": {"port": "http"}},
                        "command": ["a"],
                    }
                ],
            },
        },
    },
}
words = st.sampled_from(
    ["080", "name", "spec", "env", "Name", "command", "value", "replicas", "limits", "a", "zz", "80"]
)
scalars = st.booleans() | st.integers(-(2**31), 2**31 - 1) | st.floats(allow_nan=False, width=32) | words
json_values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=6,
)


def _places(data: Any, path: Path = ()) -> Iterator[Path]:
    yield path
    for step, inner in data.items() if isinstance(data, dict) else enumerate(data):
        if isinstance(inner, (dict, list)):
            yield from _places(inner, (*path, step))


PLACES = [path for path in _places(BASE) if path]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(st.sampled_from(PLACES), words, json_values), min_size=1, max_size=3))
def test_however_an_object_is_damaged_the_verdict_is_jsonschemas(damages: list[tuple[Path, str, Any]]) -> None:
    data = copy.deepcopy(BASE)
    for path, key, value in damages:
        target: Any = data
        for step in path:
            target = target[step] if isinstance(target, dict) and step in target else target
            target = target[0] if isinstance(target, list) and target else target
        if isinstance(target, dict) and target is not data:
            target[key] = copy.deepcopy(value)
    _assert_same_verdict(data, schemas("1.30").problems(data, lambda path: None), "1.30")


# The cache.


def _fresh(version: str) -> definitions.Definitions:
    definitions.definitions.cache_clear()
    return definitions.definitions(version)


def test_schemas_are_the_same_from_the_cache_and_without_it(
    tmp_path: FilePath, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBE_AUDIT_CACHE_DIR", str(tmp_path))
    made = _fresh("1.25")
    (stored,) = tmp_path.iterdir()
    assert _fresh("1.25") == made
    stored.write_text("{broken")
    assert _fresh("1.25") == made
    stored.write_text('{"kinds": 1}')
    assert _fresh("1.25") == made
    monkeypatch.setattr(cache, "_enabled", False)
    stored.unlink()
    assert _fresh("1.25") == made
    assert list(tmp_path.iterdir()) == []
