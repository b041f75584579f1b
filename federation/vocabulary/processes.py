"""Processes of our own beside the server, given bytes and asked for bytes.

uvloop's way to start one copies the whole server (fork): 7 to 40 ms in which nobody is answered.
`subprocess` lends its memory to the child until the other program runs (vfork): under 1 ms.
"""

import asyncio
from asyncio import StreamReader, StreamReaderProtocol, StreamWriter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from subprocess import PIPE, Popen
from typing import IO


@dataclass(frozen=True, slots=True)
class Child:
    """Another process and our ends of its pipes. Whoever started it awaits end()."""

    stdin: StreamWriter
    stdout: StreamReader
    stderr: StreamReader
    _process: Popen[bytes]
    _transports: tuple[asyncio.BaseTransport, ...]

    @property
    def has_ended(self) -> bool:
        return self._process.poll() is not None

    def kill(self) -> None:
        """End it at once; one that has ended is no mistake."""
        self._process.kill()

    async def wait(self) -> int:
        """Wait for the exit status; it is negative for the signal that ended the process."""
        return await asyncio.to_thread(self._process.wait)

    async def end(self) -> None:
        """End it if it runs, and let go of what it held."""
        self.kill()
        for transport in self._transports:
            transport.close()
        await asyncio.shield(self.wait())


async def start(
    *command: str,
    limit: int = 65_536,
    env: Mapping[str, str] | None = None,
    cwd: str | None = None,
) -> Child:
    """The process of this command; `limit`: bytes of a line it may say.

    Raises OSError where no process, pipe or memory is left for it.
    """
    process = Popen(  # noqa: ASYNC220, S603 - see above; commands are of our own making
        command, bufsize=0, stdin=PIPE, stdout=PIPE, stderr=PIPE, env=env, cwd=cwd
    )
    given, said, complaint = process.stdin, process.stdout, process.stderr
    assert given and said and complaint  # noqa: S101 (for the type checker: they are pipes)
    try:
        writing, stdin = await _writer(given)
        reading, stdout = await _reader(said, limit)
        listening, stderr = await _reader(complaint, limit)
    except BaseException:
        process.kill()
        process.wait()
        for pipe in (given, said, complaint):
            with suppress(OSError):
                pipe.close()
        raise
    return Child(stdin, stdout, stderr, process, (writing, reading, listening))


async def _writer(pipe: IO[bytes]) -> tuple[asyncio.BaseTransport, StreamWriter]:
    loop = asyncio.get_running_loop()
    flow = StreamReaderProtocol(StreamReader())  # only its flow control is used
    transport, _ = await loop.connect_write_pipe(lambda: flow, pipe)
    return transport, StreamWriter(transport, flow, None, loop)


async def _reader(pipe: IO[bytes], limit: int) -> tuple[asyncio.BaseTransport, StreamReader]:
    stream = StreamReader(limit)
    loop = asyncio.get_running_loop()
    transport, _ = await loop.connect_read_pipe(lambda: StreamReaderProtocol(stream), pipe)
    return transport, stream
