//! The chunker polynomial in a vault's configuration.
//!
//! Keepsake cuts chunks in its own way and never uses it, but restic refuses to open a repository whose polynomial is not
//! irreducible over GF(2), and a stock restic that writes into a vault cuts by it.

use rand::Rng;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;

/// An irreducible polynomial over GF(2) of degree 53; bit `n` is the coefficient of `x^n`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Polynomial(u64);

/// The degree that restic's chunker is made for.
const DEGREE: u32 = 53;

impl Polynomial {
    /// Draws random polynomials until one is irreducible; one in 53 is.
    pub fn random<R: Rng + ?Sized>(rng: &mut R) -> Self {
        loop {
            // Without the constant term every polynomial is divisible by x, so it is always set.
            let candidate = (rng.next_u64() & ((1 << DEGREE) - 1)) | (1 << DEGREE) | 1;
            if is_irreducible(candidate) {
                return Self(candidate);
            }
        }
    }

    /// The coefficients.
    pub const fn bits(self) -> u64 {
        self.0
    }
}

impl fmt::Debug for Polynomial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Chunk boundaries leak what they are derived from, so it is kept out of logs.
        f.write_str("Polynomial(redacted)")
    }
}

impl Serialize for Polynomial {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{:x}", self.0))
    }
}

impl<'de> Deserialize<'de> for Polynomial {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bits = u64::from_str_radix(&text, 16).map_err(|_| de::Error::custom("the polynomial is no hexadecimal"))?;
        if is_irreducible(bits) { Ok(Self(bits)) } else { Err(de::Error::custom("the polynomial is not irreducible")) }
    }
}

/// Rabin's test: `f` of prime degree `n` is irreducible if `x^(2^n) = x` modulo `f`, and no root lies in GF(2).
fn is_irreducible(f: u64) -> bool {
    let has_degree = 63 - f.leading_zeros().min(63) == DEGREE;
    // f(0) is the constant term, f(1) the parity of the number of terms; a root in GF(2) is a linear factor.
    let has_root = f & 1 == 0 || f.count_ones().is_multiple_of(2);
    if !has_degree || has_root {
        return false;
    }
    const X: u64 = 2;
    (0..DEGREE).fold(X, |power, _| square_mod(power, f)) == X
}

/// `a * a` modulo `f`, by shift and add; the degree of `f` is [`DEGREE`].
fn square_mod(a: u64, f: u64) -> u64 {
    let mut product = 0;
    for bit in (0..DEGREE).rev() {
        product <<= 1;
        if product >> DEGREE & 1 == 1 {
            product ^= f;
        }
        if a >> bit & 1 == 1 {
            product ^= a;
        }
    }
    product
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{SeedableRng, rngs::StdRng};

    #[test]
    fn known_polynomials_are_judged_rightly() {
        // The polynomial of restic's own tests, and of its design document.
        for irreducible in [0x003D_A335_8B4D_C173, 0x0025_B468_838D_CB75_u64] {
            assert!(is_irreducible(irreducible), "{irreducible:x}");
        }
        // x^53 + 1 = (x + 1)(..), a product of degrees 26 and 27, wrong degrees, nothing.
        for reducible in [(1 << 53) | 1, multiply(0x400_0047, 0x800_0027), 0b111, 0, 1 << 53, u64::MAX] {
            assert!(!is_irreducible(reducible), "{reducible:x}");
        }
    }

    #[test]
    fn about_one_in_fifty_three_odd_ones_is_irreducible() {
        let mut rng = StdRng::seed_from_u64(7);
        let draws = 4000;
        let hits = (0..draws).filter(|_| is_irreducible((rng.next_u64() & ((1 << 53) - 1)) | (1 << 53) | 1)).count();
        // With the constant term set the share doubles to 2/53: 151 of 4000 expected.
        assert!((100..210).contains(&hits), "{hits}");
    }

    #[test]
    fn random_ones_round_trip_as_hexadecimal() {
        let polynomial = Polynomial::random(&mut StdRng::seed_from_u64(1));
        let json = serde_json::to_string(&polynomial).unwrap();
        assert_eq!(json.len(), 16, "54 bits are 14 digits, and two quotes");
        assert_eq!(serde_json::from_str::<Polynomial>(&json).unwrap(), polynomial);
        assert!(serde_json::from_str::<Polynomial>("\"20000000000001\"").is_err());
        assert!(serde_json::from_str::<Polynomial>("\"xyz\"").is_err());
        assert_eq!(format!("{polynomial:?}"), "Polynomial(redacted)");
    }

    fn multiply(a: u64, b: u64) -> u64 {
        (0..32).filter(|bit| b >> bit & 1 == 1).fold(0, |sum, bit| sum ^ (a << bit))
    }
}
