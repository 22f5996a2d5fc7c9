//! SHA-256, as evidence has it.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};

use crate::open::Damage;
use crate::text::exact;

/// A SHA-256, written as 64 hexadecimal digits in lower case.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Sha([u8; 32]);

impl fmt::Display for Sha {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Sha {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Sha {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Sha {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Sha, D::Error> {
        let text = String::deserialize(deserializer)?;
        let digits: Option<Vec<u8>> =
            text.chars().map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok())).collect();
        let bytes = digits.unwrap_or_default().chunks(2).map(|two| two.iter().fold(0, |n, d| n * 16 + d)).collect();
        let whole = Vec::try_into(bytes).ok().filter(|_| text.len() == 64);
        whole.map(Sha).ok_or_else(|| serde::de::Error::custom("a SHA-256 has 64 hexadecimal digits"))
    }
}

/// So many bytes, and their hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hashed {
    /// How many.
    pub size: u64,
    /// Their hash.
    pub sha256: Sha,
}

impl Hashed {
    /// The hash of bytes at hand.
    pub fn of(bytes: &[u8]) -> Hashed {
        let mut hasher = Hasher::default();
        hasher.update(bytes);
        hasher.finish()
    }
}

/// A hash in the making.
#[derive(Clone, Debug, Default)]
pub struct Hasher {
    sha: Sha256,
    size: u64,
}

impl Hasher {
    /// Takes the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.sha.update(bytes);
        self.size += bytes.len() as u64;
    }

    /// How many bytes were taken.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The hash of all that was taken.
    pub fn finish(self) -> Hashed {
        Hashed { size: self.size, sha256: Sha(self.sha.finalize().into()) }
    }
}

/// A text of a file, decoded.
#[derive(Clone, Debug)]
pub struct Text {
    /// The path inside the archive, by [`exact`]; empty if the file is no archive.
    pub member: String,
    /// Its bytes.
    pub hashed: Hashed,
    /// Where something of it could not be read first.
    pub damage: Option<Damage>,
}

/// A text in the making.
#[derive(Debug)]
pub struct TextHasher {
    member: String,
    hasher: Hasher,
    damage: Option<Damage>,
}

impl TextHasher {
    /// A text that begins, by its path inside the archive.
    pub fn new(member: &str) -> TextHasher {
        let member = exact(member.as_bytes()).into_owned();
        TextHasher { member, hasher: Hasher::default(), damage: None }
    }

    /// Takes the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.hasher.update(bytes);
    }

    /// Something could not be read; the first stands.
    pub fn damaged(&mut self, damage: &Damage) {
        self.damage.get_or_insert_with(|| damage.clone());
    }

    /// The text, all bytes of which were taken.
    pub fn finish(self) -> Text {
        Text { member: self.member, hashed: self.hasher.finish(), damage: self.damage }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ABC: &str = "\"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\"";

    #[test]
    fn a_hash_is_read_as_it_is_written() {
        let hashed = Hashed::of(b"abc");
        assert_eq!(serde_json::to_string(&hashed.sha256).unwrap(), ABC);
        assert_eq!(serde_json::from_str::<Sha>(ABC).unwrap(), hashed.sha256);
        for bad in
            ["\"\"", "\"ba78\"", &ABC.replace("ba", "b"), &ABC.replace("ba", "bg"), &ABC.replace("ba", "bä"), "7"]
        {
            assert!(serde_json::from_str::<Sha>(bad).is_err(), "{bad}");
        }
    }
}
