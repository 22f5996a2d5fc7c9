//! Where decoding can go on behind damage: the next stream of the same format that is one.
//!
//! A mark of a few bytes may stand anywhere, so what follows it is tried: it must decode to the end of its stream, with
//! its checksum, or as far as the window goes. Trials are paid for with bytes that were searched for the first time, so that
//! an input made of false marks takes no more than a fixed number of times as long as one without; what cannot be paid for is
//! passed over.

use super::codec::{Codec, Format};

/// What a byte searched for the first time pays, what a trial costs beside its bytes, and what there is to begin with.
const EARNED: u64 = 64;
const TRIAL: u64 = 512;
const BEGIN: u64 = 4 << 20;

/// A stream that was cut is taken for one if so many bytes of it decode: random bytes fail long before.
const CONVINCING: usize = 48;
/// A trial that gives so much has shown enough.
const PRODUCED: u64 = 1 << 20;

/// What searching may still cost, and what trials are made with.
pub(super) struct Purse {
    left: u64,
    searched: u64,
    codec: Option<Box<dyn Codec>>,
    out: Vec<u8>,
}

impl Purse {
    pub(super) fn new() -> Self {
        Self { left: BEGIN, searched: 0, codec: None, out: Vec::new() }
    }

    /// All before `place` was searched.
    pub(super) fn searched(&mut self, place: u64) {
        self.left = self.left.saturating_add(place.saturating_sub(self.searched).saturating_mul(EARNED));
        self.searched = self.searched.max(place);
    }

    /// Pays for what takes about as long as decoding so many bytes, if there is enough.
    pub(super) fn pay(&mut self, cost: u64) -> bool {
        let enough = self.left >= cost;
        if enough {
            self.left -= cost;
        }
        enough
    }

    /// Whether a stream begins here, of which `bytes` is the beginning, as far as there is enough left to find out.
    pub(super) fn is_stream(&mut self, format: Format, bytes: &[u8]) -> bool {
        if !self.pay(TRIAL) {
            return false;
        }
        self.out.resize(32 << 10, 0);
        let codec = match self.codec.take() {
            Some(mut codec) => codec.restart().map(|()| codec),
            None => format.codec(),
        };
        let Ok(mut codec) = codec else { return false };
        let (is_one, cost) = decodes(&mut *codec, bytes, &mut self.out);
        self.codec = Some(codec);
        self.left = self.left.saturating_sub(cost);
        is_one
    }
}

/// How many bytes are looked at ahead of a mark, and how many may be searched again that a decoder took before it noticed
/// the damage: a whole bzip2 block, a block of zstd, a chunk of xz.
pub(super) fn window(format: Format) -> usize {
    match format {
        Format::Gzip | Format::Xz | Format::Deflate | Format::Deflate64 => 64 << 10,
        Format::Zstd => 256 << 10,
        Format::Bzip2 => super::bzip2_block::LONGEST,
    }
}

/// Whether streams of this format begin with a mark that can be searched for.
pub(super) fn has_mark(format: Format) -> bool {
    !matches!(format, Format::Deflate | Format::Deflate64)
}

/// The longest beginning of a stream that `find` looks at, in bytes.
pub(super) const HEADER: usize = 12;

/// Where in `bytes` a stream may begin.
pub(super) fn find(format: Format, bytes: &[u8]) -> Option<usize> {
    let mark: &[u8] = match format {
        Format::Gzip => &[0x1f, 0x8b, 0x08],
        Format::Zstd => &[0x28, 0xb5, 0x2f, 0xfd],
        Format::Xz => &[0xfd, b'7', b'z', b'X', b'Z', 0],
        Format::Bzip2 | Format::Deflate | Format::Deflate64 => return None,
    };
    memchr::memmem::find_iter(bytes, mark).find(|at| is_header(format, bytes.get(*at..).unwrap_or_default()))
}

/// Whether what follows the mark can be the rest of a header.
fn is_header(format: Format, bytes: &[u8]) -> bool {
    let Some(header) = bytes.first_chunk::<HEADER>() else { return false };
    match format {
        // Reserved flags; the level; the system.
        Format::Gzip => header[3] & 0xe0 == 0 && matches!(header[8], 0 | 2 | 4) && matches!(header[9], 0..=13 | 255),
        Format::Zstd => header[4] & 0x08 == 0,
        Format::Xz => {
            let mut sum = flate2::Crc::new();
            sum.update(&header[6..8]);
            header[8..] == sum.sum().to_le_bytes()
        }
        Format::Bzip2 | Format::Deflate | Format::Deflate64 => false,
    }
}

/// Whether a stream decodes to its end, or as far as its bytes are at hand; how many bytes were taken and given for that.
fn decodes(codec: &mut dyn Codec, bytes: &[u8], out: &mut [u8]) -> (bool, u64) {
    let (mut at, mut produced) = (0, 0_u64);
    let is_one = loop {
        let step = codec.step(bytes.get(at..).unwrap_or_default(), out);
        at += step.consumed;
        produced += step.produced as u64;
        let stuck = step.consumed == 0 && step.produced == 0;
        match step.ended {
            Err(_) => break false,
            Ok(true) => break produced > 0,
            Ok(false) if produced >= PRODUCED => break true,
            Ok(false) if stuck => break at >= CONVINCING,
            Ok(false) => {}
        }
    };
    (is_one, at as u64 + produced)
}
