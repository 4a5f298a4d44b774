//! What a site asks its visitors before they may read: whether it may keep cookies. It is often longer
//! than the article, and none of the page's content.

use dom_query::{Document, NodeRef};

/// What the programs call it that put it onto pages.
const KNOWN: &str = "#onetrust-consent-sdk, #onetrust-banner-sdk, #CybotCookiebotDialog, #usercentrics-root, \
    #usercentrics-cmp-ui, #didomi-host, #qc-cmp2-container, .fc-consent-root, #cmpbox, .cc-window, \
    #cookie-law-info-bar, .cky-consent-container, #BorlabsCookieBox, .osano-cm-window, #iubenda-cs-banner, \
    #tarteaucitronRoot, #klaro, #cookiescript_injected, #hs-eu-cookie-confirmation, #ez-cookie-dialog-wrapper";
/// What it is about, and what it is, in an `id`, a `class` or a label.
const ABOUT: [&str; 4] = ["cookie", "consent", "gdpr", "privacy"];
const IS: [&str; 14] = [
    "alert",
    "banner",
    "bar",
    "box",
    "center",
    "dialog",
    "layer",
    "message",
    "modal",
    "notice",
    "overlay",
    "popup",
    "preference",
    "prompt",
];
const BUTTON: &str = "button, a, input[type=button], input[type=submit]";
/// What such a button says, and where it does not have another word for it, how it begins.
const BUTTONS: [&str; 16] = [
    "accept",
    "accepter",
    "aceptar",
    "accetta",
    "agree",
    "akzeptieren",
    "alle akzeptieren",
    "allow",
    "got it",
    "i accept",
    "i agree",
    "ok",
    "reject",
    "tout accepter",
    "zustimmen",
    "同意",
];
/// Letters that must be left of the page without it.
const ENOUGH: usize = 80;

pub(crate) fn remove(document: &Document) {
    let all = document.select("body").text();
    if !speaks(&all) {
        return;
    }
    let mut found: Vec<NodeRef<'_>> = document.select(KNOWN).nodes().to_vec();
    found.extend(named(document));
    found.extend(document.select(BUTTON).nodes().iter().filter_map(asking));
    let mut left = all.trim().len();
    for banner in found {
        let size = banner.text().trim().len();
        if banner.parent().is_some() && left.saturating_sub(size) >= ENOUGH {
            left -= size.min(left);
            banner.remove_from_parent();
        }
    }
}

fn named(document: &Document) -> Vec<NodeRef<'_>> {
    let named = document.select("body [id], body [class], body [aria-label]");
    named.nodes().iter().filter(|it| is_named(it) && may_go(it)).copied().collect()
}

fn is_named(element: &NodeRef<'_>) -> bool {
    ["id", "class", "aria-label"].iter().any(|name| {
        let said = element.attr_or(name, "").to_ascii_lowercase();
        said.split_whitespace().any(is_name) || *name == "aria-label" && is_name(&said)
    })
}

fn is_name(said: &str) -> bool {
    ABOUT.iter().any(|about| said.contains(about)) && IS.iter().any(|is| said.contains(is))
}

/// The part of a page around a button that agrees to something, if it speaks of cookies.
fn asking<'a>(button: &NodeRef<'a>) -> Option<NodeRef<'a>> {
    let said = match button.text().trim() {
        "" => button.attr_or("value", "").trim().to_lowercase(),
        said => said.to_lowercase(),
    };
    let agrees = said.len() < 40
        && BUTTONS.iter().any(|word| {
            said.strip_prefix(word).is_some_and(|rest| !rest.starts_with(char::is_alphanumeric))
        });
    if !agrees {
        return None;
    }
    let around = button.ancestors_it(Some(6)).find(|it| speaks(&it.text()))?;
    may_go(&around).then_some(around)
}

fn speaks(text: &str) -> bool {
    let text = text.to_lowercase();
    text.contains("cookie") || text.contains("consent") || text.contains("privacy")
}

/// It is not the page, nor what holds its content.
fn may_go(element: &NodeRef<'_>) -> bool {
    let content = ["html", "body", "main", "article"];
    let is = |it: &NodeRef<'_>| content.iter().any(|name| it.has_name(name));
    !is(element)
        && !element.descendants_it().any(|it| is(&it) || it.has_name("h1"))
        && !element.ancestors_it(None).any(|it| it.has_name("article"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ASKED: &str = "We use cookies to measure and to show you advertisements. ";
    const ARTICLE: &str = "<main><h1>The bank</h1><p>It was closed on Friday at noon by those who supervise it, \
                           and nobody was there to say why.</p></main>";

    fn left(html: &str) -> String {
        let document = Document::from(html);
        remove(&document);
        document.select("body").text().to_string()
    }

    #[test]
    fn what_a_site_asks_first_is_no_content() {
        for banner in [
            format!("<div id=cookie-banner>{ASKED}</div>"),
            format!("<div class='x CookieConsentModal'>{ASKED}</div>"),
            format!("<section aria-label='Cookie banner'><h2>Privacy</h2>{ASKED}</section>"),
            format!("<div id=onetrust-consent-sdk>{ASKED}</div>"),
            format!(
                "<div class=css-1x2><p>{ASKED}</p><div><button>Accept all</button></div></div>"
            ),
            format!("<dialog open>{ASKED}<input type=submit value=OK></dialog>"),
        ] {
            let text = left(&format!("{}{ARTICLE}", banner.replace(ASKED, &ASKED.repeat(9))));
            assert!(
                text.contains("closed on Friday") && !text.contains("We use"),
                "{banner}: {text}"
            );
        }
    }

    #[test]
    fn a_page_about_cookies_stays() {
        for page in [
            format!("<div class=cookie-banner>{ASKED}</div>"),
            format!("<article><div class=cookie-notice>{ASKED}</div>{ARTICLE}</article>"),
            format!("<div><h1>Cookies</h1><p>{ASKED}</p><button>OK</button></div>{ARTICLE}"),
            format!("<div class=cookie-policy>{ASKED}</div>{ARTICLE}"),
            format!("<div>{ASKED}<button>Okay then</button></div>{ARTICLE}"),
        ] {
            assert!(left(&page).contains("We use cookies"), "{page}");
        }
    }
}
