"""What the configuration declares about the world: objects that exist elsewhere, separate universes, custom kinds."""

from __future__ import annotations

import os.path
from fnmatch import fnmatchcase

from kube_audit.config import Config
from kube_audit.engine import scopes
from kube_audit.records import NamedTuple
from kube_audit.references import DECLARED, ReferenceField


class External(NamedTuple):
    """Objects that exist although no file makes them; name and namespace may hold * and ?."""

    kind: str
    namespace: str
    name: str

    def is_meant(self, kind: str, namespace: str | None, name: str) -> bool:
        """Whether an object is one of them. A namespace that is not written down is `default`."""
        return (
            self.kind == kind
            and fnmatchcase(name, self.name)
            and (self.namespace == "*" or fnmatchcase(namespace or "default", self.namespace))
        )


class Declared(NamedTuple):
    """Everything that a configuration declares. Universes are patterns of folders, as findings write files."""

    external: tuple[External, ...] = ()
    universes: tuple[str, ...] = ()


NOTHING_DECLARED = Declared()
_BUILT_IN_TEMPLATES = dict(scopes.CUSTOM_POD_TEMPLATES)


def declare(config: Config, universes: tuple[str, ...] = ()) -> Declared:
    """Take a configuration's declarations for the run to come: custom workloads and references replace earlier ones.

    `universes` are further patterns, of the command line.
    """
    scopes.CUSTOM_POD_TEMPLATES.clear()
    scopes.CUSTOM_POD_TEMPLATES.update(_BUILT_IN_TEMPLATES)
    for entry in config.get("workloads", ()):
        scopes.CUSTOM_POD_TEMPLATES[entry["kind"]] = tuple(entry["pod-template"].split("."))
    DECLARED.clear()
    for entry in config.get("references", ()):
        names = {key: entry[key] for key in ("name", "namespace") if key in entry}
        field = ReferenceField("declared", entry["path"], entry["to"], kind=entry.get("kind-key", ""), **names)
        DECLARED[entry["kind"]] = (*DECLARED.get(entry["kind"], ()), field)
    external = tuple(
        External(entry["kind"], entry.get("namespace", "*"), entry.get("name", "*"))
        for entry in config.get("external", ())
    )
    apart = (*config.get("universes", ()), *universes)
    return Declared(external, tuple(os.path.relpath(path) for path in apart))
