"""The appearance of a code on a label, to find codes that are easily confused (as in Unicode TR39)."""

from __future__ import annotations

import re
import unicodedata

from schemas.look_alikes import LOOK_ALIKES

# Cyrillic and Greek letters whose capitals look like Latin ones, after case folding; they come before LOOK_ALIKES.
_CAPITALS = dict(zip("авекмнорстухіјѕαβεζηικμνορτυχ", "abekmhopctyxijsabezhikmnoptyx", strict=True))
_FOLDED = str.maketrans({sign: ascii for ascii, signs in LOOK_ALIKES.items() for sign in signs} | _CAPITALS)
# Default_Ignorable_Code_Point of Unicode's DerivedCoreProperties.txt: characters that are not shown, such as the soft
# hyphen, variation selectors and Hangul fillers. First and last of each range.
_DEFAULT_IGNORABLE = (
    *((0x00AD, 0x00AD), (0x034F, 0x034F), (0x061C, 0x061C), (0x115F, 0x1160), (0x17B4, 0x17B5), (0x180B, 0x180F)),
    *((0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x206F), (0x3164, 0x3164), (0xFE00, 0xFE0F), (0xFEFF, 0xFEFF)),
    *((0xFFA0, 0xFFA0), (0xFFF0, 0xFFF8), (0x1BCA0, 0x1BCA3), (0x1D173, 0x1D17A), (0xE0000, 0xE0FFF)),
)
DEFAULT_IGNORABLE_RE2 = "".join(rf"\x{{{first:X}}}-\x{{{last:X}}}" for first, last in _DEFAULT_IGNORABLE)
_INVISIBLE = re.compile("[" + "".join(f"{chr(first)}-{chr(last)}" for first, last in _DEFAULT_IGNORABLE) + "]")


def skeleton(code: str) -> str:
    """`code` without case, blanks and invisible characters, with each letter in one Unicode form, all dashes as "-" and
    characters that look like an ASCII one as that. Codes that look alike have the same skeleton.

    ASCII characters stay distinct from each other (0 and O, 1 and l): a scanner distinguishes them.
    """
    if code.isascii() and code.isprintable():
        return "".join(code.split()).casefold()
    # Before NFKC too, because it makes visible letters of some fillers.
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", _INVISIBLE.sub("", code)).casefold())
    kinds = [(sign, unicodedata.category(sign)) for sign in _INVISIBLE.sub("", folded)]
    visible = "".join("-" if kind == "Pd" else sign for sign, kind in kinds if kind not in ("Cf", "Cc"))
    return "".join(visible.split()).translate(_FOLDED)
