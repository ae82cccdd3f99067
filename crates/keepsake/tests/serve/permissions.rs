//! Every described call, asked by everybody: what the service answers is what the permission table decides.
//!
//! The table is one thing and the handlers are another: a handler that asks for the wrong action, looks at the wrong owner, or asks
//! nothing, shows here. Each call is asked with a body that its rights allow to be understood and on a real thing, most of them so that
//! it changes nothing even for those who may.

use crate::{
    identity,
    service::Answer,
    stage::{Person, Stage, id, text},
};
use keepsake_domain::{
    Clock, SystemClock,
    permission::{self, Action, Actor, Relation, Role, Scope, Verdict, decide},
};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use totp_rs::Totp;

/// Described, and no action: pages of the documentation.
const OF_NOBODY: [&str; 1] = ["GET /api/problems/{code}"];
const PASSWORD: &str = "another long passphrase";

/// Whose the thing is that a call is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum On {
    /// A list, or the caller.
    Nothing,
    /// Something new, for the supplier.
    New,
    /// The wedding that the member is assigned to, or something of it.
    Wedding,
    /// Something of the supplier's.
    Supplier,
    /// A target of the operator's.
    Lent,
}

/// Somebody who asks.
struct Asker<'a> {
    name: String,
    actor: Actor,
    person: Person<'a>,
    /// They have nothing to do with the supplier.
    elsewhere: bool,
    /// They have a second factor.
    enrolled: bool,
}

impl Asker<'_> {
    fn relation(&self, on: On) -> Relation {
        let is_member = matches!(&self.actor, Actor::Person(person) if person.role == Role::Member);
        match on {
            On::Nothing => Relation::Collection,
            On::Lent => Relation::Organisation,
            _ if self.elsewhere => Relation::Foreign,
            On::New => Relation::Collection,
            On::Wedding if is_member => Relation::Own,
            On::Wedding | On::Supplier => Relation::Organisation,
        }
    }
}

/// How a call is asked.
struct Asked {
    on: On,
    /// Which of the actions that the call may be; the only one if it is `None`.
    action: Option<Action>,
    /// Of the thing that is changed. This one is of nothing, so that nothing is changed.
    version: bool,
    body: Value,
}

/// What there is to ask about, by the path before its id.
struct Things {
    ids: BTreeMap<&'static str, String>,
    supplier: String,
    member: String,
    refresh: String,
    /// A delivery of the webhook.
    delivery: String,
    /// Bodies that are understood.
    configuration: Value,
    policy: Value,
    webhook: Value,
}

/// How to ask a call. A call that is described and not here fails the test.
fn asked(call: &str, asker: &Asker<'_>, things: &Things) -> Option<Asked> {
    use Action::*;
    let (supplier, wedding) = (&things.supplier, &things.ids["/api/weddings/"]);
    let plain = |on: On, body: Value| Asked { on, action: None, version: false, body };
    let one_of = |on: On, action: Action, body: Value| Asked { on, action: Some(action), version: false, body };
    let nothing = json!({});
    let factor = if asker.enrolled { FactorReplace } else { FirstFactorEnroll };
    let at_operator = matches!(&asker.actor, Actor::Person(person) if person.operator);
    let password = if at_operator { identity::PASSWORD } else { PASSWORD };
    let database = "host=db.example.org user=u dbname=x";
    let bucket = "s3://bucket/p?endpoint=https://s3.example.org";
    Some(match call {
        "GET /healthz" | "GET /readyz" | "GET /metrics" | "GET /api/openapi.json" => plain(On::Nothing, nothing),
        "POST /api/auth/login" => plain(On::Nothing, json!({"email": "admin@meadow.example", "password": PASSWORD})),
        "POST /api/auth/refresh" => plain(On::Nothing, json!({"refresh_token": things.refresh})),
        "GET /api/auth/me" | "POST /api/auth/logout" => plain(On::Nothing, nothing),
        "POST /api/auth/mfa/totp/enroll" => one_of(On::Nothing, factor, json!({"password": password})),
        "POST /api/auth/mfa/totp/confirm" => one_of(On::Nothing, factor, json!({"code": "none"})),
        "POST /api/auth/mfa/verify" => plain(On::Nothing, json!({"recovery_code": "none"})),
        "POST /api/auth/tokens" => {
            plain(On::Nothing, json!({"name": "x", "scopes": ["read"], "expires_at": "2020-01-01T00:00:00Z"}))
        }
        "GET /api/auth/tokens"
        | "GET /api/users"
        | "GET /api/organisations"
        | "GET /api/sources"
        | "GET /api/weddings"
        | "GET /api/backup/storage/targets"
        | "GET /api/backup/executions"
        | "GET /api/backup/recovery-points"
        | "GET /api/backup/recovery/operations"
        | "GET /api/backup/status"
        | "GET /api/backup/configurations"
        | "GET /api/backup/configurations/templates"
        | "GET /api/backup/retention/policies"
        | "GET /api/webhooks"
        | "GET /api/system-config"
        | "GET /api/system-config/history" => plain(On::Nothing, nothing),
        "PUT /api/system-config" => Asked {
            version: true,
            ..one_of(On::Nothing, SystemConfigReplace, json!({"document": {}, "reason": "asked"}))
        },
        "POST /api/backup/configurations" => one_of(On::New, ConfigurationCreate, things.configuration.clone()),
        "POST /api/backup/configurations/bulk-create" => {
            one_of(On::New, ConfigurationBulkCreate, json!({"atomic": true, "items": [things.configuration]}))
        }
        "GET /api/backup/configurations/{id}"
        | "POST /api/backup/configurations/{id}/test"
        | "GET /api/backup/retention/policies/{id}"
        | "GET /api/webhooks/{id}"
        | "GET /api/webhooks/{id}/deliveries"
        | "POST /api/webhooks/{id}/test" => plain(On::Supplier, nothing),
        "POST /api/backup/configurations/{id}/undelete" => one_of(On::Supplier, ConfigurationUndelete, nothing),
        "PUT /api/backup/configurations/{id}" => {
            Asked { version: true, ..one_of(On::Supplier, ConfigurationReplace, things.configuration.clone()) }
        }
        "DELETE /api/backup/configurations/{id}" | "DELETE /api/webhooks/{id}" => {
            Asked { version: true, ..plain(On::Supplier, nothing) }
        }
        "POST /api/backup/retention/policies" => plain(On::New, things.policy.clone()),
        "PUT /api/backup/retention/policies/{id}" => Asked {
            version: true,
            ..one_of(On::Supplier, PolicyReplace, json!({"name": "a year", "rules": things.policy["rules"]}))
        },
        "POST /api/webhooks" => plain(On::New, things.webhook.clone()),
        "PUT /api/webhooks/{id}" => {
            let change = json!({"name": "hook", "url": "https://hooks.example.org/", "enabled": true});
            Asked { version: true, ..plain(On::Supplier, change) }
        }
        "POST /api/webhooks/{id}/deliveries/{delivery_id}/replay" => plain(On::Supplier, nothing),
        "GET /api/auth/tokens/{id}"
        | "DELETE /api/auth/tokens/{id}"
        | "GET /api/users/{id}"
        | "DELETE /api/users/{id}"
        | "GET /api/organisations/{id}"
        | "GET /api/sources/{id}"
        | "GET /api/sources/{id}/mapping"
        | "POST /api/sources/{id}/inspect"
        | "POST /api/sources/{id}/sync" => plain(On::Supplier, nothing),
        "POST /api/users" => plain(
            On::New,
            json!({"organisation_id": supplier, "email": "member@meadow.example", "role": "member", "password": PASSWORD}),
        ),
        "PUT /api/users/{id}" => plain(
            On::Supplier,
            json!({"email": "victim@meadow.example", "display_name": "", "role": "member", "disabled": false}),
        ),
        "PUT /api/users/{id}/emergency-authorisation" => plain(On::Supplier, json!({"authorised": false})),
        "POST /api/organisations" => plain(On::Nothing, json!({"name": "Harbour Weddings"})),
        "PUT /api/organisations/{id}" => plain(On::Supplier, json!({"name": "Meadow Weddings"})),
        "POST /api/backup/storage/targets" => {
            let keys = json!({"access_key_id": "a", "secret_access_key": "b"});
            let new = json!({"organisation_id": supplier, "name": "far", "tier": "offsite", "url": bucket, "credentials": keys});
            one_of(On::New, TargetCreate, new)
        }
        "GET /api/backup/storage/targets/{id}" => plain(On::Lent, nothing),
        "POST /api/backup/storage/targets/{id}/test" => one_of(On::Lent, LentTargetTest, nothing),
        "POST /api/sources" => {
            let new =
                json!({"organisation_id": supplier, "name": "far", "kind": "database", "capture_credential": database});
            one_of(On::New, SourceCreate, new)
        }
        "PUT /api/sources/{id}" => Asked {
            version: true,
            ..one_of(On::Supplier, HostSourceReplace, json!({"name": "planner", "files_root": "/srv"}))
        },
        "DELETE /api/sources/{id}" => Asked { version: true, ..plain(On::Supplier, nothing) },
        "PUT /api/sources/{id}/mapping" => Asked { version: true, ..plain(On::Supplier, json!({"mapping": ""})) },
        "GET /api/weddings/{id}"
        | "GET /api/weddings/{id}/criticality"
        | "GET /api/weddings/{id}/backup-settings"
        | "GET /api/weddings/{id}/members"
        | "GET /api/weddings/{id}/integrity"
        | "GET /api/weddings/{id}/timeline"
        | "GET /api/weddings/{id}/contacts" => plain(On::Wedding, nothing),
        "PUT /api/weddings/{id}/contacts" => plain(On::Wedding, json!({"contacts": []})),
        "PUT /api/weddings/{id}/backup-settings" => Asked {
            version: true,
            ..one_of(On::Wedding, WeddingSettingsReplace, json!({"frequency_override": "real_time"}))
        },
        "PUT /api/weddings/{id}/members" => plain(On::Wedding, json!({"members": [things.member]})),
        "POST /api/backup/execute" => {
            one_of(On::Wedding, WeddingBackup, json!({"wedding_id": wedding, "execution_type": "emergency"}))
        }
        "GET /api/backup/executions/{id}"
        | "GET /api/backup/progress/{execution_id}"
        | "POST /api/backup/executions/{id}/retry" => plain(On::Wedding, nothing),
        "POST /api/backup/executions/{id}/cancel" => one_of(On::Wedding, ManualExecutionCancel, nothing),
        "GET /api/backup/recovery-points/{id}" => plain(On::Wedding, nothing),
        "POST /api/backup/recovery/initiate" => plain(
            On::Wedding,
            json!({"wedding_id": wedding, "mode": "merge", "preview_hash": "none", "reason": "asked"}),
        ),
        "POST /api/backup/emergency-restore" => {
            plain(On::Wedding, json!({"wedding_id": wedding, "reason": "asked", "target_time": "2020-01-01T00:00:00Z"}))
        }
        "GET /api/backup/recovery/operations/{id}" | "POST /api/backup/recovery/operations/{id}/cancel" => {
            plain(On::Wedding, nothing)
        }
        "POST /api/backup/recovery/validate" | "POST /api/backup/recovery/test" => {
            plain(On::Wedding, json!({"recovery_point_id": things.ids["/api/backup/recovery-points/"]}))
        }
        "GET /api/backup/recovery/checks/{id}" => plain(On::Wedding, nothing),
        "POST /api/backup/recovery/operations/{id}/undo" => plain(On::Wedding, json!({"reason": "asked"})),
        _ => return None,
    })
}

/// What an answer says of somebody's rights. What was refused for another reason was allowed.
fn told(answer: &Answer) -> Verdict {
    let code = match answer.status {
        401 | 403 | 404 => text(&answer.json(), "code"),
        _ => return Verdict::Allowed,
    };
    match (answer.status, code.as_str()) {
        (401, "unauthenticated") => Verdict::Unauthenticated,
        (401, "mfa-required") => Verdict::NeedsMfa,
        (403, "forbidden") => Verdict::Forbidden,
        (404, "not-found") => Verdict::Hidden,
        _ => Verdict::Allowed,
    }
}

fn user(role: Role, operator: bool, emergency_authorised: bool, mfa_fresh: bool) -> Actor {
    Actor::Person(permission::Person { role, operator, emergency_authorised, mfa_fresh })
}

/// Makes what calls are about; the ids.
async fn things(stage: &Stage, restorer: &Person<'_>) -> Things {
    let (operator, target, source) = (stage.operator(), stage.folder_target(), stage.synced_source());
    let wedding = text(&stage.weddings()[0], "id");
    stage.assign(&wedding);
    let made = |answer: Answer| {
        assert!((200..300).contains(&answer.status), "{answer:?}");
        answer.json()
    };
    let execution = text(&made(restorer.post("/api/backup/execute", &json!({"wedding_id": wedding}))), "execution_id");
    let catalog = stage.server.connect("catalog").await;
    let point = "INSERT INTO keepsake.backup_snapshots (id, organisation_id, source_id, wedding_id, vault_id, storage_target_id, kind,
            captured_at, confirmed_at, incomplete, summary, raw_bytes, stored_bytes, retention_class, grade, keep_until, created_at)
        SELECT gen_random_uuid(), organisation_id, source_id, id, gen_random_uuid(), $2::text::uuid, 'wedding', now(), now(), false, '{}', 1, 1,
            'low', 'weekly', now(), now() FROM keepsake.weddings WHERE id = $1::text::uuid RETURNING id::text";
    let point: String = catalog.query_one(point, &[&wedding, &target]).await.unwrap().get(0);
    let preview = json!({"wedding_id": wedding, "recovery_point_id": point, "mode": "merge", "reason": "asked"});
    let preview = restorer.post("/api/backup/recovery/initiate?validate_only=true", &preview);
    assert_eq!(preview.status, 202, "{preview:?}");
    let operation = preview.header("location").unwrap().rsplit('/').next().unwrap().to_owned();
    let victim = json!({"organisation_id": stage.supplier, "email": "victim@meadow.example", "role": "member", "password": PASSWORD});
    let victim = text(&made(operator.post("/api/users", &victim)), "id");
    let ids = [
        ("/api/backup/executions/", execution.clone()),
        ("/api/backup/progress/", execution),
        ("/api/backup/recovery-points/", point.clone()),
        ("/api/backup/recovery/operations/", operation),
        ("/api/backup/storage/targets/", target.clone()),
        ("/api/organisations/", stage.supplier.clone()),
        ("/api/sources/", source.clone()),
        ("/api/users/", victim),
        ("/api/weddings/", wedding),
    ];
    let (supplier, member) = (stage.supplier.clone(), stage.member.clone());
    let mut things = Things {
        ids: ids.into(),
        delivery: String::new(),
        refresh: String::new(),
        configuration: json!({
            "organisation_id": supplier,
            "name": "each night",
            "backup_type": "incremental",
            "source_id": source,
            "scope": {"kind": "weddings_by_rule"},
            "schedule": {"kind": "cron", "expression": "30 2 * * *", "time_zone": "Europe/London"},
            "storage_targets": [{"tier": "local", "target_id": target}],
        }),
        policy: json!({"organisation_id": supplier, "name": "a year",
            "rules": {"critical_days": 366, "high_days": 366, "medium_days": 366, "low_days": 366}}),
        webhook: json!({"organisation_id": supplier, "name": "hook", "url": "https://hooks.example.org/"}),
        supplier,
        member,
    };
    let check = restorer.post("/api/backup/recovery/validate", &json!({"recovery_point_id": point}));
    things.ids.insert("/api/backup/recovery/checks/", text(&made(check), "check_id"));
    let of = |path: &str, body: &Value| text(&made(restorer.post(path, body)), "id");
    let configuration = of("/api/backup/configurations", &things.configuration);
    things.ids.insert("/api/backup/configurations/", configuration);
    things.ids.insert("/api/backup/retention/policies/", of("/api/backup/retention/policies", &things.policy));
    let webhook = of("/api/webhooks", &things.webhook);
    made(restorer.post(&format!("/api/webhooks/{webhook}/test"), &json!({})));
    things.delivery = text(&restorer.get(&format!("/api/webhooks/{webhook}/deliveries")).json()["items"][0], "id");
    things.ids.insert("/api/webhooks/", webhook);
    things
}

fn in_a_month() -> String {
    (SystemClock.now() + jiff::SignedDuration::from_hours(30 * 24)).to_string()
}

fn login(stage: &Stage, email: &str) -> Value {
    let answer = stage.holder("").post("/api/auth/login", &json!({"email": email, "password": PASSWORD}));
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

/// The operator's admin with a second factor given just now.
fn enrolled<'a>(stage: &'a Stage, operator: &Person<'_>) -> Person<'a> {
    let enrolled = operator.post("/api/auth/mfa/totp/enroll", &json!({"password": identity::PASSWORD}));
    let totp = Totp::from_url(text(&enrolled.json(), "url")).unwrap();
    let code = json!({"code": totp.generate_current().to_string()});
    let confirmed = operator.post("/api/auth/mfa/totp/confirm", &code);
    stage.holder(&text(&confirmed.json(), "access_token"))
}

/// Everybody who may ask, and a program of each scope.
fn askers<'a>(stage: &'a Stage, restorer: Person<'a>) -> Vec<Asker<'a>> {
    let operator = stage.operator();
    let harbour = id(&operator.post("/api/organisations", &json!({"name": "Harbour"})));
    for (organisation, email, role) in
        [(&stage.supplier, "auditor@meadow.example", "auditor"), (&harbour, "admin@harbour.example", "admin")]
    {
        let new = json!({"organisation_id": organisation, "email": email, "role": role, "password": PASSWORD});
        assert_eq!(operator.post("/api/users", &new).status, 201);
    }
    // The supplier's admin has a second factor from here on; a session without it is one that has not given it.
    let person = |name: &str, email: &str, actor: Actor, elsewhere: bool, enrolled: bool| Asker {
        name: name.to_owned(),
        actor,
        person: stage.holder(&text(&login(stage, email), "access_token")),
        elsewhere,
        enrolled,
    };
    let mut everybody = vec![
        Asker {
            name: "nobody".to_owned(),
            actor: Actor::Anonymous,
            person: stage.holder(""),
            elsewhere: true,
            enrolled: false,
        },
        person("member", "member@meadow.example", user(Role::Member, false, false, false), false, false),
        person("auditor", "auditor@meadow.example", user(Role::Auditor, false, false, false), false, false),
        person("admin", "admin@meadow.example", user(Role::Admin, false, true, false), false, true),
        person("another's admin", "admin@harbour.example", user(Role::Admin, false, false, false), true, false),
    ];
    // In a session of their own, which another's logout does not end.
    let boss = enrolled(stage, &stage.operator());
    for scope in Scope::ALL {
        // Metrics are the operator's.
        let of_operator = *scope == Scope::Metrics;
        let maker = if of_operator { &boss } else { &restorer };
        let new = json!({"name": scope.name(), "scopes": [scope.name()], "expires_at": in_a_month()});
        let made = maker.post("/api/auth/tokens", &new);
        assert_eq!(made.status, 201, "{made:?}");
        let actor = Actor::Service(permission::Service { operator: of_operator, scopes: BTreeSet::from([*scope]) });
        let person = stage.holder(&text(&made.json(), "secret"));
        let name = format!("token to {}", scope.name());
        everybody.push(Asker { name, actor, person, elsewhere: of_operator, enrolled: false });
    }
    let actor = user(Role::Admin, true, false, false);
    let name = "operator's admin".to_owned();
    everybody.push(Asker { name, actor, person: operator, elsewhere: true, enrolled: true });
    let actor = user(Role::Admin, true, false, true);
    let name = "operator's admin with a second factor".to_owned();
    everybody.push(Asker { name, actor, person: boss, elsewhere: true, enrolled: true });
    // The one who may most comes last, since what they may is done.
    let actor = user(Role::Admin, false, true, true);
    everybody.push(Asker { name: "restorer".to_owned(), actor, person: restorer, elsewhere: false, enrolled: true });
    everybody
}

#[tokio::test]
async fn every_described_call_is_granted_and_refused_as_the_permission_table_has_it() {
    let stage = Stage::new().await;
    let restorer = stage.restorer();
    let mut things = things(&stage, &restorer).await;
    things.refresh = text(&login(&stage, "member@meadow.example"), "refresh_token");
    let maker = stage.holder(&restorer.token());
    let everybody = askers(&stage, restorer);

    let description = stage.service.get("/api/openapi.json").json();
    let paths = description["paths"].as_object().unwrap();
    let calls = paths.iter().flat_map(|(path, item)| {
        item.as_object().unwrap().keys().map(move |method| format!("{} {path}", method.to_uppercase()))
    });
    let mut calls: Vec<String> = calls.filter(|call| !OF_NOBODY.contains(&call.as_str())).collect();
    // Logging out comes last: nothing can be asked after it.
    calls.sort_by_key(|call| call.ends_with("/logout"));
    assert!(calls.len() > 50, "{calls:?}");

    let mut wrong = Vec::new();
    for call in &calls {
        let (method, path) = call.split_once(' ').unwrap();
        if path == "/api/auth/tokens/{id}" {
            let new = json!({"name": "victim", "scopes": ["read"], "expires_at": in_a_month()});
            let made = maker.post("/api/auth/tokens", &new);
            assert_eq!(made.status, 201, "{made:?}");
            things.ids.insert("/api/auth/tokens/", text(&made.json()["token"], "id"));
        }
        for asker in &everybody {
            let Some(asked) = asked(call, asker, &things) else {
                wrong.push(format!("{call}: say in asked() how to ask it"));
                break;
            };
            let action = asked.action.or_else(|| {
                let mut actions = Action::of_call(call);
                actions.next().filter(|_| actions.next().is_none())
            });
            let Some(action) = action.filter(|action| action.rule().calls.contains(&call.as_str())) else {
                wrong.push(format!("{call}: it is no call of the permission table, or of several actions of it"));
                break;
            };
            let expected = decide(&asker.actor, action, asker.relation(asked.on));
            let place = things
                .ids
                .iter()
                .find(|(prefix, _)| path.strip_prefix(**prefix).is_some_and(|rest| rest.starts_with('{')));
            let path = place.map_or_else(
                || path.to_owned(),
                |(prefix, id)| {
                    let rest = path[prefix.len()..].split_once('}').unwrap().1;
                    format!("{prefix}{id}{rest}")
                },
            );
            let path = path.replace("{delivery_id}", &things.delivery);
            let version = asked.version.then(|| "If-Match: \"999\"".to_owned());
            let answer = match method {
                "GET" => asker.person.get(&path),
                _ => asker.person.send(method, &path, &asked.body, version),
            };
            if call == "POST /api/auth/refresh" && answer.status == 200 {
                things.refresh = text(&answer.json(), "refresh_token");
            }
            if told(&answer) != expected || answer.status >= 500 {
                wrong
                    .push(format!("{call} by {}: {expected:?} expected of {action:?}, and was {answer:?}", asker.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), calls.len() * everybody.len(), wrong.join("\n"));
}
