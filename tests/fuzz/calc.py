"""What LibreOffice Calc makes of exports."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from defusedxml.ElementTree import iterparse

_CELL = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}table-cell"
_FORMULA = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}formula"
#: Text in double quotes (34), UTF-8 (76), from the first line on; see the documentation of
#: LibreOffice, "Filter Options for CSV".
_READING = "34,76,1"
_SECONDS = 600


def find_calc() -> str | None:
    """Return the program; None if it is not installed (Debian: libreoffice-calc-nogui)."""
    return shutil.which("soffice")


def formulas_in_calc(program: str, texts: Sequence[str], separators: str) -> Iterator[str]:
    """Yield the formulas that Calc finds in CSV files with these texts.

    It parts cells by each of the separators, as somebody has chosen who opens the file.
    """
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        files = [folder / f"{number}.csv" for number in range(len(texts))]
        for file, text in zip(files, texts, strict=True):
            file.write_text(text, "utf-8", newline="")
        parted = "/".join(str(ord(one)) for one in separators)
        command = [program, f"-env:UserInstallation={(folder / 'profile').as_uri()}", "--headless"]
        command += [f"--infilter=CSV:{parted},{_READING}", "--convert-to", "fods"]
        command += ["--outdir", made, *map(str, files)]
        subprocess.run(command, check=True, capture_output=True, timeout=_SECONDS)
        for file in files:
            for _, element in iterparse(file.with_suffix(".fods")):
                if element.tag == _CELL and _FORMULA in element.attrib:
                    yield element.attrib[_FORMULA]
                element.clear()
