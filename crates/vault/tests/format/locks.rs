//! Lock files on targets that are shared with stock restic.

use crate::sample::{self, go};
use keepsake_domain::{Clock, clock::FixedClock};
use keepsake_store::{
    DynStore, Memory, Operation,
    fault::{Fault, Faulty, Rule, When},
};
use keepsake_vault::{Error, Vault, vault::SharedLockOptions};
use std::{sync::Arc, time::Duration};

fn options(exclusive: bool) -> SharedLockOptions {
    SharedLockOptions {
        settle: Duration::from_millis(1),
        refresh_every: Duration::from_millis(20),
        ..SharedLockOptions::new(exclusive, "host", "user")
    }
}

async fn fixture() -> (Vault, Arc<FixedClock>) {
    let store: DynStore = Arc::new(Memory::new());
    (sample::create(store).await, Arc::new(sample::clock()))
}

#[tokio::test]
async fn s18_a_lock_is_refreshed_while_held_and_gone_when_released() {
    let (vault, clock) = fixture().await;
    let lock = vault.lock_shared_with_restic(options(false), clock.clone(), &go()).await.unwrap();
    let before = vault.locks(&go()).await.unwrap();
    assert_eq!((before.len(), before[0].lock.hostname.as_str()), (1, "host"));
    clock.set("2026-06-06T12:05:00Z".parse().unwrap());
    let refreshed = async {
        loop {
            let now = vault.locks(&go()).await.unwrap();
            if now.len() == 1 && now[0].id != before[0].id && now[0].lock.time.moment() == clock.now() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), refreshed).await.unwrap();
    assert!(!lock.lost().is_cancelled());
    lock.release().await.unwrap();
    assert!(vault.locks(&go()).await.unwrap().is_empty());
}

#[tokio::test]
async fn s18_a_lock_that_excludes_is_named_and_a_stale_one_is_not_minded() {
    let (vault, clock) = fixture().await;
    let holder = vault.lock_shared_with_restic(options(true), clock.clone(), &go()).await.unwrap();
    let error = vault.lock_shared_with_restic(options(false), clock.clone(), &go()).await.unwrap_err();
    assert!(matches!(&error, Error::Locked { holder } if holder.contains("user@host")), "{error}");
    assert_eq!(vault.locks(&go()).await.unwrap().len(), 1, "the refused one left nothing");
    let later = Arc::new(FixedClock::new("2026-06-06T12:31:00Z".parse().unwrap()));
    let second = vault.lock_shared_with_restic(options(false), later, &go()).await.unwrap();
    second.release().await.unwrap();
    holder.release().await.unwrap();
}

#[tokio::test]
async fn s18_shared_locks_live_together() {
    let (vault, clock) = fixture().await;
    let first = vault.lock_shared_with_restic(options(false), clock.clone(), &go()).await.unwrap();
    let second = vault.lock_shared_with_restic(options(false), clock.clone(), &go()).await.unwrap();
    let refused = vault.lock_shared_with_restic(options(true), clock, &go()).await;
    assert!(matches!(refused, Err(Error::Locked { .. })));
    first.release().await.unwrap();
    second.release().await.unwrap();
    assert!(vault.locks(&go()).await.unwrap().is_empty());
}

#[tokio::test]
async fn s18_a_lock_outlives_a_store_that_refuses_to_delete_for_a_while() {
    let memory: DynStore = Arc::new(Memory::new());
    let faulty = Faulty::new(memory, 1, vec![]);
    let (vault, clock) = (sample::create(faulty.clone()).await, Arc::new(sample::clock()));
    let lock = vault.lock_shared_with_restic(options(false), clock.clone(), &go()).await.unwrap();
    faulty.set_rules(vec![Rule::on(Operation::Delete, When::Always, Fault::Denied)]);
    let newest = async |expected: &str| {
        let expected = expected.parse().unwrap();
        clock.set(expected);
        while !vault.locks(&go()).await.unwrap().iter().any(|found| found.lock.time.moment() == expected) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let wait = Duration::from_secs(10);
    tokio::time::timeout(wait, newest("2026-06-06T12:05:00Z")).await.unwrap();
    tokio::time::timeout(wait, newest("2026-06-06T12:10:00Z")).await.unwrap();
    assert!(!lock.lost().is_cancelled());
    faulty.set_rules(vec![]);
    lock.release().await.unwrap();
    assert!(vault.locks(&go()).await.unwrap().is_empty(), "also those that could not be removed before");
}

#[tokio::test]
async fn s18_a_lock_that_cannot_be_written_anew_is_lost_when_others_may_ignore_it() {
    let memory: DynStore = Arc::new(Memory::new());
    let faulty = Faulty::new(memory, 1, vec![]);
    let (vault, clock) = (sample::create(faulty.clone()).await, Arc::new(sample::clock()));
    let lock = vault.lock_shared_with_restic(options(false), clock.clone(), &go()).await.unwrap();
    faulty.set_rules(vec![Rule::on(Operation::Put, When::Always, Fault::Denied)]);
    clock.set("2026-06-06T12:29:00Z".parse().unwrap());
    while faulty.injected() < 2 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(!lock.lost().is_cancelled(), "it still counts");
    clock.set("2026-06-06T12:31:00Z".parse().unwrap());
    tokio::time::timeout(Duration::from_secs(10), lock.lost().cancelled()).await.unwrap();
    lock.release().await.unwrap();
}
