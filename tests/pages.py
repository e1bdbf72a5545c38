"""The documentation's pages: their text, their fenced blocks, the commands in these, their headings and links."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
GENERATED = DOCS / "rules"
PAGES = sorted(
    page.relative_to(ROOT).as_posix()
    for page in (*ROOT.glob("*.md"), *DOCS.rglob("*.md"))
    if not page.is_relative_to(GENERATED)
)
FENCE = re.compile(
    r"(?P<comments>(?:^[ ]*<!--[^\n]*-->\n)*)^(?P<indent>[ ]*)```(?P<language>[\w-]*)[^\n]*\n"
    r"(?P<body>.*?)^[ ]*```[ ]*$",
    re.M | re.S,
)
COMMENT = re.compile(r"<!-- (file|exit|finds|silences): (.*?) -->")
LINK = re.compile(r"(?<!!)\[[^\]\[]*(?:\[[^\]]*\][^\]\[]*)*\]\((?P<target>[^)\s]+)\)|!\[[^\]]*\]\((?P<image>[^)\s]+)\)")
CODE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: where it starts, what is in it, and what the comments above it say."""

    page: str
    line: int
    language: str
    body: str
    said: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


@cache
def text(page: str) -> str:
    return (ROOT / page).read_text("utf-8")


@cache
def blocks(page: str) -> list[Block]:
    found = []
    for match in FENCE.finditer(text(page)):
        line = text(page).count("\n", 0, match.start("language")) + 1
        indent = len(match["indent"])
        body = "".join(row[indent:] if row.strip() else row for row in match["body"].splitlines(keepends=True))
        said = dict(COMMENT.findall(match["comments"]))
        found.append(Block(page, line, match["language"].lower(), body, said))
    return found


def documents(block: Block) -> list[Any]:
    return list(YAML(typ="safe", pure=True).load_all(block.body))


def prose(page: str) -> str:
    """Return a page without its blocks."""
    return FENCE.sub("", text(page))


def commands(block: Block) -> Iterator[tuple[str, list[str]]]:
    """Yield each command of a block with the output that is shown below it."""
    pending: list[tuple[str, list[str]]] = []
    for line in block.body.splitlines():
        if block.language == "console" and line.startswith("> ") and pending and pending[-1][0].endswith("\\"):
            pending[-1] = (pending[-1][0][:-1] + line[2:], [])
        elif block.language == "console" and not line.startswith("$ "):
            assert pending, f"{block}: output before the first command"
            pending[-1][1].append(line)
        elif pending and block.language != "console" and pending[-1][0].endswith("\\"):
            pending[-1] = (pending[-1][0][:-1] + line.strip(), [])
        elif line.strip() and not line.lstrip().startswith("#"):
            pending.append((line.removeprefix("$ ").strip(), []))
    yield from pending


def anchors(page: str) -> set[str]:
    """Return the anchors that GitHub makes of a page's headings."""
    found = set()
    for heading in re.findall(r"^#{1,6} +(.+?)\s*$", prose(page), re.M):
        words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").lower()
        found.add(re.sub(r"[^\w\- ]", "", words).replace(" ", "-"))
    return found


def is_workflow(data: Any) -> bool:
    """Whether data is a GitHub workflow, whose key `on` is true to YAML 1.1."""
    return isinstance(data, dict) and "jobs" in data and ("on" in data or True in data)
