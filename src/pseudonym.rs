//! Pseudonyms: keyed hashes in the place of users, addresses and names, the same everywhere, so that an answer can be shared.
//!
//! They are put in where lines are folded (`crate::fold`), so that whatever comes behind never knows an original: order, pairing and
//! choice by user go by pseudonyms. Without the key nobody can tell whose they are, nor try names one after another; who has the key
//! can do the latter. Hashes are HMAC-SHA-256, cut to 64 bits for words and 120 bits for addresses.

use std::collections::HashMap;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

use hmac::{Hmac, KeyInit, Mac};
use ipnet::{IpNet, Ipv6Net};
use sha2::Sha256;

use crate::model::Peer;

/// A key has so many bytes at least.
pub const SHORTEST_KEY: usize = 16;

/// Of what a word is the pseudonym: equal texts of different kinds have different ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    /// A user, as R2 has it: `u-`.
    User,
    /// A mechanism that is none of the known ones: `m-`.
    Mechanism,
    /// The path of a file, or a member of an archive: `file-`.
    File,
    /// A folder of mail: `folder-`.
    Folder,
    /// The id of a message: `message-`.
    Message,
}

impl Of {
    fn prefix(self) -> &'static str {
        match self {
            Of::User => "u-",
            Of::Mechanism => "m-",
            Of::File => "file-",
            Of::Folder => "folder-",
            Of::Message => "message-",
        }
    }
}

/// The pseudonym of a user: `u-` and 16 hexadecimal digits.
pub type User = [u8; 18];

const fn network(first: u16, bits: u8) -> IpNet {
    IpNet::V6(Ipv6Net::new_assert(Ipv6Addr::new(first, 0, 0, 0, 0, 0, 0, 0), bits))
}

/// Names of mechanisms that tell nothing of anybody. Whatever else stands in their place may be a client's invention.
const MECHANISMS: [&str; 22] = [
    "-",
    "ANONYMOUS",
    "APOP",
    "CRAM-MD5",
    "DIGEST-MD5",
    "EXTERNAL",
    "GSSAPI",
    "KERBEROS_V4",
    "KERBEROS_V5",
    "LOGIN",
    "NTLM",
    "OAUTHBEARER",
    "OTP",
    "PLAIN",
    "PLAINTEXT",
    "PROXY",
    "PROXYAUTH",
    "SCRAM-SHA-1",
    "SCRAM-SHA-256",
    "SKEY",
    "SSO",
    "XOAUTH2",
];

/// Makes pseudonyms with one key.
#[derive(Clone)]
pub struct Pseudonyms {
    keyed: Hmac<Sha256>,
    within: Vec<IpNet>,
    proxies: Vec<IpNet>,
}

impl fmt::Debug for Pseudonyms {
    /// Without the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pseudonyms").field("within", &self.within).finish_non_exhaustive()
    }
}

impl Pseudonyms {
    /// With the bytes of a key; none if it is too short.
    pub fn new(key: &[u8]) -> Option<Pseudonyms> {
        let key = Some(key).filter(|key| key.len() >= SHORTEST_KEY)?;
        Some(Pseudonyms { keyed: Hmac::new_from_slice(key).ok()?, within: Vec::new(), proxies: Vec::new() })
    }

    /// The same, where only addresses of these networks are asked for; empty for all. Pseudonyms do not tell of networks, but those
    /// of addresses that are asked for are within [`Pseudonyms::ASKED`] and no others.
    #[must_use]
    pub fn within(self, within: Vec<IpNet>) -> Pseudonyms {
        Pseudonyms { within, ..self }
    }

    /// The same, where addresses of these networks are those of proxies: their pseudonyms are within
    /// [`Pseudonyms::OF_PROXIES`] and no others.
    #[must_use]
    pub fn proxies(self, proxies: Vec<IpNet>) -> Pseudonyms {
        Pseudonyms { proxies, ..self }
    }

    /// The network of the pseudonyms of addresses that are asked for, proxies apart, and of all as they are shown: fd00::/8.
    pub const ASKED: IpNet = network(0xfd00, 8);
    /// The same with proxies.
    pub const ASKED_WITH_PROXIES: IpNet = network(0xfc00, 7);
    /// The networks of the pseudonyms of proxies.
    pub const OF_PROXIES: [IpNet; 2] = [network(0xfc00, 8), network(0xfe00, 8)];

    fn hash(&self, kind: &str, text: &[u8]) -> [u8; 32] {
        let mut hash = self.keyed.clone();
        hash.update(kind.as_bytes());
        hash.update(b"\0");
        hash.update(text);
        hash.finalize().into_bytes().into()
    }

    /// The pseudonym of a text: a prefix that says what it is, and 16 hexadecimal digits.
    pub fn word(&self, of: Of, text: &[u8]) -> String {
        let [a, b, c, d, e, f, g, h, ..] = self.hash(of.prefix(), text);
        format!("{}{:016x}", of.prefix(), u64::from_be_bytes([a, b, c, d, e, f, g, h]))
    }

    /// The pseudonym of a user, as R2 has it.
    pub fn user(&self, user: &[u8]) -> User {
        self.word(Of::User, user).as_bytes().try_into().unwrap_or_default()
    }

    /// The pseudonym of an address: one of IPv6, among those that are never routed, whatever the address was.
    pub fn address(&self, address: IpAddr) -> IpAddr {
        let text = match address {
            IpAddr::V4(v4) => v4.to_ipv6_mapped(),
            IpAddr::V6(v6) => v6,
        };
        let is_of = |networks: &[IpNet]| networks.iter().any(|net| net.contains(&address));
        let first = match (self.within.is_empty() || is_of(&self.within), is_of(&self.proxies)) {
            (true, false) => 0xfd,
            (true, true) => 0xfc,
            (false, false) => 0xff,
            (false, true) => 0xfe,
        };
        let mut octets = [first; 16];
        octets.iter_mut().skip(1).zip(self.hash("address", &text.octets())).for_each(|(octet, hash)| *octet = hash);
        IpAddr::from(octets)
    }

    /// The pseudonym of an address as it is shown, whatever it told of networks.
    pub fn shown(pseudonym: IpAddr) -> IpAddr {
        let IpAddr::V6(v6) = pseudonym else { return pseudonym };
        let mut octets = v6.octets();
        let [first, ..] = &mut octets;
        *first = 0xfd;
        octets.into()
    }

    /// The pseudonym of a path as shown: of the file, and of each member behind a `!`. Standard input keeps its name.
    pub fn path(&self, shown: &str) -> String {
        let part = |part: &str| if part == "-" { part.to_owned() } else { self.word(Of::File, part.as_bytes()) };
        shown.split('!').map(part).collect::<Vec<_>>().join("!")
    }

    fn mechanism(&self, mechanism: &[u8]) -> Option<Vec<u8>> {
        let known = MECHANISMS.iter().any(|known| mechanism.eq_ignore_ascii_case(known.as_bytes()));
        (!known && !mechanism.is_empty()).then(|| self.word(Of::Mechanism, mechanism).into_bytes())
    }
}

/// What of a line is masked.
#[derive(Clone, Debug)]
pub struct Masked {
    /// The user.
    pub user: User,
    /// The far end; its port stays.
    pub peer: Peer,
    /// The mechanism, if it is none of the known ones.
    pub mechanism: Option<Vec<u8>>,
}

/// So many users, and so many addresses, are remembered with their pseudonyms.
const REMEMBERED: usize = 1 << 16;

/// Masks lines, for one worker, which remembers pseudonyms.
#[derive(Debug)]
pub struct Masks<'a> {
    pseudonyms: &'a Pseudonyms,
    users: HashMap<Box<[u8]>, User>,
    addresses: HashMap<IpAddr, IpAddr>,
}

impl<'a> Masks<'a> {
    /// Masks that remember nothing yet.
    pub fn new(pseudonyms: &'a Pseudonyms) -> Masks<'a> {
        Masks { pseudonyms, users: HashMap::new(), addresses: HashMap::new() }
    }

    /// What stands in the place of a user, as R2 has it.
    fn user(&mut self, user: &[u8]) -> User {
        match self.users.get(user) {
            Some(known) => *known,
            None => remember(&mut self.users, user.into(), self.pseudonyms.user(user)),
        }
    }

    /// What stands in the place of a user, of a folder of mail and of the id of a message.
    pub fn of_trace(&mut self, user: &[u8], folder: &[u8], message_id: &[u8]) -> (User, String, String) {
        let Masks { pseudonyms, .. } = *self;
        (self.user(user), pseudonyms.word(Of::Folder, folder), pseudonyms.word(Of::Message, message_id))
    }

    /// What stands in the place of a user, as R2 has it, of a peer and of a mechanism.
    #[cold]
    pub fn of(&mut self, user: &[u8], peer: Peer, mechanism: &[u8]) -> Masked {
        let user = self.user(user);
        let Masks { pseudonyms, addresses, .. } = self;
        let mechanism = pseudonyms.mechanism(mechanism);
        let address = peer.ip();
        let address = match addresses.get(&address) {
            Some(known) => *known,
            None => remember(addresses, address, pseudonyms.address(address)),
        };
        Masked { user, peer: Peer::new(address, peer.port()), mechanism }
    }
}

fn remember<K: Eq + std::hash::Hash, V: Copy>(known: &mut HashMap<K, V>, key: K, value: V) -> V {
    if known.len() >= REMEMBERED {
        known.clear();
    }
    known.insert(key, value);
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pseudonyms() -> Pseudonyms {
        Pseudonyms::new(b"0123456789abcdef").unwrap()
    }

    #[test]
    fn a_key_has_sixteen_bytes() {
        assert!(Pseudonyms::new(b"0123456789abcde").is_none());
        assert!(Pseudonyms::new(&[0; 1000]).is_some());
        assert!(!format!("{:?}", pseudonyms()).contains("0123"));
    }

    #[test]
    fn words_are_hmac_sha256_of_their_kind_and_text() {
        // printf 'u-\0ed' | openssl dgst -sha256 -hmac 0123456789abcdef
        assert_eq!(pseudonyms().word(Of::User, b"ed"), "u-0b04c18b40c387f8");
        assert_eq!(&pseudonyms().user(b"ed"), b"u-0b04c18b40c387f8");
        let other = Pseudonyms::new(b"0123456789abcdeF").unwrap();
        let all =
            [pseudonyms().word(Of::User, b"ed"), pseudonyms().word(Of::User, b"ann"), other.word(Of::User, b"ed")];
        assert!(all[0] != all[1] && all[0] != all[2]);
        let folder = pseudonyms().word(Of::Folder, b"ed");
        assert_ne!(folder.strip_prefix("folder-").unwrap(), all[0].strip_prefix("u-").unwrap());
    }

    #[test]
    fn addresses() {
        let address = |text: &str| pseudonyms().address(text.parse().unwrap());
        // printf 'address\0\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\0\2\7' | openssl dgst -sha256 -hmac 0123456789abcdef
        assert_eq!(address("192.0.2.7"), "fdd1:89d9:5c2b:a2c5:b3d5:74f5:c43f:1a01".parse::<IpAddr>().unwrap());
        assert_eq!(address("192.0.2.7"), address("::ffff:192.0.2.7"));
        assert_ne!(address("192.0.2.7"), address("192.0.2.8"));
        assert!(Pseudonyms::ASKED.contains(&address("2001:db8::7")));
    }

    #[test]
    fn networks_that_are_asked_for() {
        let asked = pseudonyms().within(vec!["192.0.2.0/24".parse().unwrap()]);
        let (inside, outside) = ("192.0.2.7".parse().unwrap(), "192.0.3.7".parse().unwrap());
        assert_eq!(asked.address(inside), pseudonyms().address(inside));
        assert!(
            Pseudonyms::ASKED.contains(&asked.address(inside)) && !Pseudonyms::ASKED.contains(&asked.address(outside))
        );
    }

    #[test]
    fn proxies_are_known_by_their_pseudonyms() {
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let nets = |text: &str| vec![text.parse::<IpNet>().unwrap()];
        let marked = pseudonyms().within(nets("192.0.2.0/24")).proxies(nets("192.0.2.128/25"));
        let both = pseudonyms().within(nets("192.0.2.0/24")).proxies(nets("198.51.100.0/24"));
        for (masks, address, asked, proxy) in [
            (&marked, "192.0.2.7", true, false),
            (&marked, "192.0.2.200", true, true),
            (&marked, "198.51.100.7", false, false),
            (&both, "198.51.100.7", false, true),
        ] {
            let masked = masks.address(ip(address));
            assert_eq!(Pseudonyms::ASKED_WITH_PROXIES.contains(&masked), asked, "{address}");
            assert_eq!(Pseudonyms::OF_PROXIES.iter().any(|net| net.contains(&masked)), proxy, "{address}");
            assert_eq!(Pseudonyms::shown(masked), pseudonyms().address(ip(address)), "{address}");
        }
    }

    #[test]
    fn paths_part_by_part() {
        let shown = |path: &str| pseudonyms().path(path);
        let (archive, member) = (shown("a/b.tar"), shown("imap.1"));
        assert_eq!(shown("a/b.tar!imap.1"), format!("{archive}!{member}"));
        assert!(archive.len() == "file-".len() + 16 && !archive.contains('/'));
        assert_eq!(shown("-"), "-");
    }

    #[test]
    fn masks_give_what_pseudonyms_give() {
        let pseudonyms = pseudonyms();
        let mut masks = Masks::new(&pseudonyms);
        let peer = Peer::new("192.0.2.7".parse().unwrap(), Some(7));
        for (auth, masked) in [("plaintext", false), ("Cram-MD5", false), ("ed", true), ("", false)] {
            let got = masks.of(b"ed", peer, auth.as_bytes());
            assert_eq!(
                (got.user, got.peer.ip(), got.peer.port()),
                (pseudonyms.user(b"ed"), pseudonyms.address(peer.ip()), Some(7))
            );
            assert_eq!(got.mechanism.is_some(), masked, "{auth}");
        }
        assert!(!masks.of(b"ed", Peer::new(peer.ip(), None), b"").peer.has_port());
    }
}
