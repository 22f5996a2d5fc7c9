//! Damage that is known: files that are named as damaged beforehand, so that this is no reason for exit status 1 any more.

use std::path::{Path, PathBuf};

/// Files or members whose damage is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// Their path from the top; `*` stands for any part of a name, `**` for any part of a path, `?` for one character.
    pattern: String,
    /// The SHA-256 that the file must have, in lower case.
    pub sha256: Option<String>,
}

impl Known {
    /// What `FILE` or `FILE=SHA256` means, as the option and the settings have it; `absolute` says where a path leads from the top.
    pub fn new(entry: &Path, absolute: impl Fn(&Path) -> PathBuf) -> Known {
        let text = entry.to_string_lossy();
        let hash = |hash: &&str| hash.len() == 64 && hash.bytes().all(|b| b.is_ascii_hexdigit());
        let (file, sha256) = match text.rsplit_once('=').filter(|(_, behind)| hash(behind)) {
            Some((file, hash)) => (file, Some(hash.to_ascii_lowercase())),
            None => (text.as_ref(), None),
        };
        Known { pattern: absolute(Path::new(file)).to_string_lossy().into_owned(), sha256 }
    }

    /// Whether it names this file or member, by its path from the top. Whoever names an archive names all members.
    pub fn covers(&self, path: &str) -> bool {
        let archives = path.match_indices('!').map(|(at, _)| path.get(..at).unwrap_or_default());
        std::iter::once(path).chain(archives).any(|path| fits(self.pattern.as_bytes(), path.as_bytes()))
    }
}

/// Whether a path fits a pattern. Of each kind of star only the last is tried again: the more it can take, the better for what follows, so
/// that those before it took rightly as little as they could, and time is bounded.
fn fits(pattern: &[u8], path: &[u8]) -> bool {
    let (mut p, mut at) = (0, 0);
    // Where to go on when nothing fits: behind the last `*`, and behind the last `**`, with one byte more taken by it.
    let mut star: Option<(usize, usize)> = None;
    let mut stars = star;
    while at < path.len() || p < pattern.len() {
        match (pattern.get(p..).unwrap_or_default(), path.get(at)) {
            ([b'*', b'*', ..], _) => {
                p += 2;
                (stars, star) = (Some((p, at)), None);
                continue;
            }
            ([b'*', ..], _) => {
                p += 1;
                star = Some((p, at));
                continue;
            }
            ([b'?', ..], Some(byte)) if *byte != b'/' => {
                // One character, of perhaps several bytes.
                at += 1 + path.get(at + 1..).unwrap_or_default().iter().take_while(|b| **b & 0xc0 == 0x80).count();
                p += 1;
                continue;
            }
            ([wanted, ..], Some(byte)) if wanted == byte && *wanted != b'?' => {
                (p, at) = (p + 1, at + 1);
                continue;
            }
            _ => {}
        }
        let more = |(_, at): &(usize, usize)| path.get(*at).is_some_and(|byte| *byte != b'/');
        if let Some((behind, taken)) = star.filter(more) {
            star = Some((behind, taken + 1));
            (p, at) = (behind, taken + 1);
        } else if let Some((behind, taken)) = stars.filter(|(_, at)| *at < path.len()) {
            (stars, star) = (Some((behind, taken + 1)), None);
            (p, at) = (behind, taken + 1);
        } else {
            return false;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        for (pattern, path, expected) in [
            ("/a/imap.3.gz", "/a/imap.3.gz", true),
            ("/a/imap.3.gz", "/a/imap.3", false),
            ("/a/imap.3", "/a/imap.3.gz", false),
            ("/a/*.gz", "/a/imap.3.gz", true),
            ("/a/*.gz", "/a/b/imap.3.gz", false),
            ("/a/**.gz", "/a/b/imap.3.gz", true),
            ("/a/**/x*.gz", "/a/b/c/xyz.gz", true),
            ("/a/**/x*.gz", "/a/b/c/xyz.gz/y", false),
            ("/**/a*b/c", "/x/ab/aab/c", true),
            ("/**/a*b/c", "/x/ab/aab/d", false),
            ("/a/?.gz", "/a/ö.gz", true),
            ("/a/?.gz", "/a/öö.gz", false),
            ("/a?b", "/a/b", false),
            ("/a/*", "/a/", true),
            ("/*a*a*a*b", "/aaaaaaaaaaaaaaaaaaaaaaaa", false),
            ("", "", true),
            ("*", "", true),
            ("", "a", false),
        ] {
            assert_eq!(fits(pattern.as_bytes(), path.as_bytes()), expected, "{pattern} {path}");
        }
    }

    #[test]
    fn entries() {
        let hash = "AB".repeat(32);
        let known = Known::new(Path::new(&format!("x/logs.tar={hash}")), |path| Path::new("/top").join(path));
        assert_eq!(known, Known { pattern: "/top/x/logs.tar".to_owned(), sha256: Some(hash.to_lowercase()) });
        assert!(known.covers("/top/x/logs.tar") && known.covers("/top/x/logs.tar!imap.3.gz!y"));
        assert!(!known.covers("/top/x/logs.tar.gz") && !known.covers("/top/x"));
        let member = Known::new(Path::new("/x.tar!imap*"), Path::to_owned);
        assert!(member.covers("/x.tar!imap.3") && !member.covers("/x.tar") && !member.covers("/x.tar!http.3"));
        assert_eq!(Known::new(Path::new("/a=b"), Path::to_owned).sha256, None);
    }
}
