//! Images that clients send beside what they say: in the body, and never an address that something would be fetched
//! from. What one is, its first bytes say.

use agent_core::content::{ContentPart, MOST_PARTS};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Images as data URLs: `data:image/png;base64,…`. The error goes on where its place ends.
pub(crate) fn of_urls(urls: &[String]) -> Result<Vec<ContentPart>, String> {
    few(urls.len())?;
    urls.iter().map(|url| of_url(url)).collect()
}

/// Whether so many are taken.
pub(crate) fn few(count: usize) -> Result<(), String> {
    match count > MOST_PARTS {
        true => Err(format!("has {count} images, and at most {MOST_PARTS} are taken")),
        false => Ok(()),
    }
}

/// An image as a data URL.
pub(crate) fn of_url(url: &str) -> Result<ContentPart, String> {
    let data = url.strip_prefix("data:").and_then(|rest| rest.split_once(','));
    match data {
        Some((kind, data)) if kind.ends_with(";base64") => of_base64(data),
        _ => Err("holds what is no `data:image/png;base64,…`: an address is never fetched".into()),
    }
}

/// An image that was written in base64.
pub(crate) fn of_base64(data: &str) -> Result<ContentPart, String> {
    let bytes = STANDARD.decode(data).map_err(|_| "holds what is no base64".to_string())?;
    ContentPart::image(bytes).map_err(|error| format!("holds what cannot be taken: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_what_its_bytes_say() {
        let png = STANDARD.encode(b"\x89PNG\r\n\x1a\n");
        // Whatever it is called.
        let part = of_url(&format!("data:text/plain;base64,{png}"));
        assert_eq!(part.map(|part| part.media_type), Ok("image/png".to_string()));
        for url in [
            "http://127.0.0.1:9/a.png".to_string(),
            "data:image/png,abc".to_string(),
            "data:image/png;base64,%%%".to_string(),
            "data:image/png;base64,".to_string(),
            format!("data:image/svg+xml;base64,{}", STANDARD.encode("<svg/>")),
        ] {
            assert!(of_url(&url).is_err(), "{url}");
        }
        let many = vec![format!("data:image/png;base64,{png}"); MOST_PARTS + 1];
        assert!(of_urls(&many).is_err() && of_urls(&many[1..]).is_ok());
    }
}
