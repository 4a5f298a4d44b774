//! Whether a request was signed by one who knows the key, and when. What is compared takes a time that does
//! not depend on where it differs.
//!
//! Source: the Standard Webhooks specification, 1.0.0; GitHub, "Validating webhook deliveries".

use axum::http::HeaderMap;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;

/// How far a sender's clock may be from this one, in seconds, and how long a request is good for.
const WINDOW: u64 = 300;

/// The most letters of a message's name.
const LONGEST: usize = 256;

/// The fewest bytes of a key.
const SHORTEST: usize = 16;

/// What a sender and this server know.
#[derive(Clone)]
pub struct Key(hmac::Key);

impl Key {
    /// From a secret as it is handed out: `whsec_` and base64, or any text of 16 bytes and more.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn of(secret: &str) -> Result<Key, String> {
        let bytes = match secret.strip_prefix("whsec_") {
            Some(encoded) => {
                let bytes = STANDARD.decode(encoded);
                bytes.map_err(|_| "what follows `whsec_` is no base64".to_string())?
            }
            None => secret.as_bytes().to_vec(),
        };
        match bytes.len() < SHORTEST {
            true => Err(format!("it is shorter than {SHORTEST} bytes, and could be guessed")),
            false => Ok(Key(hmac::Key::new(hmac::HMAC_SHA256, &bytes))),
        }
    }

    /// Whether both sign alike: what is signed for the one could then be sent to the other.
    pub fn same(&self, other: &Key) -> bool {
        const ANY: &[u8] = b"errand";
        let tag = hmac::sign(&other.0, ANY);
        hmac::verify(&self.0, ANY, tag.as_ref()).is_ok()
    }

    /// The headers that sign this message, by their names.
    pub fn sign(&self, id: &str, time: u64, body: &[u8]) -> [(&'static str, String); 3] {
        let tag = hmac::sign(&self.0, &message(id, &time.to_string(), body));
        [
            ("webhook-id", id.to_string()),
            ("webhook-timestamp", time.to_string()),
            ("webhook-signature", format!("v1,{}", STANDARD.encode(tag))),
        ]
    }
}

/// How a sender signs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Signed {
    /// As the Standard Webhooks say: name, time and body.
    #[default]
    Standard,
    /// As GitHub does: the body.
    Github,
}

/// The name under which a request counts once; `None` where it is not signed, or not of now.
pub(super) fn name(
    signed: Signed,
    key: &Key,
    headers: &HeaderMap,
    now: u64,
    body: &[u8],
) -> Option<String> {
    match signed {
        Signed::Standard => standard(key, headers, now, body),
        Signed::Github => github(key, headers, body),
    }
}

fn standard(key: &Key, headers: &HeaderMap, now: u64, body: &[u8]) -> Option<String> {
    let (id, time) = (one(headers, "webhook-id")?, one(headers, "webhook-timestamp")?);
    let plain =
        !id.is_empty() && id.len() <= LONGEST && id.bytes().all(|byte| byte.is_ascii_graphic());
    if !plain || time.parse::<u64>().ok()?.abs_diff(now) > WINDOW {
        return None;
    }
    let message = message(id, time, body);
    // One for each key, while a key is being replaced.
    let signatures = one(headers, "webhook-signature")?
        .split(' ')
        .filter_map(|signature| STANDARD.decode(signature.strip_prefix("v1,")?).ok());
    let mut good = false;
    for signature in signatures {
        good |= hmac::verify(&key.0, &message, &signature).is_ok();
    }
    good.then(|| format!("id {id}"))
}

/// Neither a name nor a time is signed here, so the body is the name: the same one counts once for good.
fn github(key: &Key, headers: &HeaderMap, body: &[u8]) -> Option<String> {
    let signature = one(headers, "x-hub-signature-256")?.strip_prefix("sha256=")?;
    let tag = hex(signature)?;
    hmac::verify(&key.0, body, &tag).ok()?;
    // What the key makes of it says which body it was, and not what is in it.
    Some(format!("body {}", signature.to_ascii_lowercase()))
}

fn message(id: &str, time: &str, body: &[u8]) -> Vec<u8> {
    [format!("{id}.{time}.").as_bytes(), body].concat()
}

fn hex(digits: &str) -> Option<Vec<u8>> {
    if digits.len() != 64 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    (0..64).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).ok()).collect()
}

/// A header that is there once: two of them mean different things to different programs.
fn one<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_800_000_000;

    fn headers(pairs: &[(&'static str, String)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    fn standard(pairs: &[(&'static str, String)], body: &[u8]) -> Option<String> {
        let key = Key::of("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        name(Signed::Standard, &key, &headers(pairs), NOW, body)
    }

    #[test]
    fn the_example_of_the_specification() {
        let key = Key::of("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let signed =
            key.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, b"{\"test\": 2432232314}");
        assert_eq!(signed[2].1, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn a_signature_is_of_one_message_and_of_now() {
        let key = Key::of("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let signed = |time| key.sign("m1", time, b"body").to_vec();
        assert_eq!(standard(&signed(NOW), b"body"), Some("id m1".to_string()));
        assert_eq!(standard(&signed(NOW - WINDOW), b"body"), Some("id m1".to_string()));
        for time in [NOW - WINDOW - 1, NOW + WINDOW + 1, 0] {
            assert_eq!(standard(&signed(time), b"body"), None, "{time}");
        }
        assert_eq!(standard(&signed(NOW), b"Body"), None);
        let mut other = signed(NOW);
        other[0].1 = "m2".to_string();
        assert_eq!(standard(&other, b"body"), None);
        // A point in a name moves what is signed from one part to another.
        let mut moved = key.sign("m1.1", 800_000_000, b"body").to_vec();
        moved[0].1 = "m1".to_string();
        moved[1].1 = format!("1.{}", 800_000_000);
        assert_eq!(standard(&moved, b"body"), None);
        let mut twice = signed(NOW);
        twice.push(("webhook-id", "m2".to_string()));
        assert_eq!(standard(&twice, b"body"), None);
        let mut rotated = signed(NOW);
        rotated[2].1 = format!("v1a,AAAA v1,AAAA {} v2,x", rotated[2].1);
        assert_eq!(standard(&rotated, b"body"), Some("id m1".to_string()));
        for none in ["", "v1,", "v1", "AAAA"] {
            let mut unsigned = signed(NOW);
            unsigned[2].1 = none.to_string();
            assert_eq!(standard(&unsigned, b"body"), None, "{none}");
        }
    }

    #[test]
    fn the_example_of_github() {
        let key = Key::of("It's a Secret to Everybody").unwrap();
        let tag = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
        let sent = |tag: &str, body: &[u8]| {
            let headers = headers(&[("x-hub-signature-256", format!("sha256={tag}"))]);
            name(Signed::Github, &key, &headers, NOW, body)
        };
        assert_eq!(sent(tag, b"Hello, World!"), Some(format!("body {tag}")));
        // The same request, however its digits are written, counts once.
        assert_eq!(sent(&tag.to_uppercase(), b"Hello, World!"), Some(format!("body {tag}")));
        assert_eq!(sent(tag, b"Hello, World"), None);
        assert_eq!(sent(&tag[1..], b"Hello, World!"), None);
    }

    #[test]
    fn a_secret_that_could_be_guessed() {
        assert!(Key::of("short").is_err() && Key::of("whsec_AAAA").is_err());
        assert!(Key::of("whsec_!").is_err() && Key::of("").is_err());
    }

    #[test]
    fn one_secret_written_in_two_ways_is_one() {
        let key = |secret| Key::of(secret).unwrap();
        assert!(key("whsec_YWJjZGVmZ2hpamtsbW5vcA==").same(&key("abcdefghijklmnop")));
        assert!(!key("abcdefghijklmnop").same(&key("abcdefghijklmnoq")));
    }
}
