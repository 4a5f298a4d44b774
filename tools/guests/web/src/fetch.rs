//! A page by its address, as far as its site lets robots have it.

use url::Url;

use crate::bindings::errand::tool::pages::{self, Page};
use crate::refused::reason;
use crate::robots;

/// The page, with a status that says it is one.
pub(crate) fn page(written: &str, agent: &str) -> Result<Page, String> {
    let asked = Url::parse(written).map_err(|error| format!("`{written}` is no URL: {error}"))?;
    robots::allowed(&asked, agent)?;
    let page = pages::get(written)?;
    // Another site has rules of its own.
    if let Ok(found) = Url::parse(&page.url)
        && found.origin() != asked.origin()
    {
        robots::allowed(&found, agent)?;
    }
    match page.status {
        200..=299 => Ok(page),
        status => {
            let reason = reason(&page.content_type, &page.body);
            Err(format!("`{}` answered with status {status}{reason}", page.url))
        }
    }
}
