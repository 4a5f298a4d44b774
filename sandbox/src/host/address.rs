//! Which addresses are public, as [`Reach`] has it, and which a URL names by its number.

use std::net::IpAddr;

use agent_core::address::Reach;
use url::{Host, Url};

/// Whether the address is on the public network. All that is special is not.
pub fn public(address: IpAddr) -> bool {
    Reach::of(address) == Reach::Public
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
