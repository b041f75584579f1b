"""What `make quick` runs: close to what changed, and no more than a minute of it."""

import pytest

from tests import quick


@pytest.mark.parametrize(
    ("changed", "first"),
    [
        ("tests/server/api/test_filters.py", "tests/server/api/test_filters.py"),
        ("server/api/reading/filters.py", "tests/server/api/test_filters.py"),
        ("storage/posts/visibility.py", "tests/storage/posts/test_visibility.py"),
        ("federation/outbound/delivery.py", "tests/federation/outbound/test_delivery.py"),
        ("server/media/store.py", "tests/server/media/test_store.py"),
    ],
)
def test_closest_comes_first(changed: str, first: str) -> None:
    assert quick.matter([changed])[0] == first


def test_modules_have_tests_that_matter() -> None:
    """Tests by name, by folder or by import; what only servers reach is tested through them."""
    modules = [
        str(path.relative_to(quick.ROOT))
        for package in quick.PACKAGES
        for path in (quick.ROOT / package).rglob("*.py")
        if path.name != "__init__.py"
    ]
    found = {module: quick.matter([module]) for module in modules}
    without = [module for module, tests in found.items() if not tests]
    print(f"{len(modules)} modules, {len(without)} of them have none")
    assert len(without) < len(modules) // 4


def test_quick_choice_is_empty_where_nothing_changed() -> None:
    assert quick.matter(["README.md"]) == []


def test_quick_choice_fits_into_a_minute() -> None:
    tests = [f"t{number}" for number in range(100)]
    chosen = quick.fitting(tests, {"t0": 50.0, "t1": 30.0, "t2": 7.0})
    assert chosen == ["t0", "t2"]
    assert len(quick.fitting(tests[3:], {})) == int(quick.SECONDS / quick.USUAL)


def test_quick_choice_knows_what_changed() -> None:
    assert all(isinstance(file, str) and file for file in quick.changed())
