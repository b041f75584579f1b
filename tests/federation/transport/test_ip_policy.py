"""Which addresses we may connect to (SECURITY D33)."""

import subprocess
import sys
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from shutil import which

import pytest
from hypothesis import given
from hypothesis import strategies as st

from federation.transport.ip_policy import is_allowed, loopback
from tests.support.process import HANGS

# First and last address of each block, so that the edges are in the table.
SPECIAL = [
    ("0.0.0.0", "0.255.255.255"),
    ("10.0.0.0", "10.255.255.255"),
    ("100.64.0.0", "100.127.255.255"),
    ("127.0.0.0", "127.255.255.255"),
    ("168.63.129.16", "168.63.129.16"),
    ("169.254.0.0", "169.254.255.255"),
    ("172.16.0.0", "172.31.255.255"),
    ("192.0.0.0", "192.0.0.255"),
    ("192.0.2.0", "192.0.2.255"),
    ("192.31.196.0", "192.31.196.255"),
    ("192.52.193.0", "192.52.193.255"),
    ("192.88.99.0", "192.88.99.255"),
    ("192.168.0.0", "192.168.255.255"),
    ("192.175.48.0", "192.175.48.255"),
    ("198.18.0.0", "198.19.255.255"),
    ("198.51.100.0", "198.51.100.255"),
    ("203.0.113.0", "203.0.113.255"),
    ("224.0.0.0", "239.255.255.255"),
    ("240.0.0.0", "255.255.255.255"),
    ("::", "::"),
    ("::1", "::1"),
    ("::2", "::ffff:ffff"),  # IPv4-compatible
    ("::ffff:0:0:0", "::ffff:0:ffff:ffff"),  # IPv4-translated, RFC 2765
    ("64:ff9b::", "64:ff9b::ffff:ffff"),  # NAT64
    ("64:ff9b:1::", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff"),
    ("100::", "100::ffff:ffff:ffff:ffff"),  # discard only
    ("100:0:0:1::", "100:0:0:1:ffff:ffff:ffff:ffff"),  # dummy prefix, RFC 9780
    ("200::", "3ff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),  # NSAP, used by overlay networks
    ("2001::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff"),
    ("2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"),
    ("2002::", "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
    ("2620:4f:8000::", "2620:4f:8000:ffff:ffff:ffff:ffff:ffff"),
    ("3ffe::", "3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
    ("3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff"),
    ("4000::", "4000::1"),
    ("5f00::", "5f00:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
    ("fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
    ("fe80::", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
    ("fec0::", "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
    ("ff00::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
]
PUBLIC = [
    *("1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0"),
    *("126.255.255.255", "128.0.0.0", "168.63.129.15", "172.15.255.255", "172.32.0.0"),
    *("192.0.1.0", "192.0.3.0", "192.167.255.255", "192.169.0.0", "198.17.255.255", "198.20.0.0"),
    *("223.255.255.255", "2000::1", "2001:200::1", "2001:4860:4860::8888", "2001:db7:ffff::1"),
    *("2001:db9::1", "2003::1", "2606:4700::1111", "2a00:1450::1", "3ffd::1", "3fff:1000::1"),
]


def mapped(address: str) -> str:
    return f"::ffff:{address}"


def test_special_addresses_are_refused_plain_or_mapped() -> None:
    edges = [edge for block in SPECIAL for edge in block]
    cells = edges + [mapped(edge) for edge in edges if ":" not in edge]
    assert [cell for cell in cells if is_allowed(cell)] == []
    print(f"{len(cells)} cells: {len(SPECIAL)} special blocks, first and last, plain and mapped")


def test_public_addresses_beside_the_special_ones_are_allowed_plain_or_mapped() -> None:
    cells = PUBLIC + [mapped(address) for address in PUBLIC if ":" not in address]
    assert [cell for cell in cells if not is_allowed(cell)] == []
    print(f"{len(cells)} cells")


@pytest.mark.parametrize(
    "text",
    [
        *("", "localhost", "8.8.8", "08.8.8.8", "0x8.8.8.8", "134744072", "8.8.8.8 ", "8.8.8.8/32"),
        *("2000::1%eth0", "[2000::1]", "８.8.8.8", "2000::1::1"),
    ],
)
def test_address_that_is_not_plain_is_refused(text: str) -> None:
    assert not is_allowed(text)
    assert not loopback(text)


@given(st.ip_addresses(v=4))
def test_mapped_address_is_judged_like_the_one_inside(address: IPv4Address) -> None:
    inside = IPv6Address((0xFFFF << 32) | int(address))
    assert is_allowed(inside) == is_allowed(address) == is_allowed(str(address))


@given(st.ip_addresses(v=6))
def test_global_unicast_is_all_that_is_allowed_of_ipv6(address: IPv6Address) -> None:
    assert not is_allowed(address) or int(address) >> 125 == 1 or int(address) >> 32 == 0xFFFF


def test_loopback_is_recognised_in_every_form() -> None:
    there = ["127.0.0.1", "127.8.9.10", "::1", "::ffff:127.0.0.1", "::ffff:7f00:1"]
    elsewhere = ["0.0.0.0", "128.0.0.1", "::", "::2", "8.8.8.8", "fe80::1"]
    assert all(map(loopback, there))
    assert not any(map(loopback, elsewhere))


def test_python_versions_on_this_machine_give_the_same_answers() -> None:
    root = Path(__file__).parents[3]
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]);"
        "from federation.transport.ip_policy import is_allowed;"
        "print(''.join(str(int(is_allowed(a))) for a in sys.argv[2:]))"
    )
    cells = [edge for block in SPECIAL for edge in block] + PUBLIC
    expected = "0" * (len(cells) - len(PUBLIC)) + "1" * len(PUBLIC)
    found = filter(None, (which(f"python3.{minor}") for minor in range(11, 20)))
    pythons = [sys.executable, *(python for python in found if _runs(python))]
    for python in pythons:
        # -I -S: that Python's own library and our file, nothing else.
        command = [python, "-I", "-S", "-B", "-c", program, str(root), *cells]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=HANGS)
        assert done.stdout.strip() == expected, python
    print(f"{len(cells)} cells on {len(pythons)} interpreters")


def _runs(python: str) -> bool:
    """Some commands only say that their Python is not chosen here."""
    return subprocess.run([python, "-c", ""], capture_output=True, timeout=HANGS).returncode == 0
