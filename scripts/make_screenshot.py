"""Write docs/images/check.svg: what kube-audit prints about two files of fixtures/demo, in colour, as a picture.

    python scripts/make_screenshot.py [--check]

The picture is the output of a real run. With --check nothing is written; the exit status is 1 where the picture no
longer shows what the tool prints.
"""

from __future__ import annotations

import html
import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PICTURE = ROOT / "docs" / "images" / "check.svg"
COMMAND = "kube-audit check k8s/catalogue.yaml k8s/ingress.yaml --tree k8s --severity error"
COLUMNS = 100
# No font is loaded from elsewhere, as rich's own template does: a picture in a README may not ask the network.
FRAME = """\
<svg class="rich-terminal" viewBox="0 0 {width} {height}" role="img" xmlns="http://www.w3.org/2000/svg">
<title>A run of kube-audit: findings with file, line, the lines themselves, and what to write instead</title>
<style>
.{unique_id}-matrix {{ font-family: ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace;
font-size: {char_height}px; line-height: {line_height}px; font-variant-east-asian: full-width; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal"><rect x="0" y="0" width="{terminal_width}" height="{terminal_height}"/>
</clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""
TEXT = re.compile(r"<text[^>]*>(.*?)</text>", re.S)
CHANGING = re.compile(r"Kubernetes \S+, profile default with \d+ rules; [\d.]+s|\d+ (?=finding|info)")
"""What the last lines say of the machine, the dependencies and the rules; no reason to make the picture anew."""


def run() -> str:
    """Return what the command prints in colour, after a line with the command itself."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(ROOT / "fixtures" / "demo", Path(folder) / "k8s")
        environment = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
        environment |= {"FORCE_COLOR": "1", "COLUMNS": str(COLUMNS)}
        arguments = [sys.executable, "-m", "kube_audit", *COMMAND.split()[1:]]
        done = subprocess.run(  # noqa: S603
            arguments, cwd=folder, env=environment, capture_output=True, text=True, encoding="utf-8", check=False
        )
    if done.returncode != 1:
        raise SystemExit(f"{COMMAND} ended with {done.returncode}, not 1:\n{done.stderr}")
    return f"\x1b[1m$ {COMMAND}\x1b[0m\n\n{done.stdout}"


def picture(printed: str) -> str:
    """Return coloured terminal output as SVG."""
    from rich.console import Console
    from rich.text import Text

    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True, color_system="standard")
    console.print(Text.from_ansi(printed))
    drawn = console.export_svg(title="", code_format=FRAME, unique_id="kube-audit")
    return "\n".join(line.rstrip() for line in drawn.splitlines()) + "\n"


def shown(svg: str) -> str:
    """Return the text that a picture shows, one line a stretch of one colour, without what may change."""
    words = "\n".join(html.unescape(text).replace("\xa0", " ").rstrip() for text in TEXT.findall(svg))
    return CHANGING.sub("…", words)


def main() -> int:
    """Write or check the picture; return the exit status."""
    drawn = picture(run())
    if "--check" in sys.argv[1:]:
        if PICTURE.is_file() and shown(PICTURE.read_text("utf-8")) == shown(drawn):
            return 0
        print(f"{PICTURE.relative_to(ROOT)} is stale; run: python {Path(__file__).relative_to(ROOT)}", file=sys.stderr)
        return 1
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    PICTURE.write_text(drawn, "utf-8")
    print(f"{PICTURE.relative_to(ROOT)} is written")
    return 0


if __name__ == "__main__":
    sys.exit(main())
