"""Tags of languages, as people and programs write them (BCP 47)."""

import re

LONGEST_LANGUAGE = 35  # RFC 5646 §4.4.1
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")


def is_language(tag: str) -> bool:
    """Whether it is written as languages are: `de`, `pt-BR` (BCP 47, loosely)."""
    return len(tag) <= LONGEST_LANGUAGE and bool(_LANGUAGE.fullmatch(tag))
