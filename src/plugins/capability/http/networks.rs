//! Networks of addresses, and which addresses are everybody's.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Networks of a grant.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Networks(Vec<Network>);

/// All addresses that begin with the same bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Network {
    first: IpAddr,
    bits: u8,
}

impl Networks {
    /// Reads `ADDRESS/BITS` of each; an address alone is itself only.
    ///
    /// # Errors
    /// Which one is wrong, and what to write.
    pub(super) fn parse(entries: &[String]) -> Result<Self, String> {
        let networks = entries.iter().map(|entry| {
            Network::parse(entry).ok_or_else(|| {
                format!(
                    "`networks`: `{entry}` is not a network; write such as `10.0.0.0/8` or \
                     `fd00::/8`"
                )
            })
        });
        networks.collect::<Result<_, _>>().map(Self)
    }

    /// Whether a name that nobody wrote out may have this address: a public one,
    /// or one in these networks.
    pub(super) fn admit(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        is_public(address) || self.0.iter().any(|network| network.contains(address))
    }
}

impl Network {
    /// Reads `ADDRESS/BITS`, or an address that is itself only.
    pub(super) fn parse(entry: &str) -> Option<Self> {
        let (first, bits) = match entry.split_once('/') {
            Some((first, bits)) => (first, Some(bits.parse().ok()?)),
            None => (entry, None),
        };
        let first: IpAddr = first.parse().ok()?;
        let most = if first.is_ipv4() { 32 } else { 128 };
        let bits = bits.unwrap_or(most);
        (bits <= most).then_some(Self { first, bits })
    }

    const fn v4(first: [u8; 4], bits: u8) -> Self {
        let [a, b, c, d] = first;
        Self {
            first: IpAddr::V4(Ipv4Addr::new(a, b, c, d)),
            bits,
        }
    }

    const fn v6(first: [u16; 2], bits: u8) -> Self {
        let [a, b] = first;
        Self {
            first: IpAddr::V6(Ipv6Addr::new(a, b, 0, 0, 0, 0, 0, 0)),
            bits,
        }
    }

    /// Whether `address` begins with the same bits.
    pub(super) fn contains(&self, address: IpAddr) -> bool {
        match (self.first, address) {
            (IpAddr::V4(first), IpAddr::V4(address)) => {
                let other = u32::from(first) ^ u32::from(address);
                other.leading_zeros() >= u32::from(self.bits)
            }
            (IpAddr::V6(first), IpAddr::V6(address)) => {
                let other = u128::from(first) ^ u128::from(address);
                other.leading_zeros() >= u32::from(self.bits)
            }
            _ => false,
        }
    }
}

/// Networks whose addresses mean something to this machine, its neighbours or a
/// document only (IANA, IPv4 Special-Purpose Address Registry), and those of
/// groups.
const NOT_PUBLIC_V4: [Network; 16] = [
    Network::v4([0, 0, 0, 0], 8),
    Network::v4([10, 0, 0, 0], 8),
    Network::v4([100, 64, 0, 0], 10),
    Network::v4([127, 0, 0, 0], 8),
    Network::v4([169, 254, 0, 0], 16),
    Network::v4([172, 16, 0, 0], 12),
    Network::v4([192, 0, 0, 0], 24),
    Network::v4([192, 0, 2, 0], 24),
    Network::v4([192, 31, 196, 0], 24),
    Network::v4([192, 52, 193, 0], 24),
    Network::v4([192, 88, 99, 0], 24),
    Network::v4([192, 168, 0, 0], 16),
    Network::v4([198, 18, 0, 0], 15),
    Network::v4([198, 51, 100, 0], 24),
    Network::v4([203, 0, 113, 0], 24),
    // Groups, what is reserved, and everybody on the wire.
    Network::v4([224, 0, 0, 0], 3),
];

/// All of IPv6 that is routed. Everything else is of the kinds above.
const ROUTED_V6: Network = Network::v6([0x2000, 0], 3);

/// What is not public in there (IANA, IPv6 Special-Purpose Address Registry):
/// protocols, among them ways to IPv4 addresses of any kind, and documents.
const NOT_PUBLIC_V6: [Network; 4] = [
    Network::v6([0x2001, 0], 23),
    Network::v6([0x2001, 0xdb8], 32),
    Network::v6([0x2002, 0], 16),
    Network::v6([0x3fff, 0], 20),
];

/// Whether the address is one of the internet at large.
fn is_public(address: IpAddr) -> bool {
    let among = |networks: &[Network]| networks.iter().any(|network| network.contains(address));
    match address {
        IpAddr::V4(_) => !among(&NOT_PUBLIC_V4),
        IpAddr::V6(_) => ROUTED_V6.contains(address) && !among(&NOT_PUBLIC_V6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admits(networks: &[&str], address: &str) -> bool {
        let networks: Vec<_> = networks.iter().map(|entry| (*entry).to_owned()).collect();
        Networks::parse(&networks)
            .unwrap()
            .admit(address.parse().unwrap())
    }

    #[test]
    fn without_networks_only_public_addresses_are_admitted() {
        for (address, admitted) in [
            ("1.1.1.1", true),
            ("93.184.216.34", true),
            ("172.15.255.255", true),
            ("172.16.0.1", false),
            ("172.31.255.255", false),
            ("172.32.0.0", true),
            ("0.0.0.0", false),
            ("10.1.2.3", false),
            ("100.64.0.1", false),
            ("127.0.0.1", false),
            ("169.254.169.254", false),
            ("192.168.1.1", false),
            ("198.19.255.255", false),
            ("224.0.0.1", false),
            ("255.255.255.255", false),
            ("2606:4700:4700::1111", true),
            ("::1", false),
            ("::", false),
            ("fe80::1", false),
            ("fd00:ec2::254", false),
            ("ff02::1", false),
            ("2001:db8::1", false),
            ("2001::1", false),
            ("2002:7f00:1::", false),
            ("64:ff9b::7f00:1", false),
            ("64:ff9b::101:101", false),
        ] {
            assert_eq!(admits(&[], address), admitted, "{address}");
        }
    }

    #[test]
    fn an_ipv4_address_in_the_form_of_ipv6_is_judged_as_ipv4() {
        assert!(!admits(&[], "::ffff:127.0.0.1"));
        assert!(!admits(&[], "::ffff:10.0.0.1"));
        assert!(admits(&[], "::ffff:1.1.1.1"));
        assert!(admits(&["10.0.0.0/8"], "::ffff:10.0.0.1"));
        assert!(!admits(&["::/0"], "::ffff:10.0.0.1"));
    }

    #[test]
    fn networks_admit_what_is_in_them() {
        for (network, address, admitted) in [
            ("10.0.0.0/8", "10.255.0.1", true),
            ("10.0.0.0/8", "11.0.0.1", true),
            ("10.0.0.0/8", "192.168.0.1", false),
            ("10.1.2.3", "10.1.2.3", true),
            ("10.1.2.3", "10.1.2.4", false),
            ("0.0.0.0/0", "127.0.0.1", true),
            ("0.0.0.0/0", "::1", false),
            ("fd00::/8", "fd12::1", true),
            ("fd00::/8", "fe80::1", false),
            ("::1/128", "::1", true),
        ] {
            assert_eq!(admits(&[network], address), admitted, "{network} {address}");
        }
    }

    #[test]
    fn a_wrong_network_is_named_with_what_to_write() {
        for entry in [
            "10.0.0.0/33",
            "10.0.0/8",
            "fd00::/129",
            "10.0.0.0/",
            "lan",
            "10.0.0.0/-1",
        ] {
            let problem = Networks::parse(&[entry.to_owned()]).unwrap_err();
            assert!(
                problem.contains(entry) && problem.contains("10.0.0.0/8"),
                "{problem}"
            );
        }
    }
}
