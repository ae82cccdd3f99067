"""Puts something of everything into the service that is tried, so that calls find what they ask for."""

import json
import os

from people import PASSWORD, SEEDED, WORK, ask, login, one_time_code

OPERATOR = "operator@keepsake.example"


def main():
    token = login(OPERATOR)
    secret = ask("POST", "/api/auth/mfa/totp/enroll", token, {"password": PASSWORD}).json()["secret"]
    token = ask("POST", "/api/auth/mfa/totp/confirm", token, {"code": one_time_code(secret)}).json()["access_token"]
    me = ask("GET", "/api/auth/me", token).json()
    stand_in = ask("GET", "/api/auth/me", login("stand-in@keepsake.example")).json()
    ask("PUT", f"/api/users/{me['id']}/emergency-authorisation", token, {"authorised": True})

    supplier = ask("POST", "/api/organisations", token, {"name": "Meadow Weddings"}).json()["id"]
    for role in ["admin", "member", "auditor"]:
        user = {"organisation_id": supplier, "email": f"{role}@meadow.example", "role": role, "password": PASSWORD}
        ask("POST", "/api/users", token, user)
    target = {"name": "disk", "tier": "local", "url": f"file://{WORK}/store"}
    ask("POST", "/api/backup/storage/targets", token, target)

    socket = f"{os.environ['KEEPSAKE_HOME']}/catalog/server"
    dsn = f"host={socket} user=postgres dbname=planner"
    source = {"organisation_id": supplier, "name": "planner", "kind": "database", "capture_credential": dsn,
              "restore_credential": dsn}
    source = ask("POST", "/api/sources", token, source).json()["id"]
    mapping = ask("POST", f"/api/sources/{source}/inspect", token).json()["mapping"]
    ask("PUT", f"/api/sources/{source}/mapping", token, {"mapping": mapping}, {"If-Match": '"0"'})
    ask("POST", f"/api/sources/{source}/sync", token)
    weddings = ask("GET", "/api/weddings", token).json()["items"]
    ask("POST", "/api/backup/execute", token, {"wedding_id": weddings[0]["id"], "reason": "before the seating plan"})
    print(f"contract: {len(weddings)} weddings", flush=True)

    SEEDED.write_text(json.dumps({"secret": secret, "token": token, "spared": [me["id"], stand_in["id"]]}))


main()
