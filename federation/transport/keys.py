"""Keys of actors: making, loading, signing, verifying, and how Ed25519 keys are spelled."""

import base64
import binascii
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa

from federation.errors import Malformed

Algorithm = Literal["rsa", "ed25519"]
PrivateKey = rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey
PublicKey = rsa.RSAPublicKey | ed25519.Ed25519PublicKey

MOST_PEM = 16_384
MOST_BASE58 = 200  # a signature takes 88; decoding is quadratic, so it needs a limit
_CACHED = 1_000
_RSA_BITS = range(2048, 8193)
_RSA_EXPONENTS = range(3, 2**33)
_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_ED25519_PREFIX = b"\xed\x01"  # multicodec ed25519-pub as a varint (FEP-521a)


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A signing key with its public half, both as PEM (PKCS #8 and SPKI)."""

    algorithm: Algorithm
    private_pem: str = field(repr=False)
    public_pem: str


def make_rsa() -> KeyPair:
    """RSA 2048. Takes about 60 ms of a core: not for the event loop."""
    return _pair("rsa", rsa.generate_private_key(public_exponent=65537, key_size=2048))


def make_ed25519() -> KeyPair:
    return _pair("ed25519", ed25519.Ed25519PrivateKey.generate())


def _pair(algorithm: Algorithm, key: PrivateKey) -> KeyPair:
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return KeyPair(algorithm, private.decode("ascii"), _spki(key.public_key()))


def _spki(key: PublicKey) -> str:
    return key.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    ).decode("ascii")


@lru_cache(maxsize=_CACHED)
def private_key(pem: str) -> PrivateKey:
    """Load a key of ours; never give it somebody else's, for it is not checked.

    The check of an RSA key costs 35 ms, against 10 µs without it.
    """
    key = serialization.load_pem_private_key(
        pem.encode("ascii"), None, unsafe_skip_rsa_key_validation=True
    )
    if not isinstance(key, rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey):
        raise Malformed("This private key is neither RSA nor Ed25519.")
    return key


@lru_cache(maxsize=_CACHED)
def public_key(pem: str) -> PublicKey:
    """Load anybody's key: RSA of 2048 to 8192 bits with a sane exponent, or Ed25519."""
    if len(pem) > MOST_PEM:
        raise Malformed("This public key is too long.")
    try:
        key = serialization.load_pem_public_key(pem.encode("ascii"))
    except (ValueError, UnsupportedAlgorithm) as error:
        raise Malformed("This is not a public key in PEM form.") from error
    if isinstance(key, rsa.RSAPublicKey):
        _check_rsa(key)
    elif not isinstance(key, ed25519.Ed25519PublicKey):
        raise Malformed("This public key is neither RSA nor Ed25519.")
    return key


def _check_rsa(key: rsa.RSAPublicKey) -> None:
    if key.key_size not in _RSA_BITS:
        raise Malformed("An RSA key must have 2048 to 8192 bits.")
    exponent = key.public_numbers().e
    if exponent not in _RSA_EXPONENTS or exponent % 2 == 0:
        raise Malformed("This RSA key has an unsafe exponent.")


def algorithm_of(public_pem: str) -> Algorithm:
    return "rsa" if isinstance(public_key(public_pem), rsa.RSAPublicKey) else "ed25519"


def algorithm_of_private(private_pem: str) -> Algorithm:
    return "rsa" if isinstance(private_key(private_pem), rsa.RSAPrivateKey) else "ed25519"


def sign(private_pem: str, data: bytes) -> bytes:
    """RSASSA-PKCS1-v1_5 with SHA-256, or Ed25519, as the key is."""
    key = private_key(private_pem)
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(data, padding.PKCS1v15(), hashes.SHA256())
    return key.sign(data)


def verify(public_pem: str, signature: bytes, data: bytes) -> bool:
    """Whether this key signed exactly this; the key alone says by which algorithm."""
    key = public_key(public_pem)
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, data, padding.PKCS1v15(), hashes.SHA256())
        else:
            key.verify(signature, data)
    except InvalidSignature:
        return False
    return True


def decode_base64(text: str) -> bytes:
    """Standard base64 with its padding and in its one canonical spelling, nothing looser."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Malformed("This is not base64.") from error
    if base64.b64encode(data).decode("ascii") != text:
        raise Malformed("This is not base64.")
    return data


def encode_base58(data: bytes) -> str:
    """base58btc; every leading zero byte is a leading `1`."""
    number, digits = int.from_bytes(data, "big"), ""
    while number:
        number, digit = divmod(number, 58)
        digits = _BASE58[digit] + digits
    return "1" * (len(data) - len(data.lstrip(b"\0"))) + digits


def decode_base58(text: str) -> bytes:
    if len(text) > MOST_BASE58:
        raise Malformed("This base58 text is too long.")
    number = 0
    for character in text:
        digit = _BASE58.find(character)
        if digit < 0:
            raise Malformed("This is not base58.")
        number = number * 58 + digit
    zeros = len(text) - len(text.lstrip("1"))
    return bytes(zeros) + number.to_bytes((number.bit_length() + 7) // 8, "big")


def multibase(public_pem: str) -> str:
    """An Ed25519 key as a Multikey says it (`z6Mk…`, FEP-521a)."""
    key = public_key(public_pem)
    if not isinstance(key, ed25519.Ed25519PublicKey):
        raise Malformed("Only Ed25519 keys are written as multibase here.")
    return "z" + encode_base58(_ED25519_PREFIX + key.public_bytes_raw())


def from_multibase(text: str) -> str:
    """The PEM of a Multikey's Ed25519 `publicKeyMultibase`."""
    if not text.startswith("z"):
        raise Malformed("A Multikey must be in base58btc.")
    data = decode_base58(text[1:])
    if data[:2] != _ED25519_PREFIX or len(data) != 34:
        raise Malformed("This Multikey is not an Ed25519 key.")
    return _spki(ed25519.Ed25519PublicKey.from_public_bytes(data[2:]))
