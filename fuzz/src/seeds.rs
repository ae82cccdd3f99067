//! The inputs that fuzzing starts from: one of each shape that the parsers accept, and a few that they must refuse.

use keepsake_vault::{
    Id, compress,
    config::{Chunker, Config, Extension, Kind},
    pack,
};
use std::num::NonZeroU32;

/// A vault's configuration as Keepsake writes it; the polynomial is the one that restic's documents use.
fn configuration() -> Vec<u8> {
    let chunker =
        Chunker { algorithm: "fastcdc-1".to_owned(), seed: [7; 32], min: 524_288, avg: 1_048_576, max: 8_388_608 };
    let keepsake = Extension {
        format: 1,
        kind: Kind::Wedding,
        name: "Ada & Grace".to_owned(),
        source: "planner".to_owned(),
        wedding: Some("42".to_owned()),
        chunker,
    };
    let plain = format!(r#"{{"version":2,"id":"{}","chunker_polynomial":"25b468838dcb75"}}"#, Id::of(b"vault"));
    let config = Config::parse(plain.as_bytes()).expect("what restic writes is read");
    Config { keepsake: Some(keepsake), ..config }.encode()
}

fn blob(tree: bool, offset: u32, length: u32, uncompressed: u32) -> pack::Entry {
    let kind = if tree { pack::Kind::Tree } else { pack::Kind::Data };
    pack::Entry {
        id: Id::of(&offset.to_le_bytes()),
        kind,
        offset,
        length,
        uncompressed_length: NonZeroU32::new(uncompressed),
    }
}

fn headers() -> Vec<Vec<u8>> {
    let entries = [blob(false, 0, 40, 0), blob(true, 40, 50, 99), blob(false, 90, 70_000, 100_000)];
    let header = pack::encode(&entries);
    let one = pack::encode(entries.get(..1).unwrap_or_default());
    vec![one, header]
}

const INDEXES: &[&str] = &[
    r#"{"packs":[{"id":"ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb","blobs":[{"id":"3e23e8160039594a33894f6564e1b1348bbd7a0088d42c4acb73eeaed59c009d","type":"data","offset":0,"length":40},{"id":"2e7d2c03a9507ae265ecf5b5356885a53393a2029d241394997265a1a25aefc6","type":"tree","offset":40,"length":50,"uncompressed_length":99}]}]}"#,
    r#"{"supersedes":["ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"],"packs":[{"id":"3e23e8160039594a33894f6564e1b1348bbd7a0088d42c4acb73eeaed59c009d","blobs":null}],"packs_to_delete":[{"id":"ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb","time":"2026-06-06T12:00:00Z","size":1,"blobs":[]}]}"#,
    r#"{"packs":null}"#,
];

const TREES: &[&str] = &[
    r#"{"nodes":[{"name":"cake","type":"file","mode":420,"mtime":"2026-06-06T12:00:00.5+02:00","atime":"2026-06-06T12:00:00Z","ctime":"0001-01-01T00:00:00Z","uid":1000,"gid":1000,"user":"ada","group":"users","inode":5,"device_id":6,"size":7,"links":1,"content":["3e23e8160039594a33894f6564e1b1348bbd7a0088d42c4acb73eeaed59c009d"]},{"name":"venue","type":"dir","mode":2147484141,"mtime":"2026-06-06T12:00:00Z","atime":"2026-06-06T12:00:00Z","ctime":"2026-06-06T12:00:00Z","uid":0,"gid":0,"subtree":"ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb","content":null}]}"#,
    r#"{"nodes":[{"name":"caf\\xe9 \\u00e9\\\"","type":"symlink","mode":134218239,"uid":0,"gid":0,"linktarget":"caf\ufffd","linktarget_raw":"Y2Fm6Q==","extended_attributes":[{"name":"user.note","value":"YQ=="}],"generic_attributes":{"windows.creation_time":"x"},"device":3,"content":null,"error":"gone"}]}"#,
    r#"{"later":{"a":[1]},"nodes":[{"name":"a","type":"portal","mode":null,"content":null}],"more":2}"#,
];

const SNAPSHOTS: &[&str] = &[
    r#"{"time":"2026-06-06T12:00:00.123456789+02:00","parent":"ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb","tree":"3e23e8160039594a33894f6564e1b1348bbd7a0088d42c4acb73eeaed59c009d","paths":["/srv/photos"],"hostname":"h","username":"root","uid":1,"gid":2,"excludes":["*.tmp"],"tags":["keepsake:incomplete"],"original":"3e23e8160039594a33894f6564e1b1348bbd7a0088d42c4acb73eeaed59c009d","program_version":"restic 0.19.1","summary":{"backup_start":"2026-06-06T12:00:00Z","backup_end":"2026-06-06T12:00:01Z","files_new":1,"total_bytes_processed":12}}"#,
    r#"{"time":"9999-12-31T23:59:59.999999999-23:59","tree":"3e23e8160039594a33894f6564e1b1348bbd7a0088d42c4acb73eeaed59c009d","paths":null,"tags":null}"#,
];

const LOCK: &str = r#"{"time":"2026-06-06T12:00:00.123456789+02:00","exclusive":true,"hostname":"h","username":"root","pid":42,"uid":0,"gid":0}"#;

const KEY_FILE: &str = r#"{"created":"2026-06-06T12:00:00Z","username":"","hostname":"","kdf":"scrypt","N":32768,"r":8,"p":1,"salt":"AAECAwQFBgcICQoLDA0ODw==","data":"EBESExQVFhcYGRobHB0eHw=="}"#;

const CAPTURE: &str = r#"{"version":1,"captured_at":"2026-06-06T12:00:00Z","snapshot":"10:20:","lsn":"0/1A2B3C","wedding":{"id":"42","name":"Ada & Grace","date":"2026-09-12","end_date":null,"time_zone":"Europe/London","guest_count":120,"budget":"25000.00","currency":"GBP","organisation":"7","status":"planning"},"tables":[{"name":"public.weddings","group":"wedding","path":"rows/public.weddings.copy","columns":["id","title"],"key":["id"],"rows":1,"hash":"00"},{"name":"\"Odd.Schema\".\"Gäste \"\"x\"\"\"","group":"guests","path":"rows/x.copy","columns":["id"],"key":["id"],"rows":2,"hash":"01"}],"references":[{"name":"auth.users","path":"references/auth.users.copy","columns":["id"],"key":["id"],"rows":1,"identity":true}],"files":[{"store":"photos","path":"a/b.jpg","table":"public.photos","column":"path","group":"photos","size_bytes":3,"sha256":"00","etag":"e","version":null,"state":"captured"},{"store":"photos","path":"c","table":"public.photos","column":"path","group":"photos","size_bytes":null,"sha256":null,"etag":null,"version":null,"state":"unreadable"}],"issues":[{"code":"file-missing","subject":"public.photos","message":"gone"}],"scope_hash":"00"}"#;

const DATABASE: &str = r#"{"kind":"database","version":1,"captured_at":"2026-06-06T12:00:00Z","snapshot":"10:20:","lsn":null,"server_version":150018,"dump_version":15,"database":{"name":"planner","encoding":"UTF8","collate":"C","ctype":"C","comment":null,"settings":[{"role":null,"name":"work_mem","value":"4MB"}],"privileges":[{"role":"app","privilege":"CONNECT","grantable":false}],"public_schema":true},"tables":[{"name":"public.weddings","columns":["id"],"extension":null,"condition":null,"partition":false,"unlogged":false,"rows":1,"size_bytes":2,"hash":"00","files":[{"path":"data/public.weddings/0.copy","rows":1,"size_bytes":2}]}],"sequences":[{"name":"public.s","last_value":9,"is_called":true}],"large_objects":{"count":0,"rows":0,"hash":"00","files":[]},"roles":["app"],"needed_roles":[],"materialized_views":[],"foreign_tables":[],"subscriptions":[],"contents":{"TABLE":1},"incomplete":false,"issues":[],"content_hash":"00"}"#;

const LINES: &[&str] = &[
    "42\tAda & Grace\t2026-09-12\t\\N\tt",
    "O\\\\Hara\\t\\n\\r\\b\\f\\v\t\\x41\\101\\.\t{a,\"b c\",NULL}",
    "",
    "Zoë\t\\\\N\t🎂\t{\"a\": [1, null]}",
];

const MAPPING: &str = r##"version = 1
[wedding]
confidence = 95
table = "public.weddings"
id = "id"
name = "title"
date = "day"
time_zone = "zone"

[[table]]
name = "public.guests"
group = "guests"
[[table]]
name = '"Odd.Schema"."Gäste"'
group = "other"
key = ["a", "b"]

[[edge]]
from = "public.guests"
columns = ["wedding"]
to = "public.weddings"
to_columns = ["id"]
decision = "owns"
evidence = "on delete cascade"
[[edge]]
from = '"Odd.Schema"."Gäste"'
columns = ["data->>'guest_id'"]
to = "public.guests"
to_columns = ["id"]
decision = "assumed-owns"
virtual = true
only_where = { column = "kind", equals = "guest" }

[[file]]
table = "public.guests"
column = "photo"
store = "photos"
location = "file:///srv/photos"
strip_prefix = "https://cdn.example/"

[rules]
identity_schemas = ["auth"]
after_restore = ["SELECT refresh($1)"]
tables_left_out = ["public.log"]
[rules.display]
"public.vendors" = ["name"]
"##;

const ENTRY: &str = include_str!("../../crates/keys/tests/golden/entry-v1.json");

const NAMES: &[&str] = &[
    "keyring/09090909-0909-0909-0909-090909090909/3-ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb",
    "data/ca/ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb",
    "snapshots/ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb",
    "config",
];

const LOCATIONS: &[&str] = &[
    "memory:",
    "file:///srv/back%20ups",
    "s3://weddings/a/b%20c%25d/?region=eu-1",
    "s3://weddings/p?endpoint=http%3A%2F%2F127.0.0.1%3A8333&path_style=false&allow_http=true",
    "s3://weddings?endpoint=https://[::1]:9000/base",
    "s3://key:secret@weddings",
    "/srv/backups",
];

const STRINGS: &[&str] = &[
    "postgresql://ada@db.example:5432,other:5433/planner?sslmode=verify-full&connect_timeout=5",
    "postgres://ada:p%40ss@[::1]/planner?target_session_attrs=read-write",
    "host=/var/run/postgresql user='ad\\'a' dbname = planner options='-c statement_timeout=0'",
    "host=a,b hostaddr=10.0.0.1,::1 port=5432 user=ada sslmode=disable channel_binding=require",
];

fn texts(list: &[&str]) -> Vec<Vec<u8>> {
    list.iter().map(|text| text.as_bytes().to_vec()).collect()
}

/// The seeds of the target `name`.
pub fn of(name: &str) -> Vec<Vec<u8>> {
    match name {
        "pack_header" => headers(),
        "index_file" => texts(INDEXES),
        "tree" => texts(TREES),
        "snapshot" => texts(SNAPSHOTS),
        "config" => [vec![configuration()], texts(&[LOCK])].concat(),
        "key_file" => texts(&[KEY_FILE]),
        "document" => {
            let text = b"{\"packs\":[]}".repeat(20);
            let document = compress::encode_document(&text).expect("zstd compresses");
            let frame = document.get(1..).unwrap_or_default();
            let promised = u16::try_from(text.len()).expect("it is short").to_le_bytes();
            vec![document.clone(), [&promised, frame].concat(), b"{}".to_vec()]
        }
        "capture_manifest" => texts(&[CAPTURE]),
        "database_manifest" => texts(&[DATABASE]),
        "copy_line" => texts(LINES),
        "mapping" => texts(&[MAPPING]),
        "keyring_entry" => [texts(&[ENTRY]), texts(NAMES)].concat(),
        "location" => texts(LOCATIONS),
        "dsn" => texts(STRINGS),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::of;
    use crate::TARGETS;
    use std::{fs, path::Path};

    #[test]
    fn every_target_has_a_seed_that_it_accepts_and_runs_them_all() {
        for target in TARGETS {
            let accepted = of(target.name).iter().filter(|seed| (target.run)(seed)).count();
            assert!(accepted > 0, "{} accepts none of its seeds", target.name);
        }
    }

    #[test]
    fn the_committed_seeds_are_these() {
        for target in TARGETS {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds").join(target.name);
            for (number, seed) in of(target.name).into_iter().enumerate() {
                let path = folder.join(number.to_string());
                assert_eq!(fs::read(&path).ok(), Some(seed), "{}: run `mutate --seeds`", path.display());
            }
        }
    }
}
