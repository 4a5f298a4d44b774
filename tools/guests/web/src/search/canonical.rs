//! Addresses of one page that are written differently.

use url::Url;

/// Parameters that say where a visitor came from, not what is shown.
const TRACKING: [&str; 14] = [
    "gclid", "dclid", "fbclid", "msclkid", "yclid", "twclid", "igshid", "mc_cid", "mc_eid", "_ga",
    "_gl", "ref_src", "spm", "wt_mc",
];

/// What two addresses of one page have in common: no scheme, no `www.`, no fragment, nothing that
/// tracks, no slash at the end. `None` for what is no address of a page.
pub(super) fn canonical(written: &str) -> Option<String> {
    if let Some(path) = written.strip_prefix("file:") {
        return Some(format!("file:{}", path.split('#').next().unwrap_or(path)));
    }
    let url = Url::parse(written).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
    let host = url.host_str()?.trim_end_matches('.');
    let host = host.strip_prefix("www.").unwrap_or(host);
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    let kept: Vec<&str> =
        url.query().unwrap_or_default().split('&').filter(|it| kept(it)).collect();
    let query = if kept.is_empty() { String::new() } else { format!("?{}", kept.join("&")) };
    Some(format!("{host}{port}{}{query}", url.path().trim_end_matches('/')))
}

fn kept(parameter: &str) -> bool {
    let name = parameter.split('=').next().unwrap_or_default().to_ascii_lowercase();
    !(name.is_empty() || name.starts_with("utm_") || TRACKING.contains(&name.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_page_has_one_address() {
        let same = [
            "https://example.org/a?b=c",
            "http://www.example.org/a/?b=c#part",
            "https://EXAMPLE.org:443/a?utm_source=x&b=c&gclid=1",
        ];
        for written in same {
            assert_eq!(canonical(written).as_deref(), Some("example.org/a?b=c"), "{written}");
        }
        for other in
            ["https://example.org/a", "https://example.org/A?b=c", "http://a.org:8080/a?b=c"]
        {
            assert_ne!(canonical(other).as_deref(), Some("example.org/a?b=c"), "{other}");
        }
        assert_eq!(canonical("file:docs/a.md#b").as_deref(), Some("file:docs/a.md"));
        assert_eq!(canonical("https://example.org").as_deref(), Some("example.org"));
        for none in ["", "javascript:alert(1)", "/a", "data:text/plain,a"] {
            assert_eq!(canonical(none), None, "{none}");
        }
    }
}
