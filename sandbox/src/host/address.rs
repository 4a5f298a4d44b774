//! Which addresses belong to strangers on the public network, and which to this machine, its
//! neighbours or its cloud. Ranges from the IANA special-purpose address registries.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use url::{Host, Url};

/// Whether the address is on the public network. All that is special is not.
pub(crate) fn public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => public_v4(v4),
        IpAddr::V6(v6) => public_v6(v6),
    }
}

/// The private address that a URL names by its number, however it is written: `url` has made
/// decimal, octal and hexadecimal spellings one.
pub(crate) fn private_literal(url: &Url) -> Option<IpAddr> {
    let address = match url.host()? {
        Host::Domain(_) => return None,
        Host::Ipv4(v4) => IpAddr::V4(v4),
        Host::Ipv6(v6) => IpAddr::V6(v6),
    };
    (!public(address)).then_some(address)
}

fn public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = match a {
        // This network, private, loopback, multicast, reserved, broadcast.
        0 | 10 | 127 | 224..=255 => true,
        // Carrier-grade NAT; Alibaba's metadata lives here.
        100 => (64..128).contains(&b),
        // Link-local, and most clouds' metadata.
        169 => b == 254,
        172 => (16..32).contains(&b),
        // Protocol assignments, documentation, 6to4 relays, private.
        192 => (b == 0 && (c == 0 || c == 2)) || (b == 88 && c == 99) || b == 168,
        // Benchmarks, documentation.
        198 => b == 18 || b == 19 || (b == 51 && c == 100),
        203 => b == 0 && c == 113,
        // Azure's metadata, in the middle of the public network.
        168 => address == Ipv4Addr::new(168, 63, 129, 16),
        _ => false,
    };
    !special
}

fn public_v6(address: Ipv6Addr) -> bool {
    let parts = address.segments();
    let v4 = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        Ipv4Addr::new(a, b, c, d)
    };
    match parts {
        // Mapped; translated by NAT64; 6to4: as public as the address inside.
        [0, 0, 0, 0, 0, 0xffff, high, low] => public_v4(v4(high, low)),
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => public_v4(v4(high, low)),
        [0x2002, high, low, ..] => public_v4(v4(high, low)),
        // Protocol assignments with Teredo and ORCHID; documentation, twice.
        [0x2001, second, ..] if second < 0x200 || second == 0xdb8 => false,
        [0x3fff, second, ..] if second < 0x1000 => false,
        // Only this eighth is handed out; loopback, ULA, link-local, multicast are elsewhere.
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_special_is_not_public() {
        for special in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "100.100.100.200",
            "127.0.0.1",
            "127.9.9.9",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.192",
            "192.0.2.1",
            "192.168.0.1",
            "198.18.0.1",
            "198.51.100.7",
            "203.0.113.9",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "168.63.129.16",
            "::",
            "::1",
            "::127.0.0.1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b:1::1",
            "2002:7f00:1::",
            "2001::1",
            "2001:db8::1",
            "3fff::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "100::1",
        ] {
            assert!(!public(special.parse().unwrap()), "{special}");
        }
    }

    #[test]
    fn the_rest_is_public() {
        for open in [
            "1.1.1.1",
            "8.8.8.8",
            "100.63.0.1",
            "100.128.0.1",
            "172.15.0.1",
            "172.32.0.1",
            "192.0.1.1",
            "192.167.0.1",
            "168.63.129.17",
            "2606:4700::1111",
            "2a00:1450::1",
            "::ffff:8.8.8.8",
            "64:ff9b::808:808",
            "2002:808:808::1",
            "2001:4860::8888",
        ] {
            assert!(public(open.parse().unwrap()), "{open}");
        }
    }

    #[test]
    fn every_spelling_of_a_number_is_seen() {
        for spelling in [
            "http://127.0.0.1/",
            "http://2130706433/",
            "http://0x7f000001/",
            "http://0177.0.0.1/",
            "http://127.1/",
            "http://0x7f.1/",
            "http://[::1]/",
            "http://[::ffff:127.0.0.1]/",
            "http://[::ffff:7f00:1]/",
            "http://%31%32%37.0.0.1/",
            "http://127.0.0.1./",
            "http://１２７.0.0.1/",
            "http://[64:ff9b::127.0.0.1]/",
            "http://169.254.169.254/latest",
            "http://0/",
            "http://0xa9fea9fe/",
        ] {
            let url = Url::parse(spelling).unwrap();
            assert!(private_literal(&url).is_some(), "{spelling} is {url}");
        }
        assert_eq!(private_literal(&Url::parse("http://localhost/").unwrap()), None);
        assert_eq!(private_literal(&Url::parse("http://8.8.8.8/").unwrap()), None);
    }
}
