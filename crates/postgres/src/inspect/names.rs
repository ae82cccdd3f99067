//! Names as people write them: `weddingGuests`, `tbl_wedding_guest`, `WEDDING-GUEST` all mean wedding, guest.

use crate::schema::TableName;

/// The words of an identifier, lower case, in the singular.
pub fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut current = String::new();
    let mut previous_lower = false;
    for c in name.chars().take(255) {
        if !c.is_alphanumeric() || (c.is_uppercase() && previous_lower) {
            words.push(std::mem::take(&mut current));
        }
        if c.is_alphanumeric() {
            current.extend(c.to_lowercase());
        }
        previous_lower = c.is_lowercase() || c.is_numeric();
    }
    words.push(current);
    words.iter().filter(|word| !word.is_empty()).map(|word| singular(word)).collect()
}

fn singular(word: &str) -> String {
    let keep = [
        "status", "address", "process", "access", "business", "canvas", "bus", "gas", "series", "dress", "plus",
        "always",
    ];
    if keep.contains(&word) || word.ends_with("ss") || word.len() < 4 {
        return word.to_owned();
    }
    if let Some(stem) = word.strip_suffix("ies") {
        return format!("{stem}y");
    }
    for ending in ["shes", "ches", "xes", "sses"] {
        if word.ends_with(ending) {
            return word.strip_suffix("es").unwrap_or(word).to_owned();
        }
    }
    word.strip_suffix('s').unwrap_or(word).to_owned()
}

/// The words of a table's name without prefixes that say nothing.
pub fn table_words(table: &TableName) -> Vec<String> {
    let mut all = words(&table.table);
    while all.len() > 1 && all.first().is_some_and(|word| ["tbl", "app", "t", "public", "api"].contains(&word.as_str()))
    {
        all.remove(0);
    }
    all
}

/// Whether any word is one of these.
pub fn any(words: &[String], of: &[&str]) -> bool {
    words.iter().any(|word| of.contains(&word.as_str()))
}

/// The head noun: the last word.
pub fn head(words: &[String]) -> &str {
    words.last().map_or("", String::as_str)
}

/// What a column such as `guest_id`, `guestId` or `guest_uuid` points at; `None` if it points at nothing by its name.
pub fn points_at(column: &str) -> Option<Vec<String>> {
    let mut all = words(column);
    let last = all.pop()?;
    (["id", "uuid", "fk", "ref"].contains(&last.as_str()) && !all.is_empty()).then_some(all)
}

/// Tables of people and organisations, which outlive any wedding.
pub fn lasting(table: &TableName) -> bool {
    const LASTING: &[&str] = &[
        "user",
        "account",
        "profile",
        "organisation",
        "organization",
        "org",
        "company",
        "tenant",
        "agency",
        "workspace",
        "planner",
        "supplier",
        "subscription",
    ];
    // These say so only alone: a seating plan is part of a wedding.
    const ALONE: &[&str] =
        &["plan", "role", "team", "template", "country", "currency", "client", "customer", "vendor", "venue"];
    let all = table_words(table);
    let last = head(&all);
    (LASTING.contains(&last) || (all.len() == 1 && ALONE.contains(&last)))
        && !any(&all, &["wedding", "guest", "invitation"])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_every_style_have_the_same_words() {
        for name in ["wedding_guests", "weddingGuest", "WeddingGuests", "wedding-guests", "WEDDING_GUESTS"] {
            assert_eq!(words(name), ["wedding", "guest"], "{name}");
        }
        assert_eq!(words("dishes_categories_status"), ["dish", "category", "status"]);
        assert_eq!(points_at("plusOneOfId").unwrap(), ["plus", "one", "of"]);
        assert_eq!(points_at("paid"), None);
        assert_eq!(points_at("id"), None);
    }

    #[test]
    fn people_and_organisations_outlive_a_wedding() {
        assert!(lasting(&TableName::new("public", "UserAccounts")));
        assert!(!lasting(&TableName::new("public", "wedding_users")));
        assert!(!lasting(&TableName::new("public", "guests")));
    }
}
