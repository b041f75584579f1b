"""The figures are those of what happened, and nobody outside can read or swell them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from aiohttp import ClientSession, web
from prometheus_client.parser import text_string_to_metric_families

from server.http.app_keys import COURIER
from server.operations import metrics
from storage.queues import hosts
from tests.support.clock import Watch
from tests.support.internet import Internet
from tests.support.servers import Place, serving, settle

Figures = dict[tuple[str, frozenset[tuple[str, str]]], float]


@asynccontextmanager
async def watched(place: Place) -> AsyncIterator[str]:
    """The address of its figures."""
    async with metrics.ready(place.app) as runner:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        yield f"http://{host}:{port}/metrics"


async def figures_at(address: str) -> Figures:
    async with ClientSession() as session, session.get(address) as answer:
        assert answer.status == 200
        assert answer.headers["Content-Type"].startswith("text/plain; version=")
        text = await answer.text()
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def of(figures: Figures, name: str, **labels: str) -> float:
    return figures.get((name, frozenset(labels.items())), 0.0)


async def test_requests_are_counted_by_route_also_redirects_and_what_is_not_there(
    place: Place,
) -> None:
    async with watched(place) as address:
        for path in ("/health", "/settings", *(f"/nothing/{number}" for number in range(20))):
            async with place.client.get(path, allow_redirects=False):
                pass
        figures = await figures_at(address)
    assert of(figures, "kith_requests_total", route="GET /health", status="200") == 1
    assert of(figures, "kith_requests_total", route="GET /settings", status="303") == 1
    assert of(figures, "kith_requests_total", route="(none)", status="404") == 20
    assert of(figures, "kith_request_seconds_count", route="GET /health") == 1
    assert not any("nothing" in value for _, labels in figures for _, value in labels)


async def test_figures_are_not_at_the_public_address(place: Place) -> None:
    async with place.client.get("/metrics") as answer:
        assert answer.status == 404
        assert "kith_" not in await answer.text()


async def test_deliveries_are_counted_while_they_wait_and_by_how_they_end(
    tmp_path: Path, watch: Watch
) -> None:
    internet = Internet()
    async with serving(tmp_path / "home", "home.example", internet, watch) as home:
        marta = await home.person("marta")
        async with serving(tmp_path / "away", "away.example", internet, watch) as away:
            ines = await away.person("ines")
            await ines.follow(marta)
            await settle(home, away)
        async with watched(home) as address:
            before = await figures_at(address)
            await marta.say("Is anybody there?")
            watch.advance(timedelta(seconds=90))
            waiting = await figures_at(address)
            await settle(home)
            failed = await figures_at(address)
            watch.advance(timedelta(days=8))
            await home.app[COURIER].give_up()
            over = await figures_at(address)
    assert of(before, "kith_delivery_outcomes_total", outcome="delivered") >= 1
    assert of(waiting, "kith_deliveries_due") == 1
    assert of(waiting, "kith_deliveries_oldest_seconds") == pytest.approx(90)
    assert of(failed, "kith_hosts_failing") == 1
    assert of(over, "kith_deliveries_due") == 0
    assert of(over, "kith_deliveries_parked") == 1
    assert of(failed, "kith_delivery_outcomes_total", outcome="unanswered") == 1
    assert of(over, "kith_delivery_outcomes_total", outcome="expired") == 1


async def test_servers_that_are_asked_once_a_day_only_are_counted(
    place: Place, watch: Watch
) -> None:
    for _ in range(hosts.DEAD_AFTER_DAYS):
        await place.database.write(
            hosts.record_failure, "gone.example", timedelta(hours=1), "no answer"
        )
        watch.advance(timedelta(days=1))
    async with watched(place) as address:
        figures = await figures_at(address)
    assert of(figures, "kith_hosts_dead") == of(figures, "kith_hosts_failing") == 1
