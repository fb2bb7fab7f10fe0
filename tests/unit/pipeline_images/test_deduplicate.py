"""Of copies the best is kept, whatever the order; the rest says of what it is a copy."""

from __future__ import annotations

import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pixcrawler.domain.storage import selection_ref, verdicts_ref
from pixcrawler.domain.verdict import RejectReason
from pixcrawler.pipeline.deduplicate import Place, Selection, Valid, select
from pixcrawler.pipeline.payloads import Deduplicated, Rounds
from tests.factories import a_candidate, a_picture, a_verdict, an_image, encoded, some_facts

# The same examples in every run, however slow the machine: a failure can be repeated.
PROPERTY = settings(
    max_examples=80,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
EXACT, NEAR = RejectReason.DUPLICATE_EXACT, RejectReason.DUPLICATE_NEAR


def valid(number: int, category: str = "birds", keyword: str = "robin", **facts) -> Valid:
    """Return image ``number``, alone in its chunk."""
    place = Place(round=0, chunk=number, line=0)
    candidate = a_candidate(number, category=category, keyword=keyword)
    return Valid(place, candidate, some_facts(number, **facts))


def kept_numbers(selection: Selection) -> list[int]:
    """Return the numbers of the kept images."""
    return [place.chunk for place in selection.kept]


HASHES = st.integers(0, 2**64 - 1) | st.builds(
    # Near each other, so that chains of near duplicates come up.
    lambda bits: sum(1 << bit for bit in bits),
    st.sets(st.integers(0, 63), max_size=8),
)


@st.composite
def crowds(draw) -> list[Valid]:
    """Up to 25 images with near and equal hashes, contents and sizes, in some order."""
    images = []
    for number in range(draw(st.integers(0, 25))):
        content = draw(st.integers(0, 30))
        facts = some_facts(
            content,
            phash=f"{draw(HASHES):016x}",
            width=draw(st.integers(300, 302)),
            bytes=draw(st.integers(1000, 1002)),
        )
        place = Place(round=number % 3, chunk=number, line=number % 5)
        candidate = a_candidate(
            number,
            category=draw(st.sampled_from("ab")),
            keyword=draw(st.sampled_from("xyz")),
        )
        images.append(Valid(place, candidate, facts))
    return draw(st.permutations(images))


@PROPERTY
@given(images=crowds(), distance=st.integers(0, 16), wanted=st.integers(1, 40), seed=st.integers())
def test_the_order_does_not_matter(images, distance, wanted, seed):
    """The same set of images gives the same selection in every order."""
    shuffled = random.Random(seed).sample(images, len(images))
    assert select(shuffled, distance, wanted) == select(images, distance, wanted)


@PROPERTY
@given(images=crowds(), distance=st.integers(0, 16), wanted=st.integers(1, 40))
def test_no_two_kept_are_copies(images, distance, wanted):
    """No two kept images have equal bytes, or hashes within the distance."""
    selection = select(images, distance, wanted)
    by_place = {image.place: image.facts for image in images}
    kept = [by_place[place] for place in selection.kept]
    assert len({facts.sha256 for facts in kept}) == len(kept) <= wanted
    hashes = [int(facts.phash, 16) for facts in kept]
    apart = [(a ^ b).bit_count() for i, a in enumerate(hashes) for b in hashes[:i]]
    assert all(bits > distance for bits in apart)


@PROPERTY
@given(images=crowds(), distance=st.integers(0, 16), wanted=st.integers(1, 40))
def test_every_image_is_somewhere_once(images, distance, wanted):
    """Every valid image is kept, a duplicate, or over the limit: exactly one of them."""
    selection = select(images, distance, wanted)
    kept = {image.candidate.key for image in images if image.place in set(selection.kept)}
    duplicates = [duplicate.key for duplicate in selection.duplicates]
    assert len(kept) == len(selection.kept)
    assert len(set(duplicates)) == len(duplicates)
    assert kept.isdisjoint(duplicates)
    assert len(kept) + len(duplicates) + selection.over_limit == len(images)


@PROPERTY
@given(images=crowds(), distance=st.integers(0, 16))
def test_a_duplicate_names_a_kept_image(images, distance):
    """Every duplicate is of a kept image; an exact one has its bytes."""
    selection = select(images, distance, len(images) or 1)
    keys = {image.candidate.key: image.facts for image in images}
    places = set(selection.kept)
    originals = {image.facts.sha256: image.facts for image in images if image.place in places}
    for duplicate in selection.duplicates:
        facts, best = keys[duplicate.key], originals[duplicate.of_sha256]
        assert (duplicate.reason is EXACT) == (facts.sha256 == best.sha256)
        assert duplicate.distance_bits <= distance


@PROPERTY
@given(hashes=st.lists(HASHES, max_size=30), distance=st.integers(0, 16))
def test_a_near_duplicate_is_near(hashes, distance):
    """A near duplicate lies at the distance it says from an image that is no worse."""
    images = [valid(n, phash=f"{bits:016x}", bytes=1000 + n % 3) for n, bits in enumerate(hashes)]
    facts = {image.candidate.key: image.facts for image in images}
    by_content = {image.facts.sha256: image.facts for image in images}
    for duplicate in select(images, distance, 99).duplicates:
        worse, better = facts[duplicate.key], by_content[duplicate.of_sha256]
        bits = (int(worse.phash, 16) ^ int(better.phash, 16)).bit_count()
        assert bits == duplicate.distance_bits <= distance
        assert worse.bytes <= better.bytes


def test_a_copy_of_a_copy():
    """Equal bytes that are both near a better image are near duplicates of that image."""
    half = some_facts(5, phash="0" * 16, width=320)
    images = [valid(0, phash="0" * 16, width=640)]
    images += [Valid(valid(n).place, a_candidate(n), half) for n in (1, 2)]
    selection = select(images, 8, 10)
    assert kept_numbers(selection) == [0]
    assert [duplicate.reason for duplicate in selection.duplicates] == [NEAR, NEAR]
    assert {duplicate.of_sha256 for duplicate in selection.duplicates} == {images[0].facts.sha256}


@pytest.mark.parametrize(
    ("worse", "better"),
    [
        ({"width": 640, "height": 480}, {"width": 1280, "height": 960}),
        ({"bytes": 20_000}, {"bytes": 90_000}),
    ],
    ids=["more-pixels", "more-bytes"],
)
def test_the_better_copy_is_kept(worse, better):
    """More pixels win, then more bytes, although the other was found first."""
    images = [valid(0, phash="0" * 16, **worse), valid(1, phash="0" * 15 + "1", **better)]
    selection = select(images, 8, 10)
    assert kept_numbers(selection) == [1]
    [duplicate] = selection.duplicates
    assert (duplicate.url, duplicate.reason) == (images[0].candidate.url, NEAR)
    assert (duplicate.of_sha256, duplicate.distance_bits) == (images[1].facts.sha256, 1)


def test_equal_copies_keep_the_first_found():
    """Of equal bytes the one that ranks first is kept."""
    same = some_facts(7)
    images = [Valid(valid(n).place, a_candidate(n), same) for n in (3, 1, 2)]
    selection = select(images, 8, 10)
    assert kept_numbers(selection) == [1]
    assert [duplicate.reason for duplicate in selection.duplicates] == [EXACT, EXACT]


def test_a_chain_keeps_both_ends():
    """When B is near A and C but A and C are far, the best of each near pair decides."""
    near = {"a": "0000000000000000", "b": "00000000000000ff", "c": "000000000000ffff"}
    images = [
        valid(0, phash=near["a"], width=900),
        valid(1, phash=near["b"], width=800),
        valid(2, phash=near["c"], width=700),
    ]
    assert kept_numbers(select(images, 8, 10)) == [0, 2]


def test_the_distance_is_inclusive():
    """Exactly the distance is a duplicate, one bit more is not."""
    images = [valid(0, phash="0" * 16), valid(1, phash="00000000000000ff")]
    assert len(select(images, 8, 10).kept) == 1
    assert len(select(images, 7, 10).kept) == 2


def test_ids_are_unique():
    """Two contents whose ids are equal would share a file name: the second is left out."""
    twin = some_facts(1).sha256[:16] + "f" * 48
    images = [valid(1, phash="0" * 16), valid(2, sha256=twin, phash="f" * 16)]
    assert len(select(images, 0, 10).kept) == 1


def crowd(**counts: int) -> list[Valid]:
    """Return different images, so many of each ``category_keyword``, the first ones best."""
    wanted = [name for name, count in counts.items() for _ in range(count)]
    return [valid(number, *name.split("_")) for number, name in enumerate(wanted)]


@pytest.mark.parametrize(
    ("counts", "wanted", "expected"),
    [
        ({"a_x": 50, "b_x": 50}, 20, {"a_x": 10, "b_x": 10}),
        ({"a_x": 50, "b_x": 3}, 20, {"a_x": 17, "b_x": 3}),
        ({"a_x": 30, "a_y": 30, "b_x": 30}, 20, {"a_x": 5, "a_y": 5, "b_x": 10}),
        ({"a_x": 30, "a_y": 2, "b_x": 30}, 20, {"a_x": 8, "a_y": 2, "b_x": 10}),
        ({"a_x": 1, "b_x": 1}, 20, {"a_x": 1, "b_x": 1}),
    ],
    ids=["equal", "one-runs-out", "keywords-share", "keyword-runs-out", "all"],
)
def test_the_limit_is_fair(counts, wanted, expected):
    """Categories share the wanted number, keywords their category's part; leftovers go on."""
    images = crowd(**counts)
    selection = select(images, 0, wanted)
    taken = dict.fromkeys(expected, 0)
    for image in images:
        if image.place in set(selection.kept):
            taken[f"{image.candidate.category}_{image.candidate.keyword}"] += 1
    assert taken == expected
    assert selection.over_limit == len(images) - sum(expected.values())


def test_the_limit_takes_the_best_ranks():
    """Within a keyword what was found first is taken."""
    assert kept_numbers(select(crowd(a_x=10), 0, 4)) == [0, 1, 2, 3]


def put_verdicts(workshop, round_no, chunk, verdicts):
    """Write the verdicts of a chunk, as validation leaves them."""
    lines = "".join(f"{verdict.model_dump_json()}\n" for verdict in verdicts)
    workshop.blobs.put(verdicts_ref("job-1", round_no, chunk), lines.encode())


def run(workshop, *chunks: int) -> Deduplicated:
    """Run the step over so many chunks a round."""
    return workshop.deduplicate(Rounds(job_id="job-1", chunks=chunks))


def test_the_step_counts(workshop):
    """The selection is written, its counts are recorded, and a repeat gives the same."""
    workshop.job(max_images=2)
    same = some_facts(1)
    put_verdicts(workshop, 0, 0, [a_verdict(0), a_verdict(1, same), a_verdict(2, same)])
    put_verdicts(workshop, 0, 1, [a_verdict(3)])
    first = run(workshop, 2)
    assert first == Deduplicated(kept=2, duplicates=1, over_limit=1, candidates=4)
    assert run(workshop, 2) == first
    progress = workshop.jobs.state("job-1").progress
    assert progress.kept == 2
    assert progress.reasons == {"duplicate_exact": 1, "over_limit": 1}


def test_a_later_round_may_bring_the_better_copy(workshop):
    """A better copy found later takes the place of the worse one."""
    workshop.job()
    put_verdicts(workshop, 0, 0, [a_verdict(0, some_facts(0, phash="0" * 16))])
    put_verdicts(workshop, 1, 0, [a_verdict(1, some_facts(1, phash="0" * 16, width=2000))])
    run(workshop, 1)
    run(workshop, 1, 1)
    selection = Selection.model_validate_json(workshop.blobs.get(selection_ref("job-1", 2)))
    assert selection.kept == (Place(round=1, chunk=0, line=0),)


def test_rounds_that_found_nothing(workshop):
    """An empty last round changes neither the selection nor where it is."""
    workshop.job()
    put_verdicts(workshop, 0, 0, [a_verdict(0)])
    assert run(workshop, 1) == run(workshop, 1, 0) == run(workshop, 1, 0, 0)
    assert list(workshop.blobs.names("work", "job-1/selection")) == ["job-1/selection/001.json"]


def test_a_job_that_found_nothing(workshop):
    """No verdict at all is a selection of nothing."""
    workshop.job()
    assert run(workshop, 0) == Deduplicated(kept=0, duplicates=0, over_limit=0)


def test_real_copies(workshop):
    """Half-size, recompressed and brighter copies go, different pictures stay."""
    workshop.job()
    large = [a_picture(seed, 640, 480) for seed in range(4)]
    files = [encoded(picture) for picture in large]
    files += [encoded(picture.resize((320, 240))) for picture in large]
    files += [encoded(picture, quality=40) for picture in large]
    files += [an_image(seed) for seed in range(10, 14)]
    workshop.download([(a_candidate(number), data) for number, data in enumerate(files)])
    workshop.validate()
    assert run(workshop, 1) == Deduplicated(kept=8, duplicates=8, over_limit=0, candidates=16)
    selection = Selection.model_validate_json(workshop.blobs.get(selection_ref("job-1", 1)))
    assert [place.line for place in selection.kept] == [0, 1, 2, 3, 12, 13, 14, 15]
