//! Proxies: addresses that stand before the stores (`--proxy`), and therefore are nobody's own.

use ipnet::IpNet;

use crate::model::Peer;
use crate::pseudonym::Pseudonyms;

/// The networks of proxies.
#[derive(Clone, Debug, Default)]
pub struct Proxies {
    networks: Vec<IpNet>,
    /// Addresses are pseudonyms, which tell by a mark of their own whether they are those of proxies.
    masked: bool,
}

impl Proxies {
    /// Those of these networks.
    pub fn new(networks: Vec<IpNet>) -> Proxies {
        Proxies { networks, masked: false }
    }

    /// Where addresses are pseudonyms, made by [`Pseudonyms::proxies`].
    pub fn of_pseudonyms() -> Proxies {
        Proxies { networks: Pseudonyms::OF_PROXIES.to_vec(), masked: true }
    }

    /// Whether no address is that of a proxy.
    pub fn are_none(&self) -> bool {
        self.networks.is_empty()
    }

    /// Whether a far end is a proxy.
    pub fn have(&self, peer: Peer) -> bool {
        !self.are_none() && self.networks.iter().any(|net| net.contains(&peer.ip()))
    }

    /// A far end as it is shown: a pseudonym without its mark.
    pub fn shown(&self, peer: Peer) -> Peer {
        if self.masked { Peer::new(Pseudonyms::shown(peer.ip()), peer.port()) } else { peer }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_in_either_spelling_and_family() {
        let proxies = Proxies::new(["10.0.0.0/30", "2001:db8:1::/48"].map(|net| net.parse().unwrap()).to_vec());
        let peer = |ip: &str| Peer::new(ip.parse().unwrap(), Some(143));
        for ip in ["10.0.0.0", "10.0.0.3", "::ffff:10.0.0.2", "2001:db8:1:2::7"] {
            assert!(proxies.have(peer(ip)), "{ip}");
        }
        for ip in ["10.0.0.4", "2001:db8:2::7", "::a00:2"] {
            assert!(!proxies.have(peer(ip)), "{ip}");
        }
        assert_eq!(proxies.shown(peer("10.0.0.1")), peer("10.0.0.1"));
        assert!(!Proxies::default().have(peer("10.0.0.1")) && Proxies::default().are_none());
    }
}
