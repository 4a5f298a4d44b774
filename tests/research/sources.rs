//! Which search providers a research asks.

use super::{TOWER, engine, model, page, place, research};
use crate::server::Server;

#[test]
fn only_the_sources_that_are_asked_for() {
    let (model, web) = (model(), Server::start(|_| page(TOWER)));
    let (one, two) = (engine(&web, &["/one"]), engine(&web, &["/two"]));
    let place = place(&model, &[&one, &two], &web);
    let ran = research(&place, &["--sources", "engine-2"]);
    assert_eq!(ran.code, Some(0), "{ran}");
    assert!(one.asked().is_empty() && !two.asked().is_empty(), "{ran}");
    // By kind: both.
    let ran = research(&place, &["--sources", "searxng"]);
    assert_eq!(ran.code, Some(0), "{ran}");
    assert!(!one.asked().is_empty(), "{ran}");
    let before = one.asked().len();
    for (sources, said) in [
        (
            "engine-3",
            "has no search provider `engine-3`\nhint: it has `engine-1`, `engine-2`, `mediawiki`",
        ),
        ("arxiv", "may not reach the search provider `arxiv`\nhint: add `export.arxiv.org`"),
    ] {
        let ran = research(&place, &["--sources", sources]);
        assert_eq!(ran.code, Some(2), "{ran}");
        assert!(ran.err.contains(said), "{ran}");
    }
    assert_eq!(one.asked().len(), before);
}
