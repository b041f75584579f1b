"""`python -m server.media.worker`: one picture, remade in a process that may do nothing else.

In: a line of JSON (format, shape, limits), then the picture. Out: a line of JSON, then the new one.
Where a `preview` is asked for as well, it comes behind it, with its BlurHash in the line.
"""

import json
import os
import resource
import sys
from contextlib import suppress
from pathlib import Path
from typing import NotRequired, TypedDict

from server.media import processing
from server.media.processing import NotTaken, Picture, Shape


class ShapeWanted(TypedDict):
    """Fields of a Shape (`processing`)."""

    width: int
    height: int
    cover: NotRequired[bool]
    area: NotRequired[int]
    moves: NotRequired[bool]


class Job(TypedDict):
    """Picture that is asked for; `memory` in bytes, `seconds` of a processor."""

    format: str
    shape: ShapeWanted
    preview: NotRequired[ShapeWanted]
    memory: int
    seconds: int


class About(TypedDict, total=False):
    """Picture that was made, or in `refused` why none was; `bytes` of the first of two pictures."""

    refused: str
    format: str
    width: int
    height: int
    bytes: int
    preview: "About"
    blurhash: str


def confine(memory: int, seconds: int) -> None:
    """Bytes and processor time at most; after this, no file, socket or core dump can be made."""
    with suppress(OSError):  # where it cannot be said, the limits alone have to do
        # When memory runs out, this process goes and not the server.
        Path("/proc/self/oom_score_adj").write_text("1000")
    os.nice(10)
    _limit(resource.RLIMIT_AS, memory)
    _limit(resource.RLIMIT_CPU, seconds, 1)  # SIGXCPU says why, a second before SIGKILL
    _limit(resource.RLIMIT_NOFILE, 3)  # those that are open already
    _limit(resource.RLIMIT_FSIZE, 0)
    _limit(resource.RLIMIT_CORE, 0)


def _limit(what: int, most: int, grace: int = 0) -> None:
    """Never above what the system allows us already."""
    _, allowed = resource.getrlimit(what)
    hard = most + grace if allowed == resource.RLIM_INFINITY else min(most + grace, allowed)
    resource.setrlimit(what, (min(most, hard), hard))


def work(job: Job, data: bytes) -> tuple[About, bytes]:
    """Result of remaking the picture; `refused` says why there is none."""
    try:
        made = processing.remake(data, job["format"], Shape(**job["shape"]))
        if "preview" in job:
            small = processing.remake(made.data, made.format, Shape(**job["preview"]))
            return _about_both(made, small), made.data + small.data
    except NotTaken as error:
        return {"refused": error.reason}, b""
    except MemoryError:
        return {"refused": "memory"}, b""
    except Exception:  # a decoder meets broken data in more ways than it documents
        return {"refused": "unreadable"}, b""
    return _about(made), made.data


def _about(made: Picture) -> About:
    return {"format": made.format, "width": made.width, "height": made.height}


def _about_both(made: Picture, small: Picture) -> About:
    """`bytes` says where the second one begins."""
    return {
        **_about(made),
        "bytes": len(made.data),
        "preview": _about(small),
        "blurhash": processing.blurhash_of(small),
    }


def main() -> None:
    job: Job = json.loads(sys.stdin.buffer.readline())
    confine(job["memory"], job["seconds"])
    try:
        answer, data = work(job, sys.stdin.buffer.read())
    except MemoryError:  # while the picture was read in
        answer, data = {"refused": "memory"}, b""
    sys.stdout.buffer.write(json.dumps(answer).encode() + b"\n" + data)
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
