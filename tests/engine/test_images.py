"""Image references, by the grammar that container runtimes use."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kube_audit.engine.images import Image, ImageError, is_image, parse

SHA256 = "sha256:" + "a1" * 32


@pytest.mark.parametrize(
    ("reference", "image"),
    [
        ("nginx", Image(None, "nginx")),
        ("nginx:1.27", Image(None, "nginx", "1.27")),
        ("bitnami/redis:7", Image(None, "bitnami/redis", "7")),
        ("quay.io/team/app:v1", Image("quay.io", "team/app", "v1")),
        ("localhost/app", Image("localhost", "app")),
        ("localhost:5000/app:1", Image("localhost:5000", "app", "1")),
        ("registry:5000/app", Image("registry:5000", "app")),
        ("[::1]:5000/app", Image("[::1]:5000", "app")),
        ("10.0.0.1/app", Image("10.0.0.1", "app")),
        ("Registry/app", Image("Registry", "app")),
        (f"nginx@{SHA256}", Image(None, "nginx", None, SHA256)),
        (f"ghcr.io/a/b:1.2@{SHA256}", Image("ghcr.io", "a/b", "1.2", SHA256)),
        ("app:5000", Image(None, "app", "5000")),
        ("a/b__c/d.e-f--g", Image(None, "a/b__c/d.e-f--g")),
    ],
)
def test_a_reference_has_registry_repository_tag_and_digest(reference: str, image: Image) -> None:
    assert parse(reference) == image
    assert is_image(reference)


@pytest.mark.parametrize(
    ("reference", "canonical"),
    [
        ("nginx", "docker.io/library/nginx"),
        ("docker.io/nginx", "docker.io/library/nginx"),
        ("index.docker.io/nginx", "docker.io/library/nginx"),
        ("bitnami/redis", "docker.io/bitnami/redis"),
        ("quay.io/app", "quay.io/app"),
    ],
)
def test_docker_hub_is_the_registry_where_none_is_named(reference: str, canonical: str) -> None:
    assert parse(reference).canonical == canonical


def test_the_name_is_the_last_part_of_the_repository() -> None:
    assert parse("quay.io/team/app:v1").name == "app"


@pytest.mark.parametrize(
    ("reference", "reason"),
    [
        ("", "empty"),
        (" nginx", "white space around"),
        ("ng inx", "white space inside"),
        ("MyApp", "lower case"),
        ("quay.io/Team/app", "lower case"),
        ("a:b:c", 'only one ":"'),
        ("a/b:c/d", 'only one ":"'),
        ("nginx:", "missing"),
        (":1", "repository is missing"),
        ("quay.io/", "repository is missing"),
        ("a//b", '"/" too much'),
        ("a/", '"/" too much'),
        ("a___b", "not allowed"),
        ("-a", "not allowed"),
        ("nginx:.x", "no tag"),
        ("nginx:" + "t" * 129, "128 are allowed"),
        ("nginx@", "no digest"),
        ("nginx@sha256:abc", "64 lower case hexadecimal digits"),
        (f"nginx@{SHA256.upper()}", "no algorithm"),
        ("nginx@md5:" + "a" * 32, "no algorithm"),
        ("a" * 64, "image ID"),
        ("x.io/" + "a" * 256, "255 are allowed"),
        ("a.b:port/c", "no registry"),
        ("[::1/c", "no registry"),
        ("x" * 10_000, "10000 characters"),
        ("$(IMAGE)", "not allowed"),
    ],
)
def test_what_is_no_reference_is_refused_with_the_reason(reference: str, reason: str) -> None:
    with pytest.raises(ImageError) as error:
        parse(reference)
    assert reason in str(error.value)
    assert not is_image(reference)


def test_a_scheme_is_kept_apart_and_nothing_a_runtime_can_pull() -> None:
    image = parse("ko://github.com/me/app")
    assert (image.scheme, image.repository) == ("ko", "github.com/me/app")
    assert not is_image("ko://github.com/me/app")


_component = st.from_regex(r"\A[a-z0-9]+(?:(?:[._]|__|-{1,3})[a-z0-9]+){0,2}\Z").filter(lambda text: len(text) < 40)
_tag = st.from_regex(r"\A[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}\Z")


@given(
    st.sampled_from(["localhost", "quay.io", "reg:5000", "a-b.c:1", "[fe80::1]:443"]),
    st.lists(_component, min_size=1, max_size=4),
    st.none() | _tag,
    st.none() | st.just(SHA256),
)
def test_whatever_is_put_together_by_the_grammar_comes_apart_again(
    registry: str, components: list[str], tag: str | None, digest: str | None
) -> None:
    repository = "/".join(components)
    text = f"{registry}/{repository}" + (f":{tag}" if tag else "") + (f"@{digest}" if digest else "")
    assert parse(text) == Image(registry, repository, tag, digest)


@given(st.text(max_size=60) | st.text(alphabet="ab.:/@-_A[]", max_size=12))
def test_any_text_is_a_reference_or_an_error(text: str) -> None:
    try:
        image = parse(text)
    except ImageError:
        assert not is_image(text)
    else:
        assert image.canonical
