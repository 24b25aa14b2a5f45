"""The form of a SAML response that is looked at: one assertion, signed by itself, and no tricks.

Whoever may sign one assertion can wrap it into a document in which another one is read (Somorovsky
et al., "On Breaking SAML: Be Whoever You Want to Be", 2012), or cut its text in two by a comment.
Nothing of that fits into this form. Whether the signature is right is for the library to say.
"""

import base64
import binascii
import re
from collections import Counter
from typing import TYPE_CHECKING

from timApp.util.deferred import DeferredModule
from timApp.util.errors import AccessDenied

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from defusedxml import ElementTree
    from defusedxml import common as defused
else:
    ElementTree = DeferredModule("defusedxml.ElementTree")
    defused = DeferredModule("defusedxml.common")

_ASSERTION = "{urn:oasis:names:tc:SAML:2.0:assertion}"
_PROTOCOL = "{urn:oasis:names:tc:SAML:2.0:protocol}"
_SIGNATURE = "{http://www.w3.org/2000/09/xmldsig#}"
#: Characters of a response; one with a long list of groups has some ten thousand.
_LENGTH_MAX = 200_000
#: Elements in each other, beyond which nobody goes: the root is the first.
_DEPTH_MAX = 20
#: Said otherwise, another reader could find other characters.
_DECLARATION = re.compile(
    r"""\A<\?xml version=["']1\.0["']( encoding=["']utf-8["'])?( standalone=["']\w+["'])? ?\?>""",
    re.IGNORECASE,
)
_BEARER = "urn:oasis:names:tc:SAML:2.0:cm:bearer"
#: Ends of the names of algorithms; none with MD5 or SHA-1, of which two texts with one hash are
#: known, and none with a shared secret.
_SIGNED_WITH = re.compile(r"#(rsa|ecdsa)-sha(256|384|512)$")
_HASHED_WITH = re.compile(r"#sha(256|384|512)$")
#: What may be done to an element before it is hashed; others could take away what is read.
_TRANSFORMS = frozenset(
    (
        "http://www.w3.org/2000/09/xmldsig#enveloped-signature",
        "http://www.w3.org/2001/10/xml-exc-c14n#",
    )
)


class SamlRefused(AccessDenied):
    """The identity provider lets nobody in, or what came is not its answer to this browser."""


def read_form(encoded: str) -> str:
    """Return the XML of a response, which is in Base64; `SamlRefused` for any other form.

    One ``Response`` with one ``Assertion`` right below it, whose own ``Signature`` is of just this
    element; no comment, no document type, no processing instruction, nothing encrypted.
    """
    try:
        text = base64.b64decode("".join(encoded.split()), validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        raise _wrong("it is no UTF-8 in Base64") from None
    if len(text) > _LENGTH_MAX:
        raise _wrong("it is too long")
    body = _DECLARATION.sub("", text, count=1)
    if "<!" in body or "<?" in body or "\0" in body:
        raise _wrong("it has a comment, a document type or an instruction")
    try:
        root = ElementTree.fromstring(text, forbid_dtd=True)
    except (ElementTree.ParseError, defused.DefusedXmlException, ValueError, LookupError):
        raise _wrong("it is no XML") from None
    _check(root)
    return text


def _check(root: "Element") -> None:
    all_of_them = list(_within(root, 1))
    assertions = [one for one in all_of_them if one.tag == f"{_ASSERTION}Assertion"]
    below = [one for one in root if one.tag == f"{_ASSERTION}Assertion"]
    if root.tag != f"{_PROTOCOL}Response" or len(assertions) != 1 or len(below) != 1:
        raise _wrong("it is no response with one assertion")
    if any(_local(one.tag).startswith("Encrypted") for one in all_of_them):
        raise _wrong("something of it is encrypted")
    ids = Counter(value for one in all_of_them for name, value in one.items() if _is_id(name))
    if any(count > 1 for count in ids.values()):
        raise _wrong("two elements have one ID")
    (assertion,) = assertions
    signatures = [one for one in all_of_them if one.tag == f"{_SIGNATURE}Signature"]
    own = [one for one in signatures if one in list(assertion)]
    of_root = [one for one in signatures if one in list(root)]
    if len(own) != 1 or len(own) + len(of_root) != len(signatures) or len(of_root) > 1:
        raise _wrong("the assertion is not signed, or something else is")
    _check_signature(own[0], assertion)
    for one in of_root:
        _check_signature(one, root)
    methods = {one.get("Method") for one in all_of_them if _local(one.tag) == "SubjectConfirmation"}
    if methods != {_BEARER} or assertion.find(f"{_ASSERTION}Advice") is not None:
        raise _wrong("it is not for who brings it")


def _check_signature(signature: "Element", of: "Element") -> None:
    references = list(signature.iter(f"{_SIGNATURE}Reference"))
    if [one.get("URI") for one in references] != [f"#{of.get('ID')}"] or not of.get("ID"):
        raise _wrong("the signature is of something else")
    done = {one.get("Algorithm") for one in signature.iter(f"{_SIGNATURE}Transform")}
    if not done <= _TRANSFORMS or signature.find(f"{_SIGNATURE}Object") is not None:
        raise _wrong("the signature is of something else")
    for name, right in (("SignatureMethod", _SIGNED_WITH), ("DigestMethod", _HASHED_WITH)):
        used = [one.get("Algorithm", "") for one in signature.iter(f"{_SIGNATURE}{name}")]
        if len(used) != 1 or not right.search(used[0]):
            raise _wrong(f"{name} is none of SHA-256, SHA-384 and SHA-512")


def _within(element: "Element", depth: int) -> "list[Element]":
    if depth > _DEPTH_MAX:
        raise _wrong("it is nested too deeply")
    found = [element]
    for child in element:
        found += _within(child, depth + 1)
    return found


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]


def _is_id(name: str) -> bool:
    return _local(name).lower() == "id"


def _wrong(why: str) -> SamlRefused:
    return SamlRefused(
        "This is no answer of the identity provider to this browser. Log in again.",
        why=why,
    )
