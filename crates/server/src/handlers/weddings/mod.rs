//! Weddings: how each is protected and why, what people decided by hand, who sees them, and who is told of them.

pub mod contacts;
pub mod criticality;
pub mod get;
pub mod integrity;
pub mod list;
pub mod members;
pub mod set_contacts;
pub mod set_members;
pub mod set_settings;
pub mod settings;
pub mod timeline;

use crate::{
    failure::{Failure, Result},
    words::Same as _,
};
use keepsake_api::{
    contacts::{EmergencyContact, WeddingContacts},
    weddings::{BackupSettings, Wedding, WeddingMembers},
};
use keepsake_app::service::rows;
use keepsake_domain::{UserId, wedding::Settings};
use std::{fmt, str::FromStr};

fn shown(wedding: rows::Wedding) -> Wedding {
    Wedding {
        id: *wedding.id.as_uuid(),
        organisation_id: *wedding.organisation.as_uuid(),
        source_id: *wedding.source.as_uuid(),
        external_id: wedding.external_id,
        status: wedding.facts.status.same(),
        first_day: wedding.facts.days.map(|days| days.first()),
        last_day: wedding.facts.days.map(|days| days.last()),
        time_zone: wedding.facts.time_zone.map(|zone| zone.to_string()),
        criticality: wedding.criticality.same(),
        phase: wedding.protection.phase.same(),
        frequency: wedding.protection.frequency.same(),
        rpo_seconds: wedding.protection.rpo_seconds,
        vault_id: wedding.vault.map(|id| *id.as_uuid()),
        seen_at: wedding.seen_at,
        vanished_at: wedding.vanished_at,
        next_run_at: wedding.next_run_at,
        last_point_at: wedding.last_point_at,
        confirmed_at: wedding.confirmed_at,
        integrity_score: wedding.integrity_score,
    }
}

fn shown_settings(settings: Settings) -> BackupSettings {
    BackupSettings {
        frequency_override: settings.frequency_override.map(|frequency| frequency.same()),
        criticality_override: settings.criticality_override.map(|class| class.same()),
        high_priority_days_before: settings.high_priority_days_before,
        high_priority_days_after: settings.high_priority_days_after,
        wedding_type: settings.wedding_type.map(|kind| kind.to_string()),
        time_zone: settings.time_zone.map(|zone| zone.to_string()),
    }
}

fn given_settings(body: BackupSettings) -> Result<Settings> {
    Ok(Settings {
        frequency_override: body.frequency_override.map(|frequency| frequency.same()),
        criticality_override: body.criticality_override.map(|class| class.same()),
        high_priority_days_before: body.high_priority_days_before,
        high_priority_days_after: body.high_priority_days_after,
        wedding_type: parsed("/wedding_type", body.wedding_type)?,
        time_zone: parsed("/time_zone", body.time_zone)?,
    })
}

fn parsed<T: FromStr<Err: fmt::Display>>(pointer: &str, text: Option<String>) -> Result<Option<T>> {
    let read = |text: String| text.parse().map_err(|error| Failure::invalid_at(pointer, error));
    text.map(read).transpose()
}

fn shown_members(members: Vec<UserId>) -> WeddingMembers {
    WeddingMembers { members: members.into_iter().map(|id| *id.as_uuid()).collect() }
}

fn shown_contacts(contacts: Vec<rows::Contact>) -> WeddingContacts {
    let shown =
        |contact: rows::Contact| EmergencyContact { email: contact.email, name: contact.name, part: contact.part };
    WeddingContacts { contacts: contacts.into_iter().map(shown).collect() }
}
