"""Finds secrets in text, in every encoded form in which a system may repeat them.

A vendor's answer may contain a secret unchanged, or encoded for a web address, a form, JSON, HTML or base64, with
letters escaped that need no escape, or escaped twice. So the search matches letter by letter, each in any of its forms.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Collection, Iterator, Mapping
from functools import lru_cache
from itertools import chain
from types import MappingProxyType

MASK = "***"
MIN_LENGTH = 4  # masking shorter values would mask parts of ordinary words
# A product text contains no value of this length by chance, whereas an EAN may contain a merchant's number.
MIN_LENGTH_NO_FALSE_MATCH = 16
_MIN_BASE64_CORE = 6  # base64 characters
_MAX_FORM_LENGTH = 12  # characters of one encoded letter: `&amp;#x0027;`, with room for a second escaping
_HTML_ENTITIES = {"&": "amp", "<": "lt", ">": "gt", '"': "quot", "'": "apos"}
_URL_SAFE_BASE64 = MappingProxyType({"+": "-", "/": "_"})  # standard base64 character -> URL-safe one
# A token that is not registered as a secret, for example in an answer that was cut off.
_LABELLED_TOKEN = re.compile(
    r"""(?i)(?:access|refresh|id)_?token\b\\*["']?\s*[:=]\s*\\*["']?(?P<value>[^\s"'&,;}]{4,})"""
)
_IN_BASE64 = re.compile(r"(?:[A-Za-z0-9+/_=-]|\\+/|%(?:25)*(?:2[BbFf]|3[Dd]))*")
_IN_BASE64_BACKWARDS = re.compile(r"(?:[A-Za-z0-9+/_=-]|/\\+|(?:[BbFf]2|[Dd]3)(?:52)*%)*")
_JSON_ESCAPE = re.compile(r'\\(?:u([0-9A-Fa-f]{4})|(["\\/bfnrt]))')
_JSON_SIGNS = {'"': '"', "\\": "\\", "/": "/", "b": "\\b", "f": "\\f", "n": "\\n", "r": "\\r", "t": "\\t"}
_UNESCAPED = re.compile(r"[A-Za-z0-9._~-]+")  # characters that no form escapes


def mask(text: str, secrets: Collection[str]) -> str:
    """`text` with every form of every secret masked, and every value that `text` labels as a token."""
    return _replaced(text, _spans(text, secrets), len(text))


def strip(text: str, secrets: Collection[str]) -> str:
    """`text` with every form of every secret masked; values labelled as tokens stay."""
    return _replaced(text, _secret_spans(text, secrets), len(text))


def excerpt(text: str, max_chars: int, secrets: Collection[str], *, truncated: bool = False) -> str:
    """The first `max_chars` characters of `text`, masked, without a partial secret at the cut.

    `truncated` means that `text` is itself the start of a longer text.
    """
    margin = _MAX_FORM_LENGTH * max(map(len, secrets), default=0)
    head = text[: max_chars + margin]
    truncated = truncated or len(head) < len(text)
    end = min(max_chars, max(0, len(head) - margin)) if truncated else len(head)
    return _replaced(head, _spans(head, secrets), end)[:max_chars]


def contains(document: bytes, secrets: Collection[str]) -> bool:
    """Whether `document` contains a secret of at least MIN_LENGTH_NO_FALSE_MATCH characters, in any form."""
    long = [secret for secret in secrets if len(secret) >= MIN_LENGTH_NO_FALSE_MATCH]
    candidates = [
        spelling
        for secret in long
        for spelling in _spellings(secret)
        if any(literal in document for literal in _literals(spelling))
    ]
    return bool(candidates) and next(_secret_spans(document.decode("utf-8", "replace"), candidates), None) is not None


def _spans(text: str, secrets: Collection[str]) -> Iterator[tuple[int, int]]:
    for match in _LABELLED_TOKEN.finditer(text):
        yield match.span("value")
    yield from _secret_spans(text, secrets)


def _secret_spans(text: str, secrets: Collection[str]) -> Iterator[tuple[int, int]]:
    for secret in chain.from_iterable(map(_spellings, secrets)):
        if not _may_contain(text, secret):
            continue
        letter_pattern, core_patterns = _patterns(secret)
        for match in letter_pattern.finditer(text):
            yield match.span()
        for core in core_patterns:
            for match in core.finditer(text):
                yield _base64_run(text, *match.span())


@lru_cache(maxsize=512)
def _spellings(secret: str) -> tuple[str, ...]:
    """The secret, and its text after a JSON decoder has read the secret's own backslashes as escapes."""
    unescaped = _JSON_ESCAPE.sub(lambda match: chr(int(match[1], 16)) if match[1] else _JSON_SIGNS[match[2]], secret)
    return (secret, unescaped) if unescaped != secret and len(unescaped) >= MIN_LENGTH else (secret,)


def _may_contain(text: str, secret: str) -> bool:
    """A quick test before the patterns are built, which is slow; most texts contain no secret.

    Without escapes in the text, the letters of a secret appear in it unchanged, except for backslashes before them.
    """
    if "%" in text or "&" in text or "\\u" in text:
        return True
    bare, standard = text.replace("\\", ""), str.maketrans("-_", "+/")
    if secret.replace("\\", "").replace("+", " ") in bare.replace("+", " "):
        return True
    return any(core.translate(standard) in bare.translate(standard) for core in _cached_base64_cores(secret))


def _base64_run(text: str, start: int, end: int) -> tuple[int, int]:
    """The complete base64 run around a part of it, because it may encode more than the secret, as in `id:secret`."""
    after = _IN_BASE64.match(text, end)
    before = _IN_BASE64_BACKWARDS.match(text[start - 1 :: -1] if start else "")
    return start - (before.end() if before else 0), after.end() if after else end


def _replaced(text: str, spans: Iterator[tuple[int, int]], until: int) -> str:
    """`text` up to `until`, with each span masked and overlapping spans masked once. A span that begins before `until`
    is masked to its end."""
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
    """The pattern that matches the secret letter by letter, and the patterns that match it inside base64."""
    return _letter_pattern(secret), tuple(_letter_pattern(core, _URL_SAFE_BASE64) for core in _base64_cores(secret))


def _letter_pattern(text: str, alternatives: Mapping[str, str] = MappingProxyType({})) -> re.Pattern[str]:
    """Matches `text` in any form; `alternatives` maps a letter to another that it may appear as."""
    letters = ((*_forms(letter), *(re.escape(other) for other in alternatives.get(letter, ""))) for letter in text)
    return re.compile("".join(f"(?:{'|'.join(forms)})" for forms in letters))


def _forms(letter: str) -> list[str]:
    """Patterns for one letter. Each begins with a literal, which keeps the search fast."""
    code = ord(letter)
    named = f"|{_HTML_ENTITIES[letter]}" if letter in _HTML_ENTITIES else ""
    forms = [
        "".join(f"%(?:25)*{_any_case(f'{byte:02x}')}" for byte in letter.encode("utf-8", "surrogatepass")),
        rf"\\\\*u{_any_case(f'{code:04x}')}",
        rf"&(?:amp;)*(?:#0*{code}|#[xX]0*{_any_case(f'{code:x}')}{named});",
    ]
    if letter in "\"'\\/":
        forms.append(rf"\\\\*{re.escape(letter)}")
    if letter == " ":
        forms.append(r"\+")
    return [*forms, re.escape(letter)]  # the letter itself last: another form may begin with it


def _any_case(digits: str) -> str:
    return "".join(f"[{d}{d.upper()}]" if d.isalpha() else d for d in digits)


def _base64_cores(secret: str) -> Iterator[str]:
    """The secret's base64 characters that do not depend on the surrounding text, for each of the three alignments."""
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
    """Pieces of which at least one appears unchanged in a document that contains the secret in a usual form."""
    pieces = [max(_UNESCAPED.findall(text), key=len, default="") for text in (secret, *_base64_cores(secret))]
    return tuple(piece.encode() for piece in pieces)
