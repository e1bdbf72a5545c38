"""The flags with which a container runs one of Kubernetes' own components, read as those components read them.

Source: the command-line reference of kube-apiserver, kube-controller-manager, kube-scheduler and kubelet, and the
configuration of etcd, which takes its flags from ETCD_… variables too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from kube_audit.findings import Path
from kube_audit.manifests.objects import mapping
from kube_audit.patterns import lazily
from kube_audit.placeholders import is_placeholder

COMPONENTS = frozenset({"kube-apiserver", "kube-controller-manager", "kube-scheduler", "etcd", "kubelet"})
_HYPERKUBE = {
    "apiserver": "kube-apiserver",
    "controller-manager": "kube-controller-manager",
    "scheduler": "kube-scheduler",
}
_SHELLS = frozenset({"sh", "bash", "ash", "dash"})
_LAUNCHERS = _SHELLS | {"exec", "env", "go-runner", "hyperkube", "tini", "dumb-init"}
_FLAG = lazily(r"--?([A-Za-z][\w.-]*)(?:=(.*))?", re.DOTALL)
_SHELL_END = lazily(r"[;|&]|\d*>.*")
_ELSEWHERE = "$(ELSEWHERE)"
"""A placeholder for a value that a ConfigMap or Secret holds."""

_CONFIGURED = {"etcd": "config-file", "kubelet": "config", "kube-scheduler": "config"}


@dataclass(frozen=True, slots=True)
class Flag:
    """One flag as it is given: its value, "true" where it has none, and where it stands below the container."""

    value: str
    path: Path

    @property
    def known(self) -> bool:
        """Whether the value stands there, not a place for one."""
        return not is_placeholder(self.value)

    @property
    def items(self) -> list[str]:
        """The value as a list."""
        return [item.strip() for item in self.value.split(",") if item.strip()]


@dataclass(slots=True)
class Command:
    """A component, its flags by name, and the place of the list that they stand in."""

    component: str
    place: Path
    flags: dict[str, Flag] = field(default_factory=dict)
    whole: bool = True
    """False where flags may be given that cannot be seen, such as `$(EXTRA_ARGS)`."""

    @property
    def configured(self) -> bool:
        """Whether a file, which is not here, sets what flags do not."""
        return _CONFIGURED.get(self.component, "") in self.flags

    def get(self, name: str) -> Flag | None:
        """Return a flag whose value is known, None where it is absent or still to be filled in."""
        found = self.flags.get(name)
        return found if found is not None and found.known else None

    def lacks(self, name: str) -> bool:
        """Whether a flag is certainly not given."""
        return self.whole and name not in self.flags

    def is_on(self, name: str) -> bool:
        """Whether a switch is given and on."""
        found = self.flags.get(name)
        return found is not None and is_true(found.value)


def is_true(value: str) -> bool:
    """Whether a switch's value is one of those that strconv.ParseBool takes for true."""
    return value in ("1", "t", "T", "true", "TRUE", "True")


def read(container: dict[str, Any]) -> Command | None:
    """Return the component that a container runs, with its flags; None where it runs something else.

    The last of a flag's values counts, except for lists, whose values add up. `_` and `-` are the same in a name.
    """
    words = list(_words(container))
    start = None
    for position, (word, path) in enumerate(words):
        name = _program(word)
        before = _program(words[position - 1][0]) if position else ""
        component = _HYPERKUBE.get(name, name) if before == "hyperkube" else name
        if component in COMPONENTS and _is_started(words, position):
            start, found = position, Command(component, path[:1])
            break
    if start is None:
        return None
    _fill(found, words[start + 1 :])
    if found.flags:
        found.place = next(reversed(found.flags.values())).path[:1]
    if found.component == "etcd":
        _add_variables(found, container)
    return found


def _program(word: str) -> str:
    return word.rsplit("/", 1)[-1]


def _is_started(words: list[tuple[str, Path]], position: int) -> bool:
    """Whether a word is the program that runs, not an argument: nothing stands before it but what starts programs."""
    before = words[position - 1][0] if position else ";"
    return (
        before in ("exec", "then", "do")
        or before.endswith((";", "&&", "|"))
        or all(_program(word) in _LAUNCHERS or word[:1] == "-" or "=" in word for word, _ in words[:position])
    )


def _words(container: dict[str, Any]) -> Iterator[tuple[str, Path]]:
    """Yield the words of command and args; what a shell runs is split at blanks, as far as its first command goes."""
    shell = script = False
    for name in ("command", "args"):
        entries = container.get(name)
        for index, entry in enumerate(entries if isinstance(entries, list) else ()):
            if not isinstance(entry, str):
                continue
            path = (name, index)
            if script:
                yield from ((word.strip("\"'\\"), path) for word in entry.split() if word != "\\")
                script = False
                continue
            shell = shell or _program(entry) in _SHELLS
            script = shell and entry.startswith("-") and not entry.startswith("--") and entry.endswith("c")
            yield entry, path


def _fill(command: Command, words: list[tuple[str, Path]]) -> None:
    position = 0
    while position < len(words):
        word, path = words[position]
        position += 1
        match = _FLAG.fullmatch(word)
        if match is None:
            if _SHELL_END.fullmatch(word):
                return
            command.whole = command.whole and not ("$" in word or is_placeholder(word))
            continue
        name, value = match[1].replace("_", "-"), match[2]
        if value is None and position < len(words) and _is_value(words[position][0]):
            value = words[position][0]
            position += 1
        value = "true" if value is None else value.strip("\"'")
        earlier = command.flags.get(name)
        if earlier is not None and name in _LISTS:
            value = f"{earlier.value},{value}"
        command.flags[name] = Flag(value, path)


_LISTS = frozenset({"authorization-mode", "enable-admission-plugins", "disable-admission-plugins", "tls-cipher-suites"})


def _is_value(word: str) -> bool:
    return not word.startswith("-") and not _SHELL_END.fullmatch(word)


def _add_variables(command: Command, container: dict[str, Any]) -> None:
    if container.get("envFrom"):
        command.whole = False
    entries = container.get("env")
    for index, entry in enumerate(entries if isinstance(entries, list) else ()):
        name, value = mapping(entry).get("name"), mapping(entry).get("value")
        if isinstance(name, str) and name.startswith("ETCD_"):
            flag = name.removeprefix("ETCD_").lower().replace("_", "-")
            text = value if isinstance(value, str) else _ELSEWHERE
            command.flags.setdefault(flag, Flag(text, ("env", index)))
