"""Logging in to the service that is tried, and the second factor: what seed.py and hooks.py have in common."""

import base64
import hashlib
import hmac
import json
import os
import struct
import time
from pathlib import Path

import requests

URL = os.environ["KEEPSAKE_CONTRACT_URL"]
WORK = Path(os.environ["KEEPSAKE_CONTRACT_WORK"])
SEEDED = WORK / "seeded.json"
PASSWORD = (WORK / "password").read_text().strip()
# Access tokens live for 15 minutes and a second factor is fresh for 5.
FRESH_SECONDS = 240


def ask(method, path, token=None, body=None, headers=None):
    """A request that must succeed; its answer."""
    headers = dict(headers or {})
    if token:
        headers["Authorization"] = f"Bearer {token}"
    answer = requests.request(method, URL + path, json=body, headers=headers, timeout=30)
    if not answer.ok:
        raise RuntimeError(f"{method} {path}: {answer.status_code} {answer.text}")
    return answer


def login(email):
    """A new session; its access token."""
    body = {"email": email, "password": PASSWORD}
    return ask("POST", "/api/auth/login", body=body).json()["access_token"]


def one_time_code(secret):
    """What an authenticator shows now (RFC 6238)."""
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    mac = hmac.new(key, struct.pack(">Q", int(time.time()) // 30), hashlib.sha1).digest()
    offset = mac[-1] & 15
    return f"{(struct.unpack('>I', mac[offset:offset + 4])[0] & 0x7FFFFFFF) % 1_000_000:06}"


def seeded():
    """What seed.py left."""
    return json.loads(SEEDED.read_text())
