"""Figures for Prometheus, on a private address of their own."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress

from aiohttp import web
from aiohttp.typedefs import Handler
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from server.http.allowances import READS
from server.http.app_keys import COURIER, DATABASE, INBOX, PROCESSOR, RESOLVER
from server.http.guard import ROUTE
from server.operations.budgets import places_of
from storage.engine.transaction import Reader
from storage.queues import deliveries, hosts, inbox

LOOK = 0.5  # seconds between two looks at the loop

Sample = tuple[str, str, float]


class Meters:
    """Metrics that are counted while serving; one registry for each application."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "kith_requests", "Requests answered", ("route", "status"), registry=self.registry
        )
        self.seconds = Histogram(
            "kith_request_seconds", "Time to answer", ("route",), registry=self.registry
        )
        self.lag = Gauge("kith_loop_lag_seconds", "Lag of the loop", registry=self.registry)


METERS = web.AppKey("meters", Meters)


@web.middleware
async def count_requests(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Sees the answer that goes out: errors as pages included, and redirects, which are raised."""
    begun = asyncio.get_running_loop().time()
    try:
        response = await handler(request)
    except web.HTTPException as redirect:
        _count(request, redirect.status, begun)
        raise
    _count(request, response.status, begun)
    return response


def _count(request: web.Request, status: int, begun: float) -> None:
    """Count by route of the table and not by address, so that callers cannot add to the labels."""
    meters, route = request.app[METERS], request.get(ROUTE)
    name = f"{route.method} {route.path}" if route else "(none)"
    meters.requests.labels(name, str(status)).inc()
    meters.seconds.labels(name).observe(asyncio.get_running_loop().time() - begun)


def _depths(reader: Reader) -> list[Sample]:
    depth = deliveries.depth(reader)
    age = (reader.now - depth.oldest).total_seconds() if depth.oldest else 0.0
    heard = inbox.depth(reader)
    troubled = hosts.list_troubled(reader)
    return [
        ("kith_deliveries_due", "Deliveries that wait", depth.due),
        ("kith_deliveries_parked", "Deliveries that were given up", depth.parked),
        ("kith_deliveries_oldest_seconds", "Age of the oldest delivery that waits", age),
        ("kith_received_due", "Activities that wait to be carried out", heard.get("due", 0)),
        ("kith_received_parked", "Activities that were given up", heard.get("parked", 0)),
        ("kith_hosts_failing", "Servers that do not answer", len(troubled)),
        ("kith_hosts_dead", "Servers asked once a day only", sum(h.is_dead for h in troubled)),
    ]


def _families(app: web.Application, depths: list[Sample]) -> Iterator[Metric]:
    waiting = float(app[DATABASE].waiting)
    for name, meaning, value in (*depths, ("kith_writer_waiting", "Units that wait", waiting)):
        family = GaugeMetricFamily(name, meaning)
        family.add_metric([], value)
        yield family
    yield from _budgets(app)
    outcomes = CounterMetricFamily(
        "kith_delivery_outcomes", "Attempts to deliver, by how they ended", labels=["outcome"]
    )
    for outcome, number in sorted(app[COURIER].outcomes.items()):
        outcomes.add_metric([outcome], number)
    yield outcomes


def _budgets(app: web.Application) -> Iterator[Metric]:
    """Places that others hold, and how often somebody found none (docs/budgets.md)."""
    most = GaugeMetricFamily("kith_places", "Places that there are", labels=["what"])
    in_use = GaugeMetricFamily("kith_places_in_use", "Places that are held", labels=["what"])
    waiting = GaugeMetricFamily("kith_places_waiting", "Who waits for a place", labels=["what"])
    refused = CounterMetricFamily("kith_places_refused", "Who found none", labels=["what"])
    for places in places_of(app):
        for family, value in (
            (most, places.most),
            (in_use, places.in_use),
            (waiting, places.in_queue),
            (refused, places.refused),
        ):
            family.add_metric([places.name], value)
    yield from (most, in_use, waiting, refused)
    counters = (
        ("kith_backlog_refused", "Activities that their domain had no room for", _backlog(app)),
        ("kith_reads_interrupted", "Reads that took too long", app[DATABASE].readers.interrupted),
        ("kith_reads_refused", "Requests of who had read too much", app[READS].refused),
    )
    for name, meaning, value in counters:
        yield CounterMetricFamily(name, meaning, value=value)
    preparing = float(len(app[PROCESSOR].preparing))
    yield GaugeMetricFamily(
        "kith_received_preparing", "Activities that wait for something elsewhere", value=preparing
    )
    silent = float(len(app[RESOLVER].silent))
    yield GaugeMetricFamily("kith_hosts_silent", "Hosts that let us wait", value=silent)


def _backlog(app: web.Application) -> int:
    return app[INBOX].backlog.refused


class _Now:
    """A collector of what was just read."""

    def __init__(self, families: list[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterator[Metric]:
        yield from self._families


async def _show(app: web.Application) -> bytes:
    depths = await app[DATABASE].read(_depths)
    now = CollectorRegistry(auto_describe=False)
    now.register(_Now(list(_families(app, depths))))
    return generate_latest(app[METERS].registry) + generate_latest(now)


async def _watch(app: web.Application) -> None:
    loop = asyncio.get_running_loop()
    while True:
        before = loop.time()
        await asyncio.sleep(LOOK)
        app[METERS].lag.set(max(0.0, loop.time() - before - LOOK))


@asynccontextmanager
async def ready(app: web.Application) -> AsyncIterator[web.AppRunner]:
    """Runner that answers /metrics until the block ends; it has no site yet."""

    async def show(_: web.Request) -> web.Response:
        return web.Response(body=await _show(app), headers={"Content-Type": CONTENT_TYPE_LATEST})

    own = web.Application()
    own.router.add_get("/metrics", show)
    runner = web.AppRunner(own, access_log=None)
    await runner.setup()
    watching = asyncio.create_task(_watch(app), name="loop lag")
    try:
        yield runner
    finally:
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching
        await runner.cleanup()
