"""Which objects are tied to which: one index over all objects, asked by name, by labels, and by who refers.

Every question is answered for the universe that the asking object belongs to. A missing namespace matches a
missing namespace; where only one of two objects names its namespace, the answer is left open.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from kube_audit.declared import NOTHING_DECLARED, Declared
from kube_audit.engine.scopes import Pod, kind_names, pod_of
from kube_audit.label_index import LabelIndex
from kube_audit.manifests.kustomizations import Kustomizations
from kube_audit.manifests.objects import Object, mapping
from kube_audit.near_names import NearNames
from kube_audit.operators import created_names, own_pod_labels, refers_only
from kube_audit.references import Reference
from kube_audit.references import references as references_of
from kube_audit.selectors import Selector, at_run_time, labels_of_pods
from kube_audit.universe import NOBODY, Identity, Members, Universes

_CLUSTER_SCOPED = frozenset(
    {
        *(
            "ClusterRole",
            "PriorityClass",
            "RuntimeClass",
            "IngressClass",
            "StorageClass",
            "Namespace",
            "PersistentVolume",
        ),
        *("GatewayClass.gateway.networking.k8s.io", "ClusterIssuer.cert-manager.io"),
        "ClusterSecretStore.external-secrets.io",
    }
)
_NAMESPACE_NAME = "kubernetes.io/metadata.name"
"""The label that every Namespace has by itself."""
_FEW = 50
"""How many LimitRanges of a namespace are read."""
_MANY = 200
"""From how many selected workloads on nobody asks which of several definitions is meant."""


class Relations:
    """All objects of a run and the ties between them. Objects go by their number, their place in `objects`."""

    def __init__(
        self,
        objects: Iterable[Object],
        kustomizations: Kustomizations,
        declared: Declared = NOTHING_DECLARED,
    ) -> None:
        self.objects = list(objects)
        self.universes = Universes(self.objects, kustomizations, declared.universes)
        self._external = declared.external
        self.pods: dict[int, Pod] = {}
        """Number of each workload to its pod."""
        self.by_pod_label = LabelIndex()
        """All workloads by their pods' labels, with those that its controller adds."""
        self.kustomizations = kustomizations
        writes = [kustomization.writes for kustomization in kustomizations.all]
        self.changes_names = any(one.renames or one.namespace for one in writes)
        """Whether a kustomization puts something before or after names, or sets namespaces."""
        self._gained = frozenset[str]().union(*(one.labels | one.pod_labels for one in writes))
        self._generated = {pair for kustomization in kustomizations.all for pair in kustomization.generated}
        self._numbers: dict[int, int] = {}
        self._by_name: dict[tuple[str, str | None, str], Members] = defaultdict(Members)
        self._anywhere: dict[tuple[str, str], Members] = defaultdict(Members)
        self._by_kind: dict[str, dict[str | None, Members]] = defaultdict(lambda: defaultdict(Members))
        self._names: dict[tuple[str, str | None], set[str]] = defaultdict(set)
        self._makers: dict[str, Members] = defaultdict(Members)
        """Name, and kind in lower case, to the custom resources from which a controller may make other objects."""
        self._made_labels: dict[tuple[str, str], Members] = defaultdict(Members)
        self._created: dict[tuple[str, str], Members] = defaultdict(Members)
        self._selections: dict[tuple[Any, ...], list[int]] = {}
        self._chosen_namespaces: dict[tuple[tuple[str, ...], Selector], list[str]] = {}
        self._mesh_rules: dict[tuple[str, str | None], Members] | None = None
        self._near: dict[tuple[str, str | None], NearNames] = {}
        for number, obj in enumerate(self.objects):
            self._add(number, obj)

    def _add(self, number: int, obj: Object) -> None:
        self._numbers[id(obj)] = number
        kind = kind_names(obj.api_version, obj.kind)[0]
        obj.home = self._home(obj)
        namespace = None if kind in _CLUSTER_SCOPED else obj.home
        name = obj.metadata.get("name")
        file = obj.file
        self._by_kind[kind][namespace].add(number, file)
        if isinstance(name, str):
            self._by_name[kind, namespace, name].add(number, file)
            self._anywhere[kind, name].add(number, file)
            self._names[kind, namespace].add(name)
            if kind != obj.kind and not refers_only(obj):
                for word in {name, obj.kind.lower()}:  # operators label pods with either
                    self._makers[word].add(number, file)
        for pair in created_names(obj):
            self._created[pair].add(number, file)
        pod = pod_of(obj)
        if pod is None:
            if kind != obj.kind:
                for pair in own_pod_labels(obj).items():
                    self._made_labels[pair].add(number, file)
            return
        self.pods[number] = pod
        self.by_pod_label.add(number, obj, labels_of_pods(obj, pod.labels))

    def _home(self, obj: Object) -> str | None:
        """Return the namespace that an object names, None where it names none or kustomize writes over it."""
        builds = self.kustomizations.builds(obj.file) if self.changes_names else ()
        return None if any(build.namespace for build in builds) else obj.namespace

    def number(self, obj: Object) -> int:
        """Return the number under which an object stands in `objects`."""
        return self._numbers[id(obj)]

    def _seen(self, asking: Object, members: Members) -> list[int]:
        return self._own(asking, self.universes.seen(asking.file, members)) if members else []

    def _own(self, asking: Object, numbers: Iterable[int]) -> list[int]:
        """Sort objects; of several definitions of one, keep those of the asking object's file, else of its folder."""
        found = sorted(numbers)
        if len(found) < 2:
            return found
        by_identity: dict[Identity, list[int]] = defaultdict(list)
        for number in found:
            by_identity[self.identity(number)].append(number)
        if len(by_identity) == len(found):
            return found
        folder = self.universes.folder
        for numbers_of_one in by_identity.values():
            files = {n: self.objects[n].file for n in numbers_of_one}
            same_file = [n for n, file in files.items() if file == asking.file]
            same_folder = [n for n, file in files.items() if folder(file) == folder(asking.file)]
            numbers_of_one[:] = same_file or same_folder or numbers_of_one
        return sorted(number for numbers_of_one in by_identity.values() for number in numbers_of_one)

    def identity(self, number: int) -> Identity:
        """Return what makes an object the same as another where it is applied: kind (with group), namespace, name."""
        obj = self.objects[number]
        return kind_names(obj.api_version, obj.kind)[0], obj.home, obj.name

    def _sees_any(self, asking: Object, members: Members) -> bool:
        return any(True for _ in self.universes.seen(asking.file, members))

    def named(self, asking: Object, kind: str, namespace: str | None, name: str) -> list[int]:
        """Return the objects of a kind and name in a namespace that the asking object sees."""
        if kind in _CLUSTER_SCOPED:
            namespace = None
        return self._seen(asking, self._by_name.get((kind, namespace, name), NOBODY))

    def named_anywhere(self, asking: Object, kind: str, name: str) -> list[int]:
        """Return the objects of a kind and name in whatever namespace that the asking object sees."""
        return self._seen(asking, self._anywhere.get((kind, name), NOBODY))

    def workload_named(self, asking: Object, namespace: str | None, name: str) -> list[int]:
        """Return the workloads of whatever kind with a name in a namespace."""
        return self._seen(asking, self.by_pod_label.named(namespace, name))

    def of_kind(self, asking: Object, kind: str, namespace: str | None, most: int | None = None) -> list[int]:
        """Return the objects of a kind in a namespace that the asking object sees: all, or as many as that."""
        if kind in _CLUSTER_SCOPED:
            namespace = None
        members = self.everywhere(kind).get(namespace, NOBODY)
        if most is not None:
            return self._own(asking, islice(self.universes.seen(asking.file, members), most))
        return self._seen(asking, members)

    def everywhere(self, kind: str) -> Mapping[str | None, Members]:
        """Return the namespaces that hold objects of a kind, each with all of them, seen or not."""
        return self._by_kind.get(kind, {})

    def namespaces_with_workloads(self) -> list[str | None]:
        """Return the namespaces in which workloads are."""
        return list(self.by_pod_label.spaces)

    def has_kind(self, asking: Object, kind: str, namespace: str | None) -> bool:
        """Whether an object of a kind is there that the asking object could mean.

        In the namespace; where none is written, in the folders around the asking object.
        """
        if kind in _CLUSTER_SCOPED:
            return self._sees_any(asking, self.everywhere(kind).get(None, NOBODY))
        return self._has_close(asking, namespace, self.everywhere(kind).get(namespace, NOBODY))

    def has_workload(self, asking: Object, namespace: str | None) -> bool:
        """Whether a workload is there that the asking object could mean; see `has_kind`."""
        return self._has_close(asking, namespace, self.by_pod_label.spaces.get(namespace, NOBODY))

    def _has_close(self, asking: Object, namespace: str | None, members: Members) -> bool:
        if namespace is not None:
            return self._sees_any(asking, members)
        return any(True for _ in self.universes.seen_near(asking.file, members))

    def misspelt(self, asking: Object, kind: str, namespace: str | None, name: str) -> int | None:
        """Return the object that a name is likely a misspelling of: of that kind, in that namespace."""
        if kind in _CLUSTER_SCOPED:
            namespace = None
        place = (kind, namespace)
        if place not in self._near:
            self._near[place] = NearNames(self._names.get(place, ()))
        for similar in self._near[place].like(name):
            members = self._by_name[kind, namespace, similar]
            for number in self._seen(asking, members):
                if namespace is not None or self.universes.near(asking.file, self.objects[number].file):
                    return number
        return None

    def selected(self, asking: Object, namespace: str | None, selector: Selector) -> list[int]:
        """Return the workloads of a namespace whose pods carry the labels that a selector asks for."""
        return self._select(asking, selector, (namespace,))

    def _select(self, asking: Object, selector: Selector, spaces: tuple[str | None, ...] | None) -> list[int]:
        """Select workloads of a namespace, of all for None.

        Where no namespace is written only those of the same application are meant.
        """
        close = asking.home is None and spaces is not None
        view = (self.universes.folder(asking.file), self.universes.roots(asking.file))
        key = (view, spaces, selector, close)
        found = self._selections.get(key)
        if found is None:
            plain, index = at_run_time(selector), self.by_pod_label
            groups = index.candidates(plain, spaces[0]) if spaces is not None else index.candidates_anywhere(plain)
            find = self.universes.seen_near if close else self.universes.seen
            seen = (number for group in groups if group for number in find(asking.file, group))
            found = self._selections[key] = sorted(n for n in seen if plain.matches(index.labels[n]))
        return self._own(asking, found) if 1 < len(found) <= _MANY else found

    def namespaces(self, asking: Object, selector: Selector) -> list[str]:
        """Return the names of the Namespaces in the files that a namespaceSelector fits."""
        named = [value for key, value in selector.equalities if key == _NAMESPACE_NAME]
        key = (self.universes.folder(asking.file), selector)
        if not named and key in self._chosen_namespaces:
            return self._chosen_namespaces[key]
        numbers = self.named(asking, "Namespace", None, named[0]) if named else self.of_kind(asking, "Namespace", None)
        found = []
        for number in numbers:
            obj = self.objects[number]
            labels = {**mapping(obj.metadata.get("labels")), _NAMESPACE_NAME: obj.name}
            if obj.name is not None and selector.matches(labels):
                found.append(obj.name)
        if not named:
            self._chosen_namespaces[key] = found
        return found

    def maybe_selected(self, asking: Object, selector: Selector) -> bool:
        """Whether a selector, which fits no pods as they are written, may fit some as they are applied.

        Namespaces that are not written down may turn out to be equal, and kustomize may put on the labels.
        """
        if self._possible(asking, selector):
            return True
        looser = self.without_gained(selector)
        if looser == selector:
            return False
        gained = selector.keys - looser.keys
        found = self._possible(asking, looser) or self.selected(asking, asking.home, looser)
        return any(self.gains(self.objects[number], gained, pods=True) for number in found)

    def _possible(self, asking: Object, selector: Selector) -> list[int]:
        """Return the workloads that a selector fits if one of two namespaces, which is not written, is the other."""
        return self._select(asking, selector, (None,) if asking.home is not None else None)

    def without_gained(self, selector: Selector) -> Selector:
        """Return a selector without the labels that kustomizations put on objects or pods."""
        if self._gained.isdisjoint(selector.keys):
            return selector
        return Selector(
            tuple(pair for pair in selector.equalities if pair[0] not in self._gained),
            tuple(one for one in selector.expressions if one[0] not in self._gained),
        )

    def gains(self, obj: Object, keys: frozenset[str], *, pods: bool) -> bool:
        """Whether kustomizations that include an object put labels on it, or on its pods."""
        put = (writes.pod_labels if pods else writes.labels for _, writes in self.kustomizations.writers(obj.file))
        return keys <= frozenset[str]().union(*put)

    def made_by_custom_resource(self, asking: Object, selector: Selector) -> bool:
        """Whether a selector points to pods that an operator makes.

        It holds a custom resource's name, kind or own prefix, or labels that a custom resource gives its pods.
        """
        for key, value in selector.equalities:
            if self._sees_any(asking, self._makers.get(value, NOBODY)):
                return True
            prefix = key.rpartition("/")[0]
            if prefix and not prefix.endswith(("kubernetes.io", "k8s.io")) and key not in self.by_pod_label.keys:
                return True
        lists = [self._made_labels.get(pair, NOBODY) for pair in selector.equalities]
        fitting = min(lists, key=len) if lists else NOBODY
        return any(selector.matches(own_pod_labels(self.objects[n])) for n in self.universes.seen(asking.file, fitting))

    def made_under_name(self, asking: Object, name: str) -> bool:
        """Whether a name starts with that of a custom resource, as names do that operators make up."""
        return any(
            self._sees_any(asking, self._makers.get(name[:end], NOBODY))
            for end in range(1, len(name) + 1)
            if end == len(name) or name[end] in "-."
        )

    def named_by_kustomize(self, asking: Object, kind: str, namespace: str | None, name: str) -> bool:
        """Whether a name is that of an object with what a kustomization puts before or after it."""
        if not self.changes_names:
            return False
        cuts = [at for at, sign in enumerate(name) if sign in "-."]
        parts = [part for at in cuts for part in (name[:at], name[at + 1 :])]
        return any(self._sees_any(asking, self._by_name.get((kind, namespace, part), NOBODY)) for part in parts)

    def generated(self, kind: str, name: str) -> bool:
        """Whether a kustomization generates, or adds to, a ConfigMap or Secret of that name."""
        return (kind, name) in self._generated

    def exists_elsewhere(self, asking: Object, kind: str, namespace: str | None, name: str) -> bool:
        """Whether an object comes about without a manifest here: declared, generated, or made by a controller."""
        if any(external.is_meant(kind, namespace, name) for external in self._external):
            return True
        return self.generated(kind, name) or self._sees_any(asking, self._created.get((kind, name), NOBODY))

    def references(self, obj: Object) -> Iterator[Reference]:
        """Yield everything an object names."""
        return references_of(obj, self.pods.get(self.number(obj)))

    def mesh_rules(self, asking: Object, name: str, namespace: str | None) -> list[int]:
        """Return Istio's DestinationRules for a Service."""
        if self._mesh_rules is None:
            self._mesh_rules = defaultdict(Members)
            for members in self.everywhere("DestinationRule.networking.istio.io").values():
                for number, file in members.places:
                    for reference in self.references(self.objects[number]):
                        self._mesh_rules[reference.name, reference.namespace].add(number, file)
        return self._seen(asking, self._mesh_rules.get((name, namespace), NOBODY))

    def limit_defaults(self, obj: Object) -> dict[str, dict[str, Any]]:
        """Return `default` and `defaultRequest` that the LimitRanges of an object's namespace give containers."""
        defaults: dict[str, dict[str, Any]] = {}
        for number in self.of_kind(obj, "LimitRange", obj.home, _FEW):
            if obj.home is None and not self.universes.near(obj.file, self.objects[number].file):
                continue
            limits = mapping(self.objects[number].data.get("spec")).get("limits")
            for entry in limits if isinstance(limits, list) else ():
                if mapping(entry).get("type") == "Container":
                    for field in ("default", "defaultRequest"):
                        amounts = mapping(entry.get(field)).items()
                        known = {
                            resource: amount for resource, amount in amounts if isinstance(amount, str | int | float)
                        }
                        defaults.setdefault(field, {}).update(known)
        return defaults
