"""What an authenticator app shows, worked out here from RFC 6238, and not by what the tracker itself uses."""

from __future__ import annotations

import base64
import hashlib
import hmac
import struct
import time


def code(key: str, *, steps: int = 0) -> str:
    """The six figures for a key as it is shown to people, now or some steps of 30 seconds away."""
    secret = base64.b32decode("".join(key.split()).replace("-", "").upper())
    counter = struct.pack(">Q", int(time.time()) // 30 + steps)
    digest = hmac.new(secret, counter, hashlib.sha1).digest()
    start = digest[-1] & 15
    return f"{(int.from_bytes(digest[start : start + 4], 'big') & 0x7FFFFFFF) % 1_000_000:06}"
