//! Random choices that are the same on every machine and for ever: unlike `rand`'s generators, which may change between
//! versions, this one is part of the sample data. SplitMix64, which is enough for sample data and for nothing else.

/// A stream of choices.
#[derive(Debug, Clone)]
pub struct Draw(u64);

impl Draw {
    /// The stream that belongs to these numbers; other numbers give an unrelated one.
    pub fn new(seeds: &[u64]) -> Self {
        Self(seeds.iter().fold(0x6b65_6570_7361_6b65, |state, seed| mix(state ^ mix(*seed))))
    }

    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// A number from 0 to `end - 1`; 0 if `end` is 0.
    pub fn below(&mut self, end: u64) -> u64 {
        ((u128::from(self.bits()) * u128::from(end)) >> 64) as u64
    }

    /// True in `percent` of 100 cases.
    pub fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// One of `choices`, which must not be empty.
    pub fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        let at = self.below(choices.len() as u64) as usize;
        *choices.get(at).expect("lists of choices are not empty")
    }

    /// A colour.
    pub fn colour(&mut self) -> [u8; 3] {
        let [red, green, blue, ..] = self.bits().to_le_bytes();
        [red, green, blue]
    }

    /// A UUID of version 4.
    pub fn uuid(&mut self) -> uuid::Uuid {
        let bits = (u128::from(self.bits()) << 64) | u128::from(self.bits());
        uuid::Builder::from_random_bytes(bits.to_be_bytes()).into_uuid()
    }
}

fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_are_the_same_for_ever() {
        let mut draw = Draw::new(&[1, 2]);
        let first: Vec<u64> = (0..4).map(|_| draw.below(1000)).collect();
        let mut again = Draw::new(&[1, 2]);
        assert_eq!(first, (0..4).map(|_| again.below(1000)).collect::<Vec<_>>());
        assert_ne!(Draw::new(&[2, 1]).bits(), Draw::new(&[1, 2]).bits());
        assert_eq!(Draw::new(&[0]).uuid().get_version_num(), 4);
    }

    #[test]
    fn numbers_stay_below_their_end() {
        let mut draw = Draw::new(&[7]);
        assert!((0..1000).all(|_| draw.below(3) < 3));
        assert_eq!(draw.below(0), 0);
        assert_eq!((0..1000).filter(|_| draw.chance(100)).count(), 1000);
    }
}
