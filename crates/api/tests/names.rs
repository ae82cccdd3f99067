//! Names of schemas are unique: OpenAPI has one list of them, and of two with one name the first would silently win.

#![expect(clippy::unwrap_used, reason = "a failure here fails the test")]

use std::{collections::BTreeMap, fs, path::Path};

/// Names of the types in a source file that derive a schema.
fn schemas(source: &str) -> Vec<String> {
    let mut names = Vec::new();
    for part in source.split("#[derive(").skip(1) {
        let Some((derived, rest)) = part.split_once(")]") else { continue };
        if !derived.split(',').any(|name| name.trim() == "ToSchema") {
            continue;
        }
        let line = rest.lines().find(|line| line.starts_with("pub struct ") || line.starts_with("pub enum "));
        let name = line.and_then(|line| line.split([' ', '<', '{', '(', ';']).nth(2));
        names.push(name.unwrap_or_else(|| panic!("a schema without a name: {rest}")).to_owned());
    }
    names
}

fn collect(folder: &Path, found: &mut BTreeMap<String, Vec<String>>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, found);
        } else {
            for name in schemas(&fs::read_to_string(&path).unwrap()) {
                found.entry(name).or_default().push(path.display().to_string());
            }
        }
    }
}

#[test]
fn every_schema_has_a_name_of_its_own() {
    let mut found = BTreeMap::new();
    collect(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src")), &mut found);
    assert!(found.contains_key("Problem"), "no schemas were found: {found:?}");
    for (name, places) in found {
        assert_eq!(places.len(), 1, "{name} is in {places:?}");
    }
}
