"""Keys: what is made, what is taken from others, and how Ed25519 keys are spelled."""

import base64

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given
from hypothesis import strategies as st

from federation.errors import Malformed
from federation.transport import keys

RSA = keys.make_rsa()
ED25519 = keys.make_ed25519()
PAIRS = pytest.mark.parametrize("pair", [RSA, ED25519], ids=["rsa", "ed25519"])


def length(size: int) -> bytes:
    octets = size.to_bytes((size.bit_length() + 7) // 8 or 1, "big")
    return bytes([size]) if size < 128 else bytes([0x80 | len(octets)]) + octets


def der(tag: int, content: bytes) -> bytes:
    return bytes([tag]) + length(len(content)) + content


def der_integer(number: int) -> bytes:
    return der(0x02, number.to_bytes(number.bit_length() // 8 + 1, "big"))


def rsa_pem(modulus: int, exponent: int) -> str:
    """An RSA public key written by hand, since no library makes the bad ones."""
    numbers = der(0x30, der_integer(modulus) + der_integer(exponent))
    algorithm = der(0x30, bytes.fromhex("06092a864886f70d0101010500"))
    spki = der(0x30, algorithm + der(0x03, b"\0" + numbers))
    text = base64.encodebytes(spki).decode("ascii")
    return f"-----BEGIN PUBLIC KEY-----\n{text}-----END PUBLIC KEY-----\n"


def modulus(bits: int) -> int:
    return (1 << (bits - 1)) | 1


def elliptic() -> str:
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_bytes(serialization.Encoding.PEM, form).decode("ascii")


@PAIRS
def test_new_pair_signs_and_verifies(pair: keys.KeyPair) -> None:
    signature = keys.sign(pair.private_pem, b"data")
    assert keys.verify(pair.public_pem, signature, b"data") is True
    assert keys.verify(pair.public_pem, signature, b"Data") is False
    assert keys.verify(pair.public_pem, signature[:-1], b"data") is False
    assert keys.verify(pair.public_pem, b"", b"data") is False


@PAIRS
def test_pair_says_its_algorithm_and_hides_its_secret(pair: keys.KeyPair) -> None:
    assert keys.algorithm_of(pair.public_pem) == pair.algorithm
    assert keys.algorithm_of_private(pair.private_pem) == pair.algorithm
    assert pair.public_pem.startswith("-----BEGIN PUBLIC KEY-----\n")
    assert "PRIVATE" not in repr(pair)


def test_new_rsa_key_has_2048_bits_and_the_usual_exponent() -> None:
    key = keys.public_key(RSA.public_pem)
    assert isinstance(key, rsa.RSAPublicKey)
    assert (key.key_size, key.public_numbers().e) == (2048, 65537)


def test_keys_are_loaded_once() -> None:
    assert keys.private_key(RSA.private_pem) is keys.private_key(RSA.private_pem)
    assert keys.public_key(RSA.public_pem) is keys.public_key(RSA.public_pem)
    for cache in (keys.private_key, keys.public_key):
        assert cache.cache_info().maxsize == 1_000


def test_key_does_not_verify_what_another_signed() -> None:
    other = keys.make_ed25519()
    signature = keys.sign(ED25519.private_pem, b"data")
    assert keys.verify(other.public_pem, signature, b"data") is False
    assert keys.verify(RSA.public_pem, signature, b"data") is False


@pytest.mark.parametrize("bits", [2048, 3072, 4096, 8192])
@pytest.mark.parametrize("exponent", [3, 17, 65537, 2**33 - 1])
def test_rsa_keys_of_others_are_taken_within_bounds(bits: int, exponent: int) -> None:
    assert keys.algorithm_of(rsa_pem(modulus(bits), exponent)) == "rsa"


REFUSED = {
    "512 bits": rsa_pem(modulus(512), 65537),
    "1024 bits": rsa_pem(modulus(1024), 65537),
    "2047 bits": rsa_pem(modulus(2047), 65537),
    "8193 bits": rsa_pem(modulus(8193), 65537),
    "16384 bits": rsa_pem(modulus(16384), 65537),
    "65536 bits": rsa_pem(modulus(65536), 65537),
    "exponent 1": rsa_pem(modulus(2048), 1),
    "exponent 2": rsa_pem(modulus(2048), 2),
    "even exponent": rsa_pem(modulus(2048), 65536),
    "exponent of 34 bits": rsa_pem(modulus(2048), 2**33 + 1),
    "elliptic curve": elliptic(),
    "private key": RSA.private_pem,
    "longer than 16 kB": RSA.public_pem + " " * 16_384,
    "empty": "",
    "text": "a key",
    "not ASCII": RSA.public_pem.replace("A", "А"),
    "cut": RSA.public_pem[:200],
    "lone surrogate": "\ud800",
}


@pytest.mark.parametrize("pem", REFUSED.values(), ids=REFUSED.keys())
def test_keys_of_other_kinds_are_refused(pem: str) -> None:
    with pytest.raises(Malformed):
        keys.public_key(pem)


def test_table_of_refused_keys_is_counted() -> None:
    print(f"{len(REFUSED)} kinds of unfit keys refused")
    assert len(REFUSED) == len(set(REFUSED.values()))


def test_multikey_is_read_back() -> None:
    spelled = keys.multibase(ED25519.public_pem)
    assert spelled.startswith("z6Mk")
    assert keys.from_multibase(spelled) == ED25519.public_pem


def test_known_multikey_is_spelled_as_its_standard_does() -> None:
    # The did:key of an all-zero seed, computed from RFC 8032's public key for it.
    raw = bytes.fromhex("3b6a27bcceb6a42d62a3a8d02a6f0d73653215771de243a63ac048a18b59da29")
    spelled = "z" + keys.encode_base58(b"\xed\x01" + raw)
    assert spelled == "z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp"


def test_rsa_keys_have_no_multibase_here() -> None:
    with pytest.raises(Malformed):
        keys.multibase(RSA.public_pem)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "z",
        "6Mk",
        "u7QE",
        "z0OIl",
        "z" + "1" * 500,
        "z" + keys.encode_base58(b"\xec\x01" + bytes(32)),
        "z" + keys.encode_base58(b"\xed\x01" + bytes(31)),
        "z" + keys.encode_base58(b"\xed\x01" + bytes(33)),
    ],
)
def test_unfit_multikeys_are_refused(text: str) -> None:
    with pytest.raises(Malformed):
        keys.from_multibase(text)


@given(st.binary(max_size=80))
def test_base58_reads_back_what_it_wrote(data: bytes) -> None:
    assert keys.decode_base58(keys.encode_base58(data)) == data


def test_base58_has_a_limit_since_reading_it_is_quadratic() -> None:
    assert keys.decode_base58("1" * 200) == bytes(200)
    with pytest.raises(Malformed):
        keys.decode_base58("1" * 201)


@given(st.binary(max_size=200))
def test_base64_is_read_in_its_canonical_spelling(data: bytes) -> None:
    assert keys.decode_base64(base64.b64encode(data).decode("ascii")) == data


@pytest.mark.parametrize(
    "text", ["QQ", "QQ=", "QQ===", "QR==", "Q Q==", "QQ==\n", "-_8=", "é", "QQ==QQ=="]
)
def test_base64_in_any_other_spelling_is_refused(text: str) -> None:
    with pytest.raises(Malformed):
        keys.decode_base64(text)
