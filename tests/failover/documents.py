"""The configuration in docs/failover.md: `python -m tests.failover.documents` puts it there."""

import re
from pathlib import Path

from tests.failover.cluster import CONFIGURATION

DOCUMENT = CONFIGURATION.parent / "failover.md"
_SHOWN = re.compile(
    r"^<!-- shown: (?P<name>[\w./]+) -->\n```(?P<language>\w*)\n(?P<text>.*?)^```\n",
    re.MULTILINE | re.DOTALL,
)


def shown(text: str) -> dict[str, str]:
    """Return what a document shows of files, by their names."""
    return {found["name"]: found["text"] for found in _SHOWN.finditer(text)}


def with_files(text: str) -> str:
    """Return the document with the files as they are."""

    def fence(found: re.Match[str]) -> str:
        file = (CONFIGURATION / found["name"]).read_text("utf-8")
        return f"<!-- shown: {found['name']} -->\n```{found['language']}\n{file}```\n"

    return _SHOWN.sub(fence, text)


def main(document: Path = DOCUMENT) -> None:
    """Show the files as they are."""
    document.write_text(with_files(document.read_text("utf-8")), "utf-8")


if __name__ == "__main__":
    main()
