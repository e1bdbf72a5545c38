"""XML for reports: elements and attributes in ASCII, whatever stands in the findings."""

from __future__ import annotations

from html import escape

from kube_audit.reports.plain import block, one_line

HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'


def element(name: str, attributes: dict[str, object], *, empty: bool = False) -> str:
    """Return a start tag, or a whole empty element. Values go on one line; None leaves an attribute out."""
    given = "".join(
        f' {key}="{_ascii(one_line(str(value)))}"' for key, value in attributes.items() if value is not None
    )
    return f"<{name}{given}{'/' if empty else ''}>"


def content(text: str) -> str:
    """Return text of several lines as the content of an element.

    Characters that XML forbids, and all others that cannot be seen, are written out: ESC becomes `\\x1b`.
    """
    return _ascii(block(text))


def _ascii(text: str) -> str:
    return escape(text).encode("ascii", "xmlcharrefreplace").decode("ascii")
