//! What is known about a wedding and what was decided about it by hand: the input of every rule that protects it.
//!
//! The registry keeps these up to date from the source; the rules in `criticality`, `risk`, `phase` and `frequency` read them.
//! No names of people in here: what is not needed for a decision is not carried.

mod currency;
mod days;
mod facts;
mod settings;
mod thresholds;
mod zone;

pub use currency::{Currency, InvalidCurrency, Money};
pub use days::{Days, InvalidDays, Proximity};
pub use facts::{Facts, Status};
pub use settings::{InvalidSettings, InvalidWeddingType, Settings, WeddingType};
pub use thresholds::{DateRules, InvalidThresholds, RiskThresholds, Thresholds, Weekday};
pub use zone::{InvalidZone, Zone};
