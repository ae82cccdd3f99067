//! What can be the URL of a webhook.

use crate::error::{Code, Error, Result};
use url::Url;

/// Longest URL, in characters; the catalog has the same limit.
const CHARS_MAX: usize = 2000;

/// Reads a URL; as it is written in the end.
pub(super) fn check(url: &str) -> Result<String> {
    let wrong = |message: &str| Error::new(Code::Invalid, format!("/url: {message}"));
    let read: Url = url.trim().parse().map_err(|_| wrong("write an absolute URL, https://host/path"))?;
    if !matches!(read.scheme(), "https" | "http") || read.host_str().is_none_or(str::is_empty) {
        return Err(wrong("write an absolute URL, https://host/path"));
    }
    if !read.username().is_empty() || read.password().is_some() {
        return Err(wrong("leave users and passwords out: deliveries prove by their signature from whom they are"));
    }
    if read.fragment().is_some() {
        return Err(wrong("leave the part after # out: it is never sent"));
    }
    if read.as_str().chars().count() > CHARS_MAX {
        return Err(wrong(&format!("use at most {CHARS_MAX} characters")));
    }
    Ok(read.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_leads_to_a_host_and_carries_no_password() {
        assert_eq!(check(" https://hooks.example/a?b=c ").unwrap(), "https://hooks.example/a?b=c");
        assert!(check("http://127.0.0.1:8080/").is_ok(), "where it may lead is judged when something is sent");
        for url in [
            "",
            "/hooks",
            "hooks.example",
            "ftp://hooks.example/",
            "file:///etc/passwd",
            "https://me:secret@hooks.example/",
            "https://me@hooks.example/",
            "https://hooks.example/#here",
            &format!("https://hooks.example/{}", "a".repeat(2000)),
        ] {
            let error = check(url).unwrap_err();
            assert_eq!(error.code(), Code::Invalid, "{url}");
            assert!(!error.chain().contains("secret"), "{url}");
        }
    }
}
