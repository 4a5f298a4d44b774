//! What a site asks of robots (RFC 9309). A page that its site keeps from them is not read; a site
//! that says nothing keeps nothing.

use texting_robots::Robot;
use url::Url;

use crate::bindings::errand::tool::pages;

/// The bytes of a robots.txt that count, as the RFC has it.
const MOST: usize = 500 << 10;

/// Whether this page may be read. The error is a sentence for the model.
pub(crate) fn allowed(url: &Url, agent: &str) -> Result<(), String> {
    let Some(place) = robots_txt(url) else { return Ok(()) };
    let host = place.host_str().unwrap_or_default().to_string();
    let page = pages::get(place.as_str())?;
    match page.status {
        200..=299 => said(&host, &page.body, url, agent),
        // Unavailable: there are no rules.
        300..=499 => Ok(()),
        status => Err(format!(
            "robots.txt of `{host}` cannot be read (status {status}), so its pages are left alone"
        )),
    }
}

/// Where a page's rules are; the rules' own place has none.
fn robots_txt(url: &Url) -> Option<Url> {
    let place = url.join("/robots.txt").ok()?;
    (place.path() != url.path()).then_some(place)
}

fn said(host: &str, rules: &[u8], url: &Url, agent: &str) -> Result<(), String> {
    let rules = &rules[..rules.len().min(MOST)];
    // What cannot be read as rules has none.
    let Ok(robot) = Robot::new(agent, rules) else { return Ok(()) };
    match robot.allowed(url.as_str()) {
        true => Ok(()),
        false => Err(format!("robots.txt of `{host}` does not allow `{}`", url.path())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_read_if_its_site_lets_robots() {
        let allows = |rules: &str, page: &str| {
            let Ok(url) = Url::parse(&format!("https://example.org{page}")) else { panic!() };
            said("example.org", rules.as_bytes(), &url, "errand")
        };
        let rules = "User-agent: *\nDisallow: /private/\nAllow: /private/open\n\
                     User-agent: greedy\nDisallow: /\n";
        assert_eq!(allows(rules, "/a"), Ok(()));
        assert_eq!(allows(rules, "/private/open"), Ok(()));
        assert_eq!(
            allows(rules, "/private/a?b"),
            Err("robots.txt of `example.org` does not allow `/private/a`".to_string())
        );
        let own = "User-agent: Errand\nDisallow: /\n\nUser-agent: *\nDisallow:\n";
        assert!(allows(own, "/a").is_err());
        assert_eq!(allows("<html>not found</html>", "/a"), Ok(()));
        assert_eq!(allows("", "/a"), Ok(()));
        assert_eq!(allows("\u{0}\u{1}Disallow\n::::", "/a"), Ok(()));
    }

    #[test]
    fn the_rules_are_at_the_root() {
        let place = |url: &str| {
            Url::parse(url).ok().and_then(|url| robots_txt(&url)).map(|url| url.to_string())
        };
        assert_eq!(
            place("http://127.0.0.1:8080/a/b?c#d").as_deref(),
            Some("http://127.0.0.1:8080/robots.txt")
        );
        assert_eq!(place("https://example.org/robots.txt"), None);
    }
}
