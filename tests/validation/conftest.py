"""Schemas are stripped anew for the tests: a cache left by an earlier state of the code would hide mistakes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from kube_audit.validation import definitions


@pytest.fixture(scope="package", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KUBE_AUDIT_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        definitions.definitions.cache_clear()
        yield
    definitions.definitions.cache_clear()
