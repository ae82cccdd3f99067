"""Who the requests of schemathesis come from, what they leave alone, and what every answer must be beside the description."""

import threading
import time
import uuid

import schemathesis
from people import FRESH_SECONDS, WORK, ask, login, one_time_code, seeded

SEEDED = seeded()
STAND_IN = "stand-in"
OPERATOR = "operator"
LOCK = threading.Lock()
# Nothing listens there: what is made up leads to no real store or server.
NOWHERE = "127.0.0.1:9"
# What only the service knows, and never says.
INSIDE = [str(WORK / "home"), "keepsake.audit_log", "row-level security", "error returned from database", "panicked", ".rs:"]


def who(case, _context):
    """Calls that end a session or count wrong codes are made by somebody whose session may end."""
    own = case.path.startswith("/api/auth/mfa/") or case.path in ["/api/auth/login", "/api/auth/logout", "/api/auth/refresh"]
    return STAND_IN if own else OPERATOR


@schemathesis.auth(refresh_interval=FRESH_SECONDS, cache_by_key=who, retry_on=[])
class Bearer:
    """An access token: the operator's admin's with a fresh second factor."""

    def __init__(self):
        self.token = SEEDED["token"]
        self.given = time.monotonic()
        # A code works once, and seeding used the present one.
        self.used = int(time.time()) // 30

    def get(self, case, context):
        with LOCK:
            if who(case, context) == STAND_IN:
                return login("stand-in@keepsake.example")
            if time.monotonic() - self.given < FRESH_SECONDS - 30:
                return self.token
            while int(time.time()) // 30 == self.used:
                time.sleep(1)
            code = one_time_code(SEEDED["secret"])
            self.used = int(time.time()) // 30
            self.token = ask("POST", "/api/auth/mfa/verify", self.token, {"code": code}).json()["access_token"]
            self.given = time.monotonic()
            return self.token

    def set(self, case, data, _context):
        case.headers = case.headers or {}
        case.headers["Authorization"] = f"Bearer {data}"


@schemathesis.hook
def before_call(_context, case, _kwargs):
    """Keeps the run alive, and on this machine."""
    parameters = case.path_parameters or {}
    if case.path.startswith("/api/users/{id}") and parameters.get("id") in SEEDED["spared"]:
        # Disabling those who ask would end the run, and is not what is tried.
        parameters["id"] = str(uuid.UUID(int=0))
    if isinstance(case.body, dict):
        for name in ["url", "location"]:
            if str(case.body.get(name, "")).startswith("s3://"):
                case.body[name] = f"s3://bucket/prefix?endpoint=https://{NOWHERE}"
                case.body["credentials"] = {"access_key_id": "a", "secret_access_key": "b"}


@schemathesis.check
def problems_are_whole(_context, response, case):
    """Every refusal is a problem that names its code, its status and its request, and says nothing of the inside."""
    request = response.headers.get("x-request-id")
    assert request, "the answer names no request"
    assert not any(word in response.text for word in INSIDE), "the answer tells of the inside"
    if response.status_code < 400 or case.method.upper() == "HEAD":
        return
    assert response.headers.get("content-type") == ["application/problem+json"], "the refusal is no problem"
    problem = response.json()
    assert problem["status"] == response.status_code, "the problem's status is another"
    assert [problem["request_id"]] == request, "the problem is of another request"
    assert problem["type"] == f"/api/problems/{problem['code']}", "the problem's page is another's"
    assert problem["detail"] and problem["title"] and problem["remediation"], "the problem has no words"
    assert problem["code"] not in ["internal", "catalog-failed"], "it is a fault of ours"
