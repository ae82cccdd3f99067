//! The pages of problems: docs/errors.md, cut into its sections.

use std::{collections::BTreeMap, sync::LazyLock};

const DOCUMENT: &str = include_str!("../../../docs/errors.md");

/// What docs/errors.md says about a code.
#[derive(Debug, PartialEq, Eq)]
pub struct Page {
    /// The section as it is written, below its heading.
    pub text: &'static str,
    /// Its first sentence, without the full stop.
    pub title: &'static str,
    /// What to do next.
    pub remedy: &'static str,
}

static PAGES: LazyLock<BTreeMap<&'static str, Page>> =
    LazyLock::new(|| DOCUMENT.split("\n## ").skip(1).filter_map(section).collect());

/// The page of a code.
pub fn of(code: &str) -> Option<&'static Page> {
    PAGES.get(code)
}

fn section(text: &'static str) -> Option<(&'static str, Page)> {
    let (code, text) = text.split_once('\n')?;
    let text = text.trim();
    let title = text.split(". ").next()?.trim_end_matches('.');
    let (_, remedy) = text.split_once("What to do: ")?;
    Some((code.trim(), Page { text, title, remedy: remedy.trim().trim_end_matches('.') }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_a_title_and_says_what_to_do() {
        let page = of("not-found").unwrap();
        assert_eq!(page.title, "There is no such thing, or not for this caller");
        assert_eq!(page.remedy, keepsake_app::Code::NotFound.remedy());
        assert!(page.text.starts_with(page.title));
    }

    #[test]
    fn pages_say_the_same_as_the_program() {
        for code in keepsake_app::Code::ALL {
            assert_eq!(of(code.name()).map(|page| page.remedy), Some(code.remedy()), "{}", code.name());
        }
    }
}
