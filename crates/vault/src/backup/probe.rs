//! Whether compressing a chunk is worth it, from a few samples.
//!
//! Photos and archives do not shrink, and even finding that out with the fastest setting costs a fifth of what
//! encrypting them does. The entropy of single bytes in a few kibibytes tells such data from text, rows and JSON.

/// Chunks below this are compressed without a probe: it would cost as much.
const PROBE_FROM_BYTES: usize = 64 << 10;
const SAMPLES: usize = 4;
const SAMPLE_BYTES: usize = 2 << 10;
/// Bits of entropy in each byte from which on data counts as random: below it a Huffman code alone saves more than one
/// per cent. 8 KiB of perfectly random bytes show about 7.977.
const RANDOM_FROM_BITS: f64 = 7.9;

/// Whether compression is likely to save anything. A wrong answer costs time or a little space, never data.
pub(super) fn is_compressible(data: &[u8]) -> bool {
    if data.len() < PROBE_FROM_BYTES {
        return true;
    }
    let mut counts = [0_u32; 256];
    let step = data.len() / SAMPLES;
    for sample in data.chunks(step).take(SAMPLES) {
        // From the middle: starts of files hold headers that say little about the rest.
        let start = sample.len().saturating_sub(SAMPLE_BYTES) / 2;
        for byte in sample.iter().skip(start).take(SAMPLE_BYTES) {
            if let Some(count) = counts.get_mut(usize::from(*byte)) {
                *count += 1;
            }
        }
    }
    entropy_bits(&counts) < RANDOM_FROM_BITS
}

fn entropy_bits(counts: &[u32; 256]) -> f64 {
    let total: f64 = counts.iter().map(|count| f64::from(*count)).sum();
    counts
        .iter()
        .filter(|count| **count > 0)
        .map(|count| {
            let share = f64::from(*count) / total;
            -share * share.log2()
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{RngExt, SeedableRng, rngs::StdRng};

    fn random(length: usize, seed: u64) -> Vec<u8> {
        let mut bytes = vec![0; length];
        StdRng::seed_from_u64(seed).fill(&mut bytes[..]);
        bytes
    }

    #[test]
    fn random_bytes_are_not_compressible_and_rows_and_base64_are() {
        for seed in 0..50 {
            assert!(!is_compressible(&random(1 << 20, seed)));
        }
        let rows = "7f3c\tAnna\tvegetarian\tt\t2026-06-06 12:00:00+00\n".repeat(4000);
        assert!(is_compressible(rows.as_bytes()));
        let six_bits: Vec<u8> = random(1 << 20, 1).iter().map(|byte| b'0' + (byte & 63)).collect();
        assert!(is_compressible(&six_bits));
        assert!(is_compressible(&random(1000, 1)), "too small to probe");
    }

    #[test]
    fn a_random_start_does_not_hide_compressible_rest() {
        let mut data = vec![b'x'; 1 << 20];
        data[..200 << 10].copy_from_slice(&random(200 << 10, 1));
        assert!(is_compressible(&data));
    }
}
