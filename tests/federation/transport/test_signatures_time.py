"""HTTP signatures: when they are good, and how they are told apart (SECURITY A5, A6)."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest

from federation.transport import signatures
from tests.support.signing import (
    CREATED,
    HOST,
    MINUTE,
    NOW,
    Sender,
    accept,
    accepted,
    dated,
    getter,
    refused_unread,
    rewritten,
    timed,
)

# SECURITY A5

SECOND = timedelta(seconds=1)
CLOCK = [
    (timedelta(0), True),
    (-SECOND, True),
    (-59 * MINUTE, True),
    (-60 * MINUTE, True),
    (-60 * MINUTE - SECOND, False),
    (-timedelta(days=1), False),
    (-timedelta(days=9_000), False),
    (SECOND, True),
    (5 * MINUTE, True),
    (5 * MINUTE + SECOND, False),
    (timedelta(days=1), False),
    (timedelta(days=9_000), False),
]


@pytest.mark.parametrize("sender", [Sender(), timed(), getter()], ids=["date", "created", "get"])
@pytest.mark.parametrize(("offset", "good"), CLOCK)
def test_window_is_an_hour_back_and_five_minutes_ahead(
    sender: Sender, offset: timedelta, good: bool
) -> None:
    request = dated(sender, NOW + offset).request()
    assert accepted(request) is good
    if good:
        signed = accept(request)
        assert signed.at == NOW + offset
        assert signed.valid_until == NOW + offset + timedelta(hours=1)
        assert accepted(request, now=signed.valid_until)
        assert not accepted(request, now=signed.valid_until + SECOND)


def test_window_can_be_made_wider_for_old_software() -> None:
    request = dated(Sender(), NOW - timedelta(hours=11)).request()
    assert not accepted(request)
    signed = signatures.parse(request, authority=HOST, now=NOW, max_age=timedelta(hours=12))
    assert signed.valid_until == NOW + timedelta(hours=1)
    early = dated(Sender(), NOW + 50 * MINUTE).request()
    assert not accepted(early)
    signatures.parse(early, authority=HOST, now=NOW, max_future=timedelta(hours=1))


def test_signed_times_must_both_fit_and_the_earlier_counts() -> None:
    both = replace(timed(), listed=[*timed().listed, "date"])
    earlier = both.with_header("Date", signatures.imf_fixdate(NOW - 30 * MINUTE)).request()
    assert accept(earlier).at == NOW - 30 * MINUTE
    for offset in (-61 * MINUTE, 6 * MINUTE):
        moved = both.with_header("Date", signatures.imf_fixdate(NOW + offset))
        assert "signature is" in refused_unread(moved.request())


@pytest.mark.parametrize("covered", [True, False])
@pytest.mark.parametrize(("seconds", "good"), [(-3600, False), (-1, False), (0, True), (60, True)])
def test_expiry_is_honoured(covered: bool, seconds: int, good: bool) -> None:
    sender = timed(expires=str(int(CREATED) + seconds))
    if covered:
        sender = replace(sender, listed=[*sender.listed, "(expires)"])
    assert accepted(sender.request()) is good
    if good and covered:
        assert accept(sender.request()).valid_until == NOW + timedelta(seconds=seconds)


def test_expiry_that_is_not_signed_does_not_shorten_the_memory_of_replays() -> None:
    # Whoever replays the request can leave the parameter out.
    signed = accept(timed(expires=CREATED).request())
    assert signed.valid_until == NOW + timedelta(hours=1)
    bare = rewritten(timed(expires=CREATED), lambda h: h.replace(f"expires={CREATED},", ""))
    again = accept(bare, now=NOW + 30 * MINUTE)
    assert again.digest_of_signature == signed.digest_of_signature


def test_creation_time_that_is_not_signed_can_only_refuse() -> None:
    assert not accepted(Sender().with_parameters(created=str(int(CREATED) + 3600)).request())
    old = dated(Sender(), NOW - 61 * MINUTE).with_parameters(created=CREATED)
    assert not accepted(old.request())


# SECURITY A6: what the table of replays is told


def test_replay_has_the_same_name_however_it_is_spelled() -> None:
    first = accept(Sender().request())
    assert re.fullmatch("[0-9a-f]{64}", first.digest_of_signature)
    again = rewritten(Sender(), lambda h: h.replace(",", ", ").replace("keyId", "KeyID"))
    assert accept(again).digest_of_signature == first.digest_of_signature
    later = dated(Sender(), NOW + SECOND)
    assert accept(later.request()).digest_of_signature != first.digest_of_signature


def test_bits_that_base64_ignores_do_not_make_a_new_signature() -> None:
    """The last letter before the padding has bits that loose decoders drop."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

    def respelled(header: str) -> str:
        head, last = header[:-4], header[-4]
        return head + alphabet[alphabet.index(last) + 1] + '=="'

    assert Sender().header().endswith('=="')
    assert not accepted(rewritten(Sender(), respelled))
