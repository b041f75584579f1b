"""A table that grows while the bench runs: a name when something begins, its figures after it."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from tests.benchmarks.load import Figure

T = TypeVar("T")

NAME = 40


class Table:
    """R is the server's CPU time for one, in those of the bare handler in the same run."""

    def __init__(self) -> None:
        self._bare: float | None = None

    async def step(self, what: str, work: Awaitable[T]) -> T:
        """What takes time and is no figure."""
        print(f"{what} …", end="", flush=True)
        done = await work
        print(" done", flush=True)
        return done

    def begin(self) -> None:
        titles = ("n", "per s", "CPU µs", "R", "p50 ms", "p99 ms")
        print(" " * NAME + "".join(f"{title:>9}" for title in titles), flush=True)

    async def row(self, what: str, work: Callable[[], Awaitable[Figure]]) -> Figure:
        """Say what begins, do it, say what it cost. The first of all is the bare handler."""
        print(f"{what:{NAME}}", end="", flush=True)
        figure = await work()
        if self._bare is None:
            self._bare = figure.micros
        print(self._figures(figure), flush=True)
        return figure

    def _figures(self, figure: Figure) -> str:
        ratio = figure.micros / self._bare if self._bare else 0.0
        said = f"{figure.times:9}{figure.rate:9.0f}{figure.micros:9.0f}{ratio:9.1f}"
        if figure.waits or figure.known:
            said += f"{figure.wait(0.5):9.1f}{figure.wait(0.99):9.1f}"
        return said


def show(figures: list[Figure]) -> None:
    """Show all at once; the last column tells how many times the yardstick's CPU time it takes."""
    yard = next(one.micros for one in figures if "yardstick" in one.what)
    print(f"{'':34}{'n':>7}{'per s':>8}{'CPU µs':>8}{'p50 ms':>8}{'p99 ms':>8}{'ratio':>7}")
    for one in figures:
        waits = f"{one.wait(0.5):8.1f}{one.wait(0.99):8.1f}" if one.waits else " " * 16
        ratio = one.micros / yard if yard else 0.0
        print(
            f"{one.what:34}{one.times:7}{one.rate:8.0f}{one.micros:8.0f}{waits}{ratio:7.1f}",
            flush=True,
        )
