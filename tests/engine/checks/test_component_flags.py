"""Which of Kubernetes' components a container runs, and with which flags."""

from __future__ import annotations

from typing import Any

import pytest

from kube_audit.engine.checks.component_flags import Command, read


def _read(container: dict[str, Any]) -> Command:
    command = read(container)
    assert command is not None
    return command


@pytest.mark.parametrize(
    "container",
    [
        {"command": ["kube-apiserver", "--v=2"]},
        {"command": ["/usr/local/bin/kube-apiserver"], "args": ["--v", "2"]},
        {"args": ["kube-apiserver", "-v=2"]},
        {"command": ["/go-runner", "--log-file=/x", "/usr/local/bin/kube-apiserver", "--v=2"]},
        {"command": ["/hyperkube", "apiserver", "--v=2"]},
        {"command": ["/hyperkube", "kube-apiserver", "--v=2"]},
        {"command": ["sh", "-c", "exec /bin/kube-apiserver --v=2 >/dev/null 2>&1"]},
        {"command": ["/bin/sh", "-ec"], "args": ["mkdir -p /x && kube-apiserver \\\n  --v=2 | tee /log"]},
    ],
)
def test_an_api_server_is_known_however_it_is_started(container: dict[str, Any]) -> None:
    command = _read(container)
    assert command.component == "kube-apiserver"
    assert command.flags["v"].value == "2"
    assert command.whole


@pytest.mark.parametrize(
    "container",
    [
        {},
        {"command": ["backup", "etcd"]},
        {"command": ["etcdctl", "get"]},
        {"command": ["sh", "-c", "pgrep kube-apiserver"]},
        {"command": ["kube-bench", "--component=kubelet"]},
        {"command": "kube-apiserver", "args": [1, None]},
    ],
)
def test_other_programs_are_none(container: dict[str, Any]) -> None:
    assert read(container) is None


def test_switches_values_and_names_are_read_as_the_components_read_them() -> None:
    command = _read({"command": ["kubelet", "--a", "--b", "x", "--c_d=1", "--e='q'", "--a=false"]})
    assert {name: flag.value for name, flag in command.flags.items()} == {"a": "false", "b": "x", "c-d": "1", "e": "q"}
    assert command.flags["a"].path == ("command", 6)


def test_lists_add_up() -> None:
    command = _read({"command": ["kube-apiserver", "--authorization-mode=Node", "--authorization-mode=RBAC"]})
    assert command.flags["authorization-mode"].items == ["Node", "RBAC"]


@pytest.mark.parametrize("word", ["$(EXTRA)", "{{ args }}", "$FLAGS"])
def test_flags_behind_a_placeholder_are_not_called_missing(word: str) -> None:
    command = _read({"command": ["kube-apiserver", "--v=2", word]})
    assert not command.lacks("anonymous-auth")


def test_a_value_that_is_filled_in_later_is_neither_missing_nor_known() -> None:
    command = _read({"command": ["kube-scheduler", "--bind-address=$(HOST)"]})
    assert command.get("bind-address") is None
    assert not command.lacks("bind-address")


def test_etcd_takes_variables_after_flags() -> None:
    env = [
        {"name": "ETCD_CERT_FILE", "value": "/a"},
        {"name": "ETCD_KEY_FILE", "valueFrom": {}},
        {"name": "ETCD_NAME", "value": "env"},
    ]
    command = _read({"command": ["etcd", "--name=flag"], "env": env})
    assert command.flags["cert-file"].value == "/a"
    assert command.flags["cert-file"].path == ("env", 0)
    assert command.flags["name"].value == "flag"
    assert not command.lacks("key-file")
    assert command.get("key-file") is None
