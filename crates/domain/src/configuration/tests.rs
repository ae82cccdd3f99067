use super::*;
use crate::{retention::Policy, schedule::Interval};
use uuid::Uuid;

fn now() -> Timestamp {
    "2026-06-06T12:00:00Z".parse().unwrap()
}

fn spread() -> Spread {
    Spread::of(&Uuid::from_u128(7))
}

fn draft() -> Draft {
    let target_id = TargetId::from_uuid(Uuid::from_u128(1));
    Draft {
        name: Some("nightly".to_owned()),
        backup_type: Some(BackupType::Full),
        source_id: Some(SourceId::from_uuid(Uuid::from_u128(2))),
        scope: Some(Scope::Database),
        schedule: Some(cron("30 2 * * *")),
        storage_targets: Some(vec![StorageTarget { tier: Tier::Local, target_id }]),
        ..Draft::default()
    }
}

fn cron(expression: &str) -> Schedule {
    Schedule::Cron { expression: expression.parse().unwrap(), time_zone: "Europe/London".parse().unwrap() }
}

fn document(change: impl FnOnce(&mut Draft)) -> Document {
    let mut draft = draft();
    change(&mut draft);
    assert_eq!(draft.faults(), []);
    draft.into_document().unwrap()
}

fn pointers(change: impl FnOnce(&mut Draft)) -> Vec<String> {
    let mut draft = draft();
    change(&mut draft);
    draft.faults().into_iter().map(|fault| fault.pointer).collect()
}

#[test]
fn every_fault_is_named_at_once() {
    let all = pointers(|draft| {
        draft.name = Some(" ".to_owned());
        draft.backup_type = Some(BackupType::Selective);
        draft.source_id = None;
        draft.scope = Some(Scope::Bucket);
        draft.frequency = Some(Frequency::Daily);
        draft.windows = OwnWindows { start_within_seconds: Some(1), stall_seconds: Some(u32::MAX), ..draft.windows };
        draft.storage_targets = Some(Vec::new());
        draft.compression = Compression::Off;
        draft.encryption = false;
    });
    let expected = [
        "/source_id",
        "/name",
        "/encryption",
        "/compression",
        "/backup_type",
        "/scope/kind",
        "/schedule",
        "/windows/start_within_seconds",
        "/windows/stall_seconds",
        "/storage_targets",
    ];
    assert_eq!(all, expected);
    assert_eq!(pointers(|draft| draft.name = Some("a\0b".to_owned())), ["/name"]);
    let nothing: Vec<String> = Draft::default().faults().into_iter().map(|fault| fault.pointer).collect();
    assert_eq!(nothing, ["/name", "/backup_type", "/source_id", "/scope", "/storage_targets"]);
    assert!(Draft::default().into_document().is_none());
}

#[test]
fn what_could_not_be_read_is_not_missing_too() {
    let found = pointers(|draft| {
        draft.scope = None;
        draft.schedule = None;
        draft.unread = vec![Fault::at("/scope/kind", "odd"), Fault::at("/schedule/expression", "odd")];
    });
    assert_eq!(found, ["/scope/kind", "/schedule/expression"]);
}

#[test]
fn only_weddings_have_a_day_to_go_by_and_emergencies_have_no_schedule() {
    let scope = Scope::WeddingsByRule { criticality: Vec::new() };
    assert!(pointers(|draft| (draft.scope, draft.schedule) = (Some(scope), None)).is_empty());
    assert_eq!(pointers(|draft| draft.schedule = None), ["/frequency"]);
    let emergency = |draft: &mut Draft| draft.backup_type = Some(BackupType::Emergency);
    assert_eq!(pointers(emergency), ["/schedule"]);
    let unscheduled = |draft: &mut Draft| (draft.backup_type, draft.schedule) = (Some(BackupType::Emergency), None);
    assert!(pointers(unscheduled).is_empty());
    let twice = Scope::WeddingsByRule { criticality: vec![Criticality::High, Criticality::High] };
    assert_eq!(pointers(|draft| draft.scope = Some(twice)), ["/scope/criticality"]);
    let copies = |draft: &mut Draft| {
        let more = draft.storage_targets.clone().unwrap().repeat(2);
        draft.storage_targets = Some(more);
    };
    assert_eq!(pointers(copies), ["/storage_targets/1"]);
}

#[test]
fn a_document_round_trips_as_json() {
    let wedding_id = WeddingId::from_uuid(Uuid::from_u128(3));
    for scope in [
        Scope::Database,
        Scope::Directory,
        Scope::Wedding { wedding_id },
        Scope::WeddingsByRule { criticality: vec![Criticality::Critical] },
    ] {
        let document = document(|draft| draft.scope = Some(scope));
        let json = serde_json::to_value(&document).unwrap();
        assert_eq!(json["scope"]["kind"], document.scope.kind().name());
        assert_eq!(serde_json::from_value::<Document>(json).unwrap(), document);
    }
}

#[test]
fn what_protects_less_is_weaker() {
    let usual = Policy::default();
    let short = Policy { critical_days: 200, ..usual };
    let rule = |classes: &[Criticality]| Scope::WeddingsByRule { criticality: classes.to_vec() };
    let hourly = |draft: &mut Draft| draft.schedule = Some(Schedule::Frequency { frequency: Frequency::Hourly });
    let weaker = |after: &Document, before: &Document| after.is_weaker_than(before, [&usual, &usual], now());
    let nightly = document(|_| {});
    assert!(!weaker(&nightly, &nightly));
    assert!(!weaker(&document(|draft| draft.name = Some("other".to_owned())), &nightly));
    assert!(!weaker(&document(hourly), &nightly), "more often is no less");
    assert!(weaker(&nightly, &document(hourly)));
    assert!(weaker(&document(|draft| draft.schedule = Some(cron("30 2 * * 1"))), &nightly));
    assert!(weaker(&document(|draft| draft.enabled = false), &nightly));
    assert!(!weaker(&nightly, &document(|draft| draft.enabled = false)));
    assert!(weaker(&nightly, &document(|draft| draft.is_wedding_critical = true)));
    assert!(weaker(&document(|draft| draft.source_id = Some(SourceId::from_uuid(Uuid::nil()))), &nightly));
    let cut_off = |draft: &mut Draft| draft.windows.complete_within_seconds = Some(60);
    assert!(weaker(&document(cut_off), &nightly));
    assert!(nightly.is_weaker_than(&nightly, [&short, &usual], now()));
    assert!(!nightly.is_weaker_than(&nightly, [&usual, &short], now()));
    let of = |scope: &Scope| document(|draft| draft.scope = Some(scope.clone()));
    let one = Scope::Wedding { wedding_id: WeddingId::from_uuid(Uuid::from_u128(3)) };
    use Criticality::{Critical, High};
    for (after, before, expected) in [
        (rule(&[]), rule(&[High]), false),
        (rule(&[High]), rule(&[]), true),
        (rule(&[High, Critical]), rule(&[High]), false),
        (rule(&[Critical]), rule(&[High]), true),
        (rule(&[]), one.clone(), false),
        (one, rule(&[]), true),
        (rule(&[]), Scope::Database, true),
    ] {
        assert_eq!(weaker(&of(&after), &of(&before)), expected, "{after:?} after {before:?}");
    }
    let unscheduled = document(|draft| (draft.scope, draft.schedule) = (Some(rule(&[])), None));
    assert!(weaker(&unscheduled, &of(&rule(&[]))));
}

#[test]
fn own_runs_and_those_by_the_day_together_are_the_effective_frequency() {
    let rule = Scope::WeddingsByRule { criticality: Vec::new() };
    let covered = Covered { weddings: 12, least_often: Some(Frequency::Weekly) };
    let effective = |document: &Document, covered| document.effective(covered, spread(), now());

    let nightly = effective(&document(|_| {}), covered);
    assert_eq!((nightly.frequency, nightly.rpo_seconds), (Some(Frequency::Daily), Some(86_400)));
    assert!(nightly.explanation[0].contains("`30 2 * * *` in Europe/London"), "{nightly:?}");
    assert_eq!(nightly.explanation.len(), 2, "a database has no day: {nightly:?}");

    let by_day = effective(&document(|draft| (draft.scope, draft.schedule) = (Some(rule.clone()), None)), covered);
    assert_eq!(by_day.frequency, Some(Frequency::Weekly));
    assert!(by_day.explanation[1].starts_with("12 weddings are in it now"), "{by_day:?}");
    let both = effective(&document(|draft| draft.scope = Some(rule.clone())), covered);
    assert_eq!((both.frequency, both.explanation.len()), (Some(Frequency::Daily), 3));
    let off = |draft: &mut Draft| (draft.scope, draft.enabled) = (Some(rule.clone()), false);
    assert_eq!(effective(&document(off), covered).frequency, Some(Frequency::Weekly));
    let nobody = effective(&document(|draft| (draft.scope, draft.schedule) = (Some(rule), None)), Covered::default());
    assert_eq!((nobody.frequency, nobody.rpo_seconds), (None, None));

    let monthly = Schedule::Interval { seconds: Interval::try_from(31 * 86_400).unwrap() };
    let rare = effective(&document(|draft| draft.schedule = Some(monthly)), covered);
    assert_eq!((rare.frequency, rare.rpo_seconds), (None, Some(31 * 86_400)));
    assert!(rare.explanation[0].contains("every 31 days"), "{rare:?}");
}

#[test]
fn windows_that_nobody_chose_follow_the_pause() {
    let nightly = document(|draft| draft.windows.stall_seconds = Some(90));
    let usual = Windows::default_for(Frequency::Daily);
    assert_eq!(nightly.windows(spread(), now()), Windows { stall_seconds: 90, ..usual });
    assert!(nightly.next_run(spread(), now()).is_some());
    assert_eq!(document(|draft| draft.enabled = false).next_run(spread(), now()), None);
}

#[test]
fn the_most_particular_of_those_that_have_a_wedding_is_told_apart() {
    let id = WeddingId::from_uuid(Uuid::from_u128(3));
    let all = Scope::WeddingsByRule { criticality: Vec::new() };
    let some = Scope::WeddingsByRule { criticality: vec![Criticality::High] };
    let one = Scope::Wedding { wedding_id: id };
    assert!(one.particularity() > some.particularity() && some.particularity() > all.particularity());
    assert!(all.has(id, Criticality::Low) && some.has(id, Criticality::High) && !some.has(id, Criticality::Low));
    assert!(one.has(id, Criticality::Low) && !one.has(WeddingId::from_uuid(Uuid::nil()), Criticality::Low));
    assert!(!Scope::Database.has(id, Criticality::Critical));
}
