"""Bad input has one line each: it is named, counted and kept, and nothing else is lost."""

from __future__ import annotations

import random

import pytest
from tests.kit.clocks import FakeClock
from tests.kit.feeds import FeedBuilder

from lamplighter.domain.observation import Batch
from lamplighter.domain.problems import CATALOGUE
from lamplighter.pipeline import Pipeline

NOW = FakeClock().wall_ms()
GOOD = f'["ok", {NOW}, 1.5]'


def point(value: str, name: str = "P-17") -> bytes:
    """A message with one doubtful point between two good ones."""
    text = f'{{"epoch": 9, "seq": 0, "points": [{GOOD}, ["{name}", {NOW}, {value}], {GOOD}]}}'
    return text.encode("utf-8", "surrogatepass")


KEEPS_NEIGHBOURS = {
    "not a number": (point("NaN"), "D-101"),
    "null": (point("null"), "D-101"),
    "infinite by size": (point("1e400"), "D-102"),
    "infinite by word": (point("-Infinity"), "D-102"),
    "five thousand digits": (point("9" * 5000), "D-102"),
    "two to the sixty-third": (point(str(2**63)), "D-106"),
    "far beyond 64 bits": (point("-" + "8" * 40), "D-106"),
    "true": (point("true"), "D-107"),
    "a list as value": (point("[1]"), "D-107"),
    "an object as value": (point('{"v": 1}'), "D-107"),
    "an unknown quality": (point('1, "excellent"'), "D-113"),
    "five elements": (point('1, "good", 5, 6'), "D-113"),
    "a nameless point": (point("1", ""), "D-113"),
    "a name without end": (point("1", "n" * 5000), "D-113"),
}

WHOLE_MESSAGE = {
    "nested": (b'{"epoch": 9, "seq": 0, "points": ' + b"[" * 100_000, "D-103"),
    "nested and closed": (
        b'{"epoch": 9, "seq": 0, "points": ' + b"[" * 5000 + b"]" * 5000 + b"}",
        "D-103",
    ),
    "invalid utf-8": (b'{"epoch": 9, "seq": 0, "points": [["\xff\xfe", 1, 1]]}', "D-104"),
    "a key twice": (
        b'{"epoch": 9, "seq": 0, "seq": 1, "points": []}',
        "D-108",
    ),
    "a key twice in disguise": (
        b'{"epoch": 9, "seq": 0, "\\u0073eq": 1, "points": []}',
        "D-108",
    ),
    "an unknown key twice": (b'{"epoch": 9, "seq": 0, "points": [], "x": 1, "x": 2}', "D-108"),
    "empty": (b"", "D-109"),
    "blank": (b" \n", "D-109"),
    "a number": (b"3.21", "D-109"),
    "a list": (b"[1, 2]", "D-109"),
    "no epoch": (b'{"seq": 0, "points": []}', "D-113"),
    "a negative seq": (b'{"epoch": 9, "seq": -1, "points": []}', "D-113"),
    "a broken seq": (b'{"epoch": 9, "seq": 1.5, "points": []}', "D-113"),
    "an epoch too large": (b'{"epoch": 9007199254740992, "seq": 1, "points": []}', "D-113"),
    "points as a text": (b'{"epoch": 9, "seq": 0, "points": "none"}', "D-113"),
    "cut off": (b'{"epoch": 9, "seq": 0, "points": [["a", 1', "D-113"),
    "two documents": (b'{"epoch": 9, "seq": 0, "points": []} {}', "D-113"),
    "a byte order mark": (b'\xef\xbb\xbf{"epoch": 9, "seq": 0, "points": []}', "D-113"),
}


@pytest.fixture
def pipeline() -> Pipeline:
    return Pipeline(clock=FakeClock())


@pytest.fixture
def dev() -> FeedBuilder:
    return FeedBuilder(FakeClock())


@pytest.mark.parametrize("case", KEEPS_NEIGHBOURS)
def test_one_bad_point_costs_only_itself(case: str, pipeline: Pipeline, dev: FeedBuilder) -> None:
    body, code = KEEPS_NEIGHBOURS[case]
    batch = pipeline.take([dev.raw(body)])
    assert batch.points.value.tolist() == [1.5, 1.5]
    assert batch.points.place.tolist() == [0, 2]
    assert [(q.code, q.points) for q in batch.quarantined] == [(code, 1)]
    assert batch.messages[0].points == 3
    assert [p.code for p, _ in pipeline.notices()] == [code]


@pytest.mark.parametrize("case", WHOLE_MESSAGE)
def test_an_unreadable_message_is_kept_whole_and_counts_as_one(
    case: str, pipeline: Pipeline, dev: FeedBuilder
) -> None:
    body, code = WHOLE_MESSAGE[case]
    good = dev.message(1)
    bad = dev.raw(body)
    batch = pipeline.take([bad, good])
    assert len(batch.points) == 1, "the message after it is not lost"
    (aside,) = batch.quarantined
    assert (aside.code, aside.points, aside.body, aside.token) == (code, 1, body, bad.token)
    assert aside.reason.startswith(CATALOGUE[code].split("{")[0])


def test_two_hundred_fifty_six_megabytes_are_refused(pipeline: Pipeline, dev: FeedBuilder) -> None:
    from msgspec.structs import replace

    huge = replace(dev.raw(b""), size=256_000_000)
    batch = pipeline.take([huge])
    assert batch.refused == ((0, 1),) and batch.refused_tokens == (huge.token,)
    ((problem, _),) = pipeline.notices()
    assert problem.code == "D-109" and "256.0 MB" in problem.text


def test_exactly_one_megabyte_is_taken_and_one_byte_more_is_not(
    pipeline: Pipeline, dev: FeedBuilder
) -> None:
    body = dev.body(0)
    full = body + b" " * (1_000_000 - len(body))
    assert len(pipeline.take([dev.raw(full)]).points) == 1
    assert pipeline.take([dev.raw(full + b" ")]).refused == ((0, 1),)


def test_a_lone_surrogate_in_a_name_is_replaced_and_kept(
    pipeline: Pipeline, dev: FeedBuilder
) -> None:
    batch = pipeline.take([dev.raw(point("2", r"P-\ud800"))])
    assert len(batch.points) == 3 and not batch.quarantined
    name = batch.new_datastreams[-1].name
    assert "\ufffd" in name and name.encode("utf-8")
    assert [p.code for p, _ in pipeline.notices()] == ["D-105"]


@pytest.mark.parametrize("text", ['"1_000"', '"٣٢١"', '"12"'])
def test_numbers_as_text_do_not_pass_for_numbers(
    text: str, pipeline: Pipeline, dev: FeedBuilder
) -> None:
    pipeline.take([dev.raw(point("1"))])
    batch = pipeline.take([dev.raw(point(text).replace(b'"seq": 0', b'"seq": 1'))])
    assert batch.points.value.tolist() == [1.5, 1.5]
    assert [q.code for q in batch.quarantined] == ["D-107"]


@pytest.mark.parametrize("when", ["null", '"yesterday"', "1e300", "[]", "true"])
def test_a_time_that_is_none_is_replaced_by_ours(
    when: str, pipeline: Pipeline, dev: FeedBuilder
) -> None:
    body = f'{{"epoch": 9, "seq": 0, "points": [["P", {when}, 4]]}}'.encode()
    batch = pipeline.take([dev.raw(body)])
    assert batch.points.value.tolist() == [4.0]
    assert batch.points.time_ms.tolist() == [NOW]
    assert [p.code for p, _ in pipeline.notices()] == ["D-110"]


@pytest.mark.parametrize("topic", [b"lamplighter/1/obs/\xff", "lamplighter/1/obs/", "other/topic"])
def test_a_topic_that_is_none_of_ours_is_counted(
    topic: str | bytes, pipeline: Pipeline, dev: FeedBuilder
) -> None:
    batch = pipeline.take([dev.raw(dev.body(0), topic)])
    assert len(batch.points) == 0
    assert sum(q.points for q in batch.quarantined) + sum(n for _, n in batch.refused) == 1


@pytest.mark.parametrize("name", ["'; DROP TABLE point; --", "%s{0}", "<img src='file:///x'>", "𝔸"])
def test_names_full_of_metacharacters_are_kept_as_they_are(
    name: str, pipeline: Pipeline, dev: FeedBuilder
) -> None:
    batch = pipeline.take([dev.message(0, [(name, NOW, 1)])])
    assert batch.new_datastreams[0].name == name


def test_a_message_with_a_readable_key_does_not_count_as_missing(
    pipeline: Pipeline, dev: FeedBuilder
) -> None:
    bad = b'{"epoch": 7213, "seq": 1, "points": 5}'
    batch = pipeline.take([dev.message(0), dev.raw(bad), dev.message(2)])
    assert [m.seq for m in batch.messages] == [0, 1, 2]
    dev.clock.advance(5_000)  # type: ignore[attr-defined]
    assert not pipeline.take([dev.message(3)]).gaps


def test_bodies_are_kept_for_the_first_thousand_and_counted_ever_after(
    pipeline: Pipeline, dev: FeedBuilder
) -> None:
    batch = pipeline.take([dev.raw(b"not json") for _ in range(1_200)])
    assert len(batch.quarantined) == 1_200
    assert sum(bool(q.body) for q in batch.quarantined) == 1_000
    ((problem, count),) = pipeline.notices()
    assert (problem.code, count) == ("D-113", 1_200), "worded once, counted in place"


MUTATIONS = 20_000


def test_no_payload_stops_the_others() -> None:
    """Mutated messages with one good one in a hundred between them: all counted, none lost."""
    rng = random.Random(20)
    clock = FakeClock()
    pipeline = Pipeline(clock=clock)
    good, bad = FeedBuilder(clock, "good"), FeedBuilder(clock, "bad", feed="f2")
    seeds = [body for body, _ in (KEEPS_NEIGHBOURS | WHOLE_MESSAGE).values() if len(body) < 3000]
    seeds += [bad.body(n, [("a", NOW, n), ("b", NOW, "on", "bad")]) for n in range(20)]
    taken = stored_good = counted = messages = sent_good = 0
    while taken < MUTATIONS:
        raws = []
        for _ in range(200):
            if rng.random() < 0.01:
                raws.append(good.message(sent_good))
                sent_good += 1
            else:
                raws.append(bad.raw(_mutated(rng, rng.choice(seeds)), _topic(rng)))
        taken += len(raws)
        clock.advance(100)
        batch = pipeline.take(raws)
        source = pipeline.registry.known_source("good")
        of = [m.source == source for m in batch.messages]
        stored_good += sum(of[int(m)] for m in batch.points.message)
        for q in batch.quarantined:
            assert q.code in CATALOGUE and q.reason
        counted += len(_tickets(batch))
        messages += len(raws)
        pipeline.notices()
        pipeline.receipts()
        pipeline.due()
    assert sent_good > 100 and stored_good == sent_good
    assert counted == messages, "every message left a row, a reason or a refusal"


def _tickets(batch: Batch) -> set[int]:
    found = {m.token for m in batch.messages} | {q.token for q in batch.quarantined}
    return found | set(batch.refused_tokens)


def _topic(rng: random.Random) -> str | bytes | None:
    roll = rng.random()
    if roll < 0.9:
        return None
    if roll < 0.93:
        return rng.randbytes(8)
    return rng.choice(
        ["lamplighter/1/src/bad", "lamplighter/1/rcp/bad", "lamplighter/1/obs/a+", ""]
    )


def _mutated(rng: random.Random, body: bytes) -> bytes:
    data = bytearray(body)
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(data) + 1)
        roll = rng.randrange(5)
        if roll == 0:
            data[at:at] = rng.randbytes(rng.randint(1, 4))
        elif roll == 1:
            del data[at : at + rng.randint(1, 8)]
        elif roll == 2 and data:
            data[at % len(data)] = rng.randrange(256)
        elif roll == 3:
            data[at:at] = rng.choice(
                [b'"', b"[", b"}", b"1e999", b"NaN", b"\\ud800", b"-", b"true"]
            )
        else:
            data[at:at] = data[: rng.randint(0, 30)]
    return bytes(data)
