"""Where the corpus of real manifests is; tests that need it are skipped where it is not."""

from __future__ import annotations

from pathlib import Path

import pytest

CORPUS = Path(__file__).resolve().parents[2] / "shared" / "corpus"
needs_corpus = pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus of real manifests is not here")


def corpus_files() -> list[Path]:
    """Return every YAML and JSON file of the corpus, in a fixed order; none where it is missing."""
    return sorted(file for file in CORPUS.rglob("*") if file.suffix in (".yaml", ".yml", ".json"))
