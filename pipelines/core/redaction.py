"""Secrets found again in text, in every form in which a system may repeat them.

A vendor's answer may carry a secret as it is, in a web address, a form, JSON, HTML, or base64, with letters
escaped that need not be, or escaped twice. So a secret is looked for letter by letter, each in any of its forms.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Collection, Iterator, Mapping
from functools import lru_cache
from itertools import chain
from types import MappingProxyType

MASK = "***"
MIN_LENGTH = 4  # shorter ones are no secret, and masking them would eat ordinary words
MIN_LENGTH_NO_FALSE_MATCH = (
    16  # long enough that no product text holds it by chance, as an EAN may hold a merchant's number
)
_MIN_BASE64_CORE = 6  # of base64
_MAX_FORM_LENGTH = 12  # characters that one letter may take: `&amp;#x0027;`, with room for a second escaping
_NAMED = {"&": "amp", "<": "lt", ">": "gt", '"': "quot", "'": "apos"}
_ALPHABETS = MappingProxyType({"+": "-", "/": "_"})  # base64 has two
# A token that was never told to us as one, as in an answer that was cut off.
_LABELLED_TOKEN = re.compile(
    r"""(?i)(?:access|refresh|id)_?token\b\\*["']?\s*[:=]\s*\\*["']?(?P<value>[^\s"'&,;}]{4,})"""
)
_IN_BASE64 = re.compile(r"(?:[A-Za-z0-9+/_=-]|\\+/|%(?:25)*(?:2[BbFf]|3[Dd]))*")
_IN_BASE64_BACKWARDS = re.compile(r"(?:[A-Za-z0-9+/_=-]|/\\+|(?:[BbFf]2|[Dd]3)(?:52)*%)*")
_JSON_ESCAPE = re.compile(r'\\(?:u([0-9A-Fa-f]{4})|(["\\/bfnrt]))')
_JSON_SIGNS = {'"': '"', "\\": "\\", "/": "/", "b": "\\b", "f": "\\f", "n": "\\n", "r": "\\r", "t": "\\t"}
_PLAIN = re.compile(r"[A-Za-z0-9._~-]+")  # what no form escapes


def mask(text: str, secrets: Collection[str]) -> str:
    """`text` with every form of every secret replaced, and what it calls a token itself."""
    return _replaced(text, _spans(text, secrets), len(text))


def strip(text: str, secrets: Collection[str]) -> str:
    """`text` with every form of every secret replaced, and nothing else."""
    return _replaced(text, _found(text, secrets), len(text))


def excerpt(text: str, most: int, secrets: Collection[str], *, truncated: bool = False) -> str:
    """The first `most` characters of `text`, masked, and no piece of a secret where the text is cut.

    `torn` says that `text` is itself cut off from something longer.
    """
    look = _MAX_FORM_LENGTH * max(map(len, secrets), default=0)
    head = text[: most + look]
    truncated = truncated or len(head) < len(text)
    end = min(most, max(0, len(head) - look)) if truncated else len(head)
    return _replaced(head, _spans(head, secrets), end)[:most]


def contains(document: bytes, secrets: Collection[str]) -> bool:
    """Whether `document` holds one of the secrets that no text holds by chance."""
    long = [secret for secret in secrets if len(secret) >= MIN_LENGTH_NO_FALSE_MATCH]
    suspects = [own for secret in long for own in _spellings(secret) if any(a in document for a in _literals(own))]
    return bool(suspects) and next(_found(document.decode("utf-8", "replace"), suspects), None) is not None


def _spans(text: str, secrets: Collection[str]) -> Iterator[tuple[int, int]]:
    for match in _LABELLED_TOKEN.finditer(text):
        yield match.span("value")
    yield from _found(text, secrets)


def _found(text: str, secrets: Collection[str]) -> Iterator[tuple[int, int]]:
    for secret in chain.from_iterable(map(_spellings, secrets)):
        if not _may_hold(text, secret):
            continue
        whole, cores = _patterns(secret)
        for match in whole.finditer(text):
            yield match.span()
        for core in cores:
            for match in core.finditer(text):
                yield _whole_run(text, *match.span())


@lru_cache(maxsize=512)
def _spellings(secret: str) -> tuple[str, ...]:
    """The secret, and what is left of it where somebody put it into JSON without care for its own backslashes."""
    read = _JSON_ESCAPE.sub(lambda found: chr(int(found[1], 16)) if found[1] else _JSON_SIGNS[found[2]], secret)
    return (secret, read) if read != secret and len(read) >= MIN_LENGTH else (secret,)


def _may_hold(text: str, secret: str) -> bool:
    """Whether it is worth looking closely: patterns are slow to make, and most texts hold no secret at all.

    Without escapes of letters in the text, each letter of a secret stands in it as it is; backslashes before it aside.
    """
    if "%" in text or "&" in text or "\\u" in text:
        return True
    bare, standard = text.replace("\\", ""), str.maketrans("-_", "+/")
    if secret.replace("\\", "").replace("+", " ") in bare.replace("+", " "):
        return True
    return any(core.translate(standard) in bare.translate(standard) for core in _cached_base64_cores(secret))


def _whole_run(text: str, start: int, end: int) -> tuple[int, int]:
    """All of the base64 around a part of it: what stands beside the secret belongs to it, as in `id:secret`."""
    after = _IN_BASE64.match(text, end)
    before = _IN_BASE64_BACKWARDS.match(text[start - 1 :: -1] if start else "")
    return start - (before.end() if before else 0), after.end() if after else end


def _replaced(text: str, spans: Iterator[tuple[int, int]], until: int) -> str:
    """`text` up to `until`, with each span masked, overlapping ones once; a span that begins before is masked whole."""
    parts, at = [], 0
    for start, end in sorted(spans):
        if start >= until:
            break
        if start >= at:
            parts += [text[at:start], MASK]
        at = max(at, end)
    return "".join([*parts, text[at : max(at, until)]])


@lru_cache(maxsize=512)
def _patterns(secret: str) -> tuple[re.Pattern[str], tuple[re.Pattern[str], ...]]:
    """What finds the secret letter by letter, and what finds it inside base64."""
    return _spelled(secret), tuple(_spelled(core, _ALPHABETS) for core in _base64_cores(secret))


def _spelled(text: str, same: Mapping[str, str] = MappingProxyType({})) -> re.Pattern[str]:
    """Finds `text`; `same` names letters that may stand for others."""
    letters = ((*_forms(letter), *(re.escape(other) for other in same.get(letter, ""))) for letter in text)
    return re.compile("".join(f"(?:{'|'.join(forms)})" for forms in letters))


def _forms(letter: str) -> list[str]:
    """Patterns for one letter: each begins with a literal, so that the search stays quick."""
    code = ord(letter)
    named = f"|{_NAMED[letter]}" if letter in _NAMED else ""
    forms = [
        "".join(f"%(?:25)*{_any_case(f'{byte:02x}')}" for byte in letter.encode("utf-8", "surrogatepass")),
        rf"\\\\*u{_any_case(f'{code:04x}')}",
        rf"&(?:amp;)*(?:#0*{code}|#[xX]0*{_any_case(f'{code:x}')}{named});",
    ]
    if letter in "\"'\\/":
        forms.append(rf"\\\\*{re.escape(letter)}")
    if letter == " ":
        forms.append(r"\+")
    return [*forms, re.escape(letter)]  # itself last: it may be the start of another of its forms


def _any_case(digits: str) -> str:
    return "".join(f"[{d}{d.upper()}]" if d.isalpha() else d for d in digits)


def _base64_cores(secret: str) -> Iterator[str]:
    """What base64 makes of the secret whatever stands before and after it: one piece per place it may begin at."""
    raw = secret.encode("utf-8", "surrogatepass")
    for before in range(3):
        text = base64.b64encode(b"\0" * before + raw).decode()
        core = text[-(-8 * before // 6) : 8 * (before + len(raw)) // 6]
        if len(core) >= _MIN_BASE64_CORE:
            yield core


@lru_cache(maxsize=512)
def _cached_base64_cores(secret: str) -> tuple[str, ...]:
    return tuple(_base64_cores(secret))


@lru_cache(maxsize=512)
def _literals(secret: str) -> tuple[bytes, ...]:
    """The longest pieces that stand in a document as they are if it holds the secret in any usual form."""
    pieces = [max(_PLAIN.findall(text), key=len, default="") for text in (secret, *_base64_cores(secret))]
    return tuple(piece.encode() for piece in pieces)
