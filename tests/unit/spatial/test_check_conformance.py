"""The conformance files are judged as their sources expect."""

from __future__ import annotations

import pytest
from tests.kit.testdata import city_data
from tests.perf import conformance


@pytest.mark.data
def test_every_difference_from_the_sources_is_explained_and_they_are_few() -> None:
    found = conformance.rows(city_data("conformance"))
    different = [row for row in found if not row.agree]
    assert [row.file for row in different if not row.reason] == []
    assert len(found) >= 200
    assert len(different) <= 5
