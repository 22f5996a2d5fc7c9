//! What a file is, told by its first bytes and never by its name: rotated logs carry any name.

/// What the first bytes of a file or member show it to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Nothing known: taken as text.
    Plain,
    /// Gzip, one member or many.
    Gzip,
    /// Bzip2, one stream or many.
    Bzip2,
    /// Xz, one stream or many.
    Xz,
    /// Zstandard frames, skippable ones included.
    Zstd,
    /// A tar archive, v7, ustar, GNU or pax.
    Tar,
    /// A zip archive, an empty one included.
    Zip,
    /// A trail file, which is read whole and not walked.
    Trail,
    /// Clearly no log (a picture, a program, an archive of a kind not read); the words say what it is.
    Image(&'static str),
    /// No bytes at all.
    Empty,
}

impl Kind {
    /// Whether other members lie inside: an archive or a compressed stream.
    pub fn is_container(self) -> bool {
        !matches!(self, Kind::Plain | Kind::Image(_) | Kind::Empty)
    }

    /// What is clearly no log, by the words of [`Kind::name`].
    pub fn image(what: &str) -> Kind {
        let known = IMAGES.iter().map(|(_, what)| *what).chain(PROGRAMS);
        Kind::Image(known.into_iter().find(|known| *known == what).unwrap_or("no log"))
    }

    /// The format's name in a sentence.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Plain => "text",
            Kind::Gzip => "gzip",
            Kind::Bzip2 => "bzip2",
            Kind::Xz => "xz",
            Kind::Zstd => "zstd",
            Kind::Tar => "tar",
            Kind::Zip => "zip",
            Kind::Trail => "trail",
            Kind::Image(what) => what,
            Kind::Empty => "empty",
        }
    }
}

/// How many bytes `kind_of` wants to see; fewer will do when the file is shorter.
pub const HEAD: usize = 1024;

/// Finds the kind from the head of decoded content: at least its first 512 bytes, or all of it.
pub(crate) fn kind_of(head: &[u8]) -> Kind {
    if head.is_empty() {
        return Kind::Empty;
    }
    // A tar begins with a member's name, which may look like anything: it is tried first.
    if is_tar(head) {
        return Kind::Tar;
    }
    match head {
        [0x1f, 0x8b, 0x08, ..] => Kind::Gzip,
        [b'B', b'Z', b'h', b'1'..=b'9', rest @ ..] if is_bzip2_block(rest) => Kind::Bzip2,
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Kind::Xz,
        [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Kind::Zstd,
        // A split archive's first part begins with its own mark before the first local header.
        [0xb1, b'i', b'm', b's', b't', b'r', b'l', b'\n', ..] => Kind::Trail,
        [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => Kind::Zip,
        [b'P', b'K', 7, 8, b'P', b'K', 3, 4, ..] | [b'P', b'K', b'0', b'0', b'P', b'K', 3, 4, ..] => Kind::Zip,
        _ => image(head).map_or(Kind::Plain, Kind::Image),
    }
}

/// Finds the kind of a file or member that is not yet decoded. Its name counts for nothing, but where it begins like no known format and
/// like no text either: then it is what its name says, and its first bytes are damaged.
pub fn kind_of_file(head: &[u8], name: &str) -> Kind {
    let kind = kind_of(head);
    if kind != Kind::Plain || !head.iter().any(|b| *b < b'\t') {
        return kind;
    }
    match name.rsplit_once('.').map(|(_, ending)| ending) {
        Some("gz" | "tgz") => Kind::Gzip,
        Some("bz2" | "tbz2") => Kind::Bzip2,
        Some("xz" | "txz") => Kind::Xz,
        Some("zst" | "tzst") => Kind::Zstd,
        Some("tar") => Kind::Tar,
        Some("zip") => Kind::Zip,
        _ => Kind::Plain,
    }
}

/// The first block's mark, or the end mark of an empty stream; a file cut short shows only a part of it.
fn is_bzip2_block(rest: &[u8]) -> bool {
    const BLOCK: [u8; 6] = [0x31, 0x41, 0x59, 0x26, 0x53, 0x59];
    const END: [u8; 6] = [0x17, 0x72, 0x45, 0x38, 0x50, 0x90];
    let shown = &rest[..rest.len().min(6)];
    !shown.is_empty() && (BLOCK.starts_with(shown) || END.starts_with(shown))
}

/// Whether the first block is a tar header: one with a right checksum, or with the ustar mark (its first header may
/// be the damaged one). A v7 tar has no mark at all.
fn is_tar(head: &[u8]) -> bool {
    let Some(block) = head.first_chunk::<512>() else { return false };
    &block[257..262] == b"ustar" || (block[0] != 0 && checksum_fits(block))
}

/// Whether the block's own checksum is the sum of its bytes, signed or unsigned (old tars summed signed chars).
pub(crate) fn checksum_fits(block: &[u8; 512]) -> bool {
    let Some(stored) = octal(&block[148..156]) else { return false };
    let others = || block[..148].iter().chain(&block[156..]);
    let unsigned: i64 = others().map(|&b| i64::from(b)).sum::<i64>() + 8 * 32;
    let signed: i64 = others().map(|&b| i64::from(b.cast_signed())).sum::<i64>() + 8 * 32;
    stored == unsigned || stored == signed
}

/// A tar header's octal number: digits, with blanks before and blanks or zeros behind.
fn octal(field: &[u8]) -> Option<i64> {
    let digits = field.trim_ascii_start();
    let end = digits.iter().position(|b| matches!(b, 0 | b' ')).unwrap_or(digits.len());
    let digits = &digits[..end];
    if digits.is_empty() || !digits.iter().all(|b| matches!(b, b'0'..=b'7')) {
        return None;
    }
    Some(digits.iter().fold(0, |sum, b| sum * 8 + i64::from(b - b'0')))
}

/// First bytes that no log begins with, and what they are. Longer marks come before shorter ones where they share a
/// beginning.
const IMAGES: &[(&[u8], &str)] = &[
    (b"\x1f\x9d", "old compress (.Z) data, which is not supported; unpack it with uncompress first"),
    (b"\x1f\xa0", "old compress (SCO .z) data, which is not supported"),
    (b"\x1f\x1e", "old pack (.z) data, which is not supported"),
    (b"\x5d\x00\x00\x80\x00\xff", "old lzma data, which is not supported; unpack it with xz -d first"),
    (b"LZIP", "lzip data, which is not supported; unpack it with lzip -d first"),
    (b"\x04\x22\x4d\x18", "lz4 data, which is not supported; unpack it with lz4 -d first"),
    (b"\x89LZO\0\r\n\x1a\n", "lzop data, which is not supported; unpack it with lzop -d first"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive, which is not supported; unpack it first"),
    (b"Rar!\x1a\x07", "a rar archive, which is not supported; unpack it first"),
    (b"070701", "a cpio archive, which is not supported; unpack it first"),
    (b"070702", "a cpio archive, which is not supported; unpack it first"),
    (b"070707", "a cpio archive, which is not supported; unpack it first"),
    (b"\xc7\x71", "a cpio archive, which is not supported; unpack it first"),
    (b"!<arch>\n", "an ar archive, which is not supported"),
    (b"\xed\xab\xee\xdb", "an RPM package"),
    (b"\x89PNG\r\n\x1a\n", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF87a", "a GIF picture"),
    (b"GIF89a", "a GIF picture"),
    (b"II*\0", "a TIFF picture"),
    (b"MM\0*", "a TIFF picture"),
    (b"%PDF-", "a PDF document"),
    (b"%!PS-", "a PostScript document"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Office document"),
    (b"\x7fELF", "a program or core file (ELF)"),
    (b"\xca\xfe\xba\xbe", "a Java class or a program"),
    (b"\xcf\xfa\xed\xfe", "a program (Mach-O)"),
    (b"SQLite format 3\0", "an SQLite database"),
    (b"LPKSHHRH", "a systemd journal; export it with journalctl first"),
    (b"\xd4\xc3\xb2\xa1", "a packet capture"),
    (b"\xa1\xb2\xc3\xd4", "a packet capture"),
    (b"\x0a\x0d\x0d\x0a", "a packet capture"),
    (b"PAR1", "a Parquet file"),
    (b"\xff\xfe", "UTF-16 text; convert it to UTF-8 first"),
    (b"\xfe\xff", "UTF-16 text; convert it to UTF-8 first"),
];

/// What is told by more than a mark at the beginning.
const PROGRAMS: [&str; 2] = ["a Windows program", "a Berkeley DB database"];

fn image(head: &[u8]) -> Option<&'static str> {
    if let Some((_, what)) = IMAGES.iter().find(|(magic, _)| head.starts_with(magic)) {
        return Some(what);
    }
    // Two letters are too few to go by: text may begin with them, but text has no zero byte after them.
    if head.starts_with(b"MZ") && head[..head.len().min(64)].contains(&0) {
        return Some(PROGRAMS[0]);
    }
    // Berkeley DB keeps its magic behind a log sequence number, in the byte order of the host that wrote it.
    const DB: [u32; 3] = [0x0005_3162, 0x0006_1561, 0x0004_2253];
    let magic = head.get(12..16)?;
    let is_db = DB.iter().any(|m| magic == m.to_le_bytes() || magic == m.to_be_bytes());
    is_db.then_some(PROGRAMS[1])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_by_first_bytes() {
        let table: &[(&[u8], Kind)] = &[
            (b"", Kind::Empty),
            (b"[01/Jan/2024:00:00:00 +0000] store1 imapd[1]: x", Kind::Plain),
            (b"\x1f\x8b\x08\x00", Kind::Gzip),
            (b"\x1f\x8b", Kind::Plain),
            (b"BZh91AY&SY", Kind::Bzip2),
            (b"BZh9\x17\x72\x45\x38\x50\x90", Kind::Bzip2),
            (b"BZh9ello", Kind::Plain),
            (b"\xfd7zXZ\0", Kind::Xz),
            (b"\x28\xb5\x2f\xfd", Kind::Zstd),
            (b"\x5a\x2a\x4d\x18", Kind::Zstd),
            (b"PK\x03\x04", Kind::Zip),
            (b"PK\x05\x06", Kind::Zip),
            (b"PKzip is fine", Kind::Plain),
            (b"\xb1imstrl\n\x01\0\0\0", Kind::Trail),
            (b"%PDF-1.4", Kind::Image("a PDF document")),
            (b"\x7fELF\x02", Kind::Image("a program or core file (ELF)")),
            (b"MZ is a text", Kind::Plain),
            (b"MZ\x90\0\x03\0", Kind::Image("a Windows program")),
            (b"\0\0\0\0\0\0\0\0\0\0\0\0\x62\x31\x05\0", Kind::Image("a Berkeley DB database")),
        ];
        for (head, kind) in table {
            assert_eq!(kind_of(head), *kind, "{head:?}");
        }
        assert!(matches!(kind_of(b"\x1f\x9d\x90"), Kind::Image(what) if what.contains("not supported")));
    }

    #[test]
    fn a_name_counts_where_the_first_bytes_are_no_text() {
        for (head, name, kind) in [
            (&b"\0\x8b\x08\0"[..], "imap.1.gz", Kind::Gzip),
            (b"\0\0", "logs.txz", Kind::Xz),
            (b"\0\0", "gz", Kind::Plain),
            (b"\0\0", "imap", Kind::Plain),
            (b"[29/May/2019", "imap.1.gz", Kind::Plain),
            (b"\x1f\x8b\x08\0", "imap.zip", Kind::Gzip),
            (b"%PDF-\0", "imap.gz", Kind::Image("a PDF document")),
            (b"", "imap.gz", Kind::Empty),
        ] {
            assert_eq!(kind_of_file(head, name), kind, "{head:?} {name}");
        }
    }

    #[test]
    fn tar_by_mark_or_checksum() {
        let mut old = tar::Header::new_old();
        old.set_path("imap.1").unwrap();
        old.set_size(5);
        old.set_cksum();
        assert_eq!(kind_of(old.as_bytes()), Kind::Tar);
        let mut broken = *old.as_bytes();
        broken[3] ^= 1;
        assert_eq!(kind_of(&broken), Kind::Plain);
        let mut gnu = tar::Header::new_gnu();
        gnu.set_cksum();
        assert_eq!(kind_of(gnu.as_bytes()), Kind::Tar);
        assert_eq!(kind_of(&[0; 512]), Kind::Plain);
    }
}
