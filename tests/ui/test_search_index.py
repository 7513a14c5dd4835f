"""The palette finds what people type."""

from __future__ import annotations

from lamplighter.ui.search_index import Entry, SearchIndex


def entries(count: int) -> list[Entry]:
    found = [Entry(f"P-{n} Mill Lane", "Pump, water", lambda: None, words=f"P-{n} Pump")
             for n in range(count)]  # fmt: skip
    return [*found, Entry("Acknowledge", "action", lambda: None, "F2")]


def test_words_in_any_place_find_the_asset() -> None:
    index = SearchIndex(entries(200))
    assert index.find("pump 14")[0].name == "P-14 Mill Lane"
    assert index.find("ackn")[0].name == "Acknowledge"
    assert index.find("P-199")[0].name == "P-199 Mill Lane"


def test_among_a_hundred_thousand_the_exact_one_comes_first() -> None:
    index = SearchIndex(entries(100_000))
    assert index.find("p-77123 mill lane")[0].name == "P-77123 Mill Lane"
    assert len(index.find("pump")) == 10


def test_nothing_alike_names_the_nearest() -> None:
    index = SearchIndex(entries(20))
    assert index.find("zzzz") == []
    near = index.nearest("pomp mill")
    assert near is not None and "Mill" in near.name
    assert index.find("") == []
