"""libyaml's parser is loaded alone, and whoever uses ruamel.yaml in the same process gets all of it."""

from __future__ import annotations

import subprocess
import sys

import pytest

READ = """
import sys
from kube_audit.manifests.text import Text
from kube_audit.manifests.yaml import documents
{before}
(document,) = documents(Text("a: 1\\n"))
assert document.data == {{"a": 1}}
{after}
"""


def run(before: str = "", after: str = "") -> None:
    code = READ.format(before=before, after=after)
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_reading_a_file_loads_no_round_trip_loader() -> None:
    run(after='assert "ruamel.yaml.main" not in sys.modules')


@pytest.mark.parametrize(
    "use",
    [
        "import ruamel.yaml; yaml = ruamel.yaml.YAML()",
        "from ruamel.yaml import YAML; yaml = YAML(typ='safe')",
        "from ruamel.yaml import YAML; yaml = YAML(typ='safe', pure=True)",
        "import ruamel.yaml.events; yaml = ruamel.yaml.YAML()",
    ],
)
def test_the_package_works_before_and_after(use: str) -> None:
    load = use + "; assert yaml.load('a: [1, x]') == {'a': [1, 'x']}"
    run(after=load)
    run(before=load)


def test_errors_of_the_parser_are_those_of_the_package() -> None:
    run(
        after="import ruamel.yaml\n"
        "from kube_audit.manifests.libyaml import YAMLError\n"
        "assert ruamel.yaml.error.YAMLError is YAMLError and ruamel.yaml.YAMLError is YAMLError"
    )
