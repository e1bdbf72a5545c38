"""Code frames in the text report: the right stretch underlined, no hostile text obeyed."""

from __future__ import annotations

import re
from typing import Any

import pytest

from kube_audit.findings import Finding, ObjectRef, RelatedPlace, Skipped, Span, Suppression
from kube_audit.reports.terminal import columns

from .samples import latest, result, span, written


def broken(text: str, where: Span, file: str = "x.yaml", **more: Any) -> str:
    """The report about one finding in a file of that text."""
    given: dict[str, Any] = {"rule": "yaml-syntax", "severity": "error", "message": "it is broken", "remediation": ""}
    finding = Finding(**{**given, "file": file, "span": where, **more})
    return written("text", result(finding, texts={file: text}), width=60)


def frame_of(report: str) -> list[str]:
    """The lines of the first code frame, without the indentation of the report."""
    return [line[2:] for line in report.splitlines() if re.match(r"  +\d* +│", line)]


class TestFrame:
    def test_wide_characters_and_marks_keep_the_underline_in_place(self) -> None:
        text = "a: 漢字e\u0301x"
        assert frame_of(broken(text, span(1, 8, 1))) == ["1 │ a: 漢字e\u0301x", "  │         ^"]
        assert frame_of(broken(text, span(1, 4, 2))) == ["1 │ a: 漢字e\u0301x", "  │    ^^^^"]

    def test_tabs_are_shown_as_blanks_up_to_the_next_stop(self) -> None:
        assert frame_of(broken("a:\tb\tc", span(1, 6, 1))) == ["1 │ a:  b   c", "  │         ^"]

    def test_a_huge_line_is_cut_around_the_place(self) -> None:
        text = "icon: " + "x" * 218_000 + "HERE" + "y" * 1000
        code, underline = frame_of(broken(text, span(1, 218_007, 4)))
        assert columns("  " + code) <= 60
        assert code.startswith("1 │ …xxx")
        assert code.endswith("yyy…")
        assert code[underline.index("^") : underline.rindex("^") + 1] == "HERE"

    def test_a_long_place_is_underlined_as_far_as_it_is_shown(self) -> None:
        code, underline = frame_of(broken("icon: " + "x" * 218_000, span(1, 7, 218_000)))
        assert code.startswith("1 │ icon: xxx")
        assert columns("  " + underline) <= 60

    def test_of_a_place_over_several_lines_the_beginning_is_shown(self) -> None:
        text = "a:\n  b:\n    c: 1\n    d: 2\n    e: 3\n"
        assert frame_of(broken(text, Span(2, 3, 5, 9))) == ["1 │ a:", "2 │   b:", "  │   ^^", "3 │     c: 1"]

    def test_a_line_after_the_end_of_the_place_is_not_shown(self) -> None:
        assert frame_of(broken("a: 1\nb: 2\n", Span(1, 1, 2, 1))) == ["1 │ a: 1", "  │ ^^^^"]

    def test_an_empty_place_gets_a_caret(self) -> None:
        assert frame_of(broken("a:\n", span(1, 3, 0))) == ["1 │ a:", "  │   ^"]

    @pytest.mark.parametrize("where", [span(9, 1, 3), span(0, 1, 1), Span(1, 90, 1, 99), Span(2, 5, 1, 1)])
    def test_a_place_that_is_no_longer_there_does_no_harm(self, where: Span) -> None:
        assert "it is broken" in broken("a: 1\n", where)

    def test_without_the_source_there_is_no_frame(self) -> None:
        report = written("text", result(latest("web", 11, 12), texts={}), width=80)
        assert "  deploy/shop.yaml:11:18\n  warning  container web" in report

    def test_the_value_of_a_secret_is_masked(self) -> None:
        text = "kind: Secret\ndata:\n  password: aHVudGVyMg=="
        about = ObjectRef("v1", "Secret", None, "db")
        assert frame_of(broken(text, span(3, 13, 12), object=about)) == [
            "2 │ data:",
            "3 │   password: *****",
            "  │             ^^^^^",
        ]


class TestHostileText:
    EVIL = "a\x1b[2Jb\x9bc\u202ed\u200be\x07\x00\udcff\u2028f\rg"
    HARMLESS = r"a\x1b[2Jb\x9bc\u202ed\u200be\x07\x00\udcff\u2028f"

    def test_nothing_in_a_finding_can_steer_the_terminal(self) -> None:
        evil = self.EVIL
        finding = Finding(
            rule=evil,
            severity="error",
            message=evil,
            remediation=f"{evil}\n\n    {evil}\n```\n{evil}\n```",
            file=evil,
            span=span(1, 1, 3),
            object=ObjectRef("v1", evil, evil, evil),
            suggestion=evil,
            related=(RelatedPlace(evil, span(1, 1, 1), evil),),
            suppressed=Suppression("comment", evil),
        )
        audited = result(finding, texts={evil: evil}, skipped=[Skipped(evil, evil)])
        for encoding in ("utf-8", "latin-1"):
            report = written("text", audited, encoding=encoding, show_suppressed=True)
            assert all(line.isprintable() for line in report.split("\n"))
            assert r"\x1b[2J" in report

    def test_control_characters_in_the_code_are_written_out(self) -> None:
        line = frame_of(broken(self.EVIL, span(1, 1, 1)))[0]
        assert line == "1 │ " + self.HARMLESS

    def test_a_file_name_may_hold_any_bytes(self) -> None:
        assert "\n  \\udcff.yaml:1:1\n" in broken("a", span(1, 1, 1), file="\udcff.yaml")
