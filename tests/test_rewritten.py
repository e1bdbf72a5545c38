"""What kustomize writes over is not judged, and what it may turn around is left open."""

from __future__ import annotations

import pytest

from tests.support import audit_texts

WEB = """
apiVersion: apps/v1
kind: Deployment
metadata: {{name: web{metadata}}}
spec:
  replicas: 1
  selector: {{matchLabels: {labels}}}
  template:
    metadata: {{labels: {labels}}}
    spec:
      containers:
      - {{name: web, image: "{image}", ports: [{{name: http, containerPort: 80}}]}}
"""
SERVICE = """
apiVersion: v1
kind: Service
metadata: {{name: web{metadata}}}
spec: {{selector: {selector}, ports: [{{port: 80, targetPort: http}}]}}
"""


def web(labels: str = "{app: web}", image: str = "registry.example.com/web:1.2", metadata: str = "") -> str:
    return WEB.format(labels=labels, image=image, metadata=metadata)


def service(selector: str = "{app: web}", metadata: str = "") -> str:
    return SERVICE.format(selector=selector, metadata=metadata)


def severities(rule: str, files: dict[str, str]) -> list[str]:
    return [f.severity for f in audit_texts(files, profile="all").findings if f.rule == rule]


@pytest.mark.parametrize(
    ("kustomization", "expected"),
    [
        ("", ["warning"]),
        ("images: [{name: registry.example.com/web, newTag: 1.2.3}]", []),
        ("images: [{name: registry.example.com/web, digest: 'sha256:abc'}]", []),
        ("images: [{name: registry.example.com/web}]", ["warning"]),
        ("images: [{name: web, newTag: 1.2.3}]", ["warning"]),
    ],
)
def test_an_image_that_a_kustomization_replaces_is_not_judged(kustomization: str, expected: list[str]) -> None:
    files = {
        "base/kustomization.yaml": f"resources: [web.yaml]\n{kustomization}\n",
        "base/web.yaml": web(image="registry.example.com/web:latest"),
    }
    assert severities("image-tag-latest", files) == expected


@pytest.mark.parametrize(("prod", "expected"), [("newTag: 1.2.3", []), ("newTag: ''", ["warning"])])
def test_an_image_that_one_overlay_leaves_as_it_is_is_judged(prod: str, expected: list[str]) -> None:
    overlay = "resources: [../../base]\nimages: [{{name: registry.example.com/web, {}}}]\n"
    files = {
        "base/kustomization.yaml": "resources: [web.yaml]\n",
        "base/web.yaml": web(image="registry.example.com/web:latest"),
        "overlays/dev/kustomization.yaml": overlay.format("newTag: 1.2.3"),
        "overlays/prod/kustomization.yaml": overlay.format(prod),
    }
    assert severities("image-tag-latest", files) == expected


def test_a_component_writes_into_what_is_included_beside_it() -> None:
    files = {
        "kustomization.yaml": "resources: [web.yaml]\ncomponents: [tags]\n",
        "tags/kustomization.yaml": "kind: Component\nimages: [{name: registry.example.com/web, newTag: 1.2.3}]\n",
        "web.yaml": web(image="registry.example.com/web:latest"),
    }
    assert severities("image-tag-latest", files) == []


def test_a_number_of_copies_that_a_kustomization_sets_is_not_judged() -> None:
    files = {
        "kustomization.yaml": "resources: [web.yaml]\nreplicas: [{name: web, count: 3}]\n",
        "web.yaml": web(),
        "other.yaml": web().replace("name: web", "name: other", 1),
    }
    found = audit_texts(files).findings
    assert [f.file for f in found if f.rule == "deployment-replicas-low"] == ["other.yaml"]


def test_labels_that_kustomize_puts_into_selectors_and_templates_are_not_missing() -> None:
    files = {"kustomization.yaml": "resources: [web.yaml]\ncommonLabels: {app: web}\n", "web.yaml": web("{}")}
    assert severities("selector-mismatch", {"web.yaml": web("{}")}) == ["error"]
    assert severities("selector-mismatch", files) == []


@pytest.mark.parametrize(
    ("kustomization", "expected"),
    [
        ("resources: [web.yaml]", ["error"]),
        ("resources: [web.yaml]\nlabels: [{pairs: {track: stable}, includeSelectors: true}]", ["info"]),
        ("resources: [web.yaml]\nlabels: [{pairs: {track: stable}, includeTemplates: true}]", ["info"]),
        ("resources: [web.yaml]\nlabels: [{pairs: {track: stable}}]", ["error"]),
        ("resources: [web.yaml]\ncommonLabels: {track: stable}", ["info"]),
        ("resources: [web.yaml]\ncommonLabels: {other: stable}", ["error"]),
        ("resources: [other.yaml]\ncommonLabels: {track: stable}", ["error"]),
    ],
)
def test_a_selector_of_a_label_that_kustomize_puts_on_pods_is_left_open(
    kustomization: str, expected: list[str]
) -> None:
    files = {
        "kustomization.yaml": kustomization,
        "web.yaml": web(),
        "service.yaml": service("{app: web, track: stable}"),
    }
    assert severities("dangling-service", files) == expected


def test_a_monitor_of_a_label_that_kustomize_puts_on_services_is_left_open() -> None:
    monitor = "apiVersion: monitoring.coreos.com/v1\nkind: ServiceMonitor\nmetadata: {name: web}\n"
    monitor += "spec: {selector: {matchLabels: {team: shop}}, endpoints: [{port: http}]}\n"
    files = {"web.yaml": web(), "service.yaml": service(), "monitor.yaml": monitor}
    assert severities("dangling-service-monitor", files) == ["warning"]
    files["kustomization.yaml"] = "resources: [web.yaml, service.yaml]\nlabels: [{pairs: {team: shop}}]\n"
    assert severities("dangling-service-monitor", files) == ["info"]


def test_a_namespace_that_kustomize_writes_over_keeps_nothing_apart() -> None:
    files = {"web.yaml": web(metadata=", namespace: default"), "service.yaml": service(metadata=", namespace: shop")}
    assert severities("dangling-service", files) == ["info"]
    files["kustomization.yaml"] = "resources: [web.yaml, service.yaml]\nnamespace: shop\n"
    assert severities("dangling-service", files) == []
    files["service.yaml"] = service("{app: webb}", metadata=", namespace: shop")
    assert severities("dangling-service", files) == ["error"]


def test_overlays_find_their_base_whatever_namespace_they_set() -> None:
    files = {
        "base/kustomization.yaml": "resources: [web.yaml]\n",
        "base/web.yaml": web(),
        **{
            f"overlays/{name}/{file}": text
            for name in ("dev", "prod")
            for file, text in (
                ("kustomization.yaml", f"resources: [../../base, service.yaml]\nnamespace: {name}\n"),
                ("service.yaml", service(metadata=f", namespace: {name}" if name == "dev" else "")),
            )
        },
    }
    assert severities("dangling-service", files) == []


def test_applications_that_are_built_into_namespaces_of_their_own_do_not_meet() -> None:
    files = {"kustomization.yaml": "resources: [a, b]\n"}
    for name, port in (("a", "http"), ("b", "web")):
        files[f"{name}/kustomization.yaml"] = f"namespace: {name}\nresources: [web.yaml, service.yaml]\n"
        files[f"{name}/web.yaml"] = web().replace("name: http", f"name: {port}")
        files[f"{name}/service.yaml"] = service().replace("targetPort: http", f"targetPort: {port}")
    rules = {f.rule for f in audit_texts(files, profile="all").findings}
    assert rules.isdisjoint({"duplicate-object", "service-target-port-mismatch", "overlapping-selectors"})
    files["b/kustomization.yaml"] = files["b/kustomization.yaml"].replace("namespace: b", "namespace: a")
    assert severities("duplicate-object", files) == ["warning", "warning"]


def test_names_that_get_different_prefixes_are_not_the_same() -> None:
    config = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\n"
    files = {
        "kustomization.yaml": "resources: [a, b]\n",
        "a/kustomization.yaml": "namePrefix: a-\nresources: [web.yaml]\n",
        "a/web.yaml": config,
        "b/kustomization.yaml": "nameSuffix: -b\nresources: [web.yaml]\n",
        "b/web.yaml": config,
    }
    assert severities("duplicate-object", files) == []
    files["b/kustomization.yaml"] = files["a/kustomization.yaml"] = "resources: [web.yaml]\n"
    assert severities("duplicate-object", files) == ["warning"]


def test_kustomizations_that_include_each_other_end_and_hide_nothing() -> None:
    files = {
        "a/kustomization.yaml": "resources: [../b, web.yaml]\nnamespace: a\n",
        "b/kustomization.yaml": "resources: [../a]\nimages: [{name: registry.example.com/web, newTag: '1'}]\n",
        "a/web.yaml": web(image="registry.example.com/web:latest"),
    }
    assert severities("rule-error", files) == []
    assert severities("deployment-replicas-low", files) == ["warning"]
