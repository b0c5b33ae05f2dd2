"""Items prepared by threads while others are in use."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_threads(
    function: Callable[[Item], Result], items: Iterable[Item], threads: int, count: int = 16
) -> Iterator[Result]:
    """Yield `function(item)` of every item, in order, from some threads; for what leaves the interpreter alone.

    Args:
        function: must bear being called from several threads
        items: taken here
        threads: at least 1
        count: how many are in hand, at most
    """
    with ThreadPoolExecutor(threads) as pool:
        coming: deque[Any] = deque()
        for item in items:
            if len(coming) == count:
                yield coming.popleft().result()
            coming.append(pool.submit(function, item))
        while coming:
            yield coming.popleft().result()


def ahead(items: Iterable[Result], count: int = 1) -> Iterator[Result]:
    """Return the same items; a thread makes the next ones while one is in use, the first at once.

    For what waits for a disk or a decoder, so that a network need not.

    Args:
        items: what the thread makes
        count: how many wait to be used, at most
    """
    iterator, end = iter(items), object()
    thread = ThreadPoolExecutor(1)
    coming = deque(thread.submit(next, iterator, end) for _ in range(count))

    def taken() -> Iterator[Result]:
        with thread:
            while (item := coming.popleft().result()) is not end:
                coming.append(thread.submit(next, iterator, end))
                yield item  # type: ignore[misc]

    return taken()
