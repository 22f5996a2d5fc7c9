//! A whole archive as one text, so that a fuzzer can change it and a person can read it.
//!
//! A line `%%KIND NAME` begins a file, whose bytes are the lines up to the next such line. The kind is a letter: `p` plain,
//! `g` gzip, `b` bzip2, `x` xz, `s` zstd; `t` and `z` are members of one tar and one zip, `u` of a tar that is gzipped. A `!`
//! behind it cuts the last third of the file on disk off, a `*` writes the last line two hundred times, without newlines. What stands before the first such line is a plain file.

use std::io::{Cursor, Write};

/// One file as it lies on disk.
pub struct OnDisk {
    /// Its name.
    pub name: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// One text of the archive.
struct Text {
    head: Head,
    bytes: Vec<u8>,
}

/// The line before a text.
struct Head {
    kind: u8,
    cut: bool,
    long: bool,
    name: String,
}

/// The most files of an archive; the rest is left out.
const FILES: usize = 12;

/// The files of an archive.
pub fn unpack(data: &[u8]) -> Vec<OnDisk> {
    let texts = texts(data);
    let mut files = Vec::new();
    for text in texts.iter().filter(|t| !b"tuz".contains(&t.head.kind)) {
        let bytes = match text.head.kind {
            b'g' => gz(&text.bytes),
            b'b' => bz2(&text.bytes),
            b'x' => xz(&text.bytes),
            b's' => zstd::encode_all(text.bytes.as_slice(), 1).expect("memory can be written"),
            _ => text.bytes.clone(),
        };
        files.push(on_disk(text.head.name.clone(), bytes, text.head.cut));
    }
    for (kind, name) in [(b't', "members.tar"), (b'u', "members.tar.gz"), (b'z', "members.zip")] {
        let members: Vec<&Text> = texts.iter().filter(|t| t.head.kind == kind).collect();
        let cut = members.iter().any(|m| m.head.cut);
        if !members.is_empty() {
            let bytes = match kind {
                b't' => tar(&members),
                b'u' => gz(&tar(&members)),
                _ => zip(&members),
            };
            files.push(on_disk(name.to_owned(), bytes, cut));
        }
    }
    files
}

fn on_disk(name: String, mut bytes: Vec<u8>, cut: bool) -> OnDisk {
    if cut {
        bytes.truncate(bytes.len() - bytes.len() / 3);
    }
    OnDisk { name, bytes }
}

fn texts(data: &[u8]) -> Vec<Text> {
    let mut texts = Vec::new();
    let mut head = Head { kind: b'p', cut: false, long: false, name: "imap".to_owned() };
    let (mut begin, mut at, mut number) = (0, 0, 0);
    for line in data.split_inclusive(|b| *b == b'\n') {
        if let Some(next) = header(line, number + 1) {
            number += 1;
            let before = std::mem::replace(&mut head, next);
            push(&mut texts, before, data.get(begin..at).unwrap_or_default());
            begin = at + line.len();
        }
        at += line.len();
    }
    push(&mut texts, head, data.get(begin..).unwrap_or_default());
    texts.truncate(FILES);
    texts
}

fn push(texts: &mut Vec<Text>, mut head: Head, bytes: &[u8]) {
    let mut bytes = bytes.to_vec();
    // One such text is enough.
    head.long &= texts.iter().all(|t| !t.head.long);
    if head.long {
        let whole = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
        let last = whole.iter().rposition(|b| *b == b'\n').map_or(0, |newline| newline + 1);
        let line = whole.get(last..).unwrap_or_default().to_vec();
        bytes.truncate(last);
        bytes.extend(line.repeat(200));
    }
    // Before the first header there need not be anything.
    if !texts.is_empty() || !bytes.is_empty() {
        texts.push(Text { head, bytes });
    }
}

/// The name is made such that no two files have one, and none leads out of the folder.
fn header(line: &[u8], number: usize) -> Option<Head> {
    let [kind, rest @ ..] = line.strip_prefix(b"%%")? else { return None };
    let (cut, long) = (rest.first() == Some(&b'!'), rest.first() == Some(&b'*'));
    let plain = |c: &char| c.is_ascii_alphanumeric() || ".-_".contains(*c);
    let name: String = String::from_utf8_lossy(rest).trim().chars().filter(plain).take(40).collect();
    let name = if name.trim_matches('.').is_empty() { "imap" } else { &name };
    Some(Head { kind: *kind, cut, long, name: format!("{number}/{name}") })
}

fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("memory can be written")
}

fn bz2(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("memory can be written")
}

fn xz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 0);
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("memory can be written")
}

fn tar(members: &[&Text]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for member in members {
        let mut header = tar::Header::new_gnu();
        header.set_size(member.bytes.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, &member.head.name, member.bytes.as_slice()).expect("memory can be written");
    }
    builder.into_inner().expect("memory can be written")
}

fn zip(members: &[&Text]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for member in members {
        let options = zip::write::SimpleFileOptions::default();
        writer.start_file(member.head.name.as_str(), options).expect("a member begins");
        writer.write_all(&member.bytes).expect("memory can be written");
    }
    writer.finish().expect("memory can be written").into_inner()
}
