//! How far an address reaches: the one place that knows which addresses are this machine, its
//! neighbours or a cloud's metadata. The policy asks it about literals, the host's resolver about
//! what a name turned out to be.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// How far an address reaches. Everything but [`Reach::Public`] needs its literal and port granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reach {
    /// The internet.
    Public,
    /// This machine.
    Loopback,
    /// Its neighbours (RFC 1918, RFC 6598, RFC 4193), for all that a router lets pass.
    Private,
    /// The same wire, and the metadata services of clouds (RFC 3927, RFC 4291).
    LinkLocal,
    /// Set aside by IANA: "this host", documentation, benchmarks, multicast, not assigned.
    Reserved,
}

impl Reach {
    /// How far this address reaches. An IPv6 address that carries an IPv4 one (mapped, NAT64, 6to4)
    /// reaches as far as that one, and never counts as public by its wrapping. In the ways to carry
    /// one that are no longer in use (compatible, translated) none is public.
    pub fn of(address: IpAddr) -> Reach {
        match address {
            IpAddr::V4(address) => of_v4(address),
            IpAddr::V6(address) => of_v6(address),
        }
    }

    /// The word for it, as the policies write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Reach::Public => "public",
            Reach::Loopback => "loopback",
            Reach::Private => "private",
            Reach::LinkLocal => "link-local",
            Reach::Reserved => "reserved",
        }
    }
}

impl fmt::Display for Reach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

// The IANA special-purpose registries (RFC 6890 and its updates), as far as they are not public.
fn of_v4(address: Ipv4Addr) -> Reach {
    match address.octets() {
        [127, ..] => Reach::Loopback,
        [10, ..] | [192, 168, ..] | [172, 16..=31, ..] | [100, 64..=127, ..] => Reach::Private,
        [169, 254, ..] => Reach::LinkLocal,
        // Azure's wire server: the one metadata service whose address is formally public.
        [168, 63, 129, 16] => Reach::LinkLocal,
        [0, ..]
        | [192, 0, 0 | 2, _]
        | [192, 88, 99, _]
        | [198, 18 | 19, ..]
        | [198, 51, 100, _]
        | [203, 0, 113, _]
        | [224..=255, ..] => Reach::Reserved,
        _ => Reach::Public,
    }
}

fn of_v6(address: Ipv6Addr) -> Reach {
    if address.is_loopback() {
        return Reach::Loopback;
    }
    if address.is_unspecified() {
        return Reach::Reserved;
    }
    let [a, b, c, d, e, f, g, h] = address.segments();
    let low = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        of_v4(Ipv4Addr::new(a, b, c, d))
    };
    match (a, b, c, d, e, f) {
        (0, 0, 0, 0, 0, 0) | (0, 0, 0, 0, 0xffff, 0) => match low(g, h) {
            Reach::Public => Reach::Reserved,
            other => other,
        },
        (0, 0, 0, 0, 0, 0xffff) => low(g, h),
        (0x64, 0xff9b, 0, 0, 0, 0) => low(g, h),
        (0x2002, ..) => low(b, c),
        (0x64, 0xff9b, 1, ..) | (0xfc00..=0xfdff, ..) => Reach::Private,
        (0xfe80..=0xfeff, ..) => Reach::LinkLocal,
        // Teredo, ORCHID and their like, benchmarking, documentation.
        (0x2001, 0..=0x01ff, ..) | (0x2001, 0x0db8, ..) | (0x3fff, 0..=0x0fff, ..) => {
            Reach::Reserved
        }
        (0x2000..=0x3fff, ..) => Reach::Public,
        _ => Reach::Reserved,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_reach_as_far_as_the_registries_say() {
        let cases = [
            ("93.184.216.34", Reach::Public),
            ("1.1.1.1", Reach::Public),
            ("172.15.0.1", Reach::Public),
            ("172.32.0.1", Reach::Public),
            ("100.128.0.1", Reach::Public),
            ("127.0.0.1", Reach::Loopback),
            ("127.255.255.254", Reach::Loopback),
            ("10.0.0.1", Reach::Private),
            ("172.16.0.1", Reach::Private),
            ("192.168.1.1", Reach::Private),
            ("100.64.0.1", Reach::Private),
            ("100.100.100.200", Reach::Private),
            ("169.254.169.254", Reach::LinkLocal),
            ("168.63.129.16", Reach::LinkLocal),
            ("0.0.0.0", Reach::Reserved),
            ("192.0.0.192", Reach::Reserved),
            ("224.0.0.1", Reach::Reserved),
            ("255.255.255.255", Reach::Reserved),
            ("2606:4700:4700::1111", Reach::Public),
            ("::1", Reach::Loopback),
            ("::", Reach::Reserved),
            ("::ffff:127.0.0.1", Reach::Loopback),
            ("::ffff:93.184.216.34", Reach::Public),
            ("::127.0.0.1", Reach::Loopback),
            ("::ffff:0:127.0.0.1", Reach::Loopback),
            ("64:ff9b::a9fe:a9fe", Reach::LinkLocal),
            ("2002:7f00:1::1", Reach::Loopback),
            ("fd00:ec2::254", Reach::Private),
            ("fe80::1", Reach::LinkLocal),
            ("fec0::1", Reach::LinkLocal),
            ("ff02::1", Reach::Reserved),
            ("2001:db8::1", Reach::Reserved),
            ("2001::1", Reach::Reserved),
            ("3fff::1", Reach::Reserved),
            ("3fff:1000::1", Reach::Public),
            ("::8.8.8.8", Reach::Reserved),
            ("::ffff:0:8.8.8.8", Reach::Reserved),
            ("64:ff9b::808:808", Reach::Public),
            ("64:ff9b:1::1", Reach::Private),
            ("2002:808:808::1", Reach::Public),
            ("100::1", Reach::Reserved),
        ];
        for (address, expected) in cases {
            assert_eq!(address.parse().map(Reach::of), Ok(expected), "{address}");
        }
    }
}
