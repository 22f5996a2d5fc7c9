//! Plan: what will be read, in which order. Looks at the head of every file and archive member.

mod copies;
mod kept;
mod order;
mod outside;

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::prelude::*;

use crate::chunk::{Cut, Cutter, Lines};
use crate::discover::{Discovered, Found};
use crate::grammar;
use crate::kept::{Bounds, Refused, TrailFile, is_trail};
use crate::model::{Instant, Service, Stamp};
use crate::note::{Note, NoteKind};
use crate::open::{Damage, Kind, Member, Sink, WalkOptions, Want, kind_of_file, read_head, walk_file, walk_reader};
use crate::parse::Years;
use crate::resolve::{Sequence, parse_sequence};
use crate::trail::FileId;
pub use outside::outside;

/// How much of each text is looked at, in bytes.
pub const HEAD: usize = crate::kept::HEAD;

/// How to plan.
#[derive(Clone, Debug, Default)]
pub struct PlanOptions {
    /// How to walk archives.
    pub walk: WalkOptions,
    /// `--year`.
    pub year: Option<u32>,
    /// Standard input and pipes must be read more than once, so they are put into files first.
    pub spool: bool,
    /// The summaries of trail files will do, if they were made in this way.
    pub summaries: Option<[u8; 32]>,
    /// The window of a question that passes over what lies outside: of trail files that is not checked, and must not be read.
    pub bounds: Bounds,
    /// Trail files that stand for logs, beside what was found.
    pub kept: Kept,
    /// Copies are not looked for: whoever has more files than these will tell them.
    pub apart: bool,
}

/// What a cache has in the place of logs. All of it that is read was checked.
#[derive(Clone, Debug, Default)]
pub struct Kept {
    /// The summary of many, without their lines.
    pub base: Option<Arc<TrailFile>>,
    /// Trail files with lines.
    pub entries: Vec<Arc<TrailFile>>,
}

/// The stream that a file seems to belong to: store and service of its first line of an access service.
pub type Group = (Vec<u8>, Service);

/// One text: a plain file, a decoded file or a member of an archive.
#[derive(Clone, Debug)]
pub struct Leaf {
    /// Its number, in the order of paths and of places in archives.
    pub id: FileId,
    /// As shown: path, and member after `!`.
    pub shown: String,
    /// The last component of its innermost name.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// Decoded size in bytes, where known.
    pub size: Option<u64>,
    /// Where years come from, should its dates lack them.
    pub years: Years,
    /// The stream that it seems to belong to.
    pub group: Option<Group>,
    /// Its first stamp.
    pub first: Option<Stamp>,
    /// Lines at its beginning have dates without a year.
    pub undated: bool,
    /// It begins as XML does.
    pub markup: bool,
    /// The sequence number of its name.
    pub sequence: Option<Sequence>,
    /// The text that it is a copy of, or the beginning of (R13); it is not read.
    pub copy_of: Option<FileId>,
}

impl Leaf {
    fn new(id: FileId, peeked: Peeked, year: Option<u32>) -> Leaf {
        let sequence = parse_sequence(&peeked.name);
        let undated = peeked.undated();
        let stamps = stamps_of(&peeked.head);
        let anchors = match &sequence {
            _ if year.is_some() => stamps,
            Some(Sequence { created, .. }) if undated => {
                let offset = stamps.first().map_or(0, |(_, s)| s.offset);
                vec![(0, Stamp { at: *created, offset })]
            }
            _ => stamps,
        };
        Leaf {
            id,
            shown: peeked.shown,
            name: peeked.name,
            kind: peeked.kind,
            size: peeked.size,
            years: Years { given: year, anchors },
            group: group_of(&peeked.head),
            first: stamps_of(&peeked.head).first().map(|(_, s)| *s),
            undated,
            markup: grammar::is_markup(&peeked.head),
            sequence,
            copy_of: None,
        }
    }
}

/// Where a unit's bytes come from.
#[derive(Clone, Debug)]
pub enum Input {
    /// A file on disk.
    Path(PathBuf),
    /// Standard input, put into a file without a name.
    Spooled(Arc<File>),
    /// Standard input as it comes, readable once.
    Stream,
    /// A text of a trail file, by its number there.
    Trail(Arc<TrailFile>, usize),
}

/// One file to read.
#[derive(Clone, Debug)]
pub struct Unit {
    /// Where its bytes come from.
    pub input: Input,
    /// Its path.
    pub path: PathBuf,
    /// Its size on disk in bytes.
    pub size: u64,
    /// It is one plain text, which can be read in any place.
    pub plain: bool,
    /// Its texts.
    pub leaves: Vec<FileId>,
}

/// What will be read.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// Files, in the order in which they are read.
    pub units: Vec<Unit>,
    /// Their texts, by number.
    pub leaves: Vec<Leaf>,
    /// What was noticed while looking, apart from what reading will notice again.
    pub notes: Vec<Note>,
    /// What walking the archives noticed; reading them notices it again.
    pub walk_notes: Vec<Note>,
    /// Trail files, in the order of their paths.
    pub trails: Vec<Trail>,
    /// A text begins as one of [`Kept::base`] does, so that it cannot be told whether either is a copy (R13). Then there is no more in the
    /// plan than its texts, and it must be made again without.
    pub doubtful: bool,
    /// A trail file is not believed.
    refused: bool,
    /// To plan, texts were looked at behind their heads: whether they are copies (R13), or where their years come from.
    pub looked_behind: bool,
}

/// A trail file that is to be read.
#[derive(Clone, Debug)]
pub struct Trail {
    /// The file.
    pub file: Arc<TrailFile>,
    /// The numbers of its texts.
    pub texts: Vec<FileId>,
    /// Its summary stands for its texts, which are not read.
    pub summed_up: bool,
}

impl Plan {
    /// The text with this number.
    pub fn leaf(&self, id: FileId) -> Option<&Leaf> {
        self.leaves.get(usize::try_from(id.0).ok()?)
    }

    /// A trail file is not believed.
    fn refuse(&mut self, path: &Path, why: &Refused) {
        self.refused = true;
        self.notes.push(Note::new(path.to_string_lossy(), NoteKind::Unreadable, why.to_string()));
    }

    /// The texts that summaries stand for.
    pub fn summed_up(&self) -> BTreeSet<FileId> {
        self.trails.iter().filter(|trail| trail.summed_up).flat_map(|trail| &trail.texts).copied().collect()
    }

    /// Whether there is nothing to read, since no trail file is believed.
    pub fn is_refused(&self) -> bool {
        self.refused && self.units.is_empty()
    }

    /// Whether something can be read but once: standard input or a pipe, of which only reading shows what is in it.
    pub fn has_pipe(&self) -> bool {
        self.units.iter().any(|unit| unit.leaves.is_empty() && unit.size == 0)
    }

    /// Bytes on disk.
    pub fn bytes(&self) -> u64 {
        self.units.iter().map(|u| u.size).sum()
    }
}

/// What was seen of one text.
#[derive(Clone, Debug)]
struct Peeked {
    shown: String,
    name: String,
    kind: Kind,
    size: Option<u64>,
    head: Vec<u8>,
    /// Bytes are lost behind its head, or before it.
    holed: bool,
}

impl Peeked {
    fn undated(&self) -> bool {
        Lines::new(&self.head).any(|(_, line, _)| is_undated(line))
    }
}

/// Takes the heads of all texts of a file.
#[derive(Default)]
struct PeekSink {
    texts: Vec<Peeked>,
    notes: Vec<Note>,
}

impl Sink for PeekSink {
    fn begin(&mut self, member: &Member<'_>) -> Want {
        self.texts.push(Peeked {
            shown: shown(member.path, member.member),
            name: member.name.to_owned(),
            kind: member.kind,
            size: member.size,
            head: Vec::new(),
            holed: false,
        });
        if member.kind == Kind::Plain { Want::Head(HEAD) } else { Want::Skip }
    }
    fn data(&mut self, bytes: &[u8]) {
        // Behind a hole a line begins in its middle: what comes after it is no beginning.
        if let Some(text) = self.texts.last_mut().filter(|text| !text.holed) {
            let room = HEAD.saturating_sub(text.head.len());
            text.head.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
        }
    }
    fn hole(&mut self, damage: Damage) {
        if let Some(text) = self.texts.last_mut() {
            text.holed |= damage.at > 0;
        }
    }
    fn end(&mut self, _damage: Option<Damage>) {}
    fn note(&mut self, note: Note) {
        self.notes.push(note);
    }
}

/// A path and the member inside it, as shown to people.
pub fn shown(path: &Path, member: &str) -> String {
    let path = path.to_string_lossy();
    if member.is_empty() { path.into_owned() } else { format!("{path}!{member}") }
}

/// What looking at one file shows.
enum Looked {
    /// The texts in it, whether it is one plain text that can be read in pieces, and its size.
    Log(PeekSink, bool, u64),
    /// A trail file, or why it is not believed.
    Trail(Box<Result<TrailFile, Refused>>),
}

/// A unit before its texts have their numbers.
struct Entry {
    /// The path under which its texts are told of.
    path: Vec<u8>,
    unit: Unit,
    texts: Vec<Peeked>,
    /// Of a text of trail files: in which of the plan's it is, and which it is there.
    kept: Vec<(usize, usize)>,
}

/// Looks at everything that was found.
///
/// # Errors
/// Standard input could not be put into a file: the cause, with the folder. Or a trail file without lines has logs that are elsewhere, too.
pub fn plan(found: &Discovered, options: &PlanOptions) -> io::Result<Plan> {
    let inputs: Vec<Input> = found.files.iter().map(|f| input(f, options)).collect::<io::Result<_>>()?;
    let looked: Vec<Looked> =
        found.files.par_iter().zip(&inputs).map(|(file, input)| look(file, input, options)).collect();
    let mut plan = Plan { notes: found.notes.clone(), ..Plan::default() };
    let (mut entries, mut seen) = (Vec::new(), kept::Seen::default());
    for file in options.kept.base.iter().chain(&options.kept.entries) {
        // What stands for a log is told from a trail file of it as the log is.
        kept::entries(Arc::clone(file), &mut plan, &mut entries, &mut kept::Seen::default());
    }
    for ((file, input), looked) in found.files.iter().zip(inputs).zip(looked) {
        match looked {
            Looked::Log(sink, plain, size) => {
                plan.walk_notes.extend(sink.notes);
                let unit = Unit { input, path: file.path.clone(), size, plain, leaves: Vec::new() };
                let path = file.path.as_os_str().as_bytes().to_vec();
                entries.push(Entry { path, unit, texts: sink.texts, kept: Vec::new() });
            }
            Looked::Trail(opened) => match *opened {
                Ok(opened) => kept::entries(Arc::new(opened), &mut plan, &mut entries, &mut seen),
                Err(why) => plan.refuse(&file.path, &why),
            },
        }
    }
    // Texts have the order of their logs, whether those are read or trail files of them.
    entries.sort_by(|a, b| a.path.cmp(&b.path));
    let mut heads = Vec::new();
    for Entry { mut unit, texts, kept, .. } in entries {
        for mut text in texts {
            let id = FileId(u32::try_from(plan.leaves.len()).unwrap_or(u32::MAX));
            heads.push(std::mem::take(&mut text.head));
            text.head.clone_from(heads.last().unwrap_or(&Vec::new()));
            let mut leaf = Leaf::new(id, text, options.year);
            if leaf.undated && leaf.years.given.is_none() && leaf.years.anchors.is_empty() {
                plan.looked_behind = true;
                leaf.years.anchors = scan_for_stamps(&unit.input, &unit.path, unit.leaves.len(), options);
            }
            unit.leaves.push(id);
            plan.leaves.push(leaf);
            for (trail, text) in &kept {
                let number = plan.trails.get_mut(*trail).and_then(|trail| trail.texts.get_mut(*text));
                number.into_iter().for_each(|number| *number = id);
            }
        }
        plan.units.push(unit);
    }
    plan.doubtful = options.kept.base.is_some() && copies::is_doubtful(&plan, &heads);
    if plan.doubtful {
        return Ok(plan);
    }
    kept::mark(&mut plan);
    if !options.apart {
        copies::mark(&mut plan, &heads, &options.walk);
    }
    if let Some(how) = &options.summaries {
        kept::sum_up(&mut plan, how)?;
    }
    order::order(&mut plan);
    Ok(plan)
}

fn input(file: &Found, options: &PlanOptions) -> io::Result<Input> {
    match file {
        Found { stdin: true, .. } if options.spool => spool("standard input", &mut io::stdin().lock(), options),
        Found { stdin: true, .. } => Ok(Input::Stream),
        Found { path, size: 0, .. } if options.spool && !path.metadata().is_ok_and(|meta| meta.is_file()) => {
            // Reading will tell why it cannot be opened.
            match File::open(path) {
                Ok(mut pipe) => spool(&path.to_string_lossy(), &mut pipe, options),
                Err(_) => Ok(Input::Path(path.clone())),
            }
        }
        Found { path, .. } => Ok(Input::Path(path.clone())),
    }
}

/// Puts what can be read but once into a file without a name.
fn spool(name: &str, from: &mut dyn io::Read, options: &PlanOptions) -> io::Result<Input> {
    let folder = &options.walk.tmpdir;
    let named = |e: io::Error| {
        io::Error::new(
            e.kind(),
            format!("{name} cannot be kept in {} ({e}); name another folder with --tmpdir", folder.display()),
        )
    };
    let mut file = tempfile::tempfile_in(folder).map_err(named)?;
    io::copy(from, &mut file).map_err(named)?;
    Ok(Input::Spooled(Arc::new(file)))
}

/// Walks a unit, wherever its bytes come from.
pub fn walk(input: &Input, path: &Path, options: &WalkOptions, sink: &mut dyn Sink) {
    match input {
        Input::Path(path) => walk_file(path, options, sink),
        Input::Spooled(file) => {
            walk_reader(path, Box::new(Positioned { file: Arc::clone(file), at: 0 }), options, sink)
        }
        Input::Stream => walk_reader(path, Box::new(io::stdin()), options, sink),
        Input::Trail(file, text) => file.walk(*text, sink),
    }
}

/// Reads a shared file from its beginning, without moving anyone else's position.
struct Positioned {
    file: Arc<File>,
    at: u64,
}

impl io::Read for Positioned {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = std::os::unix::fs::FileExt::read_at(&*self.file, buf, self.at)?;
        self.at += n as u64;
        Ok(n)
    }
}

/// Looks at one file.
fn look(file: &Found, input: &Input, options: &PlanOptions) -> Looked {
    let mut sink = PeekSink::default();
    let regular = |file: &File| file.metadata().ok().filter(std::fs::Metadata::is_file).map(|m| m.len());
    let (head, size) = match input {
        Input::Stream | Input::Trail(..) => return Looked::Log(sink, false, 0),
        Input::Spooled(spooled) => {
            let mut head = vec![0; HEAD];
            let n = std::os::unix::fs::FileExt::read_at(&**spooled, &mut head, 0).unwrap_or(0);
            head.truncate(n);
            (Some(head), regular(spooled))
        }
        Input::Path(path) if file.size > 0 => (read_head(path, HEAD).ok(), Some(file.size)),
        Input::Path(path) => (None, std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file).map(|m| m.len())),
    };
    if let (Input::Path(path), Some(head)) = (input, &head)
        && is_trail(head)
    {
        let check = |file: TrailFile| file.check(options.summaries.as_ref(), &options.bounds).map(|()| file);
        let opened = TrailFile::open(path).and_then(check);
        return Looked::Trail(Box::new(opened));
    }
    if let (Some(head), Some(size)) = (head, size)
        && let name = file.path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default()
        && let start = head.get(..crate::open::HEAD).unwrap_or(&head)
        && kind_of_file(start, &name) == Kind::Plain
    {
        let shown = shown(&file.path, "");
        sink.texts.push(Peeked { shown, name, kind: Kind::Plain, size: Some(size), head, holed: false });
        return Looked::Log(sink, true, size);
    }
    if size.is_none() && !matches!(input, Input::Spooled(_)) {
        // A pipe or a device: looking at it would consume it.
        return Looked::Log(sink, false, 0);
    }
    walk(input, &file.path, &options.walk, &mut sink);
    Looked::Log(sink, false, size.unwrap_or(file.size))
}

/// Native stamps in a head, with their offsets.
fn stamps_of(head: &[u8]) -> Vec<(u64, Stamp)> {
    let mut stamps: Vec<(u64, Stamp)> = Vec::new();
    for (at, line, _) in Lines::new(head) {
        if let Some(stamp) = dated(line)
            && stamps.last().is_none_or(|(_, last)| last.at.abs_diff(stamp.at) > 86_400 || last.offset != stamp.offset)
        {
            stamps.push((at, stamp));
        }
    }
    stamps
}

/// Whether a line has a date without a year.
fn is_undated(line: &[u8]) -> bool {
    let bare = |(_, prefix)| matches!(prefix, grammar::Prefix::Bare(grammar::SyslogDate::NoYear { .. }, ..));
    grammar::native_head(line).is_err() && grammar::syslog(line).is_ok_and(bare)
}

/// The whole date of a line, native or RFC 5424, behind a prefix or not.
fn dated(line: &[u8]) -> Option<Stamp> {
    if let Ok((_, stamp)) = grammar::native_head(line) {
        return Some(stamp);
    }
    match grammar::syslog(line).ok()?.1 {
        grammar::Prefix::Native(native) => grammar::native_head(native).ok().map(|(_, stamp)| stamp),
        grammar::Prefix::Bare(grammar::SyslogDate::Whole(stamp), ..) => Some(stamp),
        grammar::Prefix::Bare(..) => None,
    }
}

fn group_of(head: &[u8]) -> Option<Group> {
    Lines::new(head).find_map(|(_, line, _)| {
        let native = match grammar::syslog(line) {
            Ok((_, grammar::Prefix::Native(native))) => native,
            Ok((_, grammar::Prefix::Bare(_, origin, _))) => {
                return Some((origin.host.to_vec(), Service::of_process(origin.process)?));
            }
            Err(_) => line,
        };
        let (_, envelope) = grammar::envelope(native).ok()?;
        Some((envelope.origin.host.to_vec(), Service::of_process(envelope.origin.process)?))
    })
}

/// The dated lines of a whole text, for a file whose head has none.
fn scan_for_stamps(input: &Input, path: &Path, text: usize, options: &PlanOptions) -> Vec<(u64, Stamp)> {
    struct Scan {
        text: usize,
        at: usize,
        cutter: Cutter,
        stamps: Vec<(u64, Stamp)>,
    }
    impl Sink for Scan {
        fn begin(&mut self, _: &Member<'_>) -> Want {
            self.at += 1;
            if self.at - 1 == self.text { Want::All } else { Want::Skip }
        }
        fn data(&mut self, bytes: &[u8]) {
            let stamps = &mut self.stamps;
            self.cutter.push(bytes, &mut |cut| {
                if let Cut::Lines(block, place) = cut {
                    stamps.extend(stamps_of(block).into_iter().map(|(at, stamp)| (place + at, stamp)));
                    stamps.truncate(10_000);
                }
            });
        }
        fn hole(&mut self, _: Damage) {
            self.cutter.hole(&mut |_| {});
        }
        fn end(&mut self, _: Option<Damage>) {}
        fn note(&mut self, _: Note) {}
    }
    if matches!(input, Input::Stream) {
        return Vec::new();
    }
    let mut scan = Scan { text, at: 0, cutter: Cutter::default(), stamps: Vec::new() };
    walk(input, path, &options.walk, &mut scan);
    scan.stamps
}

/// A leaf that only reading shows: of a pipe, which cannot be looked at before.
pub(crate) fn unplanned(id: FileId, member: &Member<'_>, year: Option<u32>) -> Leaf {
    let shown = shown(member.path, member.member);
    let peeked = Peeked {
        shown,
        name: member.name.to_owned(),
        kind: member.kind,
        size: member.size,
        head: Vec::new(),
        holed: false,
    };
    Leaf::new(id, peeked, year)
}

/// The earliest of some stamps.
pub(crate) fn earliest(leaf: &Leaf) -> Instant {
    leaf.first.map_or(Instant::MAX, |s| s.at)
}

/// The note about a copy (R13).
fn copy_note(copy: &Leaf, kept: &Leaf) -> Note {
    if copy.shown == kept.shown {
        let text = "is in a trail file as well, or its beginning is: read once";
        return Note::new(copy.shown.clone(), NoteKind::Copy, text);
    }
    Note::new(copy.shown.clone(), NoteKind::Copy, "a copy of ")
        .naming(&kept.shown, ", or of its beginning: not read again")
}
