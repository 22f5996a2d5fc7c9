//! Zip archives: by their directory, or, where that is lost, by the local headers one after the other.

use super::codec::Format;
use super::decode::{Broken, Decoder, read_on};
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
        Ok((file, broken)) => {
            if let Some(broken) = broken {
                walker.note(&place.member, NoteKind::Damaged, 0, broken.0);
            }
            walk(walker, place, &file);
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

/// Copies the input to a file without a name. An error of the input ends the copy and is given with it; an error of
/// the file is an error.
fn spool(walker: &Walker<'_>, input: &mut dyn Read) -> io::Result<(File, Option<Broken>)> {
    let mut file = tempfile::tempfile_in(&walker.o.tmpdir)?;
    let mut block = vec![0; 64 << 10];
    let mut at = 0;
    loop {
        match read_on(input, &mut block) {
            Ok(0) => return Ok((file, None)),
            Ok(n) => {
                file.write_all(&block[..n])?;
                at += n as u64;
            }
            Err(e) => return Ok((file, Some(Broken::below(&e, at)))),
        }
    }
}

/// Walks a zip file that can be sought in.
pub(crate) fn walk(walker: &mut Walker<'_>, place: &Place, file: &File) {
    let mut zip = Zip { walker, place, file, names: Names::default() };
    match zip_directory::read(file) {
        Ok(entries) => {
            for entry in &entries {
                zip.listed(entry);
            }
        }
        Err(why) => {
            let text = format!("zip archive damaged ({why}); its entries were read one after the other");
            zip.note("", NoteKind::Damaged, 0, text);
            if let Err(e) = zip.scan() {
                zip.note("", NoteKind::Damaged, 0, format!("zip archive ends early ({})", cause(&e)));
            }
        }
    }
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

    /// Reads one entry of the directory.
    fn listed(&mut self, entry: &Entry) {
        let Some(name) = self.wanted(entry) else { return };
        match content(self.file, entry.offset) {
            Ok(input) => self.read(entry, &name, input.take(entry.packed)),
            Err(e) => {
                let text = format!("zip entry could not be found at byte {} ({})", entry.offset, cause(&e));
                self.note(&name, NoteKind::Unreadable, entry.offset, text);
            }
        }
    }

    /// Reads what local headers can be found, from the beginning up to where a directory begins.
    fn scan(&mut self) -> io::Result<()> {
        let mut file = self.file;
        file.seek(SeekFrom::Start(0))?;
        let mut input = BufReader::with_capacity(64 << 10, file);
        while find_local(&mut input)? {
            let entry = zip_directory::local(&mut input)?;
            if !zip_directory::is_plausible(&entry) {
                continue;
            }
            let name = self.wanted(&entry);
            if entry.sizes_follow && entry.packed == 0 {
                // Only the data know where they end; stored ones do not, and are passed over with the search.
                match name {
                    Some(name) if entry.method == 0 => {
                        let text = "zip entry stored without its size: it cannot be read without the directory";
                        self.note(&name, NoteKind::Unreadable, 0, text);
                    }
                    Some(name) => self.read(&entry, &name, &mut input),
                    None => {}
                }
                continue;
            }
            let mut limited = (&mut input).take(entry.packed);
            if let Some(name) = name {
                self.read(&entry, &name, &mut limited);
            }
            io::copy(&mut limited, &mut io::sink())?;
        }
        Ok(())
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

    fn read(&mut self, entry: &Entry, name: &str, input: impl BufRead) {
        let known = !(entry.sizes_follow && entry.packed == 0);
        let shown = self.names.unique(name);
        let Some(inner) = decoder(entry.method, input, !known) else {
            let text =
                format!("zip entry has compression method {}, which is not supported; unpack it first", entry.method);
            return self.note(&shown, NoteKind::Unreadable, entry.offset, text);
        };
        let promise = known.then_some((entry.size, entry.crc));
        let mut checked = Checked { inner, promise, sum: flate2::Crc::new(), at: 0, broken: None };
        let mut inside = self.place.entry(name, &shown, entry.size);
        if !known {
            inside.size = None;
        }
        self.walker.visit(&inside, &mut checked);
        if !known {
            // The search for the next header goes on behind the data, which may not have been wanted. What is wrong
            // with them has been told, or was not asked for.
            let _ = io::copy(&mut checked, &mut io::sink());
        }
    }
}

/// The content behind the local header at `offset`.
fn content(mut file: &File, offset: u64) -> io::Result<BufReader<&File>> {
    file.seek(SeekFrom::Start(offset))?;
    let mut input = BufReader::with_capacity(64 << 10, file);
    let mut mark = [0; 4];
    input.read_exact(&mut mark)?;
    if mark != LOCAL {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "no entry begins there"));
    }
    zip_directory::local(&mut input)?;
    Ok(input)
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

/// Holds the data against the size and checksum that the archive promised, and repeats its first error.
struct Checked<R> {
    inner: R,
    promise: Option<(u64, u32)>,
    sum: flate2::Crc,
    at: u64,
    broken: Option<Broken>,
}

impl<R> Checked<R> {
    fn verdict(&self) -> Result<(), Broken> {
        let Some((size, crc)) = self.promise else { return Ok(()) };
        if self.at != size {
            return Err(Broken(format!("zip entry damaged: {} bytes were read where {size} were promised", self.at)));
        }
        if self.sum.sum() != crc {
            return Err(Broken("zip entry damaged: its checksum does not match what was read".to_owned()));
        }
        Ok(())
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
            Err(e) if e.kind() == io::ErrorKind::Interrupted => return Err(e),
            Err(e) => Err(Broken::below(&e, self.at)),
        };
        outcome.map_err(|broken| {
            let error = broken.error();
            self.broken = Some(broken);
            error
        })
    }
}
