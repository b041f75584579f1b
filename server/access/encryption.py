"""Secrets that must be read again: sealed with the instance secret, which is not in the database.

AES-256-GCM (NIST SP 800-38D); a key for each purpose is derived by HKDF (RFC 5869).
"""

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from storage.engine import ids
from storage.engine.ids import ActorId

_NONCE = 12  # bytes


def _cipher(secret: str, purpose: str) -> AESGCM:
    key = HKDF(SHA256(), 32, None, f"kith {purpose}".encode()).derive(secret.encode())
    return AESGCM(key)


def seal(secret: str, purpose: str, owner: ActorId, plain: bytes) -> bytes:
    """Bound to its owner: moved to somebody else's row, it cannot be opened."""
    nonce = bytes.fromhex(ids.hexadecimal(_NONCE))
    return nonce + _cipher(secret, purpose).encrypt(nonce, plain, str(owner).encode())


def unseal(secret: str, purpose: str, owner: ActorId, sealed: bytes) -> bytes | None:
    """Decrypt; None if sealed with another secret, for another purpose or owner, or if changed."""
    nonce, rest = sealed[:_NONCE], sealed[_NONCE:]
    try:
        return _cipher(secret, purpose).decrypt(nonce, rest, str(owner).encode())
    except (InvalidTag, ValueError):
        return None
