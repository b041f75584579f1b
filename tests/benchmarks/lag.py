"""`python -m tests.benchmarks.lag`: how long `/health` waits beside the worst body of each parser.

A second or two for each; the aim is 20 ms of work in the loop at most, on a machine that is idle.
"""

import asyncio
import io
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from subprocess import DEVNULL, PIPE
from tempfile import TemporaryDirectory

from aiohttp import ClientSession, FormData
from PIL import Image

from tests.benchmarks.village import Member, move_in
from tests.support.process import free_port, running

PAUSE = 0.005
TIMES = 3
ANSWERS = 1500
MB = 1 << 20

JSON = {
    "JSON of 64 kB, brackets": b"[" * 65_000,
    "JSON of 64 kB, escapes": b'{"status":"' + b"\\u00e9" * 10_800 + b'"}',
    "JSON of 64 kB, many names": b'{"a":{' + b",".join(b'"%d":1' % n for n in range(6000)) + b"}}",
    "post of 60,000 hashes": b'{"status":"' + b"#a " * 21_000 + b'"}',
    "post of 60,000 mentions": b'{"status":"' + b"@a@b.c " * 9_000 + b'"}',
}
FORMS = {
    "form of 64 kB, ampersands": b"&" * 65_000,
    "form of 999 lists": b"&".join(b"a[%d][b][c]=1" % n for n in range(999)),
}


@asynccontextmanager
async def beside(base: str, what: str) -> AsyncIterator[None]:
    """Print the longest wait for `/health`, asked by a process that does nothing else."""
    asking = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.benchmarks.lag", base, stdin=PIPE, stdout=PIPE
    )
    assert asking.stdin and asking.stdout
    await asking.stdout.readline()  # it has begun
    begun = time.perf_counter()
    try:
        yield
    finally:
        each = (time.perf_counter() - begun) / TIMES * 1000
        asking.stdin.close()
        most = float(await asking.stdout.readline())
        await asking.wait()
        print(f"{what:36}{each:8.0f} ms each, /health at most{most * 1000:8.1f} ms", flush=True)


async def ask(base: str) -> None:
    """The other process: until its input ends."""
    ended = asyncio.create_task(asyncio.to_thread(sys.stdin.read))
    most = 0.0
    async with ClientSession() as session:
        await _wait(session, base)
        print("begun", flush=True)
        while not ended.done():
            most = max(most, await _wait(session, base))
            await asyncio.sleep(PAUSE)
    print(most, flush=True)


async def _wait(session: ClientSession, base: str) -> float:
    begun = time.perf_counter()
    async with session.get(f"{base}/health") as answer:
        await answer.read()
    return time.perf_counter() - begun


async def send(session: ClientSession, member: Member, path: str, body: bytes, type_: str) -> None:
    headers = member.headers | {"Content-Type": type_}
    async with session.post(member.base + path, headers=headers, data=body) as answer:
        await answer.read()


async def upload(session: ClientSession, member: Member, data: bytes) -> None:
    form = FormData()
    form.add_field("file", data, filename="picture.png", content_type="image/png")
    async with session.post(
        f"{member.base}/api/v2/media", headers=member.headers, data=form
    ) as answer:
        await answer.read()


def noisy(size: int) -> bytes:
    """A square picture that cannot be packed."""
    out = io.BytesIO()
    Image.frombytes("RGB", (size, size), os.urandom(size * size * 3)).save(
        out, "PNG", compress_level=0
    )
    return out.getvalue()


async def measure(session: ClientSession, member: Member) -> None:
    base = member.base
    async with beside(base, "nothing"):
        await asyncio.sleep(TIMES * 0.3)
    for bodies, type_ in ((JSON, "application/json"), (FORMS, "application/x-www-form-urlencoded")):
        for what, body in bodies.items():
            async with beside(base, what):
                for _ in range(TIMES):
                    await send(session, member, "/api/v1/statuses", body, type_)
    first = await member.call(session, member.says("A question to all"))
    for _ in range(ANSWERS):
        await member.call(
            session, member.says("An answer", in_reply_to_id=first["id"], visibility="direct")
        )
    async with beside(base, f"thread of {ANSWERS} answers"):
        for _ in range(TIMES):
            path = f"/api/v1/statuses/{first['id']}/context"
            async with session.get(base + path, headers=member.headers) as answer:
                await answer.read()
    picture = await asyncio.to_thread(noisy, 1900)
    async with beside(base, f"four pictures of {len(picture) // MB} MB at once"):
        for _ in range(TIMES):
            await asyncio.gather(*(upload(session, member, picture) for _ in range(4)))


async def main() -> None:
    with TemporaryDirectory(prefix="kith-lag-") as folder:
        port = free_port()
        members = await move_in(Path(folder), port, 1)
        with running(Path(folder), port, logs=DEVNULL):
            async with ClientSession() as session:
                await measure(session, members[0])


if __name__ == "__main__":
    asyncio.run(ask(sys.argv[1]) if len(sys.argv) > 1 else main())
