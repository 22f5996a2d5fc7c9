//! A whole archive as one text, so that a fuzzer can change it and a person can read it.
//!
//! A line `%%KIND NAME` begins a file, whose bytes are the lines up to the next such line. The kind is a letter: `p` plain,
//! `g` gzip, `b` bzip2, `x` xz, `s` zstd; `t` and `z` are members of one tar and one zip, `u` of a tar that is gzipped. A `!`
//! behind it cuts the last third of the file on disk off. What stands before the first such line is a plain file.

use std::io::{Cursor, Write};

/// One file as it lies on disk.
pub struct OnDisk {
    /// Its name.
    pub name: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// One text of the archive.
struct Text<'a> {
    kind: u8,
    cut: bool,
    name: String,
    bytes: &'a [u8],
}

/// The most files of an archive; the rest is left out.
const FILES: usize = 12;

/// The files of an archive.
pub fn unpack(data: &[u8]) -> Vec<OnDisk> {
    let texts = texts(data);
    let mut files = Vec::new();
    for text in texts.iter().filter(|t| !b"tuz".contains(&t.kind)) {
        let bytes = match text.kind {
            b'g' => gz(text.bytes),
            b'b' => bz2(text.bytes),
            b'x' => xz(text.bytes),
            b's' => zstd::encode_all(text.bytes, 1).expect("memory can be written"),
            _ => text.bytes.to_vec(),
        };
        files.push(on_disk(text.name.clone(), bytes, text.cut));
    }
    for (kind, name) in [(b't', "members.tar"), (b'u', "members.tar.gz"), (b'z', "members.zip")] {
        let members: Vec<&Text<'_>> = texts.iter().filter(|t| t.kind == kind).collect();
        let cut = members.iter().any(|m| m.cut);
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

fn texts(data: &[u8]) -> Vec<Text<'_>> {
    let mut texts = Vec::new();
    let mut head = (b'p', false, "imap".to_owned());
    let (mut begin, mut at, mut number) = (0, 0, 0);
    for line in data.split_inclusive(|b| *b == b'\n') {
        if let Some(next) = header(line, number + 1) {
            number += 1;
            push(&mut texts, head, data.get(begin..at).unwrap_or_default());
            head = next;
            begin = at + line.len();
        }
        at += line.len();
    }
    push(&mut texts, head, data.get(begin..).unwrap_or_default());
    texts.truncate(FILES);
    texts
}

fn push<'a>(texts: &mut Vec<Text<'a>>, (kind, cut, name): (u8, bool, String), bytes: &'a [u8]) {
    // Before the first header there need not be anything.
    if !texts.is_empty() || !bytes.is_empty() {
        texts.push(Text { kind, cut, name, bytes });
    }
}

/// Kind, whether it is cut, and name: made such that no two files have one name, and none leads out of the folder.
fn header(line: &[u8], number: usize) -> Option<(u8, bool, String)> {
    let [kind, rest @ ..] = line.strip_prefix(b"%%")? else { return None };
    let (cut, rest) = match rest {
        [b'!', rest @ ..] => (true, rest),
        rest => (false, rest),
    };
    let plain = |c: &char| c.is_ascii_alphanumeric() || ".-_".contains(*c);
    let name: String = String::from_utf8_lossy(rest).trim().chars().filter(plain).take(40).collect();
    Some((*kind, cut, format!("{number}/{}", if name.trim_matches('.').is_empty() { "imap" } else { &name })))
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

fn tar(members: &[&Text<'_>]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for member in members {
        let mut header = tar::Header::new_gnu();
        header.set_size(member.bytes.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, &member.name, member.bytes).expect("memory can be written");
    }
    builder.into_inner().expect("memory can be written")
}

fn zip(members: &[&Text<'_>]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for member in members {
        let options = zip::write::SimpleFileOptions::default();
        writer.start_file(member.name.as_str(), options).expect("a member begins");
        writer.write_all(member.bytes).expect("memory can be written");
    }
    writer.finish().expect("memory can be written").into_inner()
}
