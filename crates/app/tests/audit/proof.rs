//! Proofs that others check.

use crate::support::World;
use keepsake_app::{
    Code,
    audit::{self, Proof, Proven, PublicKey, Signer},
};
use uuid::Uuid;

fn key(world: &World) -> PublicKey {
    // As it comes to whoever checks: as text.
    Signer::of(&world.service.context.master).unwrap().public_key().to_string().parse().unwrap()
}

#[tokio::test]
async fn every_row_is_proven_to_be_in_the_log() {
    let world = World::new().await;
    let key = key(&world);
    for (index, row) in world.history().await.into_iter().enumerate() {
        let file = audit::inclusion(&world.service, row).await.unwrap().to_string();
        let proven = Proof::parse(&file).unwrap().check(&key).unwrap();
        let Proven::Inclusion { row: shown, index: at, size } = proven else { panic!("{proven:?}") };
        assert_eq!((at, size), (index as u64, 20));
        assert_eq!(shown["id"], row.to_string());
        assert_eq!(shown["subject"], format!("wedding {index}"));
    }
}

#[tokio::test]
async fn a_row_that_was_just_recorded_is_signed_for_to_be_proven() {
    let world = World::new().await;
    world.history().await;
    world.record("wedding 20").await;
    let waits: Uuid = world.owner.query_one("SELECT audit_id FROM keepsake.audit_pending", &[]).await.unwrap().get(0);
    let proven = audit::inclusion(&world.service, waits).await.unwrap().check(&key(&world)).unwrap();
    assert!(matches!(proven, Proven::Inclusion { index: 20, size: 21, .. }), "{proven:?}");
    let nowhere = audit::inclusion(&world.service, Uuid::from_u128(1)).await.unwrap_err();
    assert_eq!(nowhere.code(), Code::NotFound);
}

#[tokio::test]
async fn a_proof_of_inclusion_that_was_changed_proves_nothing() {
    let world = World::new().await;
    let rows = world.history().await;
    let file = audit::inclusion(&world.service, rows[9]).await.unwrap().to_string();
    let key = key(&world);
    let lines: Vec<&str> = file.lines().collect();
    let mut spoilt: Vec<String> = vec![
        file.replace("index 9", "index 8"),
        file.replace("index 9", "index 09"),
        file.replace("\n20\n", "\n21\n"),
        file.replace("tlog-proof@v1", "tlog-proof@v2"),
        file.replace("\n\n", "\n"),
        String::new(),
    ];
    for gone in 1..8 {
        spoilt.push(
            lines.iter().enumerate().filter(|(at, _)| *at != gone).map(|(_, line)| format!("{line}\n")).collect(),
        );
    }
    // Another row in the proof of this one.
    let other = audit::inclusion(&world.service, rows[8]).await.unwrap().to_string();
    spoilt.push(file.replace(lines[1], other.lines().nth(1).unwrap()));
    for text in spoilt {
        assert_ne!(text, file);
        let checked = Proof::parse(&text).and_then(|proof| proof.check(&key));
        assert!(checked.is_err(), "{text}\n{checked:?}");
    }
    let stranger = World::new().await;
    assert!(Proof::parse(&file).unwrap().check(&self::key(&stranger)).is_err(), "the key of another log");
}

#[tokio::test]
async fn a_later_log_is_proven_to_be_the_earlier_one_with_more_behind_it() {
    let world = World::new().await;
    let mut kept = Vec::new();
    for number in 0..9 {
        world.record(&format!("wedding {number}")).await;
        kept.push(audit::newest(&world.service).await.unwrap().unwrap());
    }
    let key = key(&world);
    for old in &kept {
        let file = audit::consistency(&world.service, &old.note).await.unwrap().to_string();
        let proof = Proof::parse(&file).unwrap();
        assert_eq!(proof.check(&key), Ok(Proven::Consistency { old_size: old.size, new_size: 9 }));
        // With another earlier checkpoint in it, it proves nothing.
        let other = &kept[if old.size == 4 { 4 } else { 3 }];
        let spoilt = file.replacen(&old.note, &other.note, 1);
        assert!(Proof::parse(&spoilt).unwrap().check(&key).is_err(), "{spoilt}");
    }
}

#[tokio::test]
async fn nothing_is_proven_of_a_log_that_was_changed() {
    let world = World::new().await;
    let rows = world.history().await;
    let old = audit::newest(&world.service).await.unwrap().unwrap();
    world.tamper(&format!("UPDATE keepsake.audit_log SET leaf = leaf || ' ' WHERE id = '{}'", rows[4])).await;
    assert_eq!(audit::inclusion(&world.service, rows[4]).await.unwrap_err().code(), Code::VerifyFailed);
    assert!(audit::inclusion(&world.service, rows[5]).await.is_ok(), "the other rows are what they were");
    world.tamper("UPDATE keepsake.audit_tree SET leaf_hash = sha256('mine') WHERE index = 4").await;
    for row in &rows {
        assert_eq!(audit::inclusion(&world.service, *row).await.unwrap_err().code(), Code::VerifyFailed);
    }
    world.record("wedding 20").await;
    let refused = audit::consistency(&world.service, &old.note).await.unwrap_err();
    assert_eq!(refused.code(), Code::VerifyFailed);
}
