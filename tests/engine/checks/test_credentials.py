"""What counts as a credential: names by their last words, values by what they cannot be otherwise."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kube_audit.engine.checks.credentials import is_credential, kind_of_name, known_shape


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("DB_PASSWORD", "password"),
        ("PGPASSWORD", "password"),
        ("mysql-root-password", "password"),
        ("spring.datasource.password", "password"),
        ("smtpPass", "password"),
        ("REDIS_PASSWORD_1", "password"),
        ("JWT_SECRET", "secret"),
        ("clientSecret", "secret"),
        ("API_TOKEN", "token"),
        ("AWS_SECRET_ACCESS_KEY", "key"),
        ("SECRET_KEY_BASE", "key"),
        ("apiKey", "key"),
    ],
)
def test_names_of_credentials(name: str, kind: str) -> None:
    assert kind_of_name(name) == kind


@pytest.mark.parametrize(
    "name",
    [
        "token-ttl",
        "password-policy",
        "secretName",
        "SECRET_NAME",
        "DB_PASSWORD_FILE",
        "TOKEN_PATH",
        "PASSWORD_MIN_LENGTH",
        "MYSQL_ALLOW_EMPTY_PASSWORD",
        "USE_TOKEN",
        "ENABLE_PASSWORD",
        "MAX_TOKENS",
        "AWS_ACCESS_KEY_ID",
        "PUBLIC_KEY",
        "PARTITION_KEY",
        "bypass",
        "proxy_pass",
        "PWD",
        "ETCD_INITIAL_CLUSTER_TOKEN",
        "compass",
        "monkey",
        "IMAGE_PULL_SECRET",
        "TLS_SECRET",
        "passwordSecretRef",
        "tokenizer",
        "SECRETS_MANAGER_REGION",
        "KEYCLOAK_URL",
        "",
    ],
)
def test_names_that_only_sound_alike(name: str) -> None:
    assert kind_of_name(name) == ""


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("hunter2", "password"),
        ("postgres", "password"),
        ("P@ssw0rd!", "password"),
        ("12345678", "password"),
        ("s3cr3t-and-long", "secret"),
        ("shop-jwt-secret-prod", "secret"),
        ("9f86d081884c7d659a2feaa0c55ad015", "token"),
        ("wJalrXUtnFEMI/K7MDENG+bPxRfiCY", "key"),
    ],
)
def test_values_that_are_credentials(value: str, kind: str) -> None:
    assert is_credential(value, kind)


@pytest.mark.parametrize("kind", ["password", "secret", "token", "key"])
@pytest.mark.parametrize(
    "value",
    [
        "",
        " ",
        "true",
        "No",
        "none",
        "changeme",
        "CHANGE-ME",
        "please-change-this",
        "REPLACE_ME",
        "<password>",
        "${DB_PASSWORD}",
        "$(DB_PASSWORD)",
        "$DB_PASSWORD",
        "{{ .Values.password }}",
        "%(password)s",
        "xxxxxxxx",
        "********",
        "your-password-here",
        "MY_API_KEY",
        "/run/secrets/db-password",
        "./secret.txt",
        "C:\\secrets\\token",
        "file:///etc/token",
        "https://vault.example.com/v1/secret",
        "vault:secret/data/db#password",
        "arn:aws:secretsmanager:eu-west-1:123456789012:secret:db",
        "ENC[AES256_GCM,data:abc]",
        "{cipher}a7b3",
        "db-password@azurekeyvault",
        "$2y$10$abcdefghijklmnopqrstuv",
        "the password of the database",
        "key.pem",
        "string",
    ],
)
def test_values_that_stand_for_something_else(value: str, kind: str) -> None:
    assert not is_credential(value, kind)


@pytest.mark.parametrize("value", ["my-app-secret", "shop/db-credentials", "db-token", "web-tls", "3600", "secret"])
def test_the_name_of_a_secret_is_no_secret(value: str) -> None:
    assert not is_credential(value, "secret")


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA04up8hoqzS1\n", "a private key"),
        ("id: AKIA2E0A8F3B244C9986"[:24].replace("0", "A").replace("8", "B").replace("9", "C"), "an AWS access key"),
        ("ghp_" + "a1B2" * 9, "a GitHub token"),
        ("DefaultEndpointsProtocol=https;AccountKey=" + "aB3/" * 21 + "aa==", "an Azure storage key"),
    ],
)
def test_known_shapes(text: str, what: str) -> None:
    assert known_shape(text) == what


@pytest.mark.parametrize(
    "text",
    [
        "-----BEGIN CERTIFICATE-----\nMIIEpAIBAAKCAQEA04up8hoqzS1\n",
        "-----BEGIN PUBLIC KEY-----\nMIIEpAIBAAKCAQEA04up8hoqzS1\n",
        "-----BEGIN PRIVATE KEY-----\n...\n-----END PRIVATE KEY-----",
        "AKIAIOSFODNN7EXAMPLE",
        "ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        "sk-learn",
    ],
)
def test_what_only_resembles_a_known_shape(text: str) -> None:
    assert known_shape(text) == ""


@given(st.text(max_size=300), st.sampled_from(["password", "secret", "token", "key"]))
def test_any_text_gets_an_answer(text: str, kind: str) -> None:
    assert is_credential(text, kind) in (True, False)
    assert isinstance(kind_of_name(text), str)
    assert isinstance(known_shape(text), str)
