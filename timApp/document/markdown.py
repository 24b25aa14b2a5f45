"""Markdown to HTML that is safe to show, and the title of a document."""

from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import pairwise
from urllib.parse import urlsplit

import nh3
from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

from timApp.util.text import fits_a_line, storable

TITLE_MAX_LENGTH = 255
"""Longest title, in characters."""

#: A source of more characters counts as large: fewer of them are kept, for they take memory.
_LARGE_SOURCE = 65_536

_TAGS = {
    *("h1", "h2", "h3", "h4", "h5", "h6", "p", "blockquote", "pre", "hr", "div"),
    *("ul", "ol", "li", "table", "thead", "tbody", "tr", "th", "td"),
    *("a", "img", "em", "strong", "s", "code", "br"),
}
_ATTRIBUTES = {"a": {"href", "title"}, "img": {"src", "alt", "title"}, "ol": {"start"}}
_CELL_CLASSES = {"text-start", "text-center", "text-end"}
_CLASSES = {
    "div": {"table-responsive"},
    "table": {"table"},
    "img": {"img-fluid"},
    "td": _CELL_CLASSES,
    "th": _CELL_CLASSES,
}
# A box that scrolls sideways must be within reach of the keyboard.
_SCROLLING = {"div": {"tabindex": "0"}, "pre": {"tabindex": "0"}}
_URL_SCHEMES = {"http", "https", "mailto"}
_ALIGNMENT_CLASSES = {
    "text-align:left": "text-start",
    "text-align:center": "text-center",
    "text-align:right": "text-end",
}

# Raw HTML in the source is shown as text. The sanitiser behind it is a second wall.
_parser = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])


def render_markdown(source: str) -> Markup:
    """Return the HTML of a Markdown text: CommonMark, tables and ~~strikethrough~~.

    Safe for any `source`: what is not on the list of allowed tags, attributes and URL schemes
    (http, https, mailto, and relative ones; images of this site alone) is not in the result. Tags
    in the source are shown as text, and an image of another site as a link to it. What no page can
    hold, such as half a character of UTF-16, is shown as U+FFFD. Results are kept, so that showing
    a document again costs nothing.
    """
    render = _render_small if len(source) <= _LARGE_SOURCE else _render_large
    return render(storable(source))


def title_of(source: str, fallback: str) -> str:
    """Return the text of the first heading that has any, without its markup; else `fallback`.

    One line, without control characters, and at most `TITLE_MAX_LENGTH` characters: the rest of a
    longer one is left out.
    """
    tokens = _parser.parse(source)
    for opening, content in pairwise(tokens):
        if opening.type == "heading_open":
            title = _one_line(_plain_text(content.children or []))
            if title:
                return title
    return _one_line(fallback)


def addresses_in(source: str) -> Iterator[str]:
    """Yield the addresses of all pictures and links, as the HTML would have them."""
    for token in _parser.parse(source):
        for part in token.children or ():
            name = {"image": "src", "link_open": "href"}.get(part.type)
            if name is not None:
                yield str(part.attrs[name])


def _render(source: str) -> Markup:
    tokens = [_presentable(token) for token in _parser.parse(source)]
    html = _parser.renderer.render(tokens, _parser.options, {})
    clean = nh3.clean(
        html,
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        allowed_classes=_CLASSES,
        set_tag_attribute_values=_SCROLLING,
        url_schemes=_URL_SCHEMES,
        link_rel="noopener noreferrer",
    )
    return Markup(clean)  # noqa: S704 - nh3 has just sanitised it


_render_small = lru_cache(maxsize=256)(_render)
_render_large = lru_cache(maxsize=8)(_render)


def _presentable(token: Token) -> Token:
    """Fit a token to the site's pages, which forbid inline styles and images of other sites."""
    if token.type in {"td_open", "th_open"}:
        alignment = _ALIGNMENT_CLASSES.get(str(token.attrs.pop("style", "")))
        if alignment is not None:
            token.attrSet("class", alignment)
    elif token.type == "inline":
        token.children = list(_with_images(token.children or []))
    return token


def _with_images(tokens: Iterable[Token]) -> Iterator[Token]:
    """Yield the tokens of a line, with something in place of images that no page may show."""
    links = 0
    for token in tokens:
        links += token.nesting if token.type in {"link_open", "link_close"} else 0
        if token.type == "image":
            yield from _shown_image(token, is_in_link=links > 0)
        else:
            yield token


def _shown_image(image: Token, *, is_in_link: bool) -> Iterable[Token]:
    """Return an image of this site; of another one a link, or in one the description alone.

    The browser would tell that site who reads what, and it may show something else tomorrow.
    """
    address = str(image.attrs["src"])
    try:
        url = urlsplit(address)
    except ValueError:
        return [_text(_plain_text(image.children or []))]
    if not url.scheme and not address.startswith("//"):  # the rest of that begins with a host
        image.attrSet("class", "img-fluid")
        return [image]
    description = _plain_text(image.children or [])
    if is_in_link or url.scheme not in {"http", "https", ""}:
        return [_text(description)]
    opening = Token("link_open", "a", 1, attrs={"href": address})
    return [opening, _text(description or address), Token("link_close", "a", -1)]


def _text(content: str) -> Token:
    return Token("text", "", 0, content=content)


def _plain_text(tokens: list[Token]) -> str:
    parts = []
    for token in tokens:
        if token.type == "image":
            parts.append(_plain_text(token.children or []))
        elif token.type in {"softbreak", "hardbreak"}:
            parts.append(" ")
        else:
            parts.append(token.content)  # empty for markup such as strong_open
    return "".join(parts)


def _one_line(text: str) -> str:
    blank_controls = (char if fits_a_line(char) else " " for char in text)
    line = " ".join("".join(blank_controls).split())
    if len(line) <= TITLE_MAX_LENGTH:
        return line
    return line[: TITLE_MAX_LENGTH - 1].rstrip() + "…"


def _open_table(*_arguments: object) -> str:
    return '<div class="table-responsive"><table class="table">\n'


def _close_table(*_arguments: object) -> str:
    return "</table></div>\n"


_parser.add_render_rule("table_open", _open_table)
_parser.add_render_rule("table_close", _close_table)
