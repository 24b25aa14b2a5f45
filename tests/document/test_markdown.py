"""Markdown to safe HTML, titles, and the paths of documents."""

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from timApp.document.markdown import TITLE_MAX_LENGTH, render_markdown, title_of
from timApp.document.path import PATH_MAX_LENGTH, normal_path
from timApp.util.errors import BadInput

ATTACKS = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)>",
    "<iframe src='javascript:alert(1)'></iframe>",
    "<a href='javascript:alert(1)' onclick='alert(1)'>x</a>",
    "<style>body{display:none}</style>",
    "<!-- <script>alert(1)</script> -->",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](java&#10;script:alert(1))",
    "[x](vbscript:alert(1))",
    "[x](data:text/html;base64,PHNjcmlwdD4=)",
    "[x](file:///etc/passwd)",
    "<javascript:alert(1)>",
    "[x][r]\n\n[r]: javascript:alert(1)",
    '[x](/ok "\\" onmouseover=alert(1) x=\\"")',
    "![x](javascript:alert(1))",
    '![x\\" onerror=alert(1)](https://example.org/x.png)',
    '![x](https://example.org/x.png "\\" onerror=alert(1)")',
    "`<script>alert(1)</script>`",
    "```<script>\nx\n```",
    '```" onclick="alert(1)\nx\n```',
    "| a |\n|--|\n| <script>alert(1)</script> |",
    "# <script>alert(1)</script>",
    "\\<script>alert(1)</script>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
]

SAFE_ATTRIBUTES = {"href", "src", "alt", "title", "rel", "class", "start", "tabindex"}
SAFE_TAGS = {
    *("a", "blockquote", "br", "code", "div", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr"),
    *("img", "li", "ol", "p", "pre", "s", "strong"),
    *("table", "tbody", "td", "th", "thead", "tr", "ul"),
}


class Inspector(HTMLParser):
    """Reads HTML as a browser does and collects the tags and attributes in it."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str]] = []
        self.comments: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag and its attributes."""
        self.tags.add(tag)
        self.attributes.extend((name, value or "") for name, value in attrs)

    def handle_comment(self, data: str) -> None:
        """Note a comment."""
        self.comments.append(data)


def assert_harmless(html: str) -> None:
    """Check that a browser finds nothing in the HTML that could run or load from a bad place."""
    found = Inspector(html)
    assert found.tags <= SAFE_TAGS
    assert {name for name, _ in found.attributes} <= SAFE_ATTRIBUTES
    assert not found.comments
    for name, value in found.attributes:
        if name in {"href", "src"}:
            # A browser passes over controls at the start, and tabs and line ends anywhere.
            seen = re.sub(r"^[\0- ]+|[\t\r\n]", "", value)
            scheme = re.match(r"[A-Za-z][A-Za-z0-9+.-]*:", seen)
            assert scheme is None or scheme[0].lower() in {"http:", "https:", "mailto:"}


@pytest.mark.parametrize("source", ATTACKS)
def test_nothing_that_could_run_survives_rendering(source: str) -> None:
    """Scripts, event handlers, raw HTML and dangerous addresses are text, or gone."""
    assert_harmless(render_markdown(source))


@given(st.text(alphabet="<>\"'&`|-![]()#:/*\\\n ajvscript=onx\0", max_size=80))
def test_no_text_whatever_renders_to_dangerous_html(source: str) -> None:
    """Whatever the source, the result has allowed tags and attributes only."""
    assert_harmless(render_markdown(source))


def test_raw_html_is_shown_as_text() -> None:
    """A person who writes a tag sees that tag, not its effect."""
    assert "&lt;b&gt;x&lt;/b&gt;" in render_markdown("<b>x</b>")


def test_the_usual_markup_is_rendered() -> None:
    """Headings, lists, emphasis, strikethrough, code, quotes and rules become their HTML."""
    html = render_markdown(
        "# A\n\n- *b* **c** ~~d~~ `e`\n\n3. f\n\n> g\n\n---\n\n```python\nx < 1\n```\n"
    )
    for part in (
        "<h1>A</h1>",
        "<em>b</em> <strong>c</strong> <s>d</s> <code>e</code>",
        '<ol start="3">',
        "<blockquote>",
        "<hr>",
        "x &lt; 1",
    ):
        assert part in html


def test_the_result_is_markup() -> None:
    """Templates show the result as HTML without being told to."""
    assert isinstance(render_markdown("x"), Markup)


def test_a_table_keeps_its_alignment_without_inline_style() -> None:
    """A column's alignment is a class, since the site's pages forbid inline styles."""
    html = render_markdown("| a | b | c |\n|:--|:-:|--:|\n| 1 | 2 | 3 |")
    assert '<td class="text-start">1</td>' in html
    assert '<td class="text-center">2</td>' in html
    assert '<td class="text-end">3</td>' in html
    assert "style" not in html


def test_wide_content_can_be_scrolled_with_the_keyboard() -> None:
    """A table stands in a box, and that and code are within reach of the Tab key."""
    html = render_markdown("| a |\n|---|\n| 1 |\n\n```\nx\n```")
    assert re.search(r'<div [^>]*tabindex="0"[^>]*><table', html)
    assert re.search(r'<pre [^>]*tabindex="0"', html)


@pytest.mark.parametrize(
    "address",
    ["https://example.org/a", "http://example.org/a", "mailto:a@example.org", "/view/a", "b#c"],
)
def test_ordinary_links_work_and_tell_the_target_nothing(address: str) -> None:
    """Links to the web, to mail addresses and within the site are kept."""
    html = render_markdown(f"[x]({address})")
    assert f'href="{address}"' in html
    assert 'rel="noopener noreferrer"' in html


@pytest.mark.parametrize("address", ["/a.png", "b/c.png", "?a.png"])
def test_images_of_this_site_are_shown(address: str) -> None:
    """Such an image is kept with its description."""
    html = render_markdown(f"![a cat]({address})")
    assert f'src="{address}"' in html
    assert 'alt="a cat"' in html


@pytest.mark.parametrize(
    "address",
    ["https://example.org/a.png", "http://example.org/a.png", "//example.org/a.png"],
)
def test_images_of_other_sites_are_links(address: str) -> None:
    """No browser asks another site by itself; whoever wants to see the image follows the link."""
    link = f'<a href="{address}" rel="noopener noreferrer">'
    assert render_markdown(f"![a *black* cat]({address})") == f"<p>{link}a black cat</a></p>\n"
    assert f">{address}</a>" in render_markdown(f"![]({address})")
    inside = render_markdown(f"[see ![a cat]({address}) here](/x)")
    assert inside == '<p><a href="/x" rel="noopener noreferrer">see a cat here</a></p>\n'


@pytest.mark.parametrize(
    "address",
    [
        "mailto:a@example.org",
        "data:image/png;base64,AAAA",
        "//[",
    ],
)
def test_other_images_are_replaced_by_their_description(address: str) -> None:
    """What is no address of an image is not loaded; its description, without markup, is shown."""
    html = render_markdown(f"![a *black* cat]({address})")
    assert "<img" not in html
    assert "a black cat" in html or "![a" in html


def test_a_text_is_rendered_once() -> None:
    """Showing a document again gives the very result that was kept, for large ones too."""
    for source in ("# small", "# large\n" + "x" * 100_000):
        assert render_markdown(source) is render_markdown(source)


@pytest.mark.parametrize(
    ("source", "title"),
    [
        ("# Exam", "Exam"),
        ("text\n\n### Third level\n\n# First", "Third level"),
        ("Exam\n====", "Exam"),
        ("# *An* **`exam`** ~~x~~ [link](https://example.org)", "An exam x link"),
        ("# ![a cat](/a.png) here", "a cat here"),
        ("# <b>x</b> &amp; \\*y\\*", "<b>x</b> & *y*"),
        ("#\n\n# Second", "Second"),
        ("    # code\n\n```\n# code\n```", "fallback"),
        ("", "fallback"),
        ("# a\tb", "a b"),
        ("a\nb\n===", "a b"),
        ("# a\x07b&#x2028;c", "a b c"),
        ("> # quoted", "quoted"),
    ],
)
def test_the_title_is_the_text_of_the_first_heading(source: str, title: str) -> None:
    """The first heading with any text gives the title, as plain text; else the fallback does."""
    assert title_of(source, "fallback") == title


@given(st.text(), st.text())
def test_a_title_is_one_line_of_bounded_length(source: str, fallback: str) -> None:
    """Whatever source and fallback are, the title has no control characters and is not too long."""
    for title in (title_of(source, fallback), title_of(f"# {source}", fallback)):
        assert len(title) <= TITLE_MAX_LENGTH
        assert not re.search(r"[\0-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029]", title)
        assert title == title.strip()


def test_a_long_title_shows_that_it_was_cut() -> None:
    """A title of too many characters ends with an ellipsis."""
    title = title_of("# " + "a" * 300, "")
    assert title == "a" * (TITLE_MAX_LENGTH - 1) + "…"


@pytest.mark.parametrize(
    "path", ["a", "exams/2024/first exam", "ä/日本", "a.b/.c", "...", "a?b#c%", "x" * 1000]
)
def test_ordinary_paths_are_kept_as_they_are(path: str) -> None:
    """Names with blanks inside, dots and any script may be in a path."""
    assert normal_path(path) == path


@pytest.mark.parametrize(
    "path",
    [
        *("", "/", "/a", "a/", "a//b", ".", "..", "a/../b", "./a", "a\\b", " a", "a /b", "a/ b"),
        *("a\0b", "a\nb", "a\x7fb", "a\x85b", "a\u2028b", "a\ud800b", "a/\N{NO-BREAK SPACE}b"),
        "x" * (PATH_MAX_LENGTH + 1),
    ],
)
def test_bad_paths_are_refused(path: str) -> None:
    """A path that could mislead, or that cannot be stored, is refused, and the field named."""
    with pytest.raises(BadInput) as caught:
        normal_path(path)
    assert caught.value.field == "path"
    assert caught.value.message.isprintable()
    assert len(caught.value.message) < 300


def test_one_name_is_one_path_however_it_is_encoded() -> None:
    """A letter with its accent apart (NFD) gives the same path as the composed one (NFC)."""
    assert normal_path("a\N{COMBINING DIAERESIS}") == "ä"


def test_half_a_character_is_shown_as_a_replacement() -> None:
    """A text that no page can hold is rendered all the same."""
    assert render_markdown("a \ud800 *b*\0") == "<p>a \ufffd <em>b</em>\ufffd</p>\n"
