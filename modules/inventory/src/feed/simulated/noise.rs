//! Value noise in fixed point: each octave has a hashed height at every point of its lattice and glides
//! smoothly from one to the next. Fast octaves are small, so a value moves every second but far only in days.

mod search;

pub use search::{Steps, Stretch, Towards};

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const DAY_MS: i64 = 24 * HOUR_MS;

/// An octave swings once in about two of its spacings.
struct Octave {
    spacing_ms: i64,
    /// The largest height, in parts per billion.
    amplitude: i64,
}

const OCTAVES: [Octave; 8] = [
    Octave { spacing_ms: MINUTE_MS / 2, amplitude: 600_000 },
    Octave { spacing_ms: 2 * MINUTE_MS, amplitude: 1_200_000 },
    Octave { spacing_ms: 10 * MINUTE_MS, amplitude: 2_500_000 },
    Octave { spacing_ms: HOUR_MS, amplitude: 6_000_000 },
    Octave { spacing_ms: 5 * HOUR_MS, amplitude: 12_000_000 },
    Octave { spacing_ms: DAY_MS, amplitude: 24_000_000 },
    Octave { spacing_ms: 3 * DAY_MS, amplitude: 38_000_000 },
    Octave { spacing_ms: 10 * DAY_MS, amplitude: 60_000_000 },
];

/// The largest value there can be, in parts per billion.
pub const PEAK: i64 = peak();
const _: () = assert!(PEAK < 150_000_000);

/// Bits after the point of a place between two lattice points, and of a height.
const PLACE_BITS: u32 = 20;
const HEIGHT_BITS: u32 = 30;

/// The noise of one asset under one seed.
#[derive(Debug)]
pub struct Noise([Layer; OCTAVES.len()]);

#[derive(Debug)]
struct Layer {
    key: u64,
    /// Shifts the lattice, so that octaves and assets do not all pause at the same moment.
    phase_ms: i64,
}

impl Noise {
    /// The noise that `seed` and `name` choose.
    pub fn new(seed: u64, name: &str) -> Self {
        let root = name.bytes().fold(mix(seed), |key, byte| mix(key ^ u64::from(byte)));
        let mut octave = 0;
        Self(OCTAVES.map(|Octave { spacing_ms, .. }| {
            octave += 1;
            let key = mix(root ^ mix(octave));
            Layer { key, phase_ms: key.cast_signed().rem_euclid(spacing_ms) }
        }))
    }

    /// The value at a moment in parts per billion, from -[`PEAK`] to [`PEAK`].
    pub fn at(&self, at_ms: i64) -> i64 {
        OCTAVES.iter().zip(&self.0).map(|(octave, layer)| layer.at(octave, at_ms)).sum()
    }
}

impl Layer {
    fn at(&self, octave: &Octave, at_ms: i64) -> i64 {
        let shifted = self.shifted(at_ms);
        self.cell(octave, shifted).at(octave, shifted)
    }

    fn shifted(&self, at_ms: i64) -> i64 {
        at_ms.saturating_add(self.phase_ms)
    }

    fn cell(&self, octave: &Octave, shifted: i64) -> Cell {
        let index = shifted.div_euclid(octave.spacing_ms);
        Cell { index, from: self.height(index), to: self.height(index + 1) }
    }

    /// From -1 up to just below 1.
    fn height(&self, index: i64) -> i64 {
        let hash = mix(self.key ^ mix(index.cast_unsigned()));
        (hash >> (63 - HEIGHT_BITS)).cast_signed() - (1 << HEIGHT_BITS)
    }
}

/// What lies between two lattice points: a glide that never turns back.
#[derive(Clone, Copy, Debug)]
struct Cell {
    index: i64,
    from: i64,
    to: i64,
}

impl Cell {
    /// The value at a moment of this cell.
    fn at(self, octave: &Octave, shifted: i64) -> i64 {
        let passed = shifted.wrapping_sub(self.index.wrapping_mul(octave.spacing_ms));
        let place = (passed << PLACE_BITS) / octave.spacing_ms;
        octave.scaled(self.from + (((self.to - self.from) * smooth(place)) >> PLACE_BITS))
    }
}

impl Octave {
    /// A height in parts per billion.
    fn scaled(&self, height: i64) -> i64 {
        (height * self.amplitude) >> HEIGHT_BITS
    }
}

/// 3x² - 2x³: leaves and arrives level.
fn smooth(place: i64) -> i64 {
    (place * place * ((3 << PLACE_BITS) - 2 * place)) >> (2 * PLACE_BITS)
}

/// The SplitMix64 step (Steele, Lea and Flood, 2014): every bit of the input changes half of the output's.
fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

const fn peak() -> i64 {
    let mut sum = 0;
    let mut index = 0;
    while index < OCTAVES.len() {
        sum += OCTAVES[index].amplitude;
        index += 1;
    }
    sum
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop_assert, proptest};

    use super::{DAY_MS, Noise, PEAK};

    /// The steepest slope all octaves can have together, in parts per billion a millisecond.
    const STEEPEST: i64 = 112;

    #[test]
    fn the_first_values_never_change() {
        let noise = Noise::new(1, "BTC");
        let values: Vec<_> = [0, 1_000, DAY_MS, -DAY_MS, 1_767_225_600_000].map(|at| noise.at(at)).into();
        assert_eq!(values, [-59_319_732, -59_307_039, -79_840_584, -55_324_311, 30_968_460]);
    }

    #[test]
    fn the_whole_band_is_used_over_a_year() {
        let noise = Noise::new(7, "ETH");
        let values: Vec<_> = (0..365 * 24).map(|hour| noise.at(hour * 3_600_000)).collect();
        assert!(
            values.iter().any(|value| *value > PEAK / 2) && values.iter().any(|value| *value < -PEAK / 2)
        );
    }

    proptest! {
        #[test]
        fn no_moment_is_beyond_the_peak(seed in any::<u64>(), name in "[A-Z0-9]{1,10}", at in any::<i64>()) {
            prop_assert!(Noise::new(seed, &name).at(at).abs() <= PEAK);
        }

        #[test]
        fn it_is_continuous(
            seed in any::<u64>(), at in -DAY_MS * 100_000..DAY_MS * 100_000, step in 1..5_000_i64
        ) {
            let noise = Noise::new(seed, "BTC");
            // The eight octaves are each rounded, at either end, to one part of 2^20 of their amplitude.
            let rounding = 2 * (PEAK >> 20) + 16;
            prop_assert!((noise.at(at + step) - noise.at(at)).abs() <= STEEPEST * step + rounding);
        }

        #[test]
        fn it_moves_within_any_minute(seed in any::<u64>(), at in -DAY_MS * 100_000..DAY_MS * 100_000) {
            let noise = Noise::new(seed, "BTC");
            let values: Vec<_> = (0..60).map(|second| noise.at(at + second * 1_000)).collect();
            let still = values.windows(2).filter(|pair| pair[0] == pair[1]).count();
            prop_assert!(still < 5);
        }
    }
}
