"""Room for pixels: memory is bounded however many images are decoded at once."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from pixcrawler.pipeline.pictures.room import PixelRoom


def test_no_more_is_inside_than_there_is_room_for() -> None:
    """Twelve threads with images of all sizes never hold more than the room; all get in."""
    room, lock = PixelRoom(100), threading.Lock()
    inside, most, seen = 0, 0, []

    def decode(pixels: int) -> None:
        nonlocal inside, most
        with room.taken(pixels):
            with lock:
                inside += min(pixels, 100)
                most = max(most, inside)
                seen.append(pixels)
            with lock:
                inside -= min(pixels, 100)

    sizes = [1, 7, 60, 100, 250, 0] * 50
    with ThreadPoolExecutor(12) as threads:
        list(threads.map(decode, sizes))

    assert most <= 100
    assert sorted(seen) == sorted(sizes)


def test_a_large_image_is_not_passed_for_ever() -> None:
    """Small ones that come later wait behind a large one, though there would be room for them."""
    room, order, started = PixelRoom(100), [], threading.Event()

    def enter(pixels: int) -> None:
        started.set()
        with room.taken(pixels):
            order.append(pixels)

    with room.taken(50):
        large = threading.Thread(target=enter, args=(100,))
        large.start()
        started.wait(10)
        while not room._next.locked():
            large.join(0.001)
        small = threading.Thread(target=enter, args=(1,))
        small.start()
        small.join(0.05)
        assert order == []
    large.join(10)
    small.join(10)
    assert order == [100, 1]


def test_room_is_given_back_after_an_error() -> None:
    """A decoder that raises leaves no room taken."""
    room = PixelRoom(10)
    for _ in range(3):
        with pytest.raises(ValueError, match="broken"), room.taken(10):
            raise ValueError("broken")
