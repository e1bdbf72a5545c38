"""Where the rule catalogue and the project's own JSON Schemas are: in the wheel, or in a checkout."""

from pathlib import Path

_PACKAGE = Path(__file__).parent


def _bundled(name: str) -> Path:
    in_wheel = _PACKAGE / "data" / name
    return in_wheel if in_wheel.is_dir() else _PACKAGE.parent / name


def rules_dir() -> Path:
    """Return the folder of the built-in rules, one file a rule, in folders by category."""
    return _bundled("rules")


def schemas_dir() -> Path:
    """Return the folder of the schemas that the project owns (rule file, configuration, JSON report)."""
    return _bundled("schemas")
