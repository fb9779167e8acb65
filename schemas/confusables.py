"""The appearance of a code on a label, to find codes that are easily confused (as in Unicode TR39)."""

from __future__ import annotations

import unicodedata

# Cyrillic and Greek letters that look like Latin ones, after case folding.
_LOOK_ALIKES = str.maketrans("авекмнорстухіјѕαβεζηικμνορτυχ", "abekmhopctyxijsabezhikmnoptyx")


def skeleton(code: str) -> str:
    """`code` without case, blanks and invisible characters, with each letter in one Unicode form. Codes that look alike
    have the same skeleton."""
    if code.isascii() and code.isprintable():
        return "".join(code.split()).casefold()
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", code).casefold())
    visible = "".join(letter for letter in folded if unicodedata.category(letter) not in ("Cf", "Cc"))
    return "".join(visible.split()).translate(_LOOK_ALIKES)
