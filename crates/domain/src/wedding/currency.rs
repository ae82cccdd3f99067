//! Amounts of money, as far as a rule needs them: to compare a budget with a threshold.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// A currency by its three-letter code (ISO 4217), such as `GBP`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Currency([u8; 3]);

/// A text that is no currency code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a currency: use three capital letters, such as GBP")]
pub struct InvalidCurrency(String);

impl Currency {
    /// Pounds sterling, in which product.md B2 states the threshold.
    pub const GBP: Self = Self(*b"GBP");

    /// Its code.
    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.0).expect("three ASCII letters, checked when it was made")
    }
}

impl FromStr for Currency {
    type Err = InvalidCurrency;

    fn from_str(text: &str) -> Result<Self, InvalidCurrency> {
        match <[u8; 3]>::try_from(text.as_bytes()) {
            Ok(code) if code.iter().all(u8::is_ascii_uppercase) => Ok(Self(code)),
            _ => Err(InvalidCurrency(text.chars().take(20).collect())),
        }
    }
}

impl TryFrom<String> for Currency {
    type Error = InvalidCurrency;

    fn try_from(text: String) -> Result<Self, InvalidCurrency> {
        text.parse()
    }
}

impl From<Currency> for String {
    fn from(currency: Currency) -> Self {
        currency.code().to_owned()
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// An amount of one currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Money {
    /// Hundredths of one unit, whatever the currency's own small change is.
    pub amount_hundredths: u64,
    /// Which currency.
    pub currency: Currency,
}

impl Money {
    /// So many whole units.
    pub const fn whole(units: u64, currency: Currency) -> Self {
        Self { amount_hundredths: units.saturating_mul(100), currency }
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.currency, self.amount_hundredths / 100)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_three_capital_letters() {
        assert_eq!("GBP".parse::<Currency>().unwrap(), Currency::GBP);
        for wrong in ["gbp", "GB", "POUND", "£££", ""] {
            assert!(wrong.parse::<Currency>().is_err(), "{wrong}");
        }
        assert!(
            serde_json::from_str::<Currency>("\"euro\"").unwrap_err().to_string().contains("three capital letters")
        );
    }

    #[test]
    fn money_reads_in_whole_units() {
        let money = Money { amount_hundredths: 123_456, currency: Currency::GBP };
        assert_eq!(money.to_string(), "GBP 1234");
        assert_eq!(serde_json::to_string(&money).unwrap(), r#"{"amount_hundredths":123456,"currency":"GBP"}"#);
    }
}
