"""Telling a value that a tool or a person still has to fill in from a value that is meant."""

from __future__ import annotations

import re

from kube_audit.patterns import lazily

_FILL_IN = r"YOUR|INSERT|REPLACE|ENTER|CHANGE|FILL|ADD|PUT|SET|MY|THE"
_MARKERS = lazily(
    "|".join(
        (
            r"\{\{(?!\{).{0,200}?\}\}",  # Helm, Jinja, Go templates, mustache, OpenShift
            r"\{%(?!\{).{0,200}?%\}",  # Jinja
            r"<%.{0,200}?%>",  # ERB, EJS
            r"\$\{[^{}]+\}",  # envsubst, Flux, Terraform
            r"\$\([A-Za-z_][A-Za-z0-9_.-]*\)",  # Kubernetes' own variables, kustomize, Make, OpenShift
            r"%\{[^{}]+\}",  # Terraform directives
            r"(?<![\w$])\$[A-Z_][A-Z0-9_]*\b",  # envsubst without braces
            r"#\{[^{}]+\}#?",  # Octopus, Azure DevOps
            r"(?<![\w@])@[A-Za-z_][A-Za-z0-9_.-]*@(?!\w)",  # autoconf, CMake, Maven
            r"(?<!\w)__[A-Z][A-Z0-9_]*__(?!\w)",
            r"(?<![\w<])<[A-Za-z][A-Za-z0-9_. :-]*>(?!\w|>)",  # <image>, <YOUR REGISTRY>
            r"\[[A-Z][A-Z0-9]+(?:[_ -][A-Z0-9]+)+\]",  # [IMAGE_URL], [YOUR REGISTRY]
            rf"\[(?i:{_FILL_IN})[_ -][A-Za-z0-9_. -]+\]",  # [your-registry]
            r"\bENC\[[A-Z0-9_]+,data:",  # SOPS
        )
    ),
    re.DOTALL,
)
_SIGNS = frozenset("${<@[%#_")
_LONGEST = 4096


def is_placeholder(text: str) -> bool:
    """Whether a scalar of a manifest holds a place for a value that is put in later.

    Knows the marks of Helm, Jinja, Go templates, ERB, envsubst, Flux, Terraform, kustomize and Kubernetes'
    variables, `@NAME@`, `__NAME__`, `<name>`, `[YOUR NAME]`, and what SOPS has encrypted. Texts longer than 4096
    characters are contents (scripts, configuration), in which such marks are no placeholder of the manifest.
    """
    if len(text) > _LONGEST or _SIGNS.isdisjoint(text):
        return False
    return _MARKERS.search(text) is not None
