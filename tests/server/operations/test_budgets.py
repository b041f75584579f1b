"""Every set of places is in the table that operators read, with its numbers (SECURITY 89)."""

import re
from pathlib import Path

from federation.transport.places import Places
from server.operations.budgets import places_of
from tests.support.servers import Place

PAGE = (Path(__file__).parents[3] / "docs" / "budgets.md").read_text()
ROW = re.compile(r"^\| `([^`]+)` \| ([\d,]+) \| ([\d,]+) \|", re.MULTILINE)


def rows() -> dict[str, tuple[int, int]]:
    """Numbers at once and for one source, by name."""
    return {
        name: (int(most.replace(",", "")), int(each.replace(",", "")))
        for name, most, each in ROW.findall(PAGE)
    }


async def test_page_says_what_the_server_has(place: Place) -> None:
    there = {one.name: (one.most, one.each) for one in places_of(place.app)}
    print(f"{len(there)} sets of places")
    assert rows() == there


async def test_places_are_all_in_the_table(place: Place) -> None:
    """Whatever holds places anywhere in the server is in the list."""
    listed = {one.name for one in places_of(place.app)}
    found = {one.name for one in _within(list(place.app.values()), 5)}
    assert found - listed == set()
    assert listed - found == {"passwords"}  # one for the process, whatever it serves


def _within(things: list[object], depth: int) -> list[Places]:
    """Those in attributes, and in what these hold."""
    found: list[Places] = []
    for thing in things:
        if isinstance(thing, Places):
            found.append(thing)
        elif depth:
            found += _within(_parts(thing), depth - 1)
    return found


def _parts(thing: object) -> list[object]:
    if isinstance(thing, dict):
        return list(thing.values())
    if isinstance(thing, list | tuple | set):
        return list(thing)
    ours = type(thing).__module__.partition(".")[0] in ("server", "federation", "storage")
    if not ours:
        return []
    names = [*getattr(thing, "__dict__", {}), *getattr(type(thing), "__slots__", ())]
    return [getattr(thing, name) for name in names if hasattr(thing, name)]
