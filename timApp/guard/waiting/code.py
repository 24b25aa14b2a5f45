"""What a short code looks like, and how it is mistyped."""

# Without characters that look like another: B8, I1, O0, S5, Z2, and V beside U.
LETTERS = "ACDEFGHJKLMNPQRTUWXY"
DIGITS = "34679"
#: The characters of a code, place by place.
PATTERN = (LETTERS, LETTERS, DIGITS, DIGITS)


def normal_code(text: str) -> str | None:
    """Return the text as a short code, in capitals and without blanks; None if it is none."""
    code = _typed(text)
    if len(code) != len(PATTERN):
        return None
    return code if all(char in kind for char, kind in zip(code, PATTERN, strict=True)) else None


def is_like_code(text: str) -> bool:
    """Tell whether the text may be meant as a code: a letter, and then a digit at least.

    It may lack a character, or have one too many.
    """
    code = _typed(text)
    is_short = abs(len(code) - len(PATTERN)) <= 1 and code.isascii() and code.isalnum()
    return is_short and not code[:2].isdigit() and not code[2:].isalpha()


def is_near(code: str, text: str) -> bool:
    """Tell whether the text may be the code, mistyped.

    One character is another one, is missing or too many, or two have changed places.
    """
    typed = _typed(text)
    if len(typed) != len(code):
        shorter, longer = sorted((typed, code), key=len)
        if len(longer) > len(shorter) + 1:
            return False
        return any(longer[:place] + longer[place + 1 :] == shorter for place in range(len(longer)))
    wrong = [place for place in range(len(code)) if code[place] != typed[place]]
    if len(wrong) == 2:  # noqa: PLR2004
        first, second = wrong
        is_swapped = code[first] == typed[second] and code[second] == typed[first]
        return is_swapped and second == first + 1
    return len(wrong) == 1


def _typed(text: str) -> str:
    return "".join(text.split()).upper()
