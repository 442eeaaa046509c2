"""URIs without the keys in them: what documents and folders are called in results, messages and logs."""

from __future__ import annotations

import os
import re
from hashlib import blake2b

# A slash in a password that is not encoded makes the URI invalid, but no message may show it either: that is the second
# form, in which no numeric port follows the colon.
_USER = re.compile(r"(\w[\w+.-]*)://((?:[^/\s?#]*|[^/\s:@?#\[]*:(?!\d*(?:[/\s]|$))[^\s?#]*))@")
_QUERY = re.compile(r"\?([^\s#'\"<>]*=[^\s#'\"<>]*)")
_SIGNATURE = re.compile(r"sig|(?:.*[-_])?signature", re.IGNORECASE)
_SIGNED = re.compile(
    r"sig|signature|expires|policy|key-pair-id|security-token|(?:aws|oss)?accesskeyid|googleaccessid"
    # Those of Azure's shared access signatures.
    r"|s[veiprst]|s[dr]d|spr|srt|sip|ses|sk(?:oid|tid|t|e|s|v)|s[as]oid|suoid|scid|rs(?:cc|cd|ce|cl|ct)",
    re.IGNORECASE,
)
"""Parameters that belong to a signature."""
_VENDORS = re.compile(r"x-(?:amz|goog|oss|obs|cos|bce|tos|ms)-.*", re.IGNORECASE)
_KEY = re.compile(
    r".*(?:token|secret|passw(?:or)?d|pwd|signature|credentials?|(?:api|access|account)[-_]?key(?:id)?)"
    r"|(?:.*[-_])?(?:key|auth|authorization|sig|sas|jwt|hmac|hdnea|hdnts)",
    re.IGNORECASE,
)
_HASH = re.compile(r"~[0-9a-f]{16}")


def public(text: str) -> str:
    """A URI, or a text with URIs in it, without users, passwords and signatures.

    A document keeps this name when its signature is renewed. Any other key becomes a hash, since it might tell
    documents apart.
    """
    return _QUERY.sub(_unsigned, _USER.sub(_without_user, text)) if "://" in text else text


def _without_user(match: re.Match[str]) -> str:
    # In Azure's URIs, what stands for the user is the container.
    user = match[2].partition(":")[0] if match[1].lower().startswith("abfs") else ""
    return f"{match[1]}://{user}@" if user else f"{match[1]}://"


def _unsigned(match: re.Match[str]) -> str:
    options = [option.partition("=") for option in match[1].split("&")]
    is_signed = any(_SIGNATURE.fullmatch(name) for name, _, _ in options)
    kept = []
    for name, equals, value in options:
        if _VENDORS.fullmatch(name) or (is_signed and _SIGNED.fullmatch(name)):
            continue
        if value and _KEY.fullmatch(name) and not _HASH.fullmatch(value):
            value = f"~{blake2b(value.encode(), digest_size=8).hexdigest()}"
        kept.append(f"{name}{equals}{value}")
    return f"?{'&'.join(kept)}" if kept else ""


Taken = tuple[int, str]
"""What `public` removes from a URI: its position and text, or a negative number and the whole URI. It is the same for
all files of a folder, unless each has a signature of its own."""


def taken_out(uri: str) -> Taken | None:
    """What has to be put back into the public name of a URI to open it; None: nothing."""
    name = public(uri)
    if name == uri:
        return None
    start, length = len(os.path.commonprefix([uri, name])), len(uri) - len(name)
    cut = uri[start : start + length]
    return (start, cut) if length > 0 and put_back(name, (start, cut)) == uri else (-1, uri)


def put_back(name: str, taken: Taken | None) -> str:
    """The URI of a public name."""
    if taken is None:
        return name
    start, text = taken
    return text if start < 0 else name[:start] + text + name[start:]
