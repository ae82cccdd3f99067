//! Which ids the rows have: functions of the seed and the wedding's number, so that tables can be loaded one after the
//! other without remembering anything.

use super::{Size, Spec};
use crate::draw::Draw;
use uuid::Uuid;

pub const EVENTS: u32 = 4;
pub const TIMELINE_ITEMS: u32 = 16;
pub const TASKS: u32 = 24;
pub const BOOKINGS: u32 = 8;
pub const CONTACTS: u32 = 10;
pub const DOCUMENTS: u32 = 4;
pub const BUDGET_ITEMS: u32 = 12;
pub const MESSAGES: u32 = 14;
pub const ACTIVITIES: u32 = 30;
pub const ALBUMS: u32 = 2;
pub const PROFILES: u32 = 4;
pub const VENDORS: u32 = 300;
pub const VENUES: u32 = 40;
pub const SEATS_AT_A_TABLE: u32 = 8;
const GUESTS_IN_A_HOUSEHOLD: u32 = 4;

/// What an id is for; part of what it is derived from.
#[derive(Clone, Copy)]
#[repr(u64)]
enum Kind {
    Organisation = 1,
    Profile,
    Venue,
    Vendor,
    Wedding,
    Guest,
    Booking,
    Document,
    Album,
    Photo,
}

/// The arithmetic of one [`Spec`].
#[derive(Clone, Copy)]
pub struct Layout {
    seed: u64,
    pub organisations: u32,
    pub weddings: u32,
    each: Size,
    first: Size,
}

impl Layout {
    pub fn new(spec: &Spec) -> Self {
        Self {
            seed: spec.seed,
            organisations: spec.organisations.max(1),
            weddings: spec.weddings,
            each: spec.each,
            first: spec.first.unwrap_or(spec.each),
        }
    }

    /// Choices for one table of one wedding (or of one shared row).
    pub fn draw(&self, table: &str, number: u32) -> Draw {
        let table = table.bytes().fold(0, |hash: u64, byte| hash.wrapping_mul(31).wrapping_add(u64::from(byte)));
        Draw::new(&[self.seed, table, u64::from(number)])
    }

    fn id(&self, kind: Kind, number: u32, part: u32) -> Uuid {
        Draw::new(&[self.seed, kind as u64, u64::from(number), u64::from(part)]).uuid()
    }

    pub fn organisation(&self, number: u32) -> Uuid {
        self.id(Kind::Organisation, number, 0)
    }

    pub fn organisation_of(&self, wedding: u32) -> u32 {
        wedding % self.organisations
    }

    pub fn profile(&self, organisation: u32, part: u32) -> Uuid {
        self.id(Kind::Profile, organisation, part)
    }

    /// One of the people of the wedding's organisation.
    pub fn colleague(&self, wedding: u32, draw: &mut Draw) -> Uuid {
        self.profile(self.organisation_of(wedding), draw.below(u64::from(PROFILES)) as u32)
    }

    pub fn venue(&self, number: u32) -> Uuid {
        self.id(Kind::Venue, number, 0)
    }

    pub fn vendor(&self, number: u32) -> Uuid {
        self.id(Kind::Vendor, number, 0)
    }

    pub fn wedding(&self, number: u32) -> Uuid {
        self.id(Kind::Wedding, number, 0)
    }

    pub fn guest(&self, wedding: u32, part: u32) -> Uuid {
        self.id(Kind::Guest, wedding, part)
    }

    pub fn booking(&self, wedding: u32, part: u32) -> Uuid {
        self.id(Kind::Booking, wedding, part)
    }

    pub fn document(&self, wedding: u32, part: u32) -> Uuid {
        self.id(Kind::Document, wedding, part)
    }

    pub fn album(&self, wedding: u32, part: u32) -> Uuid {
        self.id(Kind::Album, wedding, part)
    }

    pub fn photo(&self, wedding: u32, part: u32) -> Uuid {
        self.id(Kind::Photo, wedding, part)
    }

    fn size(&self, wedding: u32) -> Size {
        if wedding == 0 { self.first } else { self.each }
    }

    pub fn guests(&self, wedding: u32) -> u32 {
        self.size(wedding).guests
    }

    pub fn photos(&self, wedding: u32) -> u32 {
        self.size(wedding).photos
    }

    pub fn households(&self, wedding: u32) -> u32 {
        self.guests(wedding).div_ceil(GUESTS_IN_A_HOUSEHOLD)
    }

    pub fn tables(&self, wedding: u32) -> u32 {
        self.guests(wedding).div_ceil(SEATS_AT_A_TABLE)
    }

    /// Numbered id of part `part` of a wedding, where each wedding has `count(wedding)` of the kind.
    fn numbered(&self, count: impl Fn(u32) -> u32, wedding: u32, part: u32) -> i64 {
        let before = match wedding {
            0 => 0,
            _ => i64::from(count(0)) + i64::from(wedding - 1) * i64::from(count(1)),
        };
        1 + before + i64::from(part)
    }

    pub fn household(&self, wedding: u32, part: u32) -> i64 {
        self.numbered(|number| self.households(number), wedding, part)
    }

    pub fn household_of_guest(&self, wedding: u32, guest: u32) -> i64 {
        self.household(wedding, guest / GUESTS_IN_A_HOUSEHOLD)
    }

    pub fn table(&self, wedding: u32, part: u32) -> i64 {
        self.numbered(|number| self.tables(number), wedding, part)
    }

    /// Numbered id where every wedding has `count` of the kind.
    pub fn regular(&self, count: u32, wedding: u32, part: u32) -> i64 {
        self.numbered(|_| count, wedding, part)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbered_ids_have_no_gaps_and_no_doubles() {
        let first = Some(Size { guests: 30, photos: 1 });
        let layout = Layout::new(&Spec { weddings: 5, first, ..Spec::small() });
        let ids: Vec<i64> =
            (0..5).flat_map(|w| (0..layout.households(w)).map(move |part| layout.household(w, part))).collect();
        assert_eq!(ids, (1..=ids.len() as i64).collect::<Vec<_>>());
    }

    #[test]
    fn ids_follow_from_the_seed() {
        let (one, two) = (Spec::small(), Spec { seed: 8, ..Spec::small() });
        assert_eq!(one.wedding_id(3), Spec::small().wedding_id(3));
        assert_ne!(one.wedding_id(3), two.wedding_id(3));
        assert_ne!(one.wedding_id(3), one.wedding_id(4));
    }
}
