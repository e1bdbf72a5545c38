"""How the API server, controller manager, scheduler, etcd and kubelets are started, against the CIS benchmark.

Source: CIS Kubernetes Benchmark, sections 1.2 to 1.4, 2 and 4.2, and the command-line reference for defaults.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from kube_audit.engine.checks.component_flags import Command, is_true, read
from kube_audit.engine.elements import Element, Hit
from kube_audit.patterns import lazily

_API_SERVER, _MANAGER, _SCHEDULER = "kube-apiserver", "kube-controller-manager", "kube-scheduler"
_ETCD, _KUBELET = "etcd", "kubelet"
_LOCAL = frozenset({"127.0.0.1", "::1", "localhost"})
_DURATION = lazily(r"[+-]?(?:0|(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:ns|us|µs|μs|ms|s|m|h))+)")
"""time.ParseDuration of Go."""

_STRONG = frozenset(
    {
        *("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"),
        *(
            f"TLS_ECDHE_{key}_WITH_{cipher}"
            for key in ("ECDSA", "RSA")
            for cipher in (
                *("AES_128_GCM_SHA256", "AES_256_GCM_SHA384", "CHACHA20_POLY1305", "CHACHA20_POLY1305_SHA256"),
            )
        ),
    }
)
_ADMISSION_DEFAULTS = ("NamespaceLifecycle", "ServiceAccount")


def _hit(command: Command, name: str, problem: str, write: str = "", level: str = "") -> Hit:
    """Point at a flag, at the list of flags where it is not there. `write` is the flag as it should be."""
    flag = command.flags.get(name)
    path = flag.path if flag is not None else command.place
    said = {"component": command.component, "problem": problem, "write": write, "level": level}
    return Hit(path, said)


def _missing(command: Command, names: tuple[str, ...], why: str, value: str) -> Iterator[Hit]:
    absent = [name for name in names if command.lacks(name)]
    if absent:
        flags = " and ".join(f"`--{name}`" for name in absent)
        write = "\n".join(f"- --{name}={value}" for name in absent)
        yield _hit(command, absent[0], f"runs without {flags}: {why}", write)


def _must_be(command: Command, name: str, wanted: bool, why: str) -> Iterator[Hit]:
    """Demand that a switch is given, and as wanted."""
    text = str(wanted).lower()
    flag = command.get(name)
    if command.lacks(name):
        yield _hit(command, name, f"runs without `--{name}={text}`: {why}", f"- --{name}={text}")
    elif flag is not None and is_true(flag.value) != wanted:
        yield _hit(command, name, f"runs with `--{name}={flag.value}`: {why}", f"- --{name}={text}")


def _must_not_be(command: Command, name: str, refused: bool, why: str) -> Iterator[Hit]:
    """Refuse one value of a switch; its default is the other."""
    flag = command.get(name)
    if flag is not None and is_true(flag.value) == refused:
        text = str(not refused).lower()
        yield _hit(command, name, f"runs with `--{name}={flag.value}`: {why}", f"- --{name}={text}")


def anonymous_auth(element: Element, params: Mapping[str, Any]) -> Iterator[Hit]:
    """Yield an API server or kubelet that takes anonymous requests."""
    command = read(element.value)
    if command is None or command.component not in (_API_SERVER, _KUBELET):
        return
    elsewhere = command.configured or "authentication-config" in command.flags
    if not elsewhere or "anonymous-auth" in command.flags:
        yield from _must_be(
            command, "anonymous-auth", False, "who does not say who they are is let in as `system:anonymous`"
        )


def authorization_mode(element: Element, params: Mapping[str, Any]) -> Iterator[Hit]:
    """Yield an API server or kubelet that lets everybody do everything, or that leaves out an authorizer."""
    command = read(element.value)
    if command is None or command.component not in (_API_SERVER, _KUBELET):
        return
    name, flag = "authorization-mode", command.get("authorization-mode")
    wanted = (
        "- --authorization-mode=Node,RBAC" if command.component == _API_SERVER else "- --authorization-mode=Webhook"
    )
    if command.lacks(name) and not command.configured and "authorization-config" not in command.flags:
        problem = "runs without `--authorization-mode`, and the default `AlwaysAllow` permits every request"
        yield _hit(command, name, problem, wanted, "open")
    elif flag is not None and "AlwaysAllow" in flag.items:
        problem = f"runs with `--authorization-mode={flag.value}`: `AlwaysAllow` permits every request"
        yield _hit(command, name, problem, wanted, "open")
    elif flag is not None and command.component == _API_SERVER:
        absent = [mode for mode in ("Node", "RBAC") if mode not in flag.items]
        if absent:
            modes = " and ".join(f"`{mode}`" for mode in absent)
            yield _hit(command, name, f"runs with `--authorization-mode={flag.value}`, which lacks {modes}", wanted)


def audit_log(element: Element, params: Mapping[str, Any]) -> Iterator[Hit]:
    """Yield an API server that writes no audit log, or keeps too little of it."""
    command = read(element.value)
    if command is None or command.component != _API_SERVER or "audit-webhook-config-file" in command.flags:
        return
    if command.lacks("audit-log-path"):
        why = "nothing tells afterwards who did what"
        yield from _missing(command, ("audit-log-path",), why, "/var/log/kubernetes/audit.log")
        return
    yield from _missing(command, ("audit-policy-file",), "without a policy no event is logged", "<file>")
    for name, param in (
        ("audit-log-maxage", "min_days"),
        ("audit-log-maxbackup", "min_files"),
        ("audit-log-maxsize", "min_megabytes"),
    ):
        least, flag = params[param], command.get(name)
        if command.lacks(name):
            problem = f"runs without `--{name}`: how much of the audit log is kept is left to the default"
            yield _hit(command, name, problem, f"- --{name}={least}")
        elif flag is not None and flag.value.isdecimal() and int(flag.value[:9]) < least:
            yield _hit(command, name, f"runs with `--{name}={flag.value}`, less than {least}", f"- --{name}={least}")


def encryption_at_rest(element: Element, params: Mapping[str, Any]) -> Iterator[Hit]:
    """Yield an API server that stores Secrets in etcd as they are."""
    command = read(element.value)
    if command is not None and command.component == _API_SERVER:
        why = "Secrets lie in etcd, and in its backups, as plain text"
        yield from _missing(command, ("encryption-provider-config",), why, "<file>")


def etcd_tls(element: Element, params: Mapping[str, Any]) -> Iterator[Hit]:
    """Yield an etcd whose connections to clients or peers are not encrypted and verified."""
    command = read(element.value)
    if command is None or command.component != _ETCD or command.configured:
        return
    for prefix, who in (("", "clients"), ("peer-", "other members")):
        why = f"{who} are served without TLS"
        yield from _missing(command, (f"{prefix}cert-file", f"{prefix}key-file"), why, "<file>")
        why = f"{who} need no certificate, so that whoever reaches the port reads and writes everything"
        yield from _must_be(command, f"{prefix}client-cert-auth", True, why)
        why = "certificates that it signs itself prove nothing"
        yield from _must_not_be(command, f"{prefix}auto-tls", True, why)


def insecure_endpoint(element: Element, params: Mapping[str, Any]) -> Iterator[Hit]:
    """Yield components with a port that needs no login, or that listen to more than their own node."""
    command = read(element.value)
    if command is None:
        return
    if command.component == _API_SERVER:
        if command.get("insecure-bind-address"):
            problem = "runs with `--insecure-bind-address`: whoever reaches that address needs no login"
            yield _hit(command, "insecure-bind-address", problem)
        yield from _port(command, "insecure-port", "that port needs no login")
        secure = command.get("secure-port")
        if secure is not None and secure.value == "0":
            yield _hit(
                command,
                "secure-port",
                "runs with `--secure-port=0`: it does not listen with TLS",
                "- --secure-port=6443",
            )
    if command.component == _KUBELET:
        yield from _port(command, "read-only-port", "that port shows pods and metrics to whoever asks")
    if command.component in (_MANAGER, _SCHEDULER):
        name, flag, write = "bind-address", command.get("bind-address"), "- --bind-address=127.0.0.1"
        if command.lacks(name):
            problem = "runs without `--bind-address=127.0.0.1`, and listens on all addresses of its node"
            yield _hit(command, name, problem, write, "reachable")
        elif flag is not None and flag.value not in _LOCAL:
            problem = f"runs with `--bind-address={flag.value}`, which others than its node can reach"
            yield _hit(command, name, problem, write, "reachable")


def _port(command: Command, name: str, why: str) -> Iterator[Hit]:
    flag = command.get(name)
    if flag is not None and flag.value != "0":
        yield _hit(command, name, f"runs with `--{name}={flag.value}`: {why}", f"- --{name}=0")


def kubelet_client_tls(element: Element, params: Mapping[str, Any]) -> Iterator[Hit]:
    """Yield an API server that does not prove itself to kubelets, or does not verify them."""
    command = read(element.value)
    if command is None or command.component != _API_SERVER:
        return
    yield from _must_not_be(command, "kubelet-https", False, "what it exchanges with kubelets can be read and changed")
    names = ("kubelet-client-certificate", "kubelet-client-key")
    yield from _missing(command, names, "kubelets cannot tell it from anybody else", "<file>")
    why = "any machine between them can pass for a kubelet"
    yield from _missing(command, ("kubelet-certificate-authority",), why, "<file>")


def kubelet_hardening(element: Element, params: Mapping[str, Any]) -> Iterator[Hit]:
    """Yield kubelets, and controller managers, whose flags weaken the node."""
    command = read(element.value)
    if command is None or command.component not in (_KUBELET, _MANAGER):
        return
    gates = command.get("feature-gates")
    if gates is not None and "RotateKubeletServerCertificate=false" in gates.items:
        problem = "runs with `RotateKubeletServerCertificate=false`: kubelets' serving certificates run out"
        yield _hit(command, "feature-gates", problem)
    if command.component != _KUBELET:
        return
    timeout, events = command.get("streaming-connection-idle-timeout"), command.get("event-qps")
    if timeout is not None and re.fullmatch(r"0[a-z]*", timeout.value):
        problem = f"runs with `--streaming-connection-idle-timeout={timeout.value}`: idle connections are never closed"
        yield _hit(command, "streaming-connection-idle-timeout", problem, "- --streaming-connection-idle-timeout=4h")
    if not command.configured:
        why = "it changes kernel settings to its liking instead of refusing to start"
        yield from _must_be(command, "protect-kernel-defaults", True, why)
    else:
        yield from _must_not_be(command, "protect-kernel-defaults", False, "it changes kernel settings to its liking")
    yield from _must_not_be(command, "make-iptables-util-chains", False, "it leaves rules of the firewall to others")
    yield from _must_not_be(command, "rotate-certificates", False, "its client certificate runs out")
    if command.get("hostname-override"):
        problem = "runs with `--hostname-override`, so that its certificate may not fit its name"
        yield _hit(command, "hostname-override", problem)
    if events is not None and events.value.isdecimal() and int(events.value[:9]) > params["max_event_qps"]:
        problem = f"runs with `--event-qps={events.value}`: events in such numbers can overload the API server"
        yield _hit(command, "event-qps", problem, f"- --event-qps={params['max_event_qps']}")


def pod_gc_threshold(element: Element, params: Mapping[str, Any]) -> Iterator[Hit]:
    """Yield a controller manager that keeps terminated pods by default, or without bound."""
    command = read(element.value)
    if command is None or command.component != _MANAGER:
        return
    name, flag = "terminated-pod-gc-threshold", command.get("terminated-pod-gc-threshold")
    write = f"- --{name}=1000"
    if command.lacks(name):
        yield _hit(command, name, f"runs without `--{name}`: up to 12500 terminated pods are kept", write)
    elif flag is not None and re.fullmatch(r"0+|-\d+", flag.value):
        yield _hit(command, name, f"runs with `--{name}={flag.value}`: terminated pods are never removed", write)


def profiling(element: Element, params: Mapping[str, Any]) -> Iterator[Hit]:
    """Yield components that serve profiles of themselves."""
    command = read(element.value)
    if command is None or command.component not in (_API_SERVER, _MANAGER, _SCHEDULER) or command.configured:
        return
    yield from _must_be(command, "profiling", False, "`/debug/pprof` shows its inner workings and costs it time")


def request_timeout(element: Element, params: Mapping[str, Any]) -> Iterator[Hit]:
    """Yield an API server whose request timeout is no duration."""
    command = read(element.value)
    flag = command.get("request-timeout") if command is not None and command.component == _API_SERVER else None
    if command is not None and flag is not None and not _DURATION.fullmatch(flag.value):
        problem = f"runs with `--request-timeout={flag.value}`, which is no duration: it does not start"
        yield _hit(command, "request-timeout", problem, "- --request-timeout=60s")


def service_account_keys(element: Element, params: Mapping[str, Any]) -> Iterator[Hit]:
    """Yield components that do not sign, verify or tell apart service accounts as they should."""
    command = read(element.value)
    if command is None:
        return
    if command.component == _API_SERVER:
        yield from _must_not_be(
            command, "service-account-lookup", False, "tokens of deleted service accounts stay valid"
        )
        if "service-account-signing-endpoint" not in command.flags:
            why = "tokens are verified with the key of its TLS certificate, which should serve for nothing else"
            yield from _missing(command, ("service-account-key-file",), why, "<file>")
    if command.component == _MANAGER:
        why = "all controllers act as one user, with the rights of all"
        yield from _must_be(command, "use-service-account-credentials", True, why)
        why = "it signs no tokens of service accounts"
        yield from _missing(command, ("service-account-private-key-file",), why, "<file>")


def static_credentials(element: Element, params: Mapping[str, Any]) -> Iterator[Hit]:
    """Yield an API server that takes passwords or tokens from a file."""
    command = read(element.value)
    if command is None or command.component != _API_SERVER:
        return
    for name in ("basic-auth-file", "token-auth-file"):
        if name in command.flags:
            problem = f"runs with `--{name}`: what stands in that file is plain text and valid until it is restarted"
            yield _hit(command, name, problem)


def tls_files(element: Element, params: Mapping[str, Any]) -> Iterator[Hit]:
    """Yield components without the certificates that prove who they and their clients are."""
    command = read(element.value)
    if command is None or command.configured:
        return
    serving = ("tls-cert-file", "tls-private-key-file")
    if command.component in (_API_SERVER, _KUBELET):
        yield from _missing(command, serving, "it serves a certificate that it signs itself", "<file>")
        why = "client certificates are not accepted"
        yield from _missing(command, ("client-ca-file",), why, "<file>")
    if command.component == _API_SERVER:
        yield from _missing(command, ("etcd-certfile", "etcd-keyfile"), "it does not prove itself to etcd", "<file>")
        yield from _missing(command, ("etcd-cafile",), "it does not verify etcd", "<file>")
    if command.component == _MANAGER:
        why = "pods get no certificate by which to verify the API server"
        yield from _missing(command, ("root-ca-file",), why, "<file>")


def weak_ciphers(element: Element, params: Mapping[str, Any]) -> Iterator[Hit]:
    """Yield an API server or kubelet that allows cipher suites outside the strong ones."""
    command = read(element.value)
    if command is None or command.component not in (_API_SERVER, _KUBELET):
        return
    flag = command.get("tls-cipher-suites")
    weak = [suite for suite in flag.items if suite not in _STRONG] if flag is not None else []
    if weak:
        named = ", ".join(f"`{suite}`" for suite in weak[:3]) + (f" and {len(weak) - 3} more" if len(weak) > 3 else "")
        yield _hit(command, "tls-cipher-suites", f"allows weak cipher suites: {named}")


def admission_plugins(element: Element, params: Mapping[str, Any]) -> Iterator[Hit]:
    """Yield an API server whose set of admission plug-ins is weaker than the benchmark's."""
    command = read(element.value)
    if command is None or command.component != _API_SERVER:
        return
    enable, disable = "enable-admission-plugins", "disable-admission-plugins"
    enabled, disabled = command.get(enable), command.get(disable)
    on = enabled.items if enabled is not None else []
    off = [name for name in _ADMISSION_DEFAULTS if disabled is not None and name in disabled.items]
    if off:
        yield _hit(command, disable, f"switches off {_named(off)}", "", "open")
    if "AlwaysAdmit" in on:
        yield _hit(command, enable, "enables `AlwaysAdmit`, which checks nothing", "", "open")
    absent = [name for name in params["required"] if name not in on]
    if absent and (enabled is not None or command.lacks(enable)):
        write = f"- --{enable}={','.join([*(name for name in on if name != 'AlwaysAdmit'), *absent])}"
        yield _hit(command, enable, f"does not enable {_named(absent)}", write)


def _named(names: list[str]) -> str:
    *others, last = (f"`{name}`" for name in names)
    return f"{', '.join(others)} and {last}" if others else last
