//! Compressing rotated files.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Write, copy};
use std::path::{Path, PathBuf};

/// How a rotated file is kept.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(crate) enum Codec {
    None,
    Gz,
    Zst,
    Bz2,
}

/// Replaces a file by its compressed copy, `FILE.gz`, and says where that is.
pub(crate) fn pack(path: &Path, codec: Codec) -> io::Result<PathBuf> {
    let extension = match codec {
        Codec::None => return Ok(path.to_path_buf()),
        Codec::Gz => ".gz",
        Codec::Zst => ".zst",
        Codec::Bz2 => ".bz2",
    };
    let mut target = path.as_os_str().to_owned();
    target.push(extension);
    let mut from = BufReader::new(File::open(path)?);
    let target = PathBuf::from(target);
    let to = BufWriter::new(File::create_new(&target)?);
    let mut to = match codec {
        Codec::Gz => {
            let mut encoder = flate2::write::GzEncoder::new(to, flate2::Compression::new(6));
            copy(&mut from, &mut encoder)?;
            encoder.finish()?
        }
        Codec::Bz2 => {
            let mut encoder = bzip2::write::BzEncoder::new(to, bzip2::Compression::new(6));
            copy(&mut from, &mut encoder)?;
            encoder.finish()?
        }
        _ => {
            let mut encoder = zstd::stream::write::Encoder::new(to, 3)?;
            copy(&mut from, &mut encoder)?;
            encoder.finish()?
        }
    };
    to.flush()?;
    std::fs::remove_file(path)?;
    Ok(target)
}
