"""Times at the end of an exported row: ISO 8601 in UTC, always with microseconds.

PostgreSQL writes a time without the zeros at its end, and into a CSV with a blank in it. To have it
write two of them otherwise takes half as long again as all the rest of an export. What is done here
takes hardly any time of its own, for it is done while PostgreSQL writes the next row.

A row is the last one of a block, where COPY has left it; its last cells are times, or nothing where
there is none. The time zone is UTC, the date style ISO. It is mended in its place, from its end on.
Nine times of ten have six decimals; where the blank or the dot stands tells that, since no time is
shorter than `2026-11-24 09:00:00+00`.
"""

from collections.abc import Callable, Sequence

_COMMA, _QUOTE, _BLANK, _DOT = b'," .'
_T = ord("T")
#: What is missing, by the length of a time as far as its last decimal.
_MISSING = {
    len("2026-11-24 09:00:00"): b".000000",
    **{len("2026-11-24 09:00:00.") + count: (6 - count) * b"0" for count in range(1, 7)},
}
_OFFSET, _JSON_OFFSET = len("+00"), len('+00:00"')
_LENGTH, _JSON_LENGTH = (
    len("2026-11-24 09:00:00.123456+00"),
    len('"2026-11-24T09:00:00.123456+00:00"'),
)
_DATE = len("2026-11-24")
_DECIMALS = len(".123456")

RowEnd = Callable[[bytearray], None]


def csv_row_end(times: int) -> RowEnd:
    """Return what mends so many times of a block's last row, and ends it as lines of a CSV end."""
    if times == 2:  # noqa: PLR2004 - those of the reference page, which programs fetch by the million
        return _end_row_of_two
    from_blank = _LENGTH - _DATE

    def end_row(block: bytearray) -> None:
        end = len(block) - len("\n")
        for _ in range(times):
            if block[end - 1] == _COMMA:  # there is none
                end -= 1
                continue
            begin = end - _LENGTH
            is_short = block[end - from_blank] != _BLANK
            block[end:end] = b":00"
            if is_short:
                begin = _add_decimals(block, end - _OFFSET, _COMMA)
            block[begin + _DATE] = _T
            end = begin - 1
        block[-1:] = b"\r\n"

    return end_row


def _end_row_of_two(block: bytearray) -> None:
    """Do so for two times, of which the second may be missing: without a loop, in half the time."""
    if block[-2] == _COMMA:
        if block[-21] != _BLANK:
            _add_decimals(block, len(block) - len("+00,\n"), _COMMA)
        block[-21] = _T
        block[-2:] = b":00,\r\n"
        return
    if block[-20] != _BLANK:
        _add_decimals(block, len(block) - len("+00\n"), _COMMA)
    if block[-50] != _BLANK:
        _add_decimals(block, len(block) - len("+00,2026-11-24 09:00:00.123456+00\n"), _COMMA)
    block[-50] = block[-20] = _T
    block[-31:-31] = b":00"
    block[-1:] = b":00\r\n"


def json_row_end(names: Sequence[str]) -> RowEnd:
    """Return what mends the times of these names, and ends a row as objects that others follow."""
    before = [len(f',"{name}":') for name in reversed(names)]
    from_dot = _JSON_OFFSET + _DECIMALS

    def end_row(block: bytearray) -> None:
        end = len(block) - len("}\n")
        for length in before:
            if block[end - 1] != _QUOTE:
                end -= len("null") + length
                continue
            begin = end - _JSON_LENGTH
            if block[end - from_dot] != _DOT:
                begin = _add_decimals(block, end - _JSON_OFFSET, _QUOTE) - 1
            end = begin - length
        block[-1:] = b",\n"

    return end_row


def _add_decimals(block: bytearray, end: int, before: int) -> int:
    """Let a time have six decimals that ends there; return where it begins, after `before`."""
    begin = block.rindex(before, 0, end) + 1
    block[end:end] = _MISSING[end - begin]
    return begin
