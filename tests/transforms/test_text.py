"""Plain text for the warehouse from HTML."""

from __future__ import annotations

import re

import pytest

from tests.support.frames import plain_list, texts
from transforms.text import capitals, first_filled, plain, plain_texts


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("Parka", "Parka", id="nothing to do"),
        pytest.param("  two \n\t blanks ", "two blanks", id="runs of blanks"),
        pytest.param("a\u00a0b", "a b", id="no-break space"),
        pytest.param("a<br>b<BR/>c<br />d", "a b c d", id="br"),
        pytest.param("<p>one</p><p>two</p>", "one two", id="closed paragraphs"),
        pytest.param("one<p>two<p>three", "one two three", id="paragraphs never closed"),
        pytest.param("<ul><li>one</li><li>two</li></ul>", "one two", id="closed list"),
        pytest.param("<ul><li>one<li>two</ul>", "one two", id="list never closed"),
        pytest.param('<p class="x">one</p><div id=y>two</div>', "one two", id="attributes"),
        pytest.param("<table><tr><td>a</td><td>b</td></tr></table>", "a b", id="table cells"),
        pytest.param("pre<b>fix</b>ed", "prefixed", id="inline tag joins"),
        pytest.param("<pre>x</pre>y", "xy", id="pre is not p"),
        pytest.param("Caf&eacute; &amp; &#39;T&#x27;", "Café & 'T'", id="entities"),
        pytest.param("Caf&eacute; <b>&amp;</b>", "Café &", id="entities next to a tag"),
        pytest.param("AT&T <b>R&D</b>", "AT&T R&D", id="bare ampersand"),
        pytest.param("&amp;lt;", "<", id="escaped twice"),
        pytest.param("&lt;p&gt;Soft&lt;/p&gt;&lt;script&gt;alert(1)&lt;/script&gt;", "Soft", id="escaped markup"),
        pytest.param("&amp;lt;b&amp;gt;Warm&amp;lt;/b&amp;gt;", "Warm", id="markup escaped twice"),
        pytest.param("&#60;img src=x onerror=alert(1)&#62;Wool", "Wool", id="markup as numeric entities"),
        pytest.param("<scr<script>ipt>alert(1)</script>", None, id="a tag inside a tag"),
        pytest.param("&amp;amp;amp;amp;amp;amp;amp;amp;amp;lt;i&amp;gt;deep", "amp;lt;i deep", id="escaped too often"),
        pytest.param("Ring <Gold> 5mm", "Ring Gold 5mm", id="words in angle brackets"),
        pytest.param("Tee &lt;Organic cotton&gt;", "Tee Organic cotton", id="escaped words in angle brackets"),
        pytest.param("Størrelse <Ås>", "Størrelse Ås", id="a word that is not ASCII in angle brackets"),
        pytest.param("<p>5 &lt; 6</p>", "5 < 6", id="escaped less-than"),
        pytest.param("x<script>if (a<b) alert('no')</script>y", "xy", id="script goes with its text"),
        pytest.param("<style>p{}</style>text", "text", id="style goes with its text"),
        pytest.param("a<!-- hidden -->b", "ab", id="comment"),
        pytest.param("a < b", "a < b", id="less-than with blanks"),
        pytest.param("from 5 <10", "from 5 <10", id="less-than before a digit"),
        pytest.param("XS<S<M", "XS<S<M", id="less-than before a letter"),
        pytest.param("warmth: x<y, <b>light</b>", "warmth: x<y, light", id="less-than before a tag"),
        pytest.param('<img alt="a>b" src="x">picture', "picture", id="greater-than in an attribute"),
        pytest.param("a>b", "a>b", id="greater-than"),
        pytest.param("<p> &nbsp; <br></p>", "", id="an editor's empty paragraph"),
        pytest.param("a\x00b\x07<b>\x7fc</b>\x0bd\x85e", "abc d e", id="control characters"),
        pytest.param("a\u200db", "a\u200db", id="joiners, as in emoji"),
        pytest.param("", "", id="empty"),
    ],
)
def test_plain_removes_tags_scripts_and_entities(text: str, expected: str | None) -> None:
    """The result is one line, no part of the text itself is lost, and cleaning it again changes nothing."""
    cleaned = plain(text)
    assert expected is None or cleaned == expected
    assert plain(cleaned) == cleaned
    assert re.search(r"<[a-z/!?][^<>]*>", cleaned, re.IGNORECASE) is None


def test_plain_texts_keep_their_index() -> None:
    """Null and texts without content become null."""
    html_texts = texts(["<b>a</b>", None, "<br>", "<b>a</b>", ""])
    html_texts.index = [4, 3, 2, 1, 0]
    cleaned = plain_texts(html_texts)
    assert plain_list(cleaned) == ["a", None, None, "a", None]
    assert list(cleaned.index) == [4, 3, 2, 1, 0]


def test_first_filled_takes_the_first_with_more_than_blanks() -> None:
    """Null, empty and blank values are skipped; the chosen value is trimmed."""
    chosen = first_filled(texts([" a ", None, "", " ", None]), texts(["x", " b", "c", "\t", None]))
    assert plain_list(chosen) == ["a", "b", "c", None, None]


def test_first_filled_works_with_one_column() -> None:
    assert plain_list(first_filled(texts(["a", " ", None]))) == ["a", None, None]


@pytest.mark.parametrize("text", ["\u200b", "\u00ad\ufeff", "\u200b\u00a0\u200b", "\u200e \u200f", "\u3000"])
def test_a_text_of_invisible_characters_is_no_text(text: str) -> None:
    """Left over by editors: zero-width blanks, soft hyphens, byte order marks and marks of direction."""
    assert plain_list(plain_texts(texts([text, f"{text}a"]))) == [None, " ".join(f"{text}a".split())]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("pt", "PT"),
        ("a-1\x7f", "A-1\x7f"),
        ("", ""),
        (None, None),
        ("straße", "straße"),
        ("ı", "ı"),
        ("\x80a", "\x80a"),
    ],
)
def test_only_ascii_texts_get_capitals(code: str | None, expected: str | None) -> None:
    assert plain_list(capitals(texts([code, "x"]))) == [expected, "X"]
