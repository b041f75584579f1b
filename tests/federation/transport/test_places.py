"""Places that others can hold, and whose budget a host counts against (SECURITY 89)."""

import asyncio
from contextlib import AsyncExitStack

import pytest

from federation.errors import Busy
from federation.transport.places import Places
from federation.transport.sources import block_of, domain_of, network_of


@pytest.mark.parametrize(
    ("host", "domain"),
    [
        ("a.b.example.com", "example.com"),
        ("A.Example.COM:8443", "example.com"),
        ("social.example.co.uk", "example.co.uk"),
        ("co.uk", "co.uk"),
        ("one.github.io", "one.github.io"),  # each a registration of its own
        ("garden.localhost:8001", "garden.localhost"),
        ("localhost", "localhost"),
        ("nowhere", "nowhere"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("192.0.2.77", "192.0.2.0/24"),
        ("192.0.2.77:443", "192.0.2.0/24"),
        ("[2001:db8::1]:443", "2001:db8::/64"),
        ("2001:db8::1", "2001:db8::/64"),
        ("[::ffff:192.0.2.77]", "192.0.2.0/24"),
        ("", ""),
    ],
)
def test_host_counts_for_whoever_registered_its_domain(host: str, domain: str) -> None:
    assert domain_of(host) == domain


def test_block_is_of_an_address_only() -> None:
    assert block_of("example.com") == ""


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("9.9.9.9", "9.9.9.0/24"),
        ("2620:fe::fe", "2620:fe::/64"),
        ("127.0.0.1", ""),
        ("10.1.2.3", ""),
        ("::1", ""),
        ("unknown", ""),
        ("", ""),
    ],
)
def test_public_address_alone_says_from_which_network_somebody_calls(
    address: str, network: str
) -> None:
    assert network_of(address) == network


def test_source_holds_few_places_and_others_find_some() -> None:
    places = Places("test", most=3, each=2)
    with places.hold("a"), places.hold("a"):
        with pytest.raises(Busy), places.hold("a"):
            pass
        with places.hold("b"):
            assert places.in_use == 3
            with pytest.raises(Busy), places.hold("c"):
                pass
    assert (places.in_use, places.refused) == (0, 2)
    with places.hold("a"):
        assert places.in_use == 1


def test_place_counts_against_each_of_its_sources() -> None:
    places = Places("test", most=9, each=1)
    with places.hold("domain", "block"):
        for one in (("domain", "other"), ("else", "block")):
            with pytest.raises(Busy), places.hold(*one):
                pass


async def hold(places: Places, source: str, order: list[str], name: str) -> None:
    async with places.wait_and_hold(source):
        order.append(name)
        await asyncio.sleep(0)


async def test_waiting_keeps_the_order_and_lets_other_sources_pass() -> None:
    places, order = Places("test", most=2, each=1, waiting=8), list[str]()
    async with places.wait_and_hold("slow"):
        waiting = [
            asyncio.create_task(hold(places, "slow", order, "second")),
            asyncio.create_task(hold(places, "slow", order, "third")),
            asyncio.create_task(hold(places, "quick", order, "passes")),
        ]
        await waiting[2]
        assert order == ["passes"]
        assert places.in_queue == 2
    await asyncio.gather(*waiting)
    assert order == ["passes", "second", "third"]
    assert (places.in_use, places.in_queue) == (0, 0)


async def test_queue_is_bounded_in_all_and_for_one_source() -> None:
    places = Places("test", most=1, each=1, waiting=8)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(places.wait_and_hold("a"))
        tasks = [asyncio.create_task(hold(places, "a", [], "")) for _ in range(5)]
        await asyncio.sleep(0)
        refused = [one for one in tasks if one.done()]
        assert len(refused) == 3  # two wait: a quarter of the queue
        for one in refused:
            assert isinstance(one.exception(), Busy)
        tasks += [asyncio.create_task(hold(places, name, [], "")) for name in "bcdefg"]
        await asyncio.sleep(0)
        assert places.in_queue == 8
        with pytest.raises(Busy):
            await hold(places, "late", [], "")
    await asyncio.gather(*tasks, return_exceptions=True)
    assert (places.in_use, places.in_queue) == (0, 0)


async def test_waiter_who_gives_up_leaves_no_place_taken() -> None:
    places = Places("test", most=1, each=1, waiting=4)
    async with places.wait_and_hold("a"):
        gives_up = asyncio.create_task(hold(places, "a", [], ""))
        await asyncio.sleep(0)
    # its turn has come, and it is cancelled before it could run
    gives_up.cancel()
    with pytest.raises(asyncio.CancelledError):
        await gives_up
    assert (places.in_use, places.in_queue) == (0, 0)
    with places.hold("a"):
        assert places.in_use == 1
