"""Places of modules: few in a row, by subject, and tests in the folders of what they test."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("server", "federation", "storage")
MOST_IN_A_ROOT = 10
MOST_IN_A_FOLDER = 15
LISTS_OF_LIKE_THINGS = {"federation/activities", "server/entities"}


def modules(package: str) -> Iterator[Path]:
    """Every module but the faces of packages, relative to the root."""
    for path in (ROOT / package).rglob("*.py"):
        if path.name != "__init__.py":
            yield path.relative_to(ROOT)


def test_folders_are_not_longer_than_a_look() -> None:
    sizes = Counter(str(path.parent) for package in PACKAGES for path in modules(package))
    print(f"{sum(sizes.values())} modules in {len(sizes)} folders: {dict(sorted(sizes.items()))}")
    assert len(sizes) > 30
    most = {folder: MOST_IN_A_FOLDER if "/" in folder else MOST_IN_A_ROOT for folder in sizes}
    assert [
        folder
        for folder, count in sizes.items()
        if count > most[folder] and folder not in LISTS_OF_LIKE_THINGS
    ] == []


def test_tests_stand_in_the_folders_of_what_they_test() -> None:
    found = {
        path.parent.relative_to("tests")
        for path in modules("tests")
        if path.parts[1] in PACKAGES and path.name.startswith("test_")
    }
    print(f"{len(found)} folders of tests")
    assert len(found) > 20
    assert [str(folder) for folder in found if not (ROOT / folder).is_dir()] == []
