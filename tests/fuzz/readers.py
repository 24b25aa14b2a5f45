"""All readers: those of texts, and those of what providers sign and of files that are sent."""

import gzip
import io
import plistlib
import zipfile

from hypothesis import strategies as st

from tests.auth.test_logouttoken import CLIENT, ISSUER, KEYS, claims, signed
from tests.fuzz.parsers import PARSERS, Parser, near, near_bytes
from timApp.auth.oidc.logouttoken import WrongLogoutToken, read_logout_token
from timApp.document.upload import SentFile, unpacked
from timApp.guard.exams.sebfile import read_seb_file
from timApp.util.errors import BadInput

_SETTINGS = plistlib.dumps({"startURL": "https://a.example/", "allowQuit": True, "n": [1, 2.5, {}]})
#: What a claim may be that is not what it should be.
_ODD = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.lists(st.text())
)


def _zipped() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("exam/part1.md", "# Part 1\n\n![](a.png)")
        archive.writestr("exam/a.png", b"PNG" * 100)
    return file.getvalue()


READERS = PARSERS | {
    "logout token": Parser(
        near(signed())
        | st.fixed_dictionaries({}, optional=dict.fromkeys(claims(), _ODD)).map(
            lambda said: signed(**said)
        ),
        lambda text: read_logout_token(text, KEYS, ISSUER, CLIENT),
        (WrongLogoutToken,),
    ),
    "settings of Safe Exam Browser": Parser(
        near_bytes(_SETTINGS, gzip.compress(b"plnd" + gzip.compress(_SETTINGS)), b"pswd"),
        read_seb_file,
        (BadInput,),
    ),
    "ZIP of documents": Parser(
        near_bytes(_zipped()),
        lambda content: unpacked([SentFile("exam.zip", content)]),
        (BadInput,),
    ),
}
