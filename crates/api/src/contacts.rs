//! Emergency contacts of weddings.

use serde::{Deserialize, Serialize};
use std::fmt;
use utoipa::ToSchema;

/// Somebody who is told in an emergency, and need not be a user. `Debug` shows nothing of who it is.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EmergencyContact {
    /// Where mails go.
    #[schema(example = "venue@example.org", max_length = 320)]
    pub email: String,
    /// What people call them.
    #[serde(default)]
    #[schema(example = "The Old Barn", max_length = 200)]
    pub name: String,
    /// What they are to the wedding, in words.
    #[serde(default)]
    #[schema(example = "venue", max_length = 200)]
    pub part: String,
}

impl fmt::Debug for EmergencyContact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EmergencyContact(redacted)")
    }
}

/// Who is told in an emergency of a wedding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WeddingContacts {
    /// The contacts, in the order in which they were given; at most 20.
    #[schema(max_items = 20)]
    pub contacts: Vec<EmergencyContact>,
}
