"""What the help of each command ends with."""


def examples(*lines: str) -> str:
    """Return a help text's last paragraph, which shows commands as they are typed."""
    heading = "Example:" if len(lines) == 1 else "Examples:"
    # The first line tells Click not to wrap the others.
    return "\n".join(["\b", heading, *(f"  {line}" for line in lines)])
