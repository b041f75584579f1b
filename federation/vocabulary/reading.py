"""Reading what others sent, beside the loop: nothing here keeps it for 20 ms (SECURITY 45, 93).

Small texts are read where they are; larger ones in two threads of their own, which hand Python's
lock back while they work. Documents with contexts of their own go to a process that is killed when
it takes too long (`jsonld_worker`): one at a time, one for each domain, small ones only.
"""

import asyncio
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar

import orjson

from federation.errors import Malformed
from federation.transport.places import Places
from federation.vocabulary import json_documents, jsonld, processes
from federation.vocabulary.json_documents import Document
from federation.vocabulary.processes import Child

P = ParamSpec("P")
T = TypeVar("T")

SMALL = 8 * 1024  # bytes
MOST_STRANGE_BYTES = 64 * 1024
MOST_STRANGE_VALUES = 500
STRANGE_PATIENCE = 2.0  # seconds for one strange document,
START_PATIENCE = 30.0  # and for the process to be there
WORKER = (sys.executable, "-m", "federation.vocabulary.jsonld_worker")
IDLE = 60.0  # seconds after which the process for them goes
MOST_ANSWER = 4 * 1024 * 1024

_threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="reading")


async def beside(size: int, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Do it here when it is about few bytes, else in a thread."""
    if size <= SMALL:
        return work(*args, **kwargs)
    return await apart(work, *args, **kwargs)


async def apart(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Do it in one of the threads for reading."""
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(_threads, partial(work, *args, **kwargs))


async def plain(body: bytes) -> tuple[Document, bool]:
    """Read the bytes as JSON, and say whether that is what they mean. Raises Malformed."""
    return await beside(len(body), _plain, body)


def _plain(body: bytes) -> tuple[Document, bool]:
    document = json_documents.read(body)
    return document, jsonld.is_plain(document)


class Reading:
    """Documents in our own form. One for the whole server; close() at the end."""

    def __init__(self) -> None:
        self.places = Places("documents with strange contexts", most=1, each=1, waiting=16)
        self._process: Child | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._ending: asyncio.Task[None] | None = None

    async def document(self, body: bytes, source: str) -> Document:
        """Read what the bytes mean; `source` is the domain that they come from.

        Raises Malformed, and Busy where many documents with strange contexts wait.
        """
        document, is_plain = await plain(body)
        return document if is_plain else await self.compact(document, source)

    async def compact(self, document: Document, source: str) -> Document:
        """The same with our aliases in place of its own. Raises Malformed, Busy."""
        line = orjson.dumps(document)
        if len(line) > MOST_STRANGE_BYTES or not _has_few_values(document):
            raise Malformed(
                "Documents with contexts of their own are read up to"
                f" {MOST_STRANGE_BYTES} bytes and {MOST_STRANGE_VALUES} values."
            )
        async with self.places.wait_and_hold(source):
            found = await self._ask_worker(line)
        if not isinstance(found, dict):
            raise Malformed("The document’s JSON-LD cannot be read.")
        return found

    async def _ask_worker(self, line: bytes) -> object:
        try:
            process = await self._running()
            async with asyncio.timeout(STRANGE_PATIENCE):
                process.stdin.write(line + b"\n")
                await process.stdin.drain()
                answer = await process.stdout.readline()
            return orjson.loads(answer)
        except (TimeoutError, OSError, ValueError):
            await self.close()
            return None
        except asyncio.CancelledError:
            await self.close()  # else the next one would be given this answer
            raise

    async def _running(self) -> Child:
        if self._timer is not None:
            self._timer.cancel()
        if self._process is None or self._process.has_ended:
            await self._end()
            self._process = await processes.start(*WORKER, limit=MOST_ANSWER)
            async with asyncio.timeout(START_PATIENCE):
                await self._process.stdout.readline()  # it says when it is ready
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(IDLE, self._stop)
        return self._process

    def _stop(self) -> None:
        self._ending = asyncio.create_task(self._end())

    async def close(self) -> None:
        """End the process, if there is one."""
        if self._timer is not None:
            self._timer.cancel()
        await self._end()
        if self._ending is not None:
            await self._ending

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            await process.end()


def _has_few_values(document: Document) -> bool:
    """Whether it is as small as a document with a context of its own may be, context included."""
    left = MOST_STRANGE_VALUES
    waiting: list[object] = [document]
    while waiting and left >= 0:
        value = waiting.pop()
        left -= 1
        if isinstance(value, dict):
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)
    return left >= 0
