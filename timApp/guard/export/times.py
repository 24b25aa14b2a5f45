"""Times at the end of an exported row: ISO 8601 in UTC, always with microseconds.

PostgreSQL writes a time without the zeros at its end, and into a CSV with a blank in it. To have it
write them otherwise takes half as long again as all the rest of an export. What is done here takes
hardly any time of its own, for it is done while PostgreSQL writes the next row.

A row is the last one of a block, where COPY has left it with its last two cells: the time of login,
and the time since when the session is expired, if it is. The time zone is UTC, the date style ISO.
It is mended in its place. Nine times of ten have six decimals; where the blank or the dot stands
tells that, since no time is shorter than `2026-11-24 09:00:00+00`.
"""

_COMMA, _QUOTE, _BLANK, _DOT = b'," .'
_T = ord("T")
#: What is missing, by the length of a time as far as its last decimal.
_MISSING = {
    len("2026-11-24 09:00:00"): b".000000",
    **{len("2026-11-24 09:00:00.") + count: (6 - count) * b"0" for count in range(1, 7)},
}
_HAS_NOT_EXPIRED = b',"expired_at":null}\n'


def end_csv_row(block: bytearray) -> None:
    """Mend the times of the block's last row, and end it as the lines of a CSV end."""
    if block[-2] == _COMMA:  # it has not expired
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


def end_json_row(block: bytearray) -> None:
    """Mend the times of the block's last row, and end it as objects that others follow."""
    if block.endswith(_HAS_NOT_EXPIRED):
        if block[-34] != _DOT:
            _add_decimals(block, len(block) - len(b'+00:00"' + _HAS_NOT_EXPIRED), _QUOTE)
    else:
        if block[-16] != _DOT:
            _add_decimals(block, len(block) - len('+00:00"}\n'), _QUOTE)
        if block[-65] != _DOT:
            end = len(block) - len('+00:00","expired_at":"2026-11-24T09:00:00.123456+00:00"}\n')
            _add_decimals(block, end, _QUOTE)
    block[-1:] = b",\n"


def _add_decimals(block: bytearray, end: int, before: int) -> None:
    """Let a time have six decimals that ends there and begins after that character."""
    block[end:end] = _MISSING[end - block.rindex(before, 0, end) - 1]
