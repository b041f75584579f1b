"""The doctor sees what is wrong, and how others would find us."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiohttp import web

from federation.transport.http_client import HttpClient
from server.http.app_keys import SETTINGS
from server.operations import doctor
from server.operations.doctor import Finding
from storage.queues import deliveries
from tests.support.clock import Watch
from tests.support.internet import Internet
from tests.support.servers import Place, serving, settings_for, settle


@pytest.fixture
def internet() -> Internet:
    return Internet()


@pytest.fixture
async def http_client(internet: Internet) -> AsyncIterator[HttpClient]:
    """A visitor's, who goes to whatever this internet knows."""
    async with HttpClient(
        user_agent="Kith/test",
        own_authority="doctor.invalid",
        development=True,
        resolver=internet,
        allow_loopback=True,
    ) as made:
        yield made


async def test_server_that_others_reach_is_found(
    tmp_path: Path, internet: Internet, watch: Watch, http_client: HttpClient
) -> None:
    async with serving(tmp_path, "home.example", internet, watch) as home:
        found = await doctor.reach(http_client, home.app[SETTINGS])
    assert found == Finding("from outside", True, "others find us at http://home.example")


async def test_handle_may_have_another_name_than_the_pages(
    tmp_path: Path, internet: Internet, watch: Watch, http_client: HttpClient
) -> None:
    names = {"web_domain": "social.home.example"}
    async with serving(tmp_path, "home.example", internet, watch, **names) as home:
        half = await doctor.reach(http_client, home.app[SETTINGS])
        internet.ports["social.home.example"] = internet.ports["home.example"]
        whole = await doctor.reach(http_client, home.app[SETTINGS])
    assert (half.good, whole.good) == (False, True)
    assert "social.home.example has no address" in half.says


async def test_doctor_says_what_keeps_others_from_finding_us(
    tmp_path: Path, internet: Internet, watch: Watch, http_client: HttpClient
) -> None:
    settings = settings_for(tmp_path / "home", "home.example")
    nobody = await doctor.reach(http_client, settings)
    async with serving(tmp_path / "away", "away.example", internet, watch):
        internet.ports["home.example"] = internet.ports["away.example"]
        other = await doctor.reach(http_client, settings)
    async with internet.serving(web.Application(), "home.example"):
        empty = await doctor.reach(http_client, settings)
    async with serving(tmp_path / "home", "home.example", internet, watch):
        internet.ports["www.home.example"] = internet.ports["home.example"]
        moved = settings_for(tmp_path / "home", "home.example", web_domain="www.home.example")
        elsewhere = await doctor.reach(http_client, moved)
    for found, says in (
        (nobody, "has no address"),
        (other, "nobody finds us"),
        (empty, "nobody finds us"),
        (elsewhere, "and that is not ours"),
    ):
        assert not found.good
        assert says in found.says


async def test_deliveries_that_were_given_up_are_found(
    tmp_path: Path, internet: Internet, watch: Watch
) -> None:
    async with serving(tmp_path / "home", "home.example", internet, watch) as home:
        marta = await home.person("marta")
        async with serving(tmp_path / "away", "away.example", internet, watch) as away:
            ines = await away.person("ines")
            await ines.follow(marta)
            await settle(home, away)
        await marta.say("Is anybody there?")
        await settle(home)
        waiting = await looked_over(home, watch())
        watch.advance(timedelta(days=8))
        await home.database.write(deliveries.expire, watch() - timedelta(days=7))
        given_up = await looked_over(home, watch())
    assert waiting["deliveries to others"].says == "1 deliveries wait"
    assert "away.example" in waiting["other servers"].says
    assert not given_up["deliveries given up"].good


async def looked_over(place: Place, now: datetime) -> dict[str, Finding]:
    found = await doctor.examine(place.database, place.app[SETTINGS], now)
    return {one.what: one for one in found}


@pytest.mark.parametrize(
    ("now", "good"),
    [
        (datetime(1970, 1, 1, tzinfo=UTC), False),
        (datetime(2026, 1, 2, tzinfo=UTC), False),  # the files of this test are newer
        (datetime(2100, 1, 1, tzinfo=UTC), True),
    ],
)
async def test_clock_that_went_back_is_found(place: Place, now: datetime, good: bool) -> None:
    assert (await looked_over(place, now))["clock"].good is good


@pytest.mark.parametrize("mode", [0o644, 0o602, 0o601])
async def test_files_that_others_can_open_are_found(place: Place, mode: int) -> None:
    file = place.app_folder / "kith.sqlite3"
    file.chmod(mode)
    found = await looked_over(place, datetime(2100, 1, 1, tzinfo=UTC))
    assert not found["permissions of kith.sqlite3"].good


async def test_doctor_in_production_looks_from_outside_when_the_server_runs(
    tmp_path: Path, watch: Watch
) -> None:
    environ = {"development": "off", "listen": "127.0.0.1:1"}
    async with serving(tmp_path, "home.example", Internet(), watch, **environ) as home:
        asleep = await looked_over(home, watch())
        listen = f"127.0.0.1:{home.client.port}"
        settings = settings_for(tmp_path, "home.example", development="off", listen=listen)
        found = await doctor.examine(home.database, settings, watch(), Internet())
        awake = {one.what: one for one in found}
    assert asleep["server"].says == "is not running"
    assert asleep["from outside"].good
    assert awake["server"].says == f"answers at {listen}"
    assert "nobody finds us" in awake["from outside"].says
    assert not awake["from outside"].good
    assert not awake["contact"].good
