"""Tags of languages, as people and programs write them (BCP 47): one reader for all of them."""

import re

LONGEST_LANGUAGE = 35  # RFC 5646 §4.4.1
_TAG = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")
_UNKNOWN = {"und", "zxx", "mul", "mis"}  # tags that name no language (ISO 639)


def parse_language(written: object) -> str | None:
    """Read a tag, `en_US` and `de-at` as well, and write it as BCP 47 does; None for no language.

    The language in small letters, a script with a capital, a region in capitals (RFC 5646 §2.1.1).
    """
    if not isinstance(written, str) or len(written) > 2 * LONGEST_LANGUAGE:
        return None
    tag = written.strip().replace("_", "-").partition(".")[0]
    if len(tag) > LONGEST_LANGUAGE or not _TAG.fullmatch(tag):
        return None
    language, *rest = tag.split("-")
    if language.lower() in _UNKNOWN:
        return None
    return "-".join([language.lower(), *map(_subtag, rest)])


def _subtag(written: str) -> str:
    if len(written) == 2 and written.isalpha():
        return written.upper()
    return written.title() if len(written) == 4 and written.isalpha() else written.lower()
