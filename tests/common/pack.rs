//! Compressed files and archives of the kinds that sites use.

use std::io::{Cursor, Write};

/// A way to compress a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Codec {
    Gz,
    Zst,
    Bz2,
    Xz,
}

impl Codec {
    pub(crate) const ALL: [Codec; 4] = [Codec::Gz, Codec::Zst, Codec::Bz2, Codec::Xz];

    /// What such files' names end in.
    pub(crate) fn extension(self) -> &'static str {
        match self {
            Codec::Gz => "gz",
            Codec::Zst => "zst",
            Codec::Bz2 => "bz2",
            Codec::Xz => "xz",
        }
    }

    pub(crate) fn compress(self, bytes: &[u8]) -> Vec<u8> {
        let written = "memory can be written";
        match self {
            Codec::Gz => gz(bytes),
            Codec::Zst => zstd::encode_all(bytes, 1).expect(written),
            Codec::Bz2 => {
                let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
                encoder.write_all(bytes).and_then(|()| encoder.finish()).expect(written)
            }
            Codec::Xz => {
                let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 1);
                encoder.write_all(bytes).and_then(|()| encoder.finish()).expect(written)
            }
        }
    }
}

/// One gzip member.
pub(crate) fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("memory can be written")
}

/// A tar archive of these files.
pub(crate) fn tar(files: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (path, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, path, bytes.as_slice()).expect("memory can be written");
    }
    builder.into_inner().expect("memory can be written")
}

/// A zip archive of these files.
pub(crate) fn zip(files: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (path, bytes) in files {
        let options = zip::write::SimpleFileOptions::default();
        writer.start_file(path.as_str(), options).expect("a member begins");
        writer.write_all(bytes).expect("memory can be written");
    }
    writer.finish().expect("memory can be written").into_inner()
}
