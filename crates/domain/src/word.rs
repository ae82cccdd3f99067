//! Enums whose variants are words: one spelling each, the same in JSON, in text columns and in sentences.

/// A text that is none of the words allowed in its place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not one of {allowed}")]
pub struct UnknownWord {
    text: String,
    allowed: String,
}

impl UnknownWord {
    pub(crate) fn new<'a>(text: &str, allowed: impl IntoIterator<Item = &'a str>) -> Self {
        let allowed: Vec<&str> = allowed.into_iter().collect();
        Self { text: text.chars().take(40).collect(), allowed: allowed.join(", ") }
    }
}

/// Defines such an enum: `ALL` in the order of definition, `name`, `Display`, `FromStr` and serde by name.
macro_rules! words {
    (
        $(#[$meta:meta])*
        $name:ident { $($(#[$variant_meta:meta])* $variant:ident = $word:literal,)+ }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(try_from = "String", into = "&'static str")]
        pub enum $name { $($(#[$variant_meta])* $variant,)+ }

        impl $name {
            /// Every one, in the order of definition.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word for it in JSON, in text columns and in sentences.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.name())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::word::UnknownWord;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::ALL.iter().copied().find(|word| word.name() == text).ok_or_else(|| {
                    $crate::word::UnknownWord::new(text, Self::ALL.iter().map(|word| word.name()))
                })
            }
        }

        impl TryFrom<String> for $name {
            type Error = $crate::word::UnknownWord;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                text.parse()
            }
        }

        impl From<$name> for &'static str {
            fn from(word: $name) -> Self {
                word.name()
            }
        }
    };
}

pub(crate) use words;

#[cfg(test)]
mod tests {
    words! {
        /// A size.
        Size {
            /// Not large.
            Small = "small",
            /// Not small.
            VeryLarge = "very_large",
        }
    }

    #[test]
    fn a_word_has_one_spelling_everywhere() {
        for size in Size::ALL {
            assert_eq!(size.to_string().parse(), Ok(*size));
            let json = serde_json::to_string(size).unwrap();
            assert_eq!(json, format!("\"{}\"", size.name()));
            assert_eq!(serde_json::from_str::<Size>(&json).unwrap(), *size);
        }
    }

    #[test]
    fn other_words_are_refused_with_those_that_are_allowed() {
        let error = "huge".parse::<Size>().unwrap_err().to_string();
        assert_eq!(error, "`huge` is not one of small, very_large");
        assert!(serde_json::from_str::<Size>("\"Small\"").unwrap_err().to_string().contains("very_large"));
    }
}
