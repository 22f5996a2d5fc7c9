//! The walk through one file: leaf or container, and what lies inside.

use super::codec::Format;
use super::decode::Decoder;
use super::input::{Begun, Broken, Hole, Source, read_on};
use super::kind::{HEAD, Kind, kind_of, kind_of_file};
use super::tar_blocks::find_header;
use super::{tar, zip};
use crate::note::{Note, NoteKind, cause};
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

/// Where a leaf lies: a log text, or what is found instead of one.
#[derive(Clone, Copy, Debug)]
pub struct Member<'a> {
    /// The file on disk, or the name under which a reader was given.
    pub path: &'a Path,
    /// The path inside archives, nested ones joined by `!`; empty for none.
    pub member: &'a str,
    /// The last component of the innermost name: `imap.3.1700000000`, or `imap.3.1700000000.gz` where a compressed
    /// stream has no name of its own. A `#2` that tells equal names of an archive apart is not part of it.
    pub name: &'a str,
    /// `Plain`, `Empty` or `Image`.
    pub kind: Kind,
    /// Decoded size in bytes as promised by the file system or archive, where there is such a promise.
    pub size: Option<u64>,
}

/// What a sink wants of a leaf.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Want {
    /// Nothing; it is not read.
    Skip,
    /// The first so many bytes.
    Head(usize),
    /// Everything.
    All,
}

/// Where the reading of a leaf failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// How many bytes of the leaf were handed out before it.
    pub at: u64,
    /// The cause, as a sentence without a full stop.
    pub text: String,
}

/// Takes what a walk finds. For each leaf: one `begin`, some `data` as wanted, a `hole` wherever something is lost between, one `end`.
pub trait Sink {
    /// A leaf begins; the answer says how much of it is wanted.
    fn begin(&mut self, member: &Member<'_>) -> Want;
    /// The next decoded bytes, in order, at most 256 KiB and never none.
    fn data(&mut self, bytes: &[u8]);
    /// Something is lost here, nobody knows how much; the next data come from behind it.
    fn hole(&mut self, damage: Damage);
    /// The leaf is over, also when skipped or stopped early; `damage` if it could not be read as far as wanted.
    fn end(&mut self, damage: Option<Damage>);
    /// Something about a container itself, or about an entry that is no leaf.
    fn note(&mut self, note: Note);
}

/// How to walk.
#[derive(Clone, Debug)]
pub struct WalkOptions {
    /// Where zips that cannot be sought in are put for the time being, in files without a name.
    pub tmpdir: PathBuf,
    /// How many containers may lie inside each other, compression counted; deeper ones are noted, not read.
    pub depth: usize,
    /// Read also what lies in snapshot and trash folders of an archive.
    pub all: bool,
}

impl Default for WalkOptions {
    fn default() -> Self {
        Self { tmpdir: std::env::temp_dir(), depth: 4, all: false }
    }
}

/// Size of the blocks in which leaves are read: the kernel's copy and the parser share the L2 cache.
const BLOCK: usize = 128 << 10;
/// Size of the first of them.
const FIRST: usize = 8 << 10;

/// Walks one file on disk down to its leaves. A file that cannot be opened is a note.
pub fn walk_file(path: &Path, o: &WalkOptions, sink: &mut dyn Sink) {
    let mut walker = Walker::new(path, o, sink);
    walker.file();
    walker.finish();
}

/// Walks what a reader gives, under the name `path`: standard input, a pipe.
pub fn walk_reader(path: &Path, reader: Box<dyn Read + Send>, o: &WalkOptions, sink: &mut dyn Sink) {
    let mut walker = Walker::new(path, o, sink);
    walker.visit(&Place::top(path), &mut Source::new(reader));
    walker.finish();
}

/// The first `n` raw bytes of a file, or all of it if shorter.
///
/// # Errors
/// Those of opening and reading it.
pub fn read_head(path: &Path, n: usize) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    File::open(path)?.take(n as u64).read_to_end(&mut head)?;
    Ok(head)
}

/// In so many bytes behind damage at its beginning, a tar is looked for.
const TAR_SEARCHED: usize = 1 << 20;

/// A place on the way down.
#[derive(Clone)]
pub(crate) struct Place {
    /// As [`Member::member`].
    pub(crate) member: String,
    /// As [`Member::name`].
    pub(crate) name: String,
    /// How many containers were opened above.
    pub(crate) depth: usize,
    pub(crate) size: Option<u64>,
    /// The name is that of the compressed stream around it.
    decoded: bool,
}

impl Place {
    fn top(path: &Path) -> Self {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        Self { member: String::new(), name, depth: 0, size: None, decoded: false }
    }

    /// The entry `name` of the archive that lies here; `shown` is the same name made unique.
    pub(crate) fn entry(&self, name: &str, shown: &str, size: u64) -> Self {
        let member = self.join(shown);
        let last = name.rsplit('/').next().unwrap_or(name).to_owned();
        Self { member, name: last, depth: self.depth + 1, size: Some(size), decoded: false }
    }

    /// The member path of an entry of the archive that lies here.
    pub(crate) fn join(&self, shown: &str) -> String {
        if self.member.is_empty() { shown.to_owned() } else { format!("{}!{shown}", self.member) }
    }
}

/// One walk under way.
pub(crate) struct Walker<'a> {
    path: &'a Path,
    pub(crate) o: &'a WalkOptions,
    sink: &'a mut dyn Sink,
    block: Vec<u8>,
    /// How many failures the sink has been told of, so that an archive knows whether its own was among them.
    pub(crate) told: u64,
    notes: usize,
    /// Notes kept back, and whether one of them was about a failure.
    kept_back: u64,
    failures_kept_back: bool,
}

/// How many notes one file may cause: an archive made of a million links must not fill the memory with them.
const NOTES: usize = 1000;

impl<'a> Walker<'a> {
    fn new(path: &'a Path, o: &'a WalkOptions, sink: &'a mut dyn Sink) -> Self {
        Self { path, o, sink, block: Vec::new(), told: 0, notes: 0, kept_back: 0, failures_kept_back: false }
    }

    fn file(&mut self) {
        let opened = File::open(self.path).and_then(|file| file.metadata().map(|meta| (file, meta)));
        let (file, meta) = match opened {
            Ok(opened) => opened,
            Err(e) => {
                let text = format!("cannot be opened ({}); check its permissions", cause(&e));
                return self.note("", NoteKind::Unreadable, 0, text);
            }
        };
        let mut place = Place::top(self.path);
        let mut source = Source::new(&file);
        if !meta.is_file() {
            return self.visit(&place, &mut source);
        }
        place.size = Some(meta.len());
        let mut begun = Begun::read(&mut source, HEAD);
        if kind_of_file(begun.head(), &place.name) == Kind::Zip && self.o.depth > 0 {
            return zip::walk(self, &place, &file);
        }
        self.visit(&place, &mut begun);
    }

    /// Says how many notes were kept back.
    fn finish(&mut self) {
        if self.kept_back > 0 {
            let kind = if self.failures_kept_back { NoteKind::Damaged } else { NoteKind::Skipped };
            let text = format!("{} more notes about the inside of this file are left out", self.kept_back);
            self.sink.note(Note::new(self.path.to_string_lossy(), kind, text));
        }
    }

    /// A note about `member` of this file, or about the file itself.
    pub(crate) fn note(&mut self, member: &str, kind: NoteKind, at: u64, text: impl Into<String>) {
        self.told += u64::from(kind.fails());
        self.notes += 1;
        if self.notes > NOTES {
            self.kept_back += 1;
            self.failures_kept_back |= kind.fails();
            return;
        }
        let path = self.path.to_string_lossy();
        let path = if member.is_empty() { path.into_owned() } else { format!("{path}!{member}") };
        self.sink.note(Note::new(path, kind, text).at(at));
    }

    /// Looks at what lies here and goes on: down into a container, or through a leaf.
    pub(crate) fn visit(&mut self, place: &Place, input: &mut dyn Read) {
        let mut whole = Begun::read(input, HEAD);
        let kind = match kind_of(whole.head()) {
            // What fails before its first byte is not empty, and nobody knows what it was.
            Kind::Empty if whole.fails_at_once() => Kind::Plain,
            Kind::Plain if whole.begins_with_hole() => {
                whole.widen(TAR_SEARCHED);
                match find_header(whole.head()) {
                    Some(_) => Kind::Tar,
                    None if place.decoded => Kind::Plain,
                    None => kind_of_file(whole.head(), &place.name),
                }
            }
            _ if !place.decoded => kind_of_file(whole.head(), &place.name),
            kind => kind,
        };
        let format = match kind {
            Kind::Plain | Kind::Empty | Kind::Image(_) => return self.leaf(place, kind, &mut whole),
            Kind::Trail => {
                let text = "a trail file is read only as a file of its own, not out of an archive or a pipe: name it as a PATH";
                return self.note(&place.member, NoteKind::Unreadable, 0, text);
            }
            _ if place.depth >= self.o.depth => {
                let text = format!(
                    "{} data inside {} containers are not read: unpack the outer ones first",
                    kind.name(),
                    place.depth
                );
                return self.note(&place.member, NoteKind::Unreadable, 0, text);
            }
            Kind::Tar => return tar::walk(self, place, &mut whole),
            Kind::Zip => return zip::walk_spooled(self, place, &mut whole),
            Kind::Gzip => Format::Gzip,
            Kind::Bzip2 => Format::Bzip2,
            Kind::Xz => Format::Xz,
            Kind::Zstd => Format::Zstd,
        };
        let room =
            place.size.and_then(|size| usize::try_from(size).ok()).map_or(BLOCK, |size| size.clamp(FIRST, BLOCK));
        let mut decoder = Decoder::new(format, BufReader::with_capacity(room, whole));
        let inside = Place { depth: place.depth + 1, size: None, decoded: true, ..place.clone() };
        self.visit(&inside, &mut decoder);
    }

    fn leaf(&mut self, place: &Place, kind: Kind, input: &mut dyn Read) {
        let member = Member { path: self.path, member: &place.member, name: &place.name, kind, size: place.size };
        let limit = match self.sink.begin(&member) {
            Want::Skip => 0,
            Want::Head(n) => n as u64,
            Want::All => u64::MAX,
        };
        let damage = self.stream(limit, input);
        self.told += u64::from(damage.is_some());
        self.sink.end(damage);
    }

    /// Hands out up to `limit` bytes, over holes; gives the damage behind which there is nothing.
    fn stream(&mut self, limit: u64, input: &mut dyn Read) -> Option<Damage> {
        let mut at = 0;
        while at < limit {
            // At first little, then as much again as was read already: a short text takes no more memory than it needs.
            let most = usize::try_from(at).map_or(BLOCK, |at| at.clamp(FIRST, BLOCK));
            let want = usize::try_from(limit - at).unwrap_or(most).min(most);
            if self.block.len() < want {
                self.block.resize(want, 0);
            }
            match read_on(input, &mut self.block[..want]) {
                Ok(0) => break,
                Ok(n) => {
                    self.sink.data(&self.block[..n]);
                    at += n as u64;
                }
                Err(e) => match Hole::of(&e) {
                    Some(hole) => {
                        self.told += 1;
                        self.sink.hole(Damage { at, text: hole.0.clone() });
                    }
                    None => return Some(Damage { at, text: Broken::below(&e, at).0 }),
                },
            }
        }
        None
    }
}
