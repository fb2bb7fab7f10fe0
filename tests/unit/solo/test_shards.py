"""Shards: cut off where they were safe, whole when they take their place."""

import tarfile

from pixcrawler.pipeline.visits.body import Body
from pixcrawler.solo.shards import Shards


def test_what_was_not_safe_is_cut_off(tmp_path):
    """A shard that is gone on with holds what was safe and what came after, and nothing else."""
    out, work = tmp_path, tmp_path / "work"
    work.mkdir()
    broken = Shards(out, work, 10)
    broken.resume(0, 0, 0)
    broken.add("first", "jpeg", Body.of(b"a" * 700), {"caption": "one"})
    safe = broken.bytes
    for name in ("lost", "lost too"):
        broken.add(name, "png", Body.of(b"b" * 90_000), {})
    broken.close()
    again = Shards(out, work, 10)
    again.resume(0, safe, 1)
    again.add("second", "webp", Body.of(b"c" * 10), {})
    again.end()
    again.publish()
    again.close()
    with tarfile.open(out / "00000.tar") as shard:
        names = ["first.jpg", "first.json", "first.txt", "second.webp", "second.json"]
        assert shard.getnames() == names
        assert shard.extractfile("first.jpg").read() == b"a" * 700
    assert (out / "00000.tar").stat().st_size < 10_000
    assert not (work / "00000.tar").exists()
