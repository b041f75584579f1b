"""HTTP signatures: one reading of each, and the key decides how (SECURITY A7, A10)."""

import base64
import contextlib
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from federation.errors import FederationError, Unauthenticated
from federation.transport import keys, signatures
from federation.transport.signatures import Request
from tests.support.signing import (
    CREATED,
    ED25519,
    HOST,
    KEY_ID,
    NOW,
    RSA,
    Headers,
    Sender,
    accept,
    accepted,
    rewritten,
    swapped,
)

# SECURITY A7

NAMES = st.sampled_from(
    ["keyId", "keyid", "KEYID", "algorithm", "headers", "signature", "created", "expires", "x"]
)
VALUES = st.one_of(
    st.sampled_from(
        [f'"{KEY_ID}"', '"https://evil.test/k"', '"rsa-sha256"', '"none"', '"QQ=="', CREATED, '"']
    ),
    st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=12),
    st.integers().map(str),
)
SEPARATORS = st.sampled_from([",", ", ", ",,", ";", " ", "\t,"])


def naive(header: str) -> list[tuple[str, str]]:
    """Another reading of a header, split at commas and equals signs."""
    parts = [part.strip(" \t") for part in header.split(",")]
    pairs = [part.partition("=") for part in parts]
    return [(name.lower(), value.strip('"')) for name, _, value in pairs]


@given(st.lists(st.tuples(NAMES, VALUES, SEPARATORS), max_size=5), st.booleans())
def test_accepted_signature_was_made_by_the_named_key(
    parts: list[tuple[str, str, str]], before: bool
) -> None:
    extra = "".join(f"{name}={value}{separator}" for name, value, separator in parts)
    good = Sender().header()
    header = extra + good if before else f"{good},{extra}".rstrip(",")
    request = rewritten(Sender(), lambda _: header)
    try:
        signed = accept(request)
    except Unauthenticated:
        return
    assert signed.key_id == KEY_ID
    assert signed.data == Sender().string()
    assert [value for name, value in naive(header) if name == "keyid"] == [KEY_ID]


@given(st.lists(st.tuples(NAMES, VALUES), max_size=6))
def test_parameters_are_read_alike_by_another_reader_or_refused(
    parts: list[tuple[str, str]],
) -> None:
    header = ",".join(f"{name}={value}" for name, value in parts)
    with contextlib.suppress(Unauthenticated):
        signed = signatures.parse(rewritten(Sender(), lambda _: header), authority=HOST, now=NOW)
        assert ("keyid", signed.key_id) in naive(header)


@given(
    st.text(max_size=8),
    st.text(max_size=30),
    st.lists(st.tuples(st.sampled_from(["Host", "Date", "Digest", "Signature", "X"]), st.text())),
    st.binary(max_size=50),
)
def test_request_of_any_bytes_is_refused_and_breaks_nothing(
    method: str, target: str, headers: Headers, body: bytes
) -> None:
    with pytest.raises(Unauthenticated):
        accept(Request(method, target, headers, body))


@given(st.data())
def test_signed_request_can_be_changed_in_no_character(data: st.DataObject) -> None:
    """What the change touches is either not signed, or it is refused."""
    request = Sender().request()
    header = Sender().header()
    position = data.draw(st.integers(0, len(header) - 1))
    sent = data.draw(st.characters())
    changed = header[:position] + sent + header[position + 1 :]
    try:
        signed = accept(replace(request, headers=[*Sender().headers, ("Signature", changed)]))
    except Unauthenticated:
        return
    # The keyId and names of parameters are not signed; what is signed came out the same.
    assert signed.data == Sender().string()
    assert signed.signature == base64.b64decode(header.rsplit('"', 2)[1])


@given(st.text())
def test_date_is_read_only_in_the_one_form(text: str) -> None:
    with pytest.raises(Unauthenticated):
        accept(swapped("Date", text))


@given(st.datetimes(min_value=datetime(1000, 1, 1)))  # noqa: DTZ001
def test_dates_that_we_write_are_read_back(when: datetime) -> None:
    aware = when.replace(microsecond=0, tzinfo=UTC)
    sender = Sender().with_header("Date", signatures.imf_fixdate(aware))
    signed = signatures.parse(
        sender.request(), authority=HOST, now=min(aware, datetime.max.replace(tzinfo=UTC))
    )
    assert signed.at == aware


# SECURITY A10


@pytest.mark.parametrize("pair", [RSA, ED25519], ids=["rsa", "ed25519"])
@pytest.mark.parametrize("named", ["rsa-sha256", "ed25519", "hs2019", None])
def test_key_decides_the_algorithm_and_the_name_may_not_differ(
    pair: keys.KeyPair, named: str | None
) -> None:
    algorithm = None if named is None else f'"{named}"'
    sender = replace(Sender(), key=pair).with_parameters(algorithm=algorithm)
    fits = named in (None, "hs2019", {"rsa": "rsa-sha256", "ed25519": "ed25519"}[pair.algorithm])
    assert accepted(sender.request(), pair.public_pem) is fits


@pytest.mark.parametrize("pem", ["", "x" * 20_000, "-----BEGIN PUBLIC KEY-----\nAAAA\n"])
def test_unfit_key_verifies_nothing(pem: str) -> None:
    signed = signatures.parse(Sender().request(), authority=HOST, now=NOW)
    with pytest.raises(Unauthenticated, match="The key cannot be used"):
        signatures.verify(signed, pem)


def test_refusals_belong_to_the_errors_of_federation() -> None:
    assert issubclass(Unauthenticated, FederationError)
