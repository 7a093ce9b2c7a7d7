"""A device that keeps passkeys, in software: it answers the server's questions as a browser with a key in it would."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import struct
from dataclasses import dataclass, field
from typing import Any

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40


def text_of(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def bytes_of(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@dataclass
class Device:
    """One key pair. `origin` is where the browser believes to be; `verified`, whether its owner showed a finger."""

    origin: str = "http://localhost"
    verified: bool = True
    uses: int = 0
    handle: str = ""
    id: bytes = field(default_factory=lambda: os.urandom(32))
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    def create(self, question: str) -> str:
        """Answer the question for a new passkey."""
        options = json.loads(question)
        self.handle = options["user"]["id"]
        attested = bytes(16) + struct.pack(">H", len(self.id)) + self.id + self._public_key()
        data = self._about(options["rp"]["id"], ATTESTED) + attested
        return self._answer(
            clientDataJSON=text_of(self._seen("webauthn.create", options)),
            attestationObject=text_of(cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})),
        )

    def get(self, question: str) -> str:
        """Answer the question that the passkey is asked at sign-in."""
        options = json.loads(question)
        self.uses += 1
        data, seen = self._about(options["rpId"], 0), self._seen("webauthn.get", options)
        signature = self.key.sign(data + hashlib.sha256(seen).digest(), ec.ECDSA(hashes.SHA256()))
        return self._answer(
            clientDataJSON=text_of(seen), authenticatorData=text_of(data), signature=text_of(signature),
            userHandle=self.handle,
        )  # fmt: skip

    def _seen(self, kind: str, options: dict[str, Any]) -> bytes:
        return json.dumps({"type": kind, "challenge": options["challenge"], "origin": self.origin}).encode()

    def _about(self, site: str, flags: int) -> bytes:
        flags |= PRESENT | (VERIFIED if self.verified else 0)
        return hashlib.sha256(site.encode()).digest() + bytes([flags]) + struct.pack(">I", self.uses)

    def _public_key(self) -> bytes:
        numbers = self.key.public_key().public_numbers()
        x, y = (number.to_bytes(32, "big") for number in (numbers.x, numbers.y))
        return cbor2.dumps({1: 2, 3: -7, -1: 1, -2: x, -3: y})

    def _answer(self, **response: str) -> str:
        return json.dumps(
            {"id": text_of(self.id), "rawId": text_of(self.id), "type": "public-key", "response": response}
        )
