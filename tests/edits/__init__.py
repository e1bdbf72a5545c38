"""Tests of the package `kube_audit.edits`."""
