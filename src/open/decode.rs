//! Readers that decode: every stream of a concatenation, every byte that can be had, and one sentence about each loss.

use super::ahead::Ahead;
use super::bzip2_block;
use super::codec::{Codec, Format, Step};
use super::input::{Broken, Hole};
use super::salvage::{self, Purse};
use std::io::{self, BufRead, Read};

/// Decodes the streams of one format that lie one behind the other in `input`.
///
/// Everything that can be decoded is handed out. Where something cannot, but a stream is found behind it, the error is a [`Hole`],
/// given once; else it is [`Broken`], and repeated if asked again.
/// Zero bytes behind a stream are padding; anything else that starts no new stream is an error.
pub(crate) struct Decoder<R> {
    input: Ahead<R>,
    format: Format,
    codec: Option<Box<dyn Codec>>,
    phase: Phase,
    /// Whether to stop behind the first stream, leaving the rest of the input alone.
    single: bool,
    produced: u64,
    streams: u64,
    produced_in_stream: u64,
    /// Nothing that lies before this place in the input may be searched again: it was handed out, or begins the stream at hand.
    floor: u64,
    /// Where the input stood when the last bzip2 block was given.
    given: u64,
    /// A bzip2 block that is decoded as a stream of its own.
    block: Option<Lone>,
    purse: Purse,
    holes: usize,
}

/// So many holes of one input are gone over; what has more is not worth the notes and the gaps.
const HOLES: usize = 1000;

/// A bzip2 block, and how far it is decoded.
struct Lone {
    block: bzip2_block::Block,
    at: usize,
}

enum Phase {
    Inside,
    Between,
    Lost(Lost),
    Done,
    Failed(Broken),
}

/// Decoding failed, and the place where it can go on is not yet found.
struct Lost {
    /// What lies before this place in the input is whole.
    from: u64,
    /// Where it was noticed, in the input.
    at: u64,
    cause: String,
    /// What was lost below, if that is the cause: it is told in its stead.
    below: Option<String>,
}

impl<R: BufRead> Decoder<R> {
    pub(crate) fn new(format: Format, input: R) -> Self {
        let (codec, phase) = match format.codec() {
            Ok(codec) => (Some(codec), Phase::Inside),
            Err(text) => (None, Phase::Failed(Broken(format!("{} data could not be read ({text})", format.name())))),
        };
        Self {
            input: Ahead::new(input, salvage::window(format)),
            format,
            codec,
            phase,
            single: false,
            produced: 0,
            streams: 0,
            produced_in_stream: 0,
            floor: 1,
            given: 0,
            block: None,
            purse: Purse::new(),
            holes: 0,
        }
    }

    /// Decodes the first stream only; the input then stands right behind it.
    pub(crate) fn single(mut self) -> Self {
        self.single = true;
        self
    }

    fn fail(&mut self, cause: &str) {
        self.lose(cause, None);
    }

    /// The input failed: it goes on behind a hole, or not at all.
    fn fail_below(&mut self, error: &io::Error) {
        match Hole::of(error) {
            Some(hole) => {
                self.input.forget();
                self.lose("", Some(hole.0.clone()));
            }
            None => self.phase = Phase::Failed(Broken::below(error, self.produced)),
        }
    }

    fn lose(&mut self, cause: &str, below: Option<String>) {
        let (from, at) = (self.floor.saturating_sub(1), self.input.place);
        let lost = Lost { from, at, cause: cause.to_owned(), below };
        self.phase = if self.single || !salvage::has_mark(self.format) {
            Phase::Failed(self.end_of(&lost))
        } else {
            Phase::Lost(lost)
        };
    }

    /// What is said if nothing comes behind the damage.
    fn end_of(&self, lost: &Lost) -> Broken {
        let (name, n, cause) = (self.format.name(), self.produced, &lost.cause);
        let (from, to) = (lost.at, self.input.place.max(lost.at));
        let range = if from == to { format!("byte {from}") } else { format!("bytes {from} to {to}") };
        Broken(match &lost.below {
            Some(text) => text.clone(),
            None if n == 0 => format!(
                "{name} data damaged before anything can be decoded ({cause}, compressed {range}); look for another copy of it"
            ),
            None => format!(
                "{name} data damaged after {n} decoded bytes ({cause}, compressed {range}); what came before was read"
            ),
        })
    }

    /// What is said if decoding goes on where the input stands now.
    fn hole_of(&self, lost: &Lost) -> Hole {
        let (name, n, cause) = (self.format.name(), self.produced, &lost.cause);
        let (from, at, to) = (lost.from, lost.at, self.input.place);
        Hole(match &lost.below {
            Some(text) => text.clone(),
            None => format!(
                "{name} data damaged after {n} decoded bytes ({cause}), in compressed bytes {from} to {to}, noticed at byte {at}; reading went on at byte {to}, look for another copy"
            ),
        })
    }

    /// Passes padding over and begins the next stream, if there is one.
    fn begin_next(&mut self) {
        if self.single {
            self.phase = Phase::Done;
            return;
        }
        match self.input.fill() {
            Err(e) => self.fail_below(&e),
            Ok([]) => self.phase = Phase::Done,
            Ok(bytes) => {
                let zeros = bytes.iter().take_while(|b| **b == 0).count();
                let more = zeros < bytes.len();
                self.input.consume(zeros);
                if more {
                    self.restart();
                }
            }
        }
    }

    fn restart(&mut self) {
        self.produced_in_stream = 0;
        self.floor = self.input.place + 1;
        self.phase = Phase::Inside;
        if let Some(Err(text)) = self.codec.as_mut().map(|codec| codec.restart()) {
            self.fail(&text);
        }
    }

    /// One step of the codec; gives the number of bytes put into `out`.
    fn advance(&mut self, out: &mut [u8]) -> usize {
        let Some(codec) = self.codec.as_mut() else { return 0 };
        let lone = self.block.as_mut();
        let input = match &lone {
            Some(lone) => Ok(lone.block.stream.get(lone.at..).unwrap_or_default()),
            None => self.input.fill(),
        };
        let input = match input {
            Ok(input) => input,
            Err(e) => {
                self.fail_below(&e);
                return 0;
            }
        };
        let at_end = input.is_empty();
        let step = codec.step(input, out);
        match lone {
            Some(lone) => lone.at += step.consumed,
            None => self.input.consume(step.consumed),
        }
        self.produced += step.produced as u64;
        self.produced_in_stream += step.produced as u64;
        self.raise_floor(&step);
        match step.ended {
            Ok(true) => {
                self.streams += 1;
                self.phase = Phase::Between;
                self.next_block();
            }
            Ok(false) if step.produced > 0 => {}
            Ok(false) if at_end => self.fail("unexpected end of file"),
            Ok(false) if step.consumed == 0 => self.fail("the decoder makes no progress"),
            Ok(false) => {}
            Err(_) if self.streams > 0 && self.produced_in_stream == 0 => {
                let what = format!("what follows is no {} data", self.format.name());
                self.fail(&what);
            }
            Err(text) => self.fail(&text),
        }
        step.produced
    }

    /// Other than streams, bzip2 blocks are found again in what was handed out. A block is given before its checksum is looked at, and
    /// if it is damaged it may have taken what is behind it; but once more is taken, it was whole.
    fn raise_floor(&mut self, step: &Step) {
        if self.format == Format::Bzip2 && self.block.is_none() && step.consumed > 0 {
            self.floor = self.floor.max(self.given.saturating_sub(1));
            if step.produced > 0 {
                self.given = self.input.place;
            }
        }
    }

    /// Goes on behind a lone block: with the one that follows, or behind the end of its stream.
    fn next_block(&mut self) {
        let Some(Lone { block, .. }) = self.block.take() else { return };
        self.input.look(salvage::window(self.format));
        if block.is_last {
            let n = bzip2_block::end_of_stream(block.end).min(self.input.held().len());
            return self.input.consume(n);
        }
        self.input.consume(block.end / 8);
        if !self.take_block(block.end % 8) {
            self.input.forget();
            self.floor = self.input.place + 1;
            self.fail("a block is damaged");
        }
    }

    /// Makes the block at this bit of the next byte the one that is decoded.
    fn take_block(&mut self, bit: usize) -> bool {
        self.input.look(salvage::window(self.format));
        let Some(block) = bzip2_block::read(self.input.held(), bit) else { return false };
        self.restart();
        self.block = Some(Lone { block, at: 0 });
        true
    }

    /// Searches for the place where decoding can go on. The error is the hole before it; there is none if nothing is found.
    fn search(&mut self, lost: &Lost) -> Option<io::Error> {
        if self.holes >= HOLES {
            let text = format!(
                "{}; it is damaged in more than {HOLES} places, and the rest was given up",
                self.end_of(lost).0
            );
            self.phase = Phase::Failed(Broken(text));
            return None;
        }
        self.holes += 1;
        // The decoder may have gone astray, and taken what lies behind the damage.
        let back = self.input.behind(self.floor);
        self.purse.searched(self.input.place);
        if self.purse.pay(back as u64) {
            self.input.step_back(back);
        }
        loop {
            let found = if self.format == Format::Bzip2 { self.search_block() } else { self.search_stream() };
            if found {
                return Some(self.hole_of(lost).error());
            }
            match self.input.fill() {
                Err(e) if Hole::of(&e).is_some() => self.input.forget(),
                Err(e) => {
                    let (before, below) = (self.end_of(lost).0, Broken::below(&e, self.produced).0);
                    let text = if lost.below.is_some() { below } else { format!("{before}; {below}") };
                    self.phase = Phase::Failed(Broken(text));
                    return None;
                }
                Ok(_) => {
                    self.phase = Phase::Failed(self.end_of(lost));
                    return None;
                }
            }
        }
    }

    /// The next stream up to an error or the end.
    fn search_stream(&mut self) -> bool {
        loop {
            let more = self.input.look(salvage::window(self.format));
            let held = self.input.held();
            let Some(at) = salvage::find(self.format, held) else {
                let kept = if more { salvage::HEADER - 1 } else { 0 };
                self.input.consume(held.len().saturating_sub(kept));
                self.purse.searched(self.input.place);
                if more {
                    continue;
                }
                return false;
            };
            self.input.consume(at);
            self.purse.searched(self.input.place);
            self.input.look(salvage::window(self.format));
            if self.purse.is_stream(self.format, self.input.held()) {
                self.restart();
                return true;
            }
            self.input.consume(1);
        }
    }

    /// The next bzip2 block up to an error or the end.
    fn search_block(&mut self) -> bool {
        loop {
            let more = self.input.look(salvage::window(self.format));
            let held = self.input.held();
            let Some(bit) = bzip2_block::find(held) else {
                let kept = if more { 6 } else { 0 };
                self.input.consume(held.len().saturating_sub(kept));
                self.purse.searched(self.input.place);
                if more {
                    continue;
                }
                return false;
            };
            self.input.consume(bit / 8);
            self.purse.searched(self.input.place);
            if self.purse.pay(bzip2_block::TRIAL) && self.take_block(bit % 8) {
                return true;
            }
            self.input.consume(1);
        }
    }
}

impl<R: BufRead> Read for Decoder<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        loop {
            match &self.phase {
                Phase::Done => return Ok(0),
                Phase::Failed(broken) => return Err(broken.error()),
                Phase::Between => self.begin_next(),
                Phase::Lost(_) => {
                    if let Phase::Lost(lost) = std::mem::replace(&mut self.phase, Phase::Done)
                        && let Some(hole) = self.search(&lost)
                    {
                        return Err(hole);
                    }
                }
                Phase::Inside => {
                    let n = self.advance(out);
                    if n > 0 {
                        return Ok(n);
                    }
                }
            }
        }
    }
}
