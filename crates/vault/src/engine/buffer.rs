//! Recycled buffers: a fresh allocation of a mebibyte costs a page fault for each 4 KiB, about as much as encrypting it.

use super::budget::Budget;
use bytes::Bytes;
use std::{
    ops::{Deref, DerefMut},
    sync::{Arc, Mutex, PoisonError},
};

/// Capacities that are kept for reuse. Anything larger is allocated to measure and not kept.
const CLASSES: [usize; 6] = [64 << 10, 256 << 10, 1 << 20, 2 << 20, 4 << 20, 9 << 20];

/// Idle bytes kept at most, over all classes.
const IDLE_BYTES: usize = 48 << 20;

#[derive(Debug)]
pub(super) struct Shelf {
    budget: Arc<Budget>,
    idle: Mutex<Idle>,
}

#[derive(Debug, Default)]
struct Idle {
    classes: [Vec<Vec<u8>>; CLASSES.len()],
    bytes: usize,
}

/// A growable buffer that goes back to the engine when it, or the last [`Bytes`] made of it, is dropped.
#[derive(Debug)]
pub struct Buffer {
    bytes: Vec<u8>,
    counted: u64,
    shelf: Arc<Shelf>,
}

impl Shelf {
    pub(super) fn new(budget: Arc<Budget>) -> Self {
        Self { budget, idle: Mutex::default() }
    }

    /// `counted`: whether it counts against the budget.
    pub(super) fn take(shelf: &Arc<Self>, capacity: usize, counted: bool) -> Buffer {
        let class = CLASSES.iter().position(|class| *class >= capacity);
        let kept = class.and_then(|class| {
            let mut idle = shelf.idle.lock().unwrap_or_else(PoisonError::into_inner);
            let kept = idle.classes.get_mut(class)?.pop()?;
            idle.bytes = idle.bytes.saturating_sub(kept.capacity());
            Some(kept)
        });
        let capacity = class.and_then(|class| CLASSES.get(class).copied()).unwrap_or(capacity);
        let bytes = kept.unwrap_or_else(|| Vec::with_capacity(capacity));
        let counted = if counted { bytes.capacity() as u64 } else { 0 };
        shelf.budget.grow(counted);
        Buffer { bytes, counted, shelf: Arc::clone(shelf) }
    }

    fn give_back(&self, mut bytes: Vec<u8>) {
        let Some(class) = CLASSES.iter().position(|class| *class == bytes.capacity()) else { return };
        bytes.clear();
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let total = idle.bytes + bytes.capacity();
        if total > IDLE_BYTES {
            return;
        }
        if let Some(kept) = idle.classes.get_mut(class) {
            kept.push(bytes);
            idle.bytes = total;
        }
    }
}

impl Buffer {
    /// How many more bytes fit without growing.
    pub fn room(&self) -> usize {
        self.bytes.capacity() - self.bytes.len()
    }

    /// The bytes as they are, shared without a copy.
    pub fn freeze(self) -> Bytes {
        if self.bytes.is_empty() { Bytes::new() } else { Bytes::from_owner(self) }
    }

    /// The vector itself, for interfaces that append to one.
    pub fn vec(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Deref for Buffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.bytes
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        self.shelf.give_back(std::mem::take(&mut self.bytes));
        self.shelf.budget.shrink(self.counted);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shelf() -> Arc<Shelf> {
        Arc::new(Shelf::new(Arc::new(Budget::new(1 << 30))))
    }

    #[test]
    fn a_buffer_counts_until_its_last_bytes_are_gone_and_is_then_reused() {
        let shelf = shelf();
        let mut buffer = Shelf::take(&shelf, 100_000, true);
        buffer.vec().extend_from_slice(b"a wedding");
        let address = buffer.as_ptr();
        let bytes = buffer.freeze();
        let part = bytes.slice(2..);
        drop(bytes);
        assert_eq!(shelf.budget.used_bytes(), 256 << 10);
        assert_eq!(&part[..], b"wedding");
        drop(part);
        assert_eq!(shelf.budget.used_bytes(), 0);
        let again = Shelf::take(&shelf, 200_000, true);
        assert!(again.is_empty() && again.as_ptr() == address);
    }

    #[test]
    fn odd_sizes_are_made_to_measure_and_not_kept() {
        let shelf = shelf();
        drop(Shelf::take(&shelf, 10 << 20, true));
        assert_eq!(shelf.idle.lock().unwrap().bytes, 0);
    }
}
