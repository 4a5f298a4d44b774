//! A page that sends its readers on by itself, with `<meta http-equiv=refresh>`.

use url::Url;

/// Where to, and after how many seconds.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Refresh {
    pub(crate) to: Url,
    pub(crate) after: f64,
}

impl Refresh {
    /// `0; url='next.html'` of this page; `None` where it only loads itself again.
    pub(crate) fn read(page: &str, content: &str) -> Option<Refresh> {
        let content = content.trim();
        let end =
            content.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(content.len());
        let (after, rest) = content.split_at(end);
        let rest = rest.trim_start().strip_prefix([';', ',']).unwrap_or(rest).trim_start();
        let to = match rest.get(..3).filter(|it| it.eq_ignore_ascii_case("url")) {
            Some(_) => rest[3..].trim_start().strip_prefix('=').map_or(rest, str::trim_start),
            None if after.is_empty() => return None,
            None => rest,
        };
        let to = match to.chars().next().filter(|mark| matches!(mark, '"' | '\'')) {
            Some(mark) => to[1..].split(mark).next().unwrap_or_default(),
            None => to,
        };
        let page = Url::parse(page).ok()?;
        let mut to = page.join(to.trim()).ok().filter(|_| !to.trim().is_empty())?;
        let same = to.as_str().split('#').next() == page.as_str().split('#').next();
        to.set_fragment(None);
        let leads = matches!(to.scheme(), "http" | "https") && !same;
        leads.then(|| Refresh { to, after: after.parse().unwrap_or(0.0) })
    }

    /// Whether it leads to a site of its own or to the page's: no page may send its reader to a number,
    /// which can be a machine that only the reader reaches.
    pub(crate) fn may_be_followed(&self, page: &str) -> bool {
        let same = Url::parse(page).is_ok_and(|page| page.origin() == self.to.origin());
        same || self.to.domain().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_sends_on() {
        let read = |content: &str| {
            let found = Refresh::read("https://x.org/a/b?c#d", content)?;
            Some(format!("{} {}", found.after, found.to))
        };
        for (content, expected) in [
            ("0;URL=en/index.html", "0 https://x.org/a/en/index.html"),
            ("3 ; url = 'https://y.org/e f'", "3 https://y.org/e%20f"),
            ("0.5, url=\"/g\" and more", "0.5 https://x.org/g"),
            ("0; //y.org", "0 https://y.org/"),
            ("url=h#i", "0 https://x.org/a/h"),
        ] {
            assert_eq!(read(content).as_deref(), Some(expected), "{content}");
        }
        for content in
            ["30", "30; url=b?c", "0; url=#e", "0; url=javascript:x()", "0; url=", "ü", ""]
        {
            assert_eq!(read(content), None, "{content}");
        }
    }

    #[test]
    fn no_page_leads_to_a_number_of_another_site() {
        let may = |page: &str, to: &str| {
            Refresh::read(page, &format!("0; url={to}")).is_some_and(|it| it.may_be_followed(page))
        };
        assert!(may("https://x.org/", "https://y.org/"));
        assert!(may("http://127.0.0.1:8080/", "/next"));
        for to in
            ["http://127.0.0.1:81/", "http://[::1]/", "http://169.254.169.254/", "http://0x7f.1/"]
        {
            assert!(!may("http://127.0.0.1:8080/", to) && !may("https://x.org/", to), "{to}");
        }
    }
}
