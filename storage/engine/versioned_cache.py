"""Bytes that are dear to make, kept for whoever asks next: never the truth, always bounded.

A key names every version that went into the bytes, read in the asker's own snapshot. So a change
needs no message: whoever sees it asks by another key, and what nobody asks for is forgotten.
"""

from collections.abc import Hashable

MOST = 8 * 1024 * 1024
_BESIDE = 400  # octets that a key and two entries of a dictionary take, about


class VersionedCache:
    """The most recently used, in two halves; when the young half is full it becomes the old one.

    Readers' threads share it without a lock: each step is one operation on a dictionary. Where two
    threads fill the young half at once, some bytes are forgotten early and are made again.
    """

    def __init__(self, most: int = MOST) -> None:
        self._half = most // 2
        self._young: dict[Hashable, bytes] = {}
        self._old: dict[Hashable, bytes] = {}
        self._filled = 0

    def get(self, key: Hashable) -> bytes | None:
        found = self._young.get(key)
        if found is None:
            found = self._old.get(key)
            if found is not None:
                self.put(key, found)
        return found

    def put(self, key: Hashable, value: bytes) -> None:
        """A copy of the bytes: what orjson made holds several times the room that it fills."""
        self._young[key] = bytes(memoryview(value))
        self._filled += len(value) + _BESIDE
        if self._filled > self._half:
            self._old, self._young, self._filled = self._young, {}, 0
