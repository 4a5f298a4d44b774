//! The address of a model's endpoint, as every file that names one has to write it.

use url::Url;

/// Why a text is no such address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrongUrl {
    /// What is wrong, to be said behind the name of the key. What may be a secret is not repeated.
    pub wrong: String,
    /// What to write instead.
    pub hint: &'static str,
}

/// Reads an address: `http` or `https`, up to and with its `/v1`, and nothing secret in it.
///
/// # Errors
/// It is none, or goes on where it should end.
pub fn base_url(written: &str) -> Result<Url, WrongUrl> {
    const SUCH: &str = "such as `http://127.0.0.1:8080/v1`";
    let no = |wrong: &str, hint| Err(WrongUrl { wrong: wrong.to_string(), hint });
    match Url::parse(written) {
        Ok(url) if !matches!(url.scheme(), "http" | "https") || url.host().is_none() => {
            no("must begin with `http://` or `https://`", SUCH)
        }
        Ok(url) if !url.username().is_empty() || url.password().is_some() => {
            no("must not hold a user or a password", "use `api_key = \"${NAME}\"`")
        }
        Ok(url) if url.query().is_some() || url.fragment().is_some() => {
            no("must end with its path", "remove what follows `?` or `#`")
        }
        Ok(url) if url.path().trim_end_matches('/').ends_with("/chat/completions") => {
            no("must end with its `/v1`", "remove `/chat/completions`")
        }
        Ok(url) => Ok(url),
        Err(error) => no(&format!("is no URL: {error}"), SUCH),
    }
}
