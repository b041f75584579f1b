"""Rate limits: how often one may ask, and by what one is counted."""

from datetime import timedelta
from pathlib import Path

import pytest

from server.http.auth import CURRENT_USERS
from server.http.rate_limits import LIMITERS, MOST_WINDOWS, Limits, address_key
from tests.server.http.test_callers import Counted
from tests.support.clock import Watch
from tests.support.internet import Internet
from tests.support.servers import give_token, serving


def test_window_closes_and_opens_again(watch: Watch) -> None:
    limits = Limits(watch, watch.monotonic, enabled=True)
    count = LIMITERS["login"].count
    for left in range(count - 1, -1, -1):
        standing = limits.spend([("login", "ip 192.0.2.1")])
        assert standing is not None
        assert (standing.remaining, standing.exceeded) == (left, False)
    standing = limits.spend([("login", "ip 192.0.2.1")])
    assert standing is not None
    assert standing.exceeded
    other = limits.spend([("login", "ip 192.0.2.2")])
    assert other is not None
    assert not other.exceeded
    watch.advance(timedelta(minutes=10))
    again = limits.spend([("login", "ip 192.0.2.1")])
    assert again is not None
    assert not again.exceeded


@pytest.mark.parametrize("hours", [5, -5])
def test_window_lasts_as_long_as_it_says_however_the_clock_is_set(watch: Watch, hours: int) -> None:
    limits = Limits(watch, watch.monotonic, enabled=True)
    client = [("login", "ip 192.0.2.1")]
    watch.set(timedelta(hours=hours))
    for _ in range(LIMITERS["login"].count + 1):
        standing = limits.spend(client)
    assert standing and standing.exceeded
    watch.set(timedelta(hours=-hours))
    watch.advance(timedelta(minutes=9))
    standing = limits.spend(client)
    assert standing and standing.exceeded
    assert standing.seconds == 60
    assert standing.reset == watch() + timedelta(minutes=1)
    watch.advance(timedelta(minutes=1))
    standing = limits.spend(client)
    assert standing and not standing.exceeded


async def test_clock_that_was_ahead_keeps_nobody_waiting(tmp_path: Path, watch: Watch) -> None:
    async with serving(tmp_path, "home.example", Internet(), watch, rate_limits="on") as place:
        watch.set(timedelta(hours=5))
        for _ in range(LIMITERS["api"].count + 1):
            async with place.client.get("/api/v1/instance/rules") as answer:
                last = answer.status
        watch.set(timedelta(hours=-5))
        assert last == 429
        async with place.client.get("/api/v1/instance/rules") as answer:
            assert answer.status == 429
            assert int(answer.headers["Retry-After"]) <= 301
            assert answer.headers["X-RateLimit-Reset"].startswith("2026-11-24T08:05")
        watch.advance(timedelta(minutes=5))
        async with place.client.get("/api/v1/instance/rules") as answer:
            assert answer.status == 200


def test_tightest_limit_is_told(watch: Watch) -> None:
    limits = Limits(watch, watch.monotonic, enabled=True)
    standing = limits.spend([("api", "token 1"), ("delete", "token 1")])
    assert standing is not None
    assert standing.limit == LIMITERS["delete"].count


def test_callers_take_no_more_room_than_we_have(watch: Watch) -> None:
    limits = Limits(watch, watch.monotonic, enabled=True)
    for number in range(MOST_WINDOWS + 500):
        limits.spend([("api", str(number))])
    assert len(limits._windows) == MOST_WINDOWS


def test_address_is_counted_by_its_network() -> None:
    assert address_key("2001:db8:1:2:3::4") == address_key("2001:db8:1:2:ffff::1")
    assert address_key("2001:db8:1:2::1") != address_key("2001:db8:1:3::1")
    assert address_key("::ffff:192.0.2.1") == "192.0.2.1"


async def test_limited_caller_is_told_when_to_come_back(tmp_path: Path, watch: Watch) -> None:
    async with serving(
        tmp_path / "home",
        "home.example",
        Internet(),
        watch,
        rate_limits="on",
    ) as place:
        alice = await place.person("alice")
        headers = {"Authorization": f"Bearer {alice.token}"}
        for path in ("/api/v1/preferences", "/api/v1/preferences/", "/api/v1/preferences?a=1"):
            for _ in range(100):
                async with place.client.get(path, headers=headers) as answer:
                    assert answer.status == 200
        assert answer.headers["X-RateLimit-Remaining"] == "0"
        assert answer.headers["X-RateLimit-Reset"].endswith("Z")
        assert "." in answer.headers["X-RateLimit-Reset"]
        async with place.client.get("/api/v1/preferences", headers=headers) as answer:
            assert answer.status == 429
            assert int(answer.headers["Retry-After"]) <= 301
            assert "Nothing is lost" in (await answer.json())["error"]


async def test_tokens_that_are_nobodys_are_counted_and_looked_up_so_often_only(
    tmp_path: Path, watch: Watch
) -> None:
    """What costs something comes after what refuses for nothing (SECURITY 72)."""
    async with serving(tmp_path, "home.example", Internet(), watch, rate_limits="on") as place:
        alice = await place.person("alice")
        await alice.get("/api/v1/preferences")
        counted = place.app[CURRENT_USERS]._database = Counted(place.database)

        async def status(number: int, path: str) -> int:
            headers = {"Authorization": f"Bearer wrong-{number}"}
            async with place.client.get(path, headers=headers) as answer:
                return answer.status

        most = LIMITERS["stranger"].count
        paths = ("/api/v1/preferences", "/api/v1/instance/rules")
        statuses = [await status(number, paths[number % 2]) for number in range(most + 20)]
        assert statuses == [401] * most + [429] * 20
        assert counted.readings == most
        await alice.get("/api/v1/preferences")
        watch.advance(timedelta(minutes=5))
        assert await status(0, paths[0]) == 401


async def test_page_for_members_counts_who_is_none(tmp_path: Path, watch: Watch) -> None:
    async with serving(tmp_path, "home.example", Internet(), watch, rate_limits="on") as place:
        for _ in range(LIMITERS["page"].count + 1):
            async with place.client.get("/settings", allow_redirects=False) as answer:
                last = answer.status
        assert last == 429


async def test_name_typed_too_often_is_told_so_too(tmp_path: Path, watch: Watch) -> None:
    """Count by page and by client: what is typed is counted wherever it is typed."""
    shared = {"rate_limits": "on", "trusted_proxies": "127.0.0.1/32"}
    async with serving(tmp_path, "home.example", Internet(), watch, **shared) as place:
        token, statuses = await place.database.write(give_token, None, "write"), []
        for number in range(LIMITERS["signup"].count + 1):
            headers = {
                "Authorization": f"Bearer {token}",
                "X-Forwarded-For": f"192.0.2.{number}",
            }
            params = {"email": "bep@post.example" if number % 2 else "BEP@post.example"}
            async with place.client.post(
                "/api/v1/accounts", json=params, headers=headers
            ) as answer:
                statuses.append(answer.status)
        assert statuses == [422] * LIMITERS["signup"].count + [429]
        assert int(answer.headers["Retry-After"]) <= 30 * 60 + 1
        assert answer.headers["X-RateLimit-Remaining"] == "0"


async def test_forged_address_is_not_believed(tmp_path: Path, watch: Watch) -> None:
    """SECURITY 4, 72: X-Forwarded-For counts only from proxies that we trust."""
    for trusted, expected in (("none", 429), ("127.0.0.0/8", 200)):
        async with serving(
            tmp_path / str(expected),
            "home.example",
            Internet(),
            watch,
            rate_limits="on",
            trusted_proxies=trusted,
        ) as place:
            for number in range(301):
                forged = {"X-Forwarded-For": f"203.0.113.{number % 250}, 198.51.100.{number % 200}"}
                async with place.client.get("/api/v1/instance/rules", headers=forged) as answer:
                    last = answer.status
            assert last == expected
