"""Values that are still to be filled in."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kube_audit.placeholders import is_placeholder


@pytest.mark.parametrize(
    "text",
    [
        "{{ .Values.image.repository }}:{{ .Values.image.tag }}",
        "{{x}}",
        "${{ parameters.image }}",
        "{% raw %}",
        "<%= image %>",
        "${IMAGE}",
        "${EXTENSION_IMAGE:-registry.example/epp:main}",
        "${REPOSITORY_PREFIX}/service:latest",
        "$(IMAGE)",
        "$IMAGE",
        "repo/app:$TAG",
        "%{ if x }",
        "#{Token}#",
        "@IMAGE@",
        "registry/@name@:1",
        "__IMAGE__",
        "<image>",
        "<image_url>",
        "<YOUR REGISTRY>",
        "[IMAGE_URL]",
        "[YOUR REGISTRY]/echoserver:latest",
        "[your-registry]/app",
        "ENC[AES256_GCM,data:Zm9v,iv:YmFy,tag:YmF6,type:str]",
    ],
)
def test_marks_of_templates_and_of_people_are_placeholders(text: str) -> None:
    assert is_placeholder(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nginx:1.27",
        "user@example.com",
        "a@sha256:1@",
        "price is 5 $",
        "pa$$word",
        "$1",
        "100%",
        "%20",
        "^[A-Z]$",
        "[a-z]+",
        "[INFO] started",
        "x < y > z",
        "List<String>",
        '<a href="x">',
        "<<EOF",
        "/<([^>]+)>/",
        '{"a": 1}',
        "{a: b}",
        "my__name",
        "#!/bin/sh",
        "[::1]:80",
        "{{",
    ],
)
def test_values_that_are_meant_are_none(text: str) -> None:
    assert not is_placeholder(text)


def test_a_long_text_is_contents_and_no_placeholder() -> None:
    assert not is_placeholder("{{ x }}" + "a" * 5000)


@pytest.mark.parametrize("part", ["{{", "{{a", "<a ", "<%", "{%", "${", "[A ", "[YOUR ", "@a", "#{", "__A", "%{", "$("])
def test_hostile_repetition_takes_no_time(part: str) -> None:
    started = time.perf_counter()
    is_placeholder((part * 4096)[:4096])
    assert time.perf_counter() - started < 0.5


@given(st.text(max_size=80))
def test_any_text_has_an_answer(text: str) -> None:
    assert is_placeholder(text) in (True, False)
