//! Writing a trail file: sections one behind the other, then the index.

use std::io::{self, Write};

use sha2::{Digest, Sha256};

use super::{HEADER, Index, MAGIC, Section, VERSION};

/// The level at which the index is compressed: it is small, and read by every run.
const LEVEL: i32 = 3;

/// Where sections go.
pub trait Sections {
    /// Writes a section.
    ///
    /// # Errors
    /// Those of writing.
    fn put(&mut self, bytes: &[u8]) -> io::Result<Section>;
}

/// A trail file that is being written.
#[derive(Debug)]
pub struct Packer<W> {
    out: W,
    at: u64,
}

fn header() -> [u8; HEADER] {
    let mut header = [0; HEADER];
    header[..8].copy_from_slice(&MAGIC);
    header[8..12].copy_from_slice(&VERSION.to_le_bytes());
    header
}

impl<W: Write> Packer<W> {
    /// Begins a trail file.
    ///
    /// # Errors
    /// Those of writing.
    pub fn new(mut out: W) -> io::Result<Packer<W>> {
        out.write_all(&header())?;
        Ok(Packer { out, at: HEADER as u64 })
    }

    /// Ends it with the index.
    ///
    /// # Errors
    /// Those of writing.
    pub fn finish(mut self, index: &Index) -> io::Result<W> {
        let bytes = postcard::to_stdvec(index).map_err(io::Error::other)?;
        let packed = zstd::bulk::compress(&bytes, LEVEL)?;
        let place = [self.at.to_le_bytes(), (packed.len() as u64).to_le_bytes()].concat();
        let hash = Sha256::new().chain_update(header()).chain_update(&packed).chain_update(&place).finalize();
        for part in [&packed[..], &place, hash.as_slice(), &MAGIC] {
            self.out.write_all(part)?;
        }
        Ok(self.out)
    }
}

impl<W: Write> Sections for Packer<W> {
    fn put(&mut self, bytes: &[u8]) -> io::Result<Section> {
        self.out.write_all(bytes)?;
        let section = Section { at: self.at, length: bytes.len() as u64, sha256: Sha256::digest(bytes).into() };
        self.at += section.length;
        Ok(section)
    }
}
