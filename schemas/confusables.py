"""What a code looks like to a person who reads it off a label."""

from __future__ import annotations

import unicodedata

# Cyrillic and Greek letters that are drawn like Latin ones, after case folding.
_DRAWN_ALIKE = str.maketrans("авекмнорстухіјѕαβεζηικμνορτυχ", "abekmhopctyxijsabezhikmnoptyx")


def skeleton(code: str) -> str:
    """`code` without case, blanks, invisible characters and the ways in which Unicode writes the same letter twice."""
    if code.isascii() and code.isprintable():
        return "".join(code.split()).casefold()
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", code).casefold())
    seen = "".join(letter for letter in folded if unicodedata.category(letter) not in ("Cf", "Cc"))
    return "".join(seen.split()).translate(_DRAWN_ALIKE)
