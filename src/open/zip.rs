//! Zip archives: by their directory, or, where that is lost, by the local headers one after the other.

use super::codec::Format;
use super::decode::Decoder;
use super::input::{Broken, Hole, is_interrupted, read_on};
use super::names::{Names, skipped_folder};
use super::walk::{Place, Walker};
use super::zip_directory::{self, CENTRAL, Entry, LOCAL};
use crate::note::{NoteKind, cause};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};

/// Walks a zip that comes from a pipe or from inside another container: it is put into a file first, as the directory
/// is at the end.
pub(crate) fn walk_spooled(walker: &mut Walker<'_>, place: &Place, input: &mut dyn Read) {
    match spool(walker, input) {
        Ok((file, damage)) => {
            let shifted = !damage.is_empty();
            for (at, text) in damage {
                walker.note(&place.member, NoteKind::Damaged, at, text);
            }
            let mut zip = Zip { walker, place, file: &file, names: Names::default() };
            // Behind a hole nothing lies where the directory says.
            if shifted { zip.scan_all() } else { zip.read_all() }
        }
        Err(e) => {
            let text = format!(
                "zip archive could not be put into {} ({}); give another temporary folder with TMPDIR",
                walker.o.tmpdir.display(),
                cause(&e)
            );
            walker.note(&place.member, NoteKind::Unreadable, 0, text);
        }
    }
}

/// Copies the input to a file without a name, over holes. The damage met on the way is given with it, by place; an error of the
/// file is an error.
fn spool(walker: &Walker<'_>, input: &mut dyn Read) -> io::Result<(File, Vec<(u64, String)>)> {
    let mut file = tempfile::tempfile_in(&walker.o.tmpdir)?;
    let mut block = vec![0; 64 << 10];
    let (mut at, mut damage) = (0, Vec::new());
    loop {
        match read_on(input, &mut block) {
            Ok(0) => return Ok((file, damage)),
            Ok(n) => {
                file.write_all(&block[..n])?;
                at += n as u64;
            }
            Err(e) => {
                let goes_on = Hole::of(&e).is_some();
                if damage.len() < HOLES {
                    damage.push((at, Broken::below(&e, at).0));
                }
                if !goes_on {
                    return Ok((file, damage));
                }
            }
        }
    }
}

/// How many holes of one zip are told.
const HOLES: usize = 100;

/// Walks a zip file that can be sought in.
pub(crate) fn walk(walker: &mut Walker<'_>, place: &Place, file: &File) {
    Zip { walker, place, file, names: Names::default() }.read_all();
}

struct Zip<'w, 'a> {
    walker: &'w mut Walker<'a>,
    place: &'w Place,
    file: &'w File,
    names: Names,
}

impl Zip<'_, '_> {
    fn note(&mut self, name: &str, kind: NoteKind, at: u64, text: impl Into<String>) {
        let member = if name.is_empty() { self.place.member.clone() } else { self.place.join(name) };
        self.walker.note(&member, kind, at, text);
    }

    /// Reads the entries of the directory, or, where that is lost, those that are found.
    fn read_all(&mut self) {
        match zip_directory::read(self.file) {
            Ok(entries) => entries.iter().for_each(|entry| self.listed(entry)),
            Err(why) => {
                let text = format!("zip archive damaged ({why}); its entries were read one after the other");
                self.note("", NoteKind::Damaged, 0, text);
                self.scan_all();
            }
        }
    }

    fn scan_all(&mut self) {
        if let Err(e) = self.scan() {
            self.note("", NoteKind::Damaged, 0, format!("zip archive ends early ({})", cause(&e)));
        }
    }

    /// Reads one entry of the directory.
    fn listed(&mut self, entry: &Entry) {
        let Some(name) = self.wanted(entry) else { return };
        match content(self.file, entry) {
            Ok((input, at, is_whole)) => {
                if !is_whole {
                    let text =
                        "the local header of this zip entry is damaged; it was read as the directory describes it";
                    self.note(&name, NoteKind::Damaged, entry.offset, text);
                }
                self.read(entry, &name, at, input.take(entry.packed));
            }
            Err(e) => {
                let text = format!("zip entry could not be found at byte {} ({})", entry.offset, cause(&e));
                self.note(&name, NoteKind::Unreadable, entry.offset, text);
            }
        }
    }

    /// Reads what local headers can be found, from the beginning up to where a directory begins. Behind an entry that is not what its
    /// header promises, the search goes on right behind the header: a damaged size leads anywhere. So much is searched twice, but not
    /// more than some times the file's length, whatever the headers promise.
    fn scan(&mut self) -> io::Result<()> {
        let mut file = self.file;
        let mut left = file.seek(SeekFrom::End(0))?.saturating_mul(TWICE);
        file.seek(SeekFrom::Start(0))?;
        let mut input = BufReader::with_capacity(64 << 10, file);
        while find_local(&mut input)? {
            let begin = input.stream_position()?;
            let is_whole = match zip_directory::local(&mut input) {
                Ok(entry) if zip_directory::is_plausible(&entry) => self.found(&entry, &mut input)?,
                Ok(_) => false,
                Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => false,
                Err(e) => return Err(e),
            };
            let behind = input.stream_position()? - begin;
            if !is_whole && behind <= left {
                left -= behind;
                input.seek(SeekFrom::Start(begin))?;
            }
        }
        Ok(())
    }

    /// Reads an entry whose local header was found; whether it ends where that says.
    fn found(&mut self, entry: &Entry, input: &mut BufReader<&File>) -> io::Result<bool> {
        let name = self.wanted(entry);
        let at = input.stream_position()?;
        if entry.sizes_follow && entry.packed == 0 {
            // Only the data know where they end; stored ones do not, and are passed over with the search.
            match name {
                Some(name) if entry.method == 0 => {
                    let text = "zip entry stored without its size: it cannot be read without the directory";
                    self.note(&name, NoteKind::Unreadable, 0, text);
                }
                Some(name) => return Ok(self.read(entry, &name, at, input)),
                None => {}
            }
            return Ok(true);
        }
        let mut limited = input.take(entry.packed);
        if let Some(name) = name {
            self.read(entry, &name, at, &mut limited);
        }
        io::copy(&mut limited, &mut io::sink())?;
        let ends_early = limited.limit() > 0;
        Ok(!ends_early && matches!(input.fill_buf()?, [] | [b'P', b'K', ..]))
    }

    /// The name of an entry that is to be read; notes say why others are not.
    fn wanted(&mut self, entry: &Entry) -> Option<String> {
        let name = String::from_utf8_lossy(&entry.name).replace('\\', "/");
        let name = name.trim_start_matches("./");
        if name.ends_with('/') {
            return None;
        }
        if let Some(folder) = skipped_folder(name).filter(|_| !self.walker.o.all) {
            if self.names.first_time(folder) {
                self.note(folder, NoteKind::Skipped, 0, crate::discover::FOLDER_SKIPPED);
            }
            return None;
        }
        if entry.encrypted {
            let text = "zip entry is encrypted and was not read; unpack it first";
            self.note(name, NoteKind::Unreadable, entry.offset, text);
            return None;
        }
        if entry.symlink {
            let text = "entry skipped: a symbolic link; links inside an archive are not followed";
            self.note(name, NoteKind::Skipped, entry.offset, text);
            return None;
        }
        Some(name.to_owned())
    }

    /// Reads an entry whose data begin at byte `at` of the archive; whether they decode, where only they tell how long they are.
    fn read(&mut self, entry: &Entry, name: &str, at: u64, input: impl BufRead) -> bool {
        let known = !(entry.sizes_follow && entry.packed == 0);
        let shown = self.names.unique(name);
        let Some(inner) = decoder(entry.method, input, !known) else {
            let text =
                format!("zip entry has compression method {}, which is not supported; unpack it first", entry.method);
            self.note(&shown, NoteKind::Unreadable, entry.offset, text);
            return true;
        };
        let promise = known.then_some(Promise { size: entry.size, crc: entry.crc, from: at, to: at + entry.packed });
        let mut checked = Checked { inner, promise, sum: flate2::Crc::new(), at: 0, broken: None };
        let mut inside = self.place.entry(name, &shown, entry.size);
        if !known {
            inside.size = None;
        }
        self.walker.visit(&inside, &mut checked);
        if !known {
            // The search for the next header goes on behind the data, which may not have been wanted. What is wrong
            // with them has been told, or was not asked for.
            return io::copy(&mut checked, &mut io::sink()).is_ok();
        }
        true
    }
}

/// How many times the length of an archive is searched again.
const TWICE: u64 = 4;

/// The content behind the local header of an entry of the directory, where it begins, and whether the header has its mark. Without, it
/// must bear the entry's name.
fn content<'f>(mut file: &'f File, entry: &Entry) -> io::Result<(BufReader<&'f File>, u64, bool)> {
    file.seek(SeekFrom::Start(entry.offset))?;
    let mut input = BufReader::with_capacity(64 << 10, file);
    let mut mark = [0; 4];
    input.read_exact(&mut mark)?;
    let is_whole = mark == LOCAL;
    let local = zip_directory::local(&mut input)?;
    if !is_whole && local.name != entry.name {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "no entry begins there"));
    }
    let at = input.stream_position()?;
    Ok((input, at, is_whole))
}

/// Searches for the next local header and reads its mark; `false` at the directory or the end.
fn find_local(input: &mut impl BufRead) -> io::Result<bool> {
    let mut window = [0; 4];
    loop {
        let bytes = input.fill_buf()?;
        if bytes.is_empty() {
            return Ok(false);
        }
        let mut used = 0;
        let mut found = false;
        for byte in bytes {
            window.rotate_left(1);
            window[3] = *byte;
            used += 1;
            found = window == LOCAL || window == CENTRAL;
            if found {
                break;
            }
        }
        input.consume(used);
        if found {
            return Ok(window == LOCAL);
        }
    }
}

/// The reader for a compression method, if it is a known one. `single` where only the data tell where they end.
fn decoder<'i>(method: u16, input: impl BufRead + 'i, single: bool) -> Option<Box<dyn Read + 'i>> {
    let format = match method {
        0 => return Some(Box::new(input)),
        8 => Format::Deflate,
        9 => Format::Deflate64,
        12 => Format::Bzip2,
        93 => Format::Zstd,
        95 => Format::Xz,
        _ => return None,
    };
    let decoder = Decoder::new(format, input);
    Some(Box::new(if single || matches!(method, 8 | 9) { decoder.single() } else { decoder }))
}

/// What the archive says of an entry's data: their size, their checksum, and where they lie in the archive.
#[derive(Clone, Copy)]
struct Promise {
    size: u64,
    crc: u32,
    from: u64,
    to: u64,
}

/// Holds the data against what the archive promised, and repeats its last error.
struct Checked<R> {
    inner: R,
    promise: Option<Promise>,
    sum: flate2::Crc,
    at: u64,
    broken: Option<Broken>,
}

impl<R> Checked<R> {
    fn verdict(&self) -> Result<(), Broken> {
        let Some(Promise { size, crc, from, to }) = self.promise else { return Ok(()) };
        let told =
            |what: String| Err(Broken(format!("zip entry damaged in bytes {from} to {to} of the archive: {what}")));
        if self.at != size {
            return told(format!("{} bytes were read where {size} were promised", self.at));
        }
        if self.sum.sum() != crc {
            return told("its checksum does not match what was read".to_owned());
        }
        Ok(())
    }

    /// What a decoder says, with the place of its input.
    fn placed(&self, text: String) -> String {
        match self.promise {
            Some(Promise { from, to, .. }) => {
                format!("{text}; compressed, the entry is bytes {from} to {to} of the archive")
            }
            None => text,
        }
    }
}

impl<R: Read> Read for Checked<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        if let Some(broken) = &self.broken {
            return Err(broken.error());
        }
        let outcome = match self.inner.read(out) {
            Ok(0) => self.verdict().map(|()| 0),
            Ok(n) => {
                self.at += n as u64;
                self.sum.update(&out[..n]);
                Ok(n)
            }
            Err(e) if is_interrupted(&e) => return Err(e),
            Err(e) => {
                if let Some(hole) = Hole::of(&e) {
                    let hole = Hole(self.placed(hole.0.clone()));
                    // It has told of the loss, which the size and the checksum would tell of again.
                    self.promise = None;
                    return Err(hole.error());
                }
                Err(Broken(self.placed(Broken::below(&e, self.at).0)))
            }
        };
        outcome.map_err(|broken| {
            let error = broken.error();
            self.broken = Some(broken);
            error
        })
    }
}
