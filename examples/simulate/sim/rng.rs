//! A small generator of pseudo-random numbers: xoshiro256**, seeded by splitmix64.

pub(crate) struct Rng([u64; 4]);

/// One step of splitmix64; also a good mixer of numbers into hashes.
pub(crate) fn mix(n: u64) -> u64 {
    let mut z = n.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl Rng {
    pub(crate) fn new(seed: u64) -> Rng {
        let mut state = seed;
        let mut next = || {
            let out = mix(state);
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            out
        };
        Rng([next(), next(), next(), next()])
    }

    pub(crate) fn next(&mut self) -> u64 {
        let [s0, s1, s2, s3] = &mut self.0;
        let out = s1.wrapping_mul(5).rotate_left(7).wrapping_mul(9);
        let t = *s1 << 17;
        *s2 ^= *s0;
        *s3 ^= *s1;
        *s1 ^= *s2;
        *s0 ^= *s3;
        *s2 ^= t;
        *s3 = s3.rotate_left(45);
        out
    }

    /// Uniform over `0..n`; 0 if `n` is 0.
    pub(crate) fn below(&mut self, n: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(n)) >> 64) as u64
    }

    /// Uniform over `from..to`.
    pub(crate) fn range(&mut self, from: u64, to: u64) -> u64 {
        from + self.below(to.saturating_sub(from))
    }

    /// Uniform over [0, 1).
    pub(crate) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    pub(crate) fn chance(&mut self, share: f64) -> bool {
        self.unit() < share
    }

    /// Exponentially distributed, with this mean.
    pub(crate) fn exponential(&mut self, mean: f64) -> f64 {
        -logarithm(1.0 - self.unit()) * mean
    }

    /// A number whose size in bits is uniform between `low` and `high`.
    pub(crate) fn magnitude(&mut self, low: u64, high: u64) -> u64 {
        let bits = self.range(low, high);
        self.below(1 << bits)
    }

    pub(crate) fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T], fallback: &'a T) -> &'a T {
        from.get(self.below(from.len() as u64) as usize).copied().unwrap_or(fallback)
    }
}

/// The natural logarithm of a positive, normal number, to about 1e-14. The standard library's
/// differs in its last bits from machine to machine, and so would the logs.
fn logarithm(x: f64) -> f64 {
    let bits = x.to_bits();
    let exponent = (bits >> 52) as f64 - 1023.0;
    let mantissa = f64::from_bits(bits & ((1 << 52) - 1) | 1023 << 52);
    // ln m = 2 artanh((m - 1) / (m + 1)), with m / sqrt 2 to keep the argument under 0.172.
    let m = mantissa * std::f64::consts::FRAC_1_SQRT_2;
    let s = (m - 1.0) / (m + 1.0);
    let square = s * s;
    let series = (0..9).rev().fold(0.0, |sum, n| sum * square + 1.0 / f64::from(2 * n + 1));
    2.0 * s * series + (exponent + 0.5) * std::f64::consts::LN_2
}
