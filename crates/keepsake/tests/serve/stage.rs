//! A running service with an operator, a supplier with an admin and a member, and a planner's database to protect; and what was said
//! to each of them.

use crate::{
    identity,
    service::{Answer, Service},
    world::World,
};
use keepsake_testkit::{
    planner::{self, Spec},
    postgres::Server,
};
use serde_json::{Value, json};
use std::{cell::RefCell, fs};
use totp_rs::Totp;

/// In every connection string of the tests; must be found in no answer and in no log.
pub const SECRET: &str = "zX8-forget-me-not-Qw4";
pub const PASSWORD: &str = "another long passphrase";

pub struct Stage {
    pub service: Service,
    pub server: Server,
    pub world: World,
    /// Id of the supplier's organisation.
    pub supplier: String,
    /// Id of its member.
    pub member: String,
    /// Superuser of the planner's database.
    pub planner: tokio_postgres::Client,
    heard: RefCell<String>,
}

/// Somebody who is logged in.
pub struct Person<'a> {
    stage: &'a Stage,
    token: String,
}

impl Stage {
    /// With an operator and nobody else.
    pub async fn bare() -> Self {
        Self::bare_with("api", &[]).await
    }

    /// With an operator and nobody else; the service does these parts, with these variables in its environment.
    pub async fn bare_with(roles: &str, environment: &[(&str, &str)]) -> Self {
        let world = World::new();
        let (server, service) = identity::with_admin_and(&world, roles, environment).await;
        server.create_database("planner").await;
        let planner = server.connect("planner").await;
        planner::install(&planner).await.unwrap();
        let photos = world.path("photos");
        fs::create_dir(&photos).unwrap();
        planner::generate(&planner, &Spec::small(), Some(&photos)).await.unwrap();
        fs::create_dir_all(world.storage_folder()).unwrap();
        let (supplier, member) = (String::new(), String::new());
        Self { service, server, world, supplier, member, planner, heard: RefCell::default() }
    }

    pub async fn new() -> Self {
        Self::peopled(Self::bare().await)
    }

    /// The same, and it works: what is asked for is done, what is due comes by itself.
    pub async fn working() -> Self {
        Self::working_with(&[]).await
    }

    /// The same, with these variables in its environment.
    pub async fn working_with(environment: &[(&str, &str)]) -> Self {
        Self::peopled(Self::bare_with("api,worker,scheduler", environment).await)
    }

    fn peopled(mut stage: Self) -> Self {
        let operator = stage.operator();
        let made = operator.post("/api/organisations", &json!({"name": "Meadow Weddings"}));
        assert_eq!(made.status, 201, "{made:?}");
        let supplier = id(&made);
        let user = |email: &str, role: &str| {
            let new = json!({"organisation_id": supplier, "email": email, "role": role, "password": PASSWORD});
            let made = operator.post("/api/users", &new);
            assert_eq!(made.status, 201, "{made:?}");
            id(&made)
        };
        user("admin@meadow.example", "admin");
        let member = user("member@meadow.example", "member");
        stage.supplier = supplier;
        stage.member = member;
        stage
    }

    fn login(&self, email: &str, password: &str) -> Person<'_> {
        let body = json!({"email": email, "password": password}).to_string();
        let answer = self.service.curl("/api/auth/login", &["-H", "Content-Type: application/json", "-d", &body]);
        assert_eq!(answer.status, 200, "{answer:?}");
        let token = answer.json()["access_token"].as_str().unwrap().to_owned();
        Person { stage: self, token }
    }

    /// Whoever shows this token; nobody, if it is empty.
    pub fn holder(&self, token: &str) -> Person<'_> {
        Person { stage: self, token: token.to_owned() }
    }

    /// The operator's admin.
    pub fn operator(&self) -> Person<'_> {
        self.login(identity::EMAIL, identity::PASSWORD)
    }

    /// The supplier's admin.
    pub fn admin(&self) -> Person<'_> {
        self.login("admin@meadow.example", PASSWORD)
    }

    /// The supplier's member.
    pub fn member(&self) -> Person<'_> {
        self.login("member@meadow.example", PASSWORD)
    }

    /// The supplier's admin with the emergency flag, who enrolled an authenticator just now.
    pub fn restorer(&self) -> Person<'_> {
        let admin = self.admin();
        let me = id(&admin.get("/api/auth/me"));
        let enrolled = admin.post("/api/auth/mfa/totp/enroll", &json!({"password": PASSWORD}));
        assert_eq!(enrolled.status, 200, "{enrolled:?}");
        let code = Totp::from_url(text(&enrolled.json(), "url")).unwrap().generate_current().to_string();
        let confirmed = admin.post("/api/auth/mfa/totp/confirm", &json!({"code": code}));
        assert_eq!(confirmed.status, 200, "{confirmed:?}");
        let fresh = Person { stage: self, token: text(&confirmed.json(), "access_token") };
        let flag = format!("/api/users/{me}/emergency-authorisation");
        let set = fresh.put(&flag, &json!({"authorised": true}), None);
        assert_eq!(set.status, 200, "{set:?}");
        fresh
    }

    /// The connection string of a role that reads the planner, with the password to look for.
    pub fn dsn(&self) -> String {
        format!("{} password={SECRET}", self.server.dsn_as("planner_backup", "planner"))
    }

    /// A folder of the operator's to store in; its id.
    pub fn folder_target(&self) -> String {
        let new = json!({"name": "disk", "tier": "local", "url": self.world.storage()});
        let made = self.operator().post("/api/backup/storage/targets", &new);
        assert_eq!(made.status, 201, "{made:?}");
        assert_eq!(made.header("location").unwrap(), format!("/api/backup/storage/targets/{}", id(&made)));
        id(&made)
    }

    /// The planner, registered by the operator for the supplier; its id.
    pub fn planner_source(&self) -> String {
        let new = json!({"organisation_id": self.supplier, "name": "planner", "kind": "database",
            "capture_credential": self.dsn(), "restore_credential": self.server.dsn("planner"), "files_root": self.world.path("photos")});
        let made = self.operator().post("/api/sources", &new);
        assert_eq!(made.status, 201, "{made:?}");
        assert_eq!((made.header("etag"), made.header("location").is_some()), (Some("\"1\""), true));
        id(&made)
    }

    /// The planner, mapped as is proposed and looked through; its id.
    pub fn synced_source(&self) -> String {
        let (admin, source) = (self.admin(), self.planner_source());
        let proposal = admin.post(&format!("/api/sources/{source}/inspect"), &json!({}));
        assert_eq!(proposal.status, 200, "{proposal:?}");
        let mapping = json!({"mapping": proposal.json()["mapping"]});
        let set = self.operator().put(&format!("/api/sources/{source}/mapping"), &mapping, Some("\"0\""));
        assert_eq!((set.status, set.header("etag")), (200, Some("\"1\"")), "{set:?}");
        let synced = admin.post(&format!("/api/sources/{source}/sync"), &json!({}));
        assert_eq!(synced.status, 200, "{synced:?}");
        source
    }

    /// The supplier's weddings in the order of their days.
    pub fn weddings(&self) -> Vec<Value> {
        let listed = self.admin().get("/api/weddings");
        assert_eq!(listed.status, 200, "{listed:?}");
        listed.json()["items"].as_array().unwrap().clone()
    }

    /// Makes the member the only one of a wedding.
    pub fn assign(&self, wedding: &str) {
        let path = format!("/api/weddings/{wedding}/members");
        let set = self.admin().put(&path, &json!({"members": [self.member]}), None);
        assert_eq!((set.status, &set.json()["members"]), (200, &json!([self.member])), "{set:?}");
    }

    /// Looks for a text in everything that was answered or logged.
    #[track_caller]
    pub fn never_said(&self, text: &str) {
        assert!(!self.heard.borrow().is_empty());
        assert!(!self.heard.borrow().contains(text), "an answer holds {text}");
        assert!(!self.service.log().contains(text), "the log holds {text}");
    }
}

impl Person<'_> {
    pub fn get(&self, path: &str) -> Answer {
        self.ask(path, &["-X", "GET"])
    }

    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.post_once(path, body, None)
    }

    /// With an Idempotency-Key.
    pub fn post_once(&self, path: &str, body: &Value, key: Option<&str>) -> Answer {
        self.send("POST", path, body, key.map(|key| format!("Idempotency-Key: {key}")))
    }

    pub fn put(&self, path: &str, body: &Value, version: Option<&str>) -> Answer {
        self.send("PUT", path, body, version.map(|version| format!("If-Match: {version}")))
    }

    pub fn delete(&self, path: &str, version: Option<&str>) -> Answer {
        self.send("DELETE", path, &json!({}), version.map(|version| format!("If-Match: {version}")))
    }

    /// What is shown as theirs.
    pub fn token(&self) -> String {
        self.token.clone()
    }

    /// Any request with a body, and perhaps a header.
    pub fn send(&self, method: &str, path: &str, body: &Value, header: Option<String>) -> Answer {
        let (body, header) = (body.to_string(), header.unwrap_or_else(|| "X-Nothing: 0".to_owned()));
        // More than a command line takes goes by a file.
        let body = match body.len() {
            0..100_000 => body,
            _ => {
                let file = self.stage.world.path("body");
                fs::write(&file, body).unwrap();
                format!("@{}", file.display())
            }
        };
        self.ask(path, &["-X", method, "-H", "Content-Type: application/json", "-H", &header, "-d", &body])
    }

    fn ask(&self, path: &str, arguments: &[&str]) -> Answer {
        let authorization = format!("Authorization: Bearer {}", self.token);
        let answer = self.stage.service.curl(path, &[arguments, &["-H", &authorization]].concat());
        self.stage.heard.borrow_mut().push_str(&format!("{answer:?}\n"));
        answer
    }
}

/// The id of what was made or is shown.
#[track_caller]
pub fn id(answer: &Answer) -> String {
    text(&answer.json(), "id")
}

/// A text of an answer.
#[track_caller]
pub fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_else(|| panic!("no {name}: {value}")).to_owned()
}

/// Expects a refusal: its problem.
#[track_caller]
pub fn refused(answer: &Answer, status: u16, code: &str) -> Value {
    assert_eq!(answer.status, status, "{answer:?}");
    let problem = answer.json();
    assert_eq!(problem["code"], code, "{answer:?}");
    problem
}
