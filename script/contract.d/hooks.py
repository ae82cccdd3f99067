"""Who the requests of schemathesis come from, and what they leave alone."""

import threading
import time
import uuid

import schemathesis
from people import FRESH_SECONDS, ask, login, one_time_code, seeded

SEEDED = seeded()
STAND_IN = "stand-in"
OPERATOR = "operator"
LOCK = threading.Lock()


def who(case, _context):
    """Calls that end a session or count wrong codes are made by somebody whose session may end."""
    return STAND_IN if case.path.startswith("/api/auth/") and case.path != "/api/auth/me" \
        and not case.path.startswith("/api/auth/tokens") else OPERATOR


@schemathesis.auth(refresh_interval=FRESH_SECONDS, cache_by_key=who, retry_on=[])
class Bearer:
    """An access token: the operator's admin's with a fresh second factor."""

    def __init__(self):
        self.token = SEEDED["token"]
        self.used = int(time.time()) // 30

    def get(self, case, context):
        with LOCK:
            if who(case, context) == STAND_IN:
                return login("stand-in@keepsake.example")
            # A code works once, and seeding used one.
            while int(time.time()) // 30 == self.used:
                time.sleep(1)
            code = one_time_code(SEEDED["secret"])
            self.used = int(time.time()) // 30
            self.token = ask("POST", "/api/auth/mfa/verify", self.token, {"code": code}).json()["access_token"]
            return self.token

    def set(self, case, data, _context):
        case.headers = case.headers or {}
        case.headers["Authorization"] = f"Bearer {data}"


@schemathesis.hook
def before_call(_context, case, _kwargs):
    """Nobody changes or disables the two who ask: it would end the run, and is not what is tried."""
    parameters = case.path_parameters or {}
    if case.path.startswith("/api/users/{id}") and parameters.get("id") in SEEDED["spared"]:
        parameters["id"] = str(uuid.UUID(int=0))
