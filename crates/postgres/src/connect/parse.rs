//! The two written forms of a connection string, URL and `key=value`, into the same list of parameters.

use super::{Error, Result};
use percent_encoding::percent_decode_str;

/// Parameters in the order in which they were written. Hosts and ports are comma-separated lists, as in libpq.
pub(super) type Parameters = Vec<(String, String)>;

/// A connection string longer than this is refused.
const LONGEST: usize = 64 * 1024;

/// Reads either form.
pub(super) fn parameters(text: &str) -> Result<Parameters> {
    let text = text.trim();
    if text.is_empty() || text.len() > LONGEST {
        return Err(Error::invalid("it is empty or far too long"));
    }
    match text.strip_prefix("postgresql://").or_else(|| text.strip_prefix("postgres://")) {
        Some(rest) => url(rest),
        None if text.contains("://") => Err(Error::invalid("a URL must begin with postgresql:// or postgres://")),
        None => key_value(text),
    }
}

fn decode(text: &str) -> Result<String> {
    let bad_escape = text.split('%').skip(1).any(|rest| {
        let digits = rest.as_bytes().get(..2);
        !digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    });
    if bad_escape {
        return Err(Error::invalid("a % is not followed by two hexadecimal digits (write a literal % as %25)"));
    }
    let decoded = percent_decode_str(text).decode_utf8().map_err(|_| Error::invalid("an escape is not UTF-8"))?;
    if decoded.contains('\0') {
        return Err(Error::invalid("it holds a zero byte"));
    }
    Ok(decoded.into_owned())
}

/// What follows the scheme: `user:password@host:port,host:port/database?key=value`.
fn url(rest: &str) -> Result<Parameters> {
    let mut found = Parameters::new();
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
    let (login, hosts) = match authority.rsplit_once('@') {
        Some((login, hosts)) => (Some(login), hosts),
        None => (None, authority),
    };
    if let Some(login) = login {
        let (user, password) = login.split_once(':').unwrap_or((login, ""));
        push(&mut found, "user", decode(user)?);
        push(&mut found, "password", decode(password)?);
    }
    let (mut names, mut ports) = (Vec::new(), Vec::new());
    for host in hosts.split(',') {
        let (name, port) = split_port(host)?;
        names.push(decode(name)?);
        ports.push(decode(port)?);
    }
    push(&mut found, "host", names.join(","));
    if ports.iter().any(|port| !port.is_empty()) {
        push(&mut found, "port", ports.join(","));
    }
    push(&mut found, "dbname", decode(database)?);
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) =
            pair.split_once('=').ok_or_else(|| Error::invalid("a parameter after ? has no value (key=value)"))?;
        found.push((decode(key)?, decode(value)?));
    }
    Ok(found)
}

fn push(found: &mut Parameters, key: &str, value: String) {
    if !value.trim_matches(',').is_empty() {
        found.push((key.to_owned(), value));
    }
}

fn split_port(host: &str) -> Result<(&str, &str)> {
    if let Some(rest) = host.strip_prefix('[') {
        let (name, after) =
            rest.split_once(']').ok_or_else(|| Error::invalid("an IPv6 address has no closing bracket"))?;
        return match after.strip_prefix(':') {
            Some(port) => Ok((name, port)),
            None if after.is_empty() => Ok((name, "")),
            None => Err(Error::invalid("something other than a port follows an IPv6 address")),
        };
    }
    Ok(host.split_once(':').unwrap_or((host, "")))
}

/// `key=value key='quoted \' value'`.
fn key_value(text: &str) -> Result<Parameters> {
    let mut found = Parameters::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (key, after) = rest
            .split_once('=')
            .ok_or_else(|| Error::invalid("expected key=value pairs, or a URL beginning with postgresql://"))?;
        let key = key.trim();
        if key.is_empty() || key.contains(char::is_whitespace) {
            return Err(Error::invalid("expected key=value pairs, or a URL beginning with postgresql://"));
        }
        let (value, after) = value(after.trim_start())?;
        found.push((key.to_owned(), value));
        rest = after.trim_start();
    }
    Ok(found)
}

fn value(text: &str) -> Result<(String, &str)> {
    let quoted = text.strip_prefix('\'');
    let mut value = String::new();
    let mut chars = quoted.unwrap_or(text).char_indices();
    let body = quoted.unwrap_or(text);
    while let Some((at, char)) = chars.next() {
        match char {
            '\\' => {
                let escaped = chars.next().map(|(_, char)| char);
                value.push(escaped.ok_or_else(|| Error::invalid("it ends with a backslash"))?);
            }
            '\'' if quoted.is_some() => return Ok((value, body.get(at + 1..).unwrap_or_default())),
            char if quoted.is_none() && char.is_whitespace() => {
                return Ok((value, body.get(at..).unwrap_or_default()));
            }
            char => value.push(char),
        }
    }
    if quoted.is_some() { Err(Error::invalid("a quoted value has no closing quote")) } else { Ok((value, "")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> Vec<String> {
        parameters(text).unwrap().into_iter().map(|(key, value)| format!("{key}={value}")).collect()
    }

    #[test]
    fn urls_and_pairs_say_the_same() {
        let url = read("postgresql://anna:p%40ss@db.example:6000/weddings?sslmode=require");
        assert_eq!(
            url,
            ["user=anna", "password=p@ss", "host=db.example", "port=6000", "dbname=weddings", "sslmode=require"]
        );
        let pairs = read(r"user=anna password='p@ss' host = db.example port=6000 dbname='wed\'s' sslmode=require");
        assert_eq!(pairs[4], "dbname=wed's");
    }

    #[test]
    fn sockets_addresses_and_several_hosts() {
        assert_eq!(read("postgres://%2Fvar%2Frun/db"), ["host=/var/run", "dbname=db"]);
        assert_eq!(read("postgres://u@[::1]:7/db"), ["user=u", "host=::1", "port=7", "dbname=db"]);
        assert_eq!(read("postgres://a:1,b/db"), ["host=a,b", "port=1,", "dbname=db"]);
        assert_eq!(read("postgres:///db"), ["dbname=db"]);
    }

    #[test]
    fn malformed_strings_are_refused_without_repeating_them() {
        for bad in [
            "",
            "secret",
            "a=1 secret",
            "mysql://secret@h/d",
            "postgres://u:%zz@h/secret",
            "password='secret",
            "p=secret\\",
        ] {
            let message = parameters(bad).unwrap_err().to_string();
            assert!(!message.contains("secret"), "{message}");
        }
    }

    proptest! {
        #[test]
        fn nothing_panics(text in "\\PC{0,60}") {
            let _read_or_refused = parameters(&text);
        }

        #[test]
        fn quoted_values_round_trip(value in "\\PC{0,30}") {
            let quoted = value.replace('\\', "\\\\").replace('\'', "\\'");
            let found = parameters(&format!("password='{quoted}' user=u")).unwrap();
            prop_assert_eq!(&found[0].1, &value);
        }
    }
}
