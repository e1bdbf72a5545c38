"""Which resources Kubernetes' own API groups hold, and which of them belong to no namespace.

Source: the Kubernetes API reference, 1.25 to 1.36, and removed ones of the years before, so that no old name is
taken for a mistake. Resources that exist for authorization alone, such as `users` and `signers`, are included.
"""

from __future__ import annotations

_NAMESPACED: dict[str, str] = {
    "": "bindings configmaps endpoints events limitranges persistentvolumeclaims pods podtemplates"
    " replicationcontrollers resourcequotas secrets serviceaccounts services",
    "apps": "controllerrevisions daemonsets deployments replicasets statefulsets",
    "authorization.k8s.io": "localsubjectaccessreviews",
    "autoscaling": "horizontalpodautoscalers",
    "batch": "cronjobs jobs",
    "certificates.k8s.io": "podcertificaterequests",
    "coordination.k8s.io": "leasecandidates leases",
    "discovery.k8s.io": "endpointslices",
    "events.k8s.io": "events",
    "extensions": "daemonsets deployments ingresses networkpolicies replicasets replicationcontrollers",
    "networking.k8s.io": "ingresses networkpolicies",
    "policy": "poddisruptionbudgets",
    "rbac.authorization.k8s.io": "rolebindings roles",
    "resource.k8s.io": "podschedulingcontexts resourceclaims resourceclaimtemplates resourceclaimparameters"
    " resourceclassparameters",
    "scheduling.k8s.io": "podgroups workloads",
    "storage.k8s.io": "csistoragecapacities",
}

_CLUSTER: dict[str, str] = {
    "": "componentstatuses groups nodes persistentvolumes users",
    "admissionregistration.k8s.io": "mutatingadmissionpolicies mutatingadmissionpolicybindings"
    " mutatingwebhookconfigurations validatingadmissionpolicies validatingadmissionpolicybindings"
    " validatingwebhookconfigurations",
    "apiextensions.k8s.io": "customresourcedefinitions",
    "apiregistration.k8s.io": "apiservices",
    "authentication.k8s.io": "selfsubjectreviews tokenreviews uids userextras",
    "authorization.k8s.io": "selfsubjectaccessreviews selfsubjectrulesreviews subjectaccessreviews",
    "certificates.k8s.io": "certificatesigningrequests clustertrustbundles signers",
    "flowcontrol.apiserver.k8s.io": "flowschemas prioritylevelconfigurations",
    "internal.apiserver.k8s.io": "storageversions",
    "networking.k8s.io": "clustercidrs ingressclasses ipaddresses servicecidrs",
    "node.k8s.io": "runtimeclasses",
    "rbac.authorization.k8s.io": "clusterrolebindings clusterroles",
    "resource.k8s.io": "deviceclasses devicetaintrules resourceclasses resourceslices",
    "scheduling.k8s.io": "priorityclasses",
    "storage.k8s.io": "csidrivers csinodes storageclasses volumeattachments volumeattributesclasses",
    "storagemigration.k8s.io": "storageversionmigrations",
}

_EITHER: dict[str, str] = {
    "": "namespaces",  # a Role reaches the namespace that it lies in
    "extensions": "podsecuritypolicies",  # `use` of a policy is asked for in the pod's namespace
    "policy": "podsecuritypolicies",
}

CLUSTER_SCOPED = frozenset((group, name) for group, names in _CLUSTER.items() for name in names.split())
"""(group, resource) of everything that a Role cannot grant."""

RESOURCES: dict[str, frozenset[str]] = {
    group: frozenset(name for table in (_NAMESPACED, _CLUSTER, _EITHER) for name in table.get(group, "").split())
    for group in (*_NAMESPACED, *_CLUSTER)
}
"""API group to the resources in it, without subresources."""
