"""Telling credentials from what only looks or sounds like them: by a setting's name, and by the value's shape.

A name counts by its last words: `DB_PASSWORD` is a password, `PASSWORD_POLICY` and `token-ttl` are none.
Known shapes are the documented prefixes of the services that issue them.
"""

from __future__ import annotations

from functools import lru_cache

from kube_audit.patterns import lazily
from kube_audit.placeholders import is_placeholder

_WORD = lazily(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_LONGEST_NAME = 200


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_PASSWORD_WORDS = frozenset({"password", "passwd", "passphrase", "passcode", "passwort", "pwd", "pass", "pw"})
_PASSWORD_ENDINGS = ("password", "passwd", "passphrase")
_SECRET_WORDS = frozenset({"secret", "clientsecret", "credential", "credentials", "creds"})
_TOKEN_WORDS = frozenset({"token", "authtoken", "apitoken", "accesstoken", "refreshtoken", "bearertoken", "bearer"})
_KEY_WORDS = frozenset({"apikey", "secretkey", "accesskey", "privatekey", "authkey", "encryptionkey", "signingkey"})
_KEY_KINDS = _words(
    "access account admin api app application auth authentication client encryption hmac jwt master private secret "
    "shared signature signing ssh storage"
)
"""What a key is that has to stay secret: `API_KEY`, `signing-key`; `PARTITION_KEY` and `PUBLIC_KEY` are none."""

_AFTER = _words(
    "b64 backup base base64 content contents current data dev development hex main new old plain plaintext previous "
    "primary prod production raw secondary staging string test text value"
)
"""Words behind the telling one that do not change what it is: `SECRET_KEY_BASE`, `PASSWORD_1`."""

_NO_CREDENTIAL = _words(
    "allow auto bypass cancel change check continuation count csrf disable disabled enable enabled force forgot "
    "generate has hide ignore is max min need needs next no num number page pagination public publishable readable "
    "require required requires reset rotate send show site skip update use uses using validate verify with without "
    "xsrf"
)
"""Words before the telling one that make a switch, a number or something public of it."""

_NAMES_A_SECRET = _words("ca cert certificate dockerconfig image kubernetes k8s pull registry serving ssl tls")
"""`TLS_SECRET` and `IMAGE_PULL_SECRET` hold the name of a Secret."""

_PROXY_PASS = frozenset({"proxy", "fastcgi", "uwsgi", "scgi", "grpc", "first", "second", "single", "multi"})

_NOTHING = lazily(
    r"""(?ix) true|false|yes|no|on|off|y|n|t|f | none|null|nil|undefined|unset|empty|n/?a | auto|default|disabled?
    |enabled?|optional|required?|ignored? | str|string|text|integer|number|boolean|bool|object|array|bytes?|file
    |redacted|masked|hidden|encrypted|sensitive|removed|omitted|unused|placeholder|dummy|todo|tbd|fixme|change-?it
    |(?:.*[^a-z])?(?:change|replace|fill|insert)[ _-]?(?:me|this|it|here|in|with)?(?:[^a-z].*)?
    |(?:please|insert|replace|your|enter|fill|put|add|set|some|any)[ _-].* | .*[ _-](?:here|goes[ _-]here|placeholder)
    |.*[_-](?:val|value) | .*place-?holder.*
    | [x*.\-_?#0]+ | [^a-z0-9]+ """
)
_CAPITALS = lazily(r"[A-Z_]*(?:PASS|PASSWORD|PASSWD|PWD|SECRET|TOKEN|KEY|CREDENTIALS?)[A-Z_]*|[A-Z]+_[A-Z_]+")
"""`PASSWORD`, `MY_API_KEY` as a value: the name of what is to be put there."""

_REFERENCE = lazily(
    r"""(?ix) \$ | % [a-z_]\w* % | %\(\w | % [sdvq]$ | ` | --
    | (?:vault|arn|op|ssm|sm|gcp|gcpsm|aws\w*|azure\w*|env|files?|k8s|kubernetes|kms|secretref|secrets?|keyvault|akv
      |ref|conjur|doppler|sops|gopass|keyring|exec|projects|process\.env|os|system)\s?[:+/.(\[]
    | ref\+ | @microsoft\. | .*@azurekeyvault | !(?:vault|secret|env|include|ref|sub|getatt)\b | \{ | \[ | < | ENC\(
    """
)
_URL = lazily(r"[A-Za-z][A-Za-z0-9+.-]{0,30}:/{1,3}")
_PATH = lazily(r"(?:~|\.{1,2}|[A-Za-z]:)?[/\\][^\s+=]*")
_FILE = lazily(r"(?:[\w.@:-]+[/\\])*[\w.@:-]+\.(?:pem|key|crt|cer|pub|json|ya?ml|txt|jks|p12|pfx|env|conf|ini|toml)")
_RESOURCE_NAME = lazily(r"(?:[a-z0-9-]{1,63}/)?[a-z0-9]+(?:[-.][a-z0-9]+)+")
_HASH = lazily(r"\$\w{1,10}\$|\{\w{1,12}\}|(?:pbkdf2|scrypt|argon2|bcrypt|sha\d+|md5)[:$_]")
_SHORTEST = {"password": 3, "secret": 4, "token": 6, "key": 6}

_SHAPES = tuple(
    (what, lazily(pattern))
    for what, pattern in (
        ("a private key", r"-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----\s*[A-Za-z0-9+/:=\\]{16}"),
        ("an AWS access key", r"\b(?:AKIA|ASIA)[A-Z2-7]{16}\b"),
        ("a GitHub token", r"\b(?:gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9_]{60,255})\b"),
        ("a GitLab token", r"\bglpat-[A-Za-z0-9_-]{20,}"),
        ("a Slack token", r"\bxox[abeoprs]-[0-9A-Za-z-]{20,}"),
        ("a Slack webhook", r"\bhooks\.slack\.com/services/T[A-Z0-9]{7,12}/B[A-Z0-9]{7,12}/[A-Za-z0-9]{20,}"),
        ("a Google API key", r"\bAIza[0-9A-Za-z_-]{35}\b"),
        ("a Stripe key", r"\b[rs]k_live_[0-9A-Za-z]{20,}"),
        ("an API key for a language model", r"\bsk-(?:proj-|ant-|svcacct-)[A-Za-z0-9_-]{30,}"),
        ("a Hugging Face token", r"\bhf_[A-Za-z]{34}\b"),
        ("a Vault token", r"\bhv[sb]\.[A-Za-z0-9_-]{24,}"),
        ("a DigitalOcean token", r"\bdo[opr]_v1_[a-f0-9]{64}\b"),
        ("an npm token", r"\bnpm_[A-Za-z0-9]{36}\b"),
        ("a PyPI token", r"\bpypi-AgE[A-Za-z0-9_-]{50,}"),
        ("a SendGrid key", r"\bSG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}"),
        ("an Azure storage key", r"\b(?:AccountKey|SharedAccessKey)=[A-Za-z0-9+/]{40,}={0,2}"),
        ("a JSON Web Token", r"\beyJ[A-Za-z0-9_-]{10,4000}\.eyJ[A-Za-z0-9_-]{10,4000}\.[A-Za-z0-9_-]{20,2000}"),
    )
)
_SHAPE_SIGNS = lazily(
    r"-----BEGIN|AKIA|ASIA|gh[pousr]_|github_pat_|glpat-|xox|hooks\.slack|AIza|k_live_|sk-|hf_|hv[sb]\.|_v1_|npm_|pypi-|SG\."
    r"|AccessKey=|AccountKey=|eyJ"
)
_MADE_UP = lazily(r"(?i)example|x{5}|0{8}|1234567890|abcdefgh|\.\.\.|your|fake|dummy|redacted")


@lru_cache(maxsize=4096)
def kind_of_name(name: str) -> str:
    """Return what a setting of this name holds: `password`, `secret`, `token`, `key`, or "" for no credential."""
    if len(name) > _LONGEST_NAME:
        return ""
    words = [word.lower() for word in _WORD.findall(name)]
    while len(words) > 1 and (words[-1] in _AFTER or words[-1].isdigit()):
        words.pop()
    if not words or not _NO_CREDENTIAL.isdisjoint(words):
        return ""
    last, before = words[-1], words[-2] if len(words) > 1 else ""
    if name in ("PWD", "OLDPWD") or (last == "pass" and before in _PROXY_PASS):
        return ""
    if words[-3:] == ["initial", "cluster", "token"]:  # etcd's name for a cluster
        return ""
    if last in _PASSWORD_WORDS or last.endswith(_PASSWORD_ENDINGS):
        return "password"
    if last in _SECRET_WORDS:
        return "" if last == "secret" and before in _NAMES_A_SECRET else "secret"
    if last in _TOKEN_WORDS:
        return "token"
    return "key" if last in _KEY_WORDS or (last == "key" and before in _KEY_KINDS) else ""


def is_credential(value: str, kind: str) -> bool:
    """Whether a value under a name of that kind is meant as the credential itself.

    It is none where it is empty, a switch, a place to fill in, a reference to where the credential lies (a path,
    a URL, a variable, the name of a Secret), encrypted, hashed, or words.
    """
    text = value.strip()
    if len(text) < _SHORTEST[kind] or len(text) > 10_000 or any(c.isspace() for c in text):
        return False
    if is_fill_in(text) or _REFERENCE.match(text):
        return False
    if _URL.match(text) or _PATH.fullmatch(text) or _FILE.fullmatch(text) or _HASH.match(text):
        return False
    if kind != "password":
        words = [word.lower() for word in _WORD.findall(text)] if len(text) <= _LONGEST_NAME else []
        if text.replace(".", "").isdigit() or len(words) == 1 == len(set(words) & _ALL_WORDS):
            return False
        if _RESOURCE_NAME.fullmatch(text) and words and words[-1] in _ENDS_A_NAME:
            return False
    return True


_ALL_WORDS = _PASSWORD_WORDS | _SECRET_WORDS | _TOKEN_WORDS | _KEY_WORDS
_ENDS_A_NAME = _ALL_WORDS | {"secrets", "tokens", "tls", "cert", "key", "keys"}
"""Last words of what is rather the name of a Secret: `oauth-client-secret`."""


def is_fill_in(text: str) -> bool:
    """Whether a text only says that something is to be put there, or is a switch: `changeme`, `<token>`, `none`."""
    return is_placeholder(text) or bool(_NOTHING.fullmatch(text) or _CAPITALS.fullmatch(text))


def known_shape(text: str) -> str:
    """Return what kind of credential a text holds by its unmistakable shape, "" where there is none."""
    if _SHAPE_SIGNS.search(text) is None:
        return ""
    for what, pattern in _SHAPES:
        for found in pattern.finditer(text):
            if not _MADE_UP.search(found[0]):
                return what
    return ""
