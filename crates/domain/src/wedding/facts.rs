//! What the source says about a wedding.

use super::{Days, Money, Zone};
use crate::{WeddingId, word::words};
use serde::{Deserialize, Serialize};

words! {
    /// Whether the wedding is still to be, as far as its source says.
    Status {
        /// In the source, and not called off.
        Active = "active",
        /// In the source, and called off.
        Cancelled = "cancelled",
        /// No longer in the source (safety rule S14): possibly damage, so nothing is lowered because of it.
        Vanished = "vanished",
    }
}

/// Facts of one wedding, read from its source through the mapping. What the mapping does not say is `None` or 0.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// Which wedding.
    pub id: WeddingId,
    /// Its days, if a date is known.
    pub days: Option<Days>,
    /// The venue's time zone, if the source states it.
    pub time_zone: Option<Zone>,
    /// Whether it is still to be.
    pub status: Status,
    /// Guests: the greater of the stated number and the rows of the guest list.
    pub guest_count: Option<u64>,
    /// The stated budget.
    pub budget: Option<Money>,
    /// Vendors that are booked.
    pub booked_vendors: u64,
    /// Pairs of bookings whose times overlap.
    pub overlapping_vendor_slots: u64,
    /// Rows of this wedding that changed within the last 7 days.
    pub changed_rows_7_days: u64,
}

impl Facts {
    /// A wedding of which nothing is known but that it is there.
    pub fn unknown(id: WeddingId) -> Self {
        Self {
            id,
            days: None,
            time_zone: None,
            status: Status::Active,
            guest_count: None,
            budget: None,
            booked_vendors: 0,
            overlapping_vendor_slots: 0,
            changed_rows_7_days: 0,
        }
    }
}
