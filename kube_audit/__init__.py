"""kube-audit reads Kubernetes manifests, audits them and says where, why and how to mend what it finds."""

__version__ = "0.1.0"
