"""How paths and the troubles of a file system are worded for people."""

from __future__ import annotations

import errno
import stat


def printable(text: str) -> str:
    """Write a path so that it can be shown: what is no text, or steers a terminal, becomes an escape."""
    if text.isprintable():
        return text
    return "".join(_printable_sign(c) for c in text)


def _printable_sign(sign: str) -> str:
    import unicodedata

    if sign.isprintable() or unicodedata.category(sign) == "Zs":
        return sign
    if "\udc80" <= sign <= "\udcff":
        return f"\\x{ord(sign) - 0xDC00:02x}"
    return sign.encode("unicode_escape").decode("ascii")


def special(mode: int) -> str:
    """Say what a thing that is no plain file is, from its `st_mode`."""
    if stat.S_ISFIFO(mode):
        return "a named pipe"
    if stat.S_ISSOCK(mode):
        return "a socket"
    if stat.S_ISCHR(mode) or stat.S_ISBLK(mode):
        return "a device"
    return "a folder" if stat.S_ISDIR(mode) else "something special"


def reason(error: OSError) -> str:
    """Say why the system would not give something."""
    if isinstance(error, PermissionError):
        return "no permission to read it"
    if error.errno == errno.ELOOP:
        return "leads to itself"
    return (error.strerror or "cannot be read").lower()
