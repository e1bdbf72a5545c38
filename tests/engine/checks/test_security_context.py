"""Security settings in annotations, and settings that rule each other out: what is found, and where."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kube_audit.engine.checks.security_context import (
    apparmor_profiles,
    apparmor_unknown_containers,
    conflicts,
    seccomp_annotations,
)
from kube_audit.engine.elements import Element, Hit
from kube_audit.engine.scopes import pod_of
from kube_audit.findings import path_text
from kube_audit.manifests.objects import Object, objects
from kube_audit.manifests.text import Text
from kube_audit.manifests.yaml import documents

Check = Callable[[Element, Mapping[str, Any]], Iterator[Hit]]

CRON_JOB = """\
apiVersion: batch/v1
kind: CronJob
metadata: {name: report}
spec:
  schedule: "0 3 * * *"
  jobTemplate:
    spec:
      template:
        metadata:
          annotations:
            container.apparmor.security.beta.kubernetes.io/report: unconfined
            container.seccomp.security.alpha.kubernetes.io/report: runtime/default
        spec:
          hostUsers: false
          hostIPC: true
          containers:
          - name: report
            image: example.com/report:1.0
"""


def read(text: str) -> Object:
    return next(objects("x.yaml", next(iter(documents(Text(text))))))


def hits(check: Check, obj: Object) -> list[tuple[str, Mapping[str, Any]]]:
    element = Element(obj, obj.data, (), None, pod_of(obj), None, {}, {})
    return [(path_text(hit.path), hit.found) for hit in check(element, {})]


def pod(spec: str, annotations: str = "{}") -> Object:
    return read(f"apiVersion: v1\nkind: Pod\nmetadata:\n  name: web\n  annotations: {annotations}\nspec: {spec}\n")


def test_annotations_of_a_pod_template_are_found_where_its_kind_keeps_them() -> None:
    template = "spec.jobTemplate.spec.template"
    prefix = f'{template}.metadata.annotations["container.'
    (profile,) = hits(apparmor_profiles, read(CRON_JOB))
    assert profile[0] == f'{prefix}apparmor.security.beta.kubernetes.io/report"]'
    ((path, found),) = hits(seccomp_annotations, read(CRON_JOB))
    assert path == f'{prefix}seccomp.security.alpha.kubernetes.io/report"]'
    assert found["field"] == f"{template}.spec.containers[0].securityContext.seccompProfile"
    assert [path for path, _ in hits(conflicts, read(CRON_JOB))] == [f"{template}.spec.hostIPC"]


@pytest.mark.parametrize("check", [apparmor_profiles, apparmor_unknown_containers, seccomp_annotations, conflicts])
def test_what_makes_no_pods_is_passed_over(check: Check) -> None:
    service = read("apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {hostUsers: false, hostPID: true}\n")
    assert hits(check, service) == []


@pytest.mark.parametrize(
    ("annotation", "profile"),
    [
        ("runtime/default", {"type": "RuntimeDefault"}),
        ("docker/default", {"type": "RuntimeDefault"}),
        ("unconfined", {"type": "Unconfined"}),
        ("localhost/profiles/web.json", {"type": "Localhost", "localhostProfile": "profiles/web.json"}),
        ("something", {}),
    ],
)
def test_seccomp_annotations_are_translated(annotation: str, profile: dict[str, str]) -> None:
    obj = pod("{containers: [{name: web}]}", f'{{seccomp.security.alpha.kubernetes.io/pod: "{annotation}"}}')
    ((_, found),) = hits(seccomp_annotations, obj)
    assert (found["field"], found["profile"]) == ("spec.securityContext.seccompProfile", profile)


def test_a_seccomp_profile_that_stands_there_is_kept() -> None:
    spec = "{securityContext: {seccompProfile: {type: Unconfined}}, containers: [{name: web}]}"
    ((_, found),) = hits(seccomp_annotations, pod(spec, "{seccomp.security.alpha.kubernetes.io/pod: runtime/default}"))
    assert found["profile"] == {"type": "Unconfined"}


def test_a_seccomp_annotation_for_no_container_has_nowhere_to_go() -> None:
    obj = pod("{containers: [{name: web}]}", "{container.seccomp.security.alpha.kubernetes.io/gone: runtime/default}")
    ((_, found),) = hits(seccomp_annotations, obj)
    assert (found["field"], found["profile"]) == ("", {})


@pytest.mark.parametrize(
    ("context", "fields"),
    [
        ("{allowPrivilegeEscalation: false, privileged: true}", ["allowPrivilegeEscalation"]),
        ("{allowPrivilegeEscalation: false, capabilities: {add: [CAP_SYS_ADMIN]}}", ["allowPrivilegeEscalation"]),
        ("{allowPrivilegeEscalation: false, capabilities: {add: [SYS_ADMIN]}}", []),
        ("{allowPrivilegeEscalation: true, privileged: true}", []),
        ("{capabilities: {add: [CHOWN, cap_net_raw], drop: [NET_RAW]}}", ["capabilities.add[1]"]),
        ("{capabilities: {add: [CHOWN], drop: [ALL]}}", []),
        ("{capabilities: {add: [ALL], drop: [ALL]}}", ["capabilities.add[0]"]),
    ],
)
def test_contradictions_within_a_container(context: str, fields: list[str]) -> None:
    found = hits(conflicts, pod(f"{{containers: [{{name: web, securityContext: {context}}}]}}"))
    assert [path.removeprefix("spec.containers[0].securityContext.") for path, _ in found] == fields


@pytest.mark.parametrize(
    ("system", "paths"),
    [
        ("windows", ["spec.securityContext.fsGroup", "spec.containers[0].securityContext.privileged"]),
        ("linux", ["spec.securityContext.windowsOptions", "spec.containers[0].securityContext.windowsOptions"]),
    ],
)
def test_settings_of_the_other_operating_system_are_refused(system: str, paths: list[str]) -> None:
    spec = (
        f"{{os: {{name: {system}}}, securityContext: {{fsGroup: 1, runAsNonRoot: true, windowsOptions: {{}}}}, "
        "containers: [{name: web, securityContext: {privileged: false, windowsOptions: {}}}]}"
    )
    assert [path for path, found in hits(conflicts, pod(spec)) if found["refused"]] == paths
    assert hits(conflicts, pod(spec.replace(f"os: {{name: {system}}}, ", ""))) == []


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(context=_JSON, capabilities=_JSON, names=_JSON, annotation=_JSON, system=_JSON)
def test_data_of_any_shape_is_survived(
    context: Any, capabilities: Any, names: Any, annotation: Any, system: Any
) -> None:
    obj = pod("{}")
    lists = {"allowPrivilegeEscalation": False, "capabilities": {"add": names, "drop": names}}
    obj.data["spec"] = {
        "os": {"name": system},
        "securityContext": context,
        "containers": [
            {"name": names, "securityContext": context},
            {"name": "a", "securityContext": {"capabilities": capabilities, "appArmorProfile": context}},
            {"name": "b", "securityContext": lists},
            context,
        ],
    }
    obj.data["metadata"]["annotations"] = {
        "container.apparmor.security.beta.kubernetes.io/a": annotation,
        "seccomp.security.alpha.kubernetes.io/pod": annotation,
    }
    for check in (apparmor_profiles, apparmor_unknown_containers, seccomp_annotations, conflicts):
        assert all(isinstance(path, str) for path, _ in hits(check, obj))
