//! The compressed formats, one stream at a time: bytes in, bytes out, and whether the stream is over.
//!
//! The libraries' own readers lose what a call had decoded before it met an error. Here the low-level interface is
//! used, and a step says how much it produced even when it failed.

use flate2::{Decompress, FlushDecompress};
use zstd::stream::raw::{InBuffer, Operation, OutBuffer};

/// What one step did. The counts hold whether it failed or not.
pub(crate) struct Step {
    pub(crate) consumed: usize,
    pub(crate) produced: usize,
    /// `Ok(true)` at the end of a stream; the cause, in a few words, if the data are damaged.
    pub(crate) ended: Result<bool, String>,
}

/// A decoder of one format.
pub(crate) trait Codec {
    /// Makes ready for the next stream.
    fn restart(&mut self) -> Result<(), String>;
    /// Decodes some of `input` into `out`, which is not empty. An empty `input` means that there is no more.
    fn step(&mut self, input: &[u8], out: &mut [u8]) -> Step;
}

/// The formats of a compressed stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Gzip,
    Bzip2,
    Xz,
    Zstd,
    /// Deflate without a wrapper, as inside zip.
    Deflate,
    /// The variant of it with a larger window, which Windows uses in large zips.
    Deflate64,
}

impl Format {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Format::Gzip => "gzip",
            Format::Bzip2 => "bzip2",
            Format::Xz => "xz",
            Format::Zstd => "zstd",
            Format::Deflate => "deflate",
            Format::Deflate64 => "deflate64",
        }
    }

    /// Makes the decoder; fails only where memory does.
    pub(crate) fn codec(self) -> Result<Box<dyn Codec>, String> {
        Ok(match self {
            Format::Gzip => Box::new(Inflate::new(true)),
            Format::Deflate => Box::new(Inflate::new(false)),
            Format::Deflate64 => Box::new(Inflate64(Box::new(deflate64::InflaterManaged::new()))),
            Format::Bzip2 => Box::new(Bunzip::new()),
            Format::Xz => Box::new(Unxz(xz_stream()?)),
            Format::Zstd => Box::new(Unzstd::new()?),
        })
    }
}

/// Gzip (header and checksum included) or bare deflate.
struct Inflate {
    gzip: bool,
    inner: Decompress,
}

impl Inflate {
    fn new(gzip: bool) -> Self {
        let inner = if gzip { Decompress::new_gzip(15) } else { Decompress::new(false) };
        Self { gzip, inner }
    }
}

impl Codec for Inflate {
    fn restart(&mut self) -> Result<(), String> {
        // `reset(true)` keeps the gzip wrapper, `reset(false)` the bare stream.
        self.inner.reset(self.gzip);
        Ok(())
    }

    fn step(&mut self, input: &[u8], out: &mut [u8]) -> Step {
        let before = (self.inner.total_in(), self.inner.total_out());
        let result = self.inner.decompress(input, out, FlushDecompress::None);
        let ended = match result {
            Ok(status) => Ok(status == flate2::Status::StreamEnd),
            Err(e) => Err(e.message().unwrap_or("corrupt data").to_owned()),
        };
        step(before, (self.inner.total_in(), self.inner.total_out()), ended)
    }
}

struct Inflate64(Box<deflate64::InflaterManaged>);

impl Codec for Inflate64 {
    fn restart(&mut self) -> Result<(), String> {
        *self.0 = deflate64::InflaterManaged::new();
        Ok(())
    }

    fn step(&mut self, input: &[u8], out: &mut [u8]) -> Step {
        let done = self.0.inflate(input, out);
        let ended = if done.data_error { Err("corrupt data".to_owned()) } else { Ok(self.0.finished()) };
        Step { consumed: done.bytes_consumed, produced: done.bytes_written, ended }
    }
}

struct Bunzip {
    inner: bzip2::Decompress,
    /// A block is being given.
    gives: bool,
}

impl Bunzip {
    fn new() -> Self {
        Self { inner: bzip2::Decompress::new(false), gives: false }
    }

    fn call(&mut self, input: &[u8], out: &mut [u8]) -> Step {
        let before = (self.inner.total_in(), self.inner.total_out());
        let ended = match self.inner.decompress(input, out) {
            Ok(status) => Ok(status == bzip2::Status::StreamEnd),
            Err(e) => Err(e.to_string().trim_start_matches("bzip2: ").to_owned()),
        };
        step(before, (self.inner.total_in(), self.inner.total_out()), ended)
    }
}

impl Codec for Bunzip {
    fn restart(&mut self) -> Result<(), String> {
        *self = Self::new();
        Ok(())
    }

    /// A step takes input or gives a block: that more is taken shows that the checksum of the block before was right. Where both
    /// happen, it is the first byte of the next block that is given.
    fn step(&mut self, input: &[u8], out: &mut [u8]) -> Step {
        if self.gives {
            let given = self.call(&[], out);
            if given.produced > 0 || given.ended != Ok(false) {
                return given;
            }
            self.gives = false;
        }
        let taken = self.call(input, out.get_mut(..1).unwrap_or_default());
        self.gives = taken.produced > 0;
        taken
    }
}

struct Unxz(liblzma::stream::Stream);

/// What a single xz stream may take. `xz -9` needs 65 MiB; a dictionary of gigabytes is refused rather than trusted.
const XZ_MEMORY: u64 = 256 << 20;

fn xz_stream() -> Result<liblzma::stream::Stream, String> {
    liblzma::stream::Stream::new_stream_decoder(XZ_MEMORY, 0).map_err(|e| xz_cause(&e))
}

fn xz_cause(error: &liblzma::stream::Error) -> String {
    use liblzma::stream::Error;
    match error {
        Error::MemLimit => format!("it needs more than {} MiB of memory", XZ_MEMORY >> 20),
        Error::Format => "no xz header".to_owned(),
        Error::Options => "unsupported options".to_owned(),
        _ => "corrupt data".to_owned(),
    }
}

impl Codec for Unxz {
    fn restart(&mut self) -> Result<(), String> {
        self.0 = xz_stream()?;
        Ok(())
    }

    fn step(&mut self, input: &[u8], out: &mut [u8]) -> Step {
        use liblzma::stream::{Action, Status};
        let before = (self.0.total_in(), self.0.total_out());
        let ended = match self.0.process(input, out, Action::Run) {
            // `MemNeeded` is the library's word for "no progress": the caller sees that from the counts.
            Ok(Status::StreamEnd) => Ok(true),
            Ok(_) => Ok(false),
            Err(e) => Err(xz_cause(&e)),
        };
        step(before, (self.0.total_in(), self.0.total_out()), ended)
    }
}

struct Unzstd {
    inner: zstd::stream::raw::Decoder<'static>,
    /// How much input the library would like next.
    hint: usize,
}

/// Length of the header that precedes each block of a zstd frame.
const ZSTD_BLOCK_HEADER: usize = 3;
/// The least that begins a frame.
const ZSTD_FRAME_START: usize = 5;

impl Unzstd {
    fn new() -> Result<Self, String> {
        let inner = zstd::stream::raw::Decoder::new().map_err(|e| e.to_string())?;
        Ok(Self { inner, hint: ZSTD_FRAME_START })
    }

    /// How much input to give. When a call fails, the library forgets what it decoded in the same call, so a block
    /// and the header of the next one, which may be the broken one, are given apart.
    fn portion(&self, available: usize) -> usize {
        let wanted = if self.hint > ZSTD_BLOCK_HEADER { self.hint - ZSTD_BLOCK_HEADER } else { self.hint.max(1) };
        wanted.min(available)
    }
}

impl Codec for Unzstd {
    fn restart(&mut self) -> Result<(), String> {
        *self = Self::new()?;
        Ok(())
    }

    fn step(&mut self, input: &[u8], out: &mut [u8]) -> Step {
        let mut from = InBuffer::around(&input[..self.portion(input.len())]);
        let mut to = OutBuffer::around(out);
        let ended = match self.inner.run(&mut from, &mut to) {
            Ok(hint) => {
                self.hint = hint;
                Ok(hint == 0)
            }
            Err(e) => Err(e.to_string()),
        };
        Step { consumed: from.pos(), produced: to.pos(), ended }
    }
}

fn step(before: (u64, u64), after: (u64, u64), ended: Result<bool, String>) -> Step {
    let moved = |from: u64, to: u64| usize::try_from(to.saturating_sub(from)).unwrap_or(0);
    Step { consumed: moved(before.0, after.0), produced: moved(before.1, after.1), ended }
}
