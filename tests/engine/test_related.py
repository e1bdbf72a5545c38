"""What rules see of the objects that an object is tied to, and the verdicts on the names it writes."""

from __future__ import annotations

from typing import Any

import pytest

from kube_audit.engine.related import Related
from kube_audit.manifests.kustomizations import Kustomizations
from kube_audit.manifests.kustomizations import read as read_kustomization
from kube_audit.manifests.objects import Object, objects
from kube_audit.manifests.text import Text
from kube_audit.manifests.yaml import documents
from kube_audit.relations import Relations

POD = """
apiVersion: v1
kind: Pod
metadata: {{name: web, namespace: '{namespace}', labels: {{app: web}}}}
spec:
  containers:
  - name: web
    image: web:1.2
    env:
    - name: LEVEL
      valueFrom: {{configMapKeyRef: {{name: '{name}', key: {key}{more}}}}}
"""


def config(name: str, namespace: str = "", data: str = "data: {LEVEL: info}", annotations: str = "{}") -> str:
    metadata = f"{{name: {name}, namespace: '{namespace}', annotations: {annotations}}}"
    return f"apiVersion: v1\nkind: ConfigMap\nmetadata: {metadata}\n{data}\n"


def pod(name: str, namespace: str = "", key: str = "LEVEL", more: str = "") -> str:
    return POD.format(name=name, namespace=namespace, key=key, more=more)


def related(text: str, *others: str | tuple[str, str], kustomization: dict[str, Any] | None = None) -> Any:
    """Return a function that gives a part of `related` for the first object of a text."""
    placed = [("app/a.yaml", text), *((o if isinstance(o, tuple) else ("app/b.yaml", o)) for o in others)]
    found: list[Object] = [
        obj for file, content in placed for document in documents(Text(content)) for obj in objects(file, document)
    ]
    around = Kustomizations()
    if kustomization is not None:
        around.add(read_kustomization("app/kustomization.yaml", kustomization))
    made = Related(Relations(found, around))
    return lambda part: made.of(found[0], frozenset({part}))[part]


def verdict(text: str, *others: str | tuple[str, str], **more: Any) -> str:
    verdicts = [entry["verdict"] for entry in related(text, *others, **more)("references")]
    assert len(verdicts) in (1, 2)
    return str(verdicts[-1])


@pytest.mark.parametrize(
    ("name", "others", "expected"),
    [
        ("settings", [config("settings")], "fits"),
        ("setings", [config("settings")], "typo"),
        ("level", [config("settings")], "missing"),
        ("level", [], "unknown"),
        ("level", [("elsewhere/c.yaml", config("settings"))], "unknown"),
        ("kube-root-ca.crt", [config("settings")], "fits"),
        ("${NAME}", [config("settings")], "fits"),
        ("settings", [config("settings", "shop")], "fits"),
    ],
)
def test_verdicts_on_a_name(name: str, others: list[str], expected: str) -> None:
    assert verdict(pod(name), *others) == expected


def test_an_object_of_another_namespace_is_elsewhere_unless_it_is_copied() -> None:
    copied = config("settings", "office", annotations='{reflector.v1.k8s.emberstack.com/reflection-allowed: "true"}')
    assert verdict(pod("settings", "shop"), config("settings", "office")) == "elsewhere"
    assert verdict(pod("settings", "shop"), copied) == "fits"


def test_optional_references_always_fit() -> None:
    assert verdict(pod("level", more=", optional: true"), config("settings")) == "fits"
    assert verdict(pod("settings", key="NONE", more=", optional: true"), config("settings")) == "fits"


def test_generated_and_prefixed_names_fit() -> None:
    generator = {"configMapGenerator": [{"name": "level"}]}
    assert verdict(pod("level"), config("settings"), kustomization=generator) == "fits"
    assert verdict(pod("dev-settings"), config("settings"), kustomization={"namePrefix": "dev-"}) == "fits"
    assert verdict(pod("dev-settings"), config("settings")) == "missing"


def test_what_an_operator_may_make_is_unknown() -> None:
    database = "apiVersion: example.com/v1\nkind: Database\nmetadata: {name: orders}"
    assert verdict(pod("orders-settings"), config("settings"), database) == "unknown"


@pytest.mark.parametrize(
    ("key", "data", "expected"),
    [
        ("LEVEL", "data: {LEVEL: info}", "fits"),
        ("LEVEL", "binaryData: {LEVEL: aW5mbw==}", "fits"),
        ("LEVL", "data: {LEVEL: info}", "key-typo"),
        ("REGION", "data: {LEVEL: info}", "key-missing"),
        ("REGION", "data: {}", "fits"),
        ("REGION", "", "fits"),
        ('"${KEY}"', "data: {LEVEL: info}", "fits"),
    ],
)
def test_verdicts_on_a_key(key: str, data: str, expected: str) -> None:
    assert verdict(pod("settings", key=key), config("settings", data=data)) == expected


def test_keys_that_a_kustomization_adds_to_are_not_judged() -> None:
    merged = {"configMapGenerator": [{"name": "settings", "behavior": "merge", "literals": ["REGION=eu"]}]}
    assert verdict(pod("settings", key="REGION"), config("settings"), kustomization=merged) == "fits"


def test_a_reference_names_what_it_stands_in() -> None:
    (entry,) = related(pod("level"), config("settings"))("references")
    assert (entry["container"], entry["variable"], entry["volume"]) == ("web", "LEVEL", "")
    assert entry["path"] == "spec.containers[0].env[0].valueFrom.configMapKeyRef.name"


def test_a_claim_template_takes_the_place_of_a_volume() -> None:
    db = """
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  serviceName: db
  template:
    spec:
      containers: [{name: db, image: "db:16"}]
      volumes: [{name: data, persistentVolumeClaim: {claimName: data}}]
  volumeClaimTemplates: [{metadata: {name: data}}]
"""
    assert [entry["via"] for entry in related(db)("references")] == ["headlessService"]


def service(selector: str, namespace: str = "") -> str:
    metadata = f"{{name: web, namespace: '{namespace}'}}"
    return f"apiVersion: v1\nkind: Service\nmetadata: {metadata}\nspec: {{selector: {selector}}}\n"


def workload(labels: str, namespace: str = "", name: str = "web", kind: str = "Deployment") -> str:
    return (
        f"apiVersion: apps/v1\nkind: {kind}\nmetadata: {{name: {name}, namespace: '{namespace}'}}\n"
        f"spec: {{template: {{metadata: {{labels: {labels}}}, spec: {{containers: []}}}}}}\n"
    )


def test_a_selector_that_fits_has_pods_and_no_nearest() -> None:
    seen = related(service("{app: web}"), workload("{app: web}"))
    assert [entry["ref"] for entry in seen("pods")] == ["Deployment web"]
    assert seen("selectsPods")
    assert seen("nearestPods") == []
    assert not seen("podsUnknown")


def test_the_nearest_workload_tells_the_labels_that_differ() -> None:
    seen = related(service("{app: fronted, tier: a}"), workload("{app: frontend, tier: a}", name="x"))
    (nearest,) = seen("nearestPods")
    (differs,) = nearest["differs"]
    assert differs == {"key": "app", "wanted": "fronted", "found": "frontend", "path": "spec.selector.app"}
    assert nearest["at"] == "spec.template.metadata.labels.app"
    assert not seen("podsUnknown")


def test_a_label_that_many_share_hints_at_nobody() -> None:
    many = [workload(f"{{app: app-{i}, team: one}}", name=f"w{i}") for i in range(30)]
    assert related(service("{app: something, team: one}"), *many)("nearestPods") == []


@pytest.mark.parametrize(
    ("asking", "other"),
    [
        (service("{app: '${APP}'}"), workload("{app: web}")),
        (service("{app: search}"), "apiVersion: example.com/v1\nkind: Search\nmetadata: {name: main}"),
        (service("{app: web}", "shop"), workload("{app: web}")),
        (service("{app: web}"), workload("{app: web}", "shop")),
        (service("{app: search}"), config("settings")),
        (service("{example.com/cluster: one}"), workload("{app: web}", name="x")),
        (service("{component: kube-scheduler}", "kube-system"), workload("{app: web}", "kube-system")),
    ],
)
def test_where_pods_may_come_from_elsewhere_it_is_unknown(asking: str, other: str) -> None:
    assert related(asking, other)("podsUnknown")


def test_pods_of_custom_resources_with_a_template_are_unknown() -> None:
    rollout = workload("{app: search}", name="s", kind="Runner").replace("apps/v1", "example.com/v1")
    assert related(service("{app: search}"), rollout, workload("{app: web}", name="x"))("podsUnknown")


def test_an_autoscaler_that_names_the_wrong_kind_is_a_typo() -> None:
    target = "{scaleTargetRef: {kind: Deployment, name: web}}"
    scaler = f"apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nspec: {target}"
    (entry,) = related(scaler, workload("{}", kind="StatefulSet"))("references")
    assert (entry["verdict"], entry["target"]["kind"]) == ("typo", "StatefulSet")
    assert related(scaler, workload("{}"))("target")["ref"] == "Deployment web"
    assert related(scaler, workload("{}", kind="StatefulSet"))("target") is None


@pytest.mark.parametrize(
    ("port", "expected"),
    [
        ("{number: 80}", "fits"),
        ("{name: http}", "fits"),
        ("{number: 81}", "port-missing"),
        ("{name: htp}", "port-missing"),
    ],
)
def test_verdicts_on_a_port(port: str, expected: str) -> None:
    ingress = (
        "apiVersion: networking.k8s.io/v1\nkind: Ingress\n"
        f"spec: {{defaultBackend: {{service: {{name: web, port: {port}}}}}}}"
    )
    there = "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {ports: [{name: http, port: 80}]}"
    assert verdict(ingress, there) == expected


def test_a_route_into_another_namespace_needs_a_grant() -> None:
    route = (
        "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: web, namespace: shop}\n"
        "spec: {rules: [{backendRefs: [{name: login, namespace: identity}]}]}"
    )
    login = "apiVersion: v1\nkind: Service\nmetadata: {name: login, namespace: identity}"
    grant = (
        "apiVersion: gateway.networking.k8s.io/v1beta1\nkind: ReferenceGrant\n"
        "metadata: {name: x, namespace: identity}\n"
        "spec: {from: [{kind: HTTPRoute, namespace: shop}], to: [{kind: Service, name: login}]}"
    )
    assert [entry["granted"] for entry in related(route, login)("references")] == [False]
    assert [entry["granted"] for entry in related(route, login, grant)("references")] == [True]


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("login", "fits"),
        ("login.identity.svc.cluster.local", "fits"),
        ("login.shop.svc", "elsewhere"),
        ("login.example.com", None),
        ("*.example.com", None),
    ],
)
def test_hosts_of_a_mesh_that_are_services(host: str, expected: str | None) -> None:
    rule = (
        "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: x, namespace: identity}\n"
        f"spec: {{host: '{host}'}}"
    )
    login = "apiVersion: v1\nkind: Service\nmetadata: {name: login, namespace: identity}"
    entries = related(rule, login)("references")
    assert [entry["verdict"] for entry in entries] == ([expected] if expected else [])


def rivals(*texts: str | tuple[str, str]) -> list[tuple[str, str]]:
    """Return what the last text's object takes that others have taken."""
    placed = [t if isinstance(t, tuple) else ("app/a.yaml", t) for t in texts]
    found = [
        obj for file, content in placed for document in documents(Text(content)) for obj in objects(file, document)
    ]
    made = Related(Relations(found, Kustomizations()))
    return [(one["over"], one["value"]) for one in made.of(found[-1], frozenset({"rivals"}))["rivals"]]


def test_a_second_definition_counts_within_a_folder_only() -> None:
    assert rivals(config("a"), ("app/b.yaml", config("a"))) == [("identity", "ConfigMap a")]
    assert rivals(config("a"), ("other/b.yaml", config("a"))) == []
    assert rivals(config("a"), ("app/b.yaml", config("a", "shop"))) == []


def test_node_ports_are_shared_by_what_is_deployed_together() -> None:
    def node_port(name: str, protocol: str = "TCP") -> str:
        ports = f"[{{port: 80, nodePort: 30080, protocol: {protocol}}}]"
        return f"apiVersion: v1\nkind: Service\nmetadata: {{name: {name}}}\nspec: {{type: NodePort, ports: {ports}}}"

    assert rivals(node_port("a"), node_port("b")) == [("nodePort", "30080")]
    assert rivals(node_port("a"), node_port("b", "UDP")) == []
    assert rivals(node_port("a"), ("elsewhere/b.yaml", node_port("b"))) == []


def test_overlapping_selectors_are_told_once() -> None:
    def deployment(name: str) -> str:
        return workload("{app: web}", name=name).replace("spec: {t", "spec: {selector: {matchLabels: {app: web}}, t")

    assert related(deployment("a"), deployment("b"))("otherPods") == []
    pair = deployment("a") + "---\n" + deployment("b")
    found = [obj for document in documents(Text(pair)) for obj in objects("a.yaml", document)]
    made = Related(Relations(found, Kustomizations()))
    assert [one["name"] for one in made.of(found[1], frozenset({"otherPods"}))["otherPods"]] == ["a"]


def test_peers_are_looked_up_in_the_namespaces_that_their_selector_fits() -> None:
    policy = """
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: db, namespace: shop}
spec:
  podSelector: {}
  ingress:
  - from:
    - podSelector: {matchLabels: {app: web}}
    - podSelector: {matchLabels: {app: web}}
      namespaceSelector: {matchLabels: {team: front}}
    - podSelector: {matchLabels: {app: web}}
      namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: monitoring}}
"""
    space = "apiVersion: v1\nkind: Namespace\nmetadata: {name: front, labels: {team: front}}"
    seen = related(policy, space, workload("{app: web}", "front"), workload("{app: db}", "shop", "db"))
    assert [(len(peer["pods"]), peer["unknown"]) for peer in seen("peers")] == [(0, False), (1, False), (0, True)]
