//! Mails: to whom, with what in them, and what follows a refusal.

use crate::{
    contacts::contact,
    stage::{settings, tell_as},
    support::World,
};
use keepsake_app::{
    execution::{self, Asked, What},
    notification::{Settings, Smtp},
    wedding,
};
use keepsake_testkit::smtp::Server;
use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
};

const FROM: &str = "Keepsake <keepsake@backups.example>";

fn by(url: &str) -> Settings {
    Settings { smtp: Some(Smtp::new(url, FROM).unwrap()), ..settings() }
}

fn header<'a>(mail: &'a str, name: &str) -> &'a str {
    let line = mail.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")));
    line.unwrap_or_else(|| panic!("no {name}: {mail}"))
}

fn recipients(mails: &[String]) -> Vec<&str> {
    let mut to: Vec<&str> = mails.iter().map(|mail| header(mail, "To")).collect();
    to.sort_unstable();
    to
}

impl World {
    async fn emergency(&self) {
        let what = What::Wedding(self.weddings[0].id);
        let asked = Asked { what, target: None, emergency: true, reason: Some("Beatrix fell ill".to_owned()) };
        execution::start(&self.service, &self.admin(), &asked).await.unwrap();
    }

    async fn set_contacts(&self) {
        let contacts = [contact("venue@example.org", "Beatrix Barn", "venue"), contact("a1@example.org", "Me", "")];
        wedding::set_contacts(&self.service, &self.admin(), self.weddings[0].id, &contacts).await.unwrap();
    }
}

#[tokio::test]
async fn admins_and_members_are_told_and_in_an_emergency_the_contacts_each_once() {
    let world = World::new().await;
    let server = Server::start();
    world.other_admin().await;
    world.member().await;
    world.set_contacts().await;
    world
        .sql(
            "INSERT INTO keepsake.users (id, organisation_id, email, display_name, role, disabled_at, created_at) VALUES
                 (gen_random_uuid(), '00000000-0000-0000-0000-0000000000a0', 'left@example.org', '', 'admin', now(), now()),
                 (gen_random_uuid(), '00000000-0000-0000-0000-0000000000a0', 'elsewhere@example.org', '', 'member', NULL, now()),
                 (gen_random_uuid(), '00000000-0000-0000-0000-0000000000b0', 'foreign@example.org', '', 'admin', NULL, now())",
        )
        .await;
    let telling = tell_as(&world.service, by(&server.url()));
    world.happen().await;
    world.until_mailed(2).await;
    assert_eq!(
        recipients(&server.mails()),
        ["a1@example.org", "a2@example.org"],
        "no emergency: the admin and the member"
    );
    world.emergency().await;
    world.until_mailed(5).await;
    telling.stop().await;
    assert_eq!(world.count("mail_deliveries").await, 5, "nobody else was even thought of");
    let mails = server.mails();
    let emergency: Vec<String> =
        mails.into_iter().filter(|mail| header(mail, "Subject").contains("emergency")).collect();
    // The admin is a contact, too, and hears of it once.
    assert_eq!(recipients(&emergency), ["a1@example.org", "a2@example.org", "venue@example.org"]);
    let ids: BTreeSet<&str> = emergency.iter().map(|mail| header(mail, "Message-ID")).collect();
    assert_eq!(ids.len(), 3);
    for mail in &emergency {
        assert_eq!(header(mail, "From"), FROM);
        assert_eq!(header(mail, "Auto-Submitted"), "auto-generated");
        assert!(mail.contains(&format!("wedding id: {}", world.weddings[0].id)), "{mail}");
        assert!(!mail.contains("Beatrix"), "nothing that people wrote: {mail}");
        let others = ["a1@", "a2@", "venue@"].iter().filter(|address| mail.contains(*address)).count();
        // aiosmtpd writes the envelope into headers of its own; it names the same recipient.
        assert_eq!(others, 1, "no address but the one it goes to: {mail}");
    }
    let as_contact: Vec<&String> = emergency.iter().filter(|mail| mail.contains("emergency contact")).collect();
    assert_eq!(as_contact.len(), 1);
}

#[tokio::test]
async fn without_a_mail_server_no_mail_is_kept_for_later() {
    let world = World::new().await;
    let telling = world.tell();
    world.happen().await;
    world.until_told().await;
    telling.stop().await;
    assert_eq!(world.count("mail_deliveries").await, 0);
    let server = Server::start();
    let telling = tell_as(&world.service, by(&server.url()));
    world.happen().await;
    world.until_mailed(1).await;
    telling.stop().await;
    assert_eq!(server.mails().len(), 1, "what happened before is not told");
}

#[tokio::test]
async fn a_mail_that_is_put_off_comes_again_and_one_that_is_refused_does_not() {
    let world = World::new().await;
    // Greylisted once, then taken; an unknown mailbox; a server that wants another password, which the operator can mend.
    for (refusals, tries, state) in [
        (&["451 4.7.1 come again"][..], 2, "delivered"),
        (&["550 5.1.1 nobody here"; 3][..], 1, "given_up"),
        (&["530 5.7.0 log in first"; 3][..], 3, "given_up"),
    ] {
        world.sql("DELETE FROM keepsake.mail_deliveries").await;
        let server = Strict::start(refusals).await;
        let telling = tell_as(&world.service, by(&format!("smtp://127.0.0.1:{}", server.port)));
        world.happen().await;
        world.until_mailed(1).await;
        telling.stop().await;
        let owner = world.server.connect("catalog").await;
        let row = owner.query_one("SELECT state, attempts FROM keepsake.mail_deliveries", &[]).await.unwrap();
        assert_eq!((row.get::<_, String>(0), row.get::<_, i32>(1)), (state.to_owned(), tries), "{refusals:?}");
        assert_eq!(*server.tried.lock().unwrap(), usize::try_from(tries).unwrap(), "{refusals:?}");
    }
}

#[tokio::test]
async fn whoever_is_disabled_before_the_mail_is_sent_gets_none() {
    let world = World::new().await;
    let server = Strict::start(&["451 4.7.1 come again"]).await;
    let telling = tell_as(&world.service, by(&format!("smtp://127.0.0.1:{}", server.port)));
    world
        .sql(
            "CREATE FUNCTION leave() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                   UPDATE keepsake.users SET disabled_at = now() WHERE role = 'admin'; RETURN NULL; END $$;
               CREATE TRIGGER leave AFTER UPDATE OF attempts ON keepsake.mail_deliveries EXECUTE FUNCTION leave()",
        )
        .await;
    world.happen().await;
    world.until_mailed(1).await;
    telling.stop().await;
    let owner = world.server.connect("catalog").await;
    let row = owner.query_one("SELECT state, trouble FROM keepsake.mail_deliveries", &[]).await.unwrap();
    assert_eq!(
        (row.get::<_, String>(0), row.get::<_, String>(1)),
        ("given_up".to_owned(), "recipient_gone".to_owned())
    );
    assert_eq!(*server.tried.lock().unwrap(), 1);
}

impl World {
    /// Waits until so many mails were sent or given up, and none waits.
    async fn until_mailed(&self, count: i64) {
        let owner = self.server.connect("catalog").await;
        let ended = "SELECT count(*) FILTER (WHERE state <> 'waiting'), count(*) FILTER (WHERE state = 'waiting') \
                     FROM keepsake.mail_deliveries";
        for _ in 0..600 {
            let row = owner.query_one(ended, &[]).await.unwrap();
            if row.get::<_, i64>(0) >= count && row.get::<_, i64>(1) == 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("never {count} mails");
    }
}

/// A mail server that refuses recipients with these answers, one after the other, and then takes them.
struct Strict {
    port: u16,
    /// How many were named.
    tried: Arc<Mutex<usize>>,
}

impl Strict {
    async fn start(refusals: &'static [&'static str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let tried = Arc::new(Mutex::new(0));
        let counted = Arc::clone(&tried);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(Self::talk(stream, refusals, Arc::clone(&counted)));
            }
        });
        Self { port, tried }
    }

    async fn talk(stream: TcpStream, refusals: &[&str], tried: Arc<Mutex<usize>>) -> Option<()> {
        let (read, mut write) = stream.into_split();
        let mut lines = BufReader::new(read).lines();
        write.write_all(b"220 strict\r\n").await.ok()?;
        while let Some(line) = lines.next_line().await.ok()? {
            let answer = match line.split_whitespace().next()? {
                "RCPT" => {
                    let mut tried = tried.lock().unwrap();
                    *tried += 1;
                    refusals.get(*tried - 1).copied().unwrap_or("250 yes")
                }
                "DATA" => {
                    write.write_all(b"354 go on\r\n").await.ok()?;
                    while lines.next_line().await.ok()?? != "." {}
                    "250 taken"
                }
                "QUIT" => return None,
                _ => "250 well",
            };
            write.write_all(format!("{answer}\r\n").as_bytes()).await.ok()?;
        }
        None
    }
}
