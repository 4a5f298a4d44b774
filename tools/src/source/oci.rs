//! A component in a registry of images, as `wkg` and the oras tools put one there: a manifest with
//! one layer of `application/wasm`. Of the distribution specification this is what a pull needs:
//! a manifest, a blob, and the token that a registry may send a client to fetch first.
//!
//! The manifest and the layer are held against their digests. A client crate would read both
//! without a bound, and follow redirects wherever they lead.

use std::fmt;

use agent_core::component::{LARGEST, digest};
use reqwest::header::{ACCEPT, WWW_AUTHENTICATE};
use reqwest::{Client, RequestBuilder, Response, StatusCode};
use serde::Deserialize;
use text::head;
use url::Url;

use super::SourceError;
use super::fetch::{Broken, Progress, body, client};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// What a layer with a component is called: now, and by older tools.
const LAYERS: [&str; 2] = ["application/wasm", "application/vnd.wasm.content.layer.v1+wasm"];

/// The largest manifest that registries have to take.
const LARGEST_MANIFEST: usize = 4 << 20;

/// `oci://HOST[:PORT]/REPOSITORY[:TAG][@sha256:DIGEST]`; without either it is the tag `latest`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// Where the registry is. `http` only on this machine.
    registry: Url,
    repository: String,
    tag: Option<String>,
    /// Of the manifest, in hex.
    sha256: Option<String>,
}

/// Who asks, where a registry wants to know.
#[derive(Clone)]
pub struct Login {
    user: String,
    password: String,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Login({}:…)", self.user)
    }
}

impl Login {
    /// From `USER:PASSWORD`.
    pub fn parse(text: &str) -> Option<Self> {
        let (user, password) = text.trim().split_once(':')?;
        Some(Self { user: user.to_string(), password: password.to_string() })
    }
}

impl Image {
    /// Reads what comes after `oci://`. The error is the end of a sentence.
    pub(super) fn parse(written: &str) -> Result<Self, String> {
        const FORM: &str = "write `oci://HOST/REPOSITORY:TAG`, or `@sha256:…` for the tag";
        let (host, rest) = written.split_once('/').ok_or(FORM)?;
        let (rest, sha256) = match rest.split_once("@sha256:") {
            Some((rest, sha256)) => (rest, Some(sha256.to_string())),
            None => (rest, None),
        };
        let (repository, tag) = match rest.rsplit_once(':') {
            Some((repository, tag)) => (repository, Some(tag.to_string())),
            None => (rest, None),
        };
        let word = |text: &str, more: &str| {
            let plain = |c: char| c.is_ascii_alphanumeric() || more.contains(c);
            text.starts_with(|c: char| c.is_ascii_alphanumeric()) && text.chars().all(plain)
        };
        let named = !repository.is_empty()
            && repository.len() <= 255
            && repository.split('/').all(|part| word(part, "._-"));
        let tagged = tag.as_ref().is_none_or(|tag| tag.len() <= 128 && word(tag, "._-"));
        if !named || !tagged || !sha256.as_deref().is_none_or(hex) {
            return Err(FORM.to_string());
        }
        let registry =
            Url::parse(&format!("https://{host}/")).map_err(|error| error.to_string())?;
        if !registry.username().is_empty() || registry.password().is_some() {
            return Err("it may not carry a user or a password: name them with `--login`".into());
        }
        let here = matches!(registry.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
        let scheme = if here { "http" } else { "https" };
        let registry =
            Url::parse(&format!("{scheme}://{host}/")).map_err(|error| error.to_string())?;
        Ok(Self { registry, repository: repository.to_string(), tag, sha256 })
    }

    /// What the component is called, left to itself.
    pub(super) fn stem(&self) -> &str {
        self.repository.rsplit('/').next().unwrap_or_default()
    }

    /// The component.
    pub(super) async fn pull(
        &self,
        login: Option<&Login>,
        progress: Progress<'_>,
    ) -> Result<Vec<u8>, SourceError> {
        let failed = |reason: String| SourceError::Fetch { url: self.to_string(), reason };
        let client = client(&self.registry).await.map_err(failed)?;
        let mut session = Session { image: self, client, login, token: Token::None };
        let bytes = session.manifest().await.map_err(failed)?;
        let manifest: Manifest = serde_json::from_slice(&bytes)
            .map_err(|error| failed(format!("its manifest makes no sense: {error}")))?;
        let layer = manifest.component().map_err(failed)?;
        if layer.size > LARGEST as u64 {
            return Err(SourceError::Large { from: self.to_string() });
        }
        session.layer(layer, progress).await.map_err(failed)
    }

    fn address(&self, kind: &str, which: &str) -> Result<Url, String> {
        let path = format!("v2/{}/{kind}/{which}", self.repository);
        self.registry.join(&path).map_err(|error| error.to_string())
    }
}

impl fmt::Display for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = self.registry.host_str().unwrap_or_default();
        write!(f, "oci://{host}")?;
        if let Some(port) = self.registry.port() {
            write!(f, ":{port}")?;
        }
        write!(f, "/{}", self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(sha256) = &self.sha256 {
            write!(f, "@sha256:{sha256}")?;
        }
        Ok(())
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Manifest {
    #[serde(default)]
    layers: Vec<Layer>,
    /// There instead of layers where it is a list of manifests.
    #[serde(default)]
    manifests: Vec<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Layer {
    media_type: String,
    digest: String,
    size: u64,
}

impl Manifest {
    /// The one layer that is a component.
    fn component(&self) -> Result<&Layer, String> {
        if !self.manifests.is_empty() {
            return Err("it is a list of images: name one by its digest".to_string());
        }
        let kinds: Vec<&str> = self.layers.iter().map(|layer| layer.media_type.as_str()).collect();
        let mut found = self.layers.iter().filter(|it| LAYERS.contains(&it.media_type.as_str()));
        match (found.next(), found.next()) {
            (Some(layer), None) => Ok(layer),
            (Some(_), Some(_)) => Err("it has more than one component".to_string()),
            (None, _) => {
                let kinds = head(&kinds.join("`, `"), 200);
                Err(format!("it is no component: its layers are `{kinds}`"))
            }
        }
    }
}

enum Token {
    None,
    Basic,
    Bearer(String),
}

struct Session<'a> {
    image: &'a Image,
    client: Client,
    login: Option<&'a Login>,
    token: Token,
}

impl Session<'_> {
    async fn manifest(&mut self) -> Result<Vec<u8>, String> {
        let named = self.image.sha256.as_ref().map(|sha256| format!("sha256:{sha256}"));
        let which = named.as_deref().or(self.image.tag.as_deref()).unwrap_or("latest");
        let response = self.get(&self.image.address("manifests", which)?).await?;
        let bytes = whole(response, LARGEST_MANIFEST, &|_, _| {}).await?;
        match &self.image.sha256 {
            Some(sha256) if digest(&bytes) != sha256.to_ascii_lowercase() => {
                Err("the registry gave another manifest than its digest says".to_string())
            }
            _ => Ok(bytes),
        }
    }

    async fn layer(&mut self, layer: &Layer, progress: Progress<'_>) -> Result<Vec<u8>, String> {
        // It becomes a part of an address, so it has to be what it says.
        let sha256 =
            layer.digest.strip_prefix("sha256:").filter(|it| hex(it)).ok_or_else(|| {
                format!("the digest `{}` is none that is known here", head(&layer.digest, 80))
            })?;
        let response = self.get(&self.image.address("blobs", &layer.digest)?).await?;
        let bytes = whole(response, LARGEST, progress).await?;
        match digest(&bytes) == sha256 {
            true => Ok(bytes),
            false => Err("the registry gave other bytes than the manifest names".to_string()),
        }
    }

    /// Asks, and asks again once it is known how to say who asks.
    async fn get(&mut self, url: &Url) -> Result<Response, String> {
        let mut response = self.ask(url).await?;
        if response.status() == StatusCode::UNAUTHORIZED && matches!(self.token, Token::None) {
            self.token = self.answer(&response).await?;
            response = self.ask(url).await?;
        }
        match response.status() {
            status if status.is_success() => Ok(response),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(match self.login {
                Some(_) => "the registry does not let this user read it".to_string(),
                None => "the registry wants to know who asks: name a variable with `--login`, or \
                         check the name"
                    .to_string(),
            }),
            StatusCode::NOT_FOUND => Err("the registry has no such image".to_string()),
            status => Err(format!("the registry answered {status}")),
        }
    }

    async fn ask(&self, url: &Url) -> Result<Response, String> {
        let request = self.client.get(url.clone()).header(ACCEPT, format!("{MANIFEST}, */*"));
        let request = match &self.token {
            Token::None => request,
            Token::Basic => self.signed(request),
            Token::Bearer(token) => request.bearer_auth(token),
        };
        request.send().await.map_err(|error| http_client::reason(&error))
    }

    fn signed(&self, request: RequestBuilder) -> RequestBuilder {
        match self.login {
            Some(Login { user, password }) => request.basic_auth(user, Some(password)),
            None => request,
        }
    }

    /// What a registry's challenge is answered with.
    async fn answer(&self, response: &Response) -> Result<Token, String> {
        let challenges = response.headers().get_all(WWW_AUTHENTICATE);
        let challenges = challenges.iter().filter_map(|value| value.to_str().ok());
        for challenge in challenges {
            let (scheme, rest) = challenge.split_once(' ').unwrap_or((challenge, ""));
            if scheme.eq_ignore_ascii_case("basic") && self.login.is_some() {
                return Ok(Token::Basic);
            }
            if scheme.eq_ignore_ascii_case("bearer") {
                return self.token(rest).await.map(Token::Bearer);
            }
        }
        Ok(Token::None)
    }

    /// A token for pulling this repository, as the challenge says where to get it.
    async fn token(&self, challenge: &str) -> Result<String, String> {
        #[derive(Deserialize)]
        struct Given {
            token: Option<String>,
            access_token: Option<String>,
        }
        let asked = parameters(challenge);
        let of = |key: &str| asked.iter().find(|(name, _)| name == key).map(|(_, value)| value);
        let realm = of("realm").ok_or("the registry does not say where its tokens come from")?;
        let mut url = Url::parse(realm).map_err(|error| format!("`{realm}`: {error}"))?;
        // A password goes over TLS, or to the registry on this machine that was named.
        let same = url.host_str() == self.image.registry.host_str();
        if url.scheme() != "https" && !(same && self.image.registry.scheme() == "http") {
            return Err(format!(
                "the registry sends to `{realm}` for a token: that is not `https:`"
            ));
        }
        let scope = format!("repository:{}:pull", self.image.repository);
        {
            let mut query = url.query_pairs_mut();
            if let Some(service) = of("service") {
                query.append_pair("service", service);
            }
            query.append_pair("scope", &scope);
        }
        let sent = self.signed(self.client.get(url)).send().await;
        let response = sent.map_err(|error| http_client::reason(&error))?;
        if !response.status().is_success() {
            return Err(format!("no token was given: the server answered {}", response.status()));
        }
        let bytes = whole(response, 1 << 20, &|_, _| {}).await?;
        let given: Given = serde_json::from_slice(&bytes)
            .map_err(|error| format!("what should hold a token makes no sense: {error}"))?;
        given.token.or(given.access_token).ok_or_else(|| "no token was given".to_string())
    }
}

/// 64 hexadecimal digits.
fn hex(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// `realm="…",service="…"`: a value in quotation marks may hold commas.
fn parameters(challenge: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut rest = challenge.trim();
    while let Some((name, after)) = rest.split_once('=') {
        let (value, next) = match after.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => after.split_once(',').unwrap_or((after, "")),
        };
        let name = name.trim_matches([' ', ',']).to_ascii_lowercase();
        found.push((name, value.trim().to_string()));
        rest = next.trim_start_matches([' ', ',']);
    }
    found
}

async fn whole(response: Response, most: usize, progress: Progress<'_>) -> Result<Vec<u8>, String> {
    body(response, most, progress).await.map_err(|broken| match broken {
        Broken::Large => format!("it is larger than {} MiB", most >> 20),
        Broken::Off(reason) => reason,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn an_image_is_read_as_it_is_shown() {
        let digest = "0123456789abcdef".repeat(4);
        for (written, registry, stem) in [
            ("ghcr.io/a/weather:1.2", "https://ghcr.io/", "weather"),
            ("127.0.0.1:5000/weather", "http://127.0.0.1:5000/", "weather"),
            ("localhost:5000/a/b/c-d:x", "http://localhost:5000/", "c-d"),
            (&format!("example.org/a@sha256:{digest}"), "https://example.org/", "a"),
            (&format!("example.org/a:1@sha256:{digest}"), "https://example.org/", "a"),
        ] {
            let image = Image::parse(written).unwrap();
            assert_eq!((image.registry.as_str(), image.stem()), (registry, stem), "{written}");
            assert_eq!(image.to_string(), format!("oci://{written}"));
        }
        for written in [
            "weather",
            "example.org/",
            "example.org/../x",
            "example.org/a:",
            "example.org/a@sha256:1",
            "example.org/a?b",
            "me:pw@example.org/a",
            "example.org/a//b",
            "example.org/a:b c",
        ] {
            assert!(Image::parse(written).is_err(), "{written}");
        }
    }

    #[test]
    fn a_challenge_is_taken_apart() {
        let said = r#"realm="https://auth.example.org/token",service="a, b",scope="x:y:pull""#;
        let pair = |name: &str, value: &str| (name.to_string(), value.to_string());
        assert_eq!(
            parameters(said),
            [
                pair("realm", "https://auth.example.org/token"),
                pair("service", "a, b"),
                pair("scope", "x:y:pull")
            ]
        );
        assert_eq!(parameters("realm=x, error=y"), [pair("realm", "x"), pair("error", "y")]);
        assert!(parameters("").is_empty());
    }

    #[test]
    fn a_login_is_not_shown() {
        let login = Login::parse("me:secret:er\n").unwrap();
        assert_eq!(login.password, "secret:er");
        assert_eq!(format!("{login:?}"), "Login(me:…)");
        assert!(Login::parse("me").is_none());
    }
}
