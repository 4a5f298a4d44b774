//! Where tokens lie: one file for each server in a folder of `ERRAND_HOME`, for its user's eyes only.
//! The file says which server its tokens are for, and is of no use to another.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use guard::{Redactor, private};
use rmcp::transport::auth::{
    AuthError, AuthorizationMetadata, CredentialRefreshGuard, CredentialStore, OAuthClientConfig,
    StoredCredentials,
};
use serde::{Deserialize, Serialize};
use url::Url;

/// The folder of all tokens.
#[derive(Debug, Clone)]
pub struct Tokens(PathBuf);

impl Tokens {
    /// Those under this `ERRAND_HOME`.
    pub fn new(home: &Path) -> Self {
        Self(home.join("oauth"))
    }

    /// Forgets what a server lets errand in with; false where there is nothing.
    ///
    /// # Errors
    /// The disk does not allow it.
    pub fn forget(&self, server: &Url) -> io::Result<bool> {
        let file = self.of(server);
        match fs::remove_file(&file.path) {
            Ok(()) => {
                let _ = fs::remove_file(file.path.with_extension("lock"));
                Ok(true)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    pub(in super::super) fn of(&self, server: &Url) -> TokenFile {
        let mut server = server.clone();
        server.set_fragment(None);
        let name = agent_core::component::digest(server.as_str().as_bytes());
        TokenFile { path: self.0.join(format!("{name}.json")), server, began: None }
    }
}

/// What is kept of one server.
#[derive(Serialize, Deserialize)]
pub(super) struct Kept {
    server: Url,
    redirect: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    client_secret: Option<String>,
    /// What the server said to one who was not signed in: it may be the only place that says where its
    /// metadata lies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    challenge: Option<String>,
    /// Where the tokens were issued.
    token_endpoint: String,
    credentials: StoredCredentials,
}

impl Kept {
    /// As what errand is known at the authorization server.
    pub(super) fn client(&self) -> OAuthClientConfig {
        let client = OAuthClientConfig::new(&self.credentials.client_id, &self.redirect);
        match &self.client_secret {
            Some(secret) => client.with_client_secret(secret),
            None => client,
        }
    }

    pub(super) fn challenge(&self) -> Option<&str> {
        self.challenge.as_deref()
    }

    /// Whether this is the authorization server that issued the tokens.
    pub(super) fn is_from(&self, metadata: &AuthorizationMetadata) -> bool {
        self.credentials.issuer == metadata.issuer && self.token_endpoint == metadata.token_endpoint
    }
}

/// How a sign-in began: what is written beside its tokens.
#[derive(Clone)]
pub(super) struct Began {
    pub(super) client: OAuthClientConfig,
    pub(super) challenge: Option<String>,
    pub(super) token_endpoint: String,
}

/// The file of one server.
#[derive(Clone)]
pub(in super::super) struct TokenFile {
    path: PathBuf,
    server: Url,
    /// Where these are the first tokens.
    began: Option<Began>,
}

impl TokenFile {
    pub(super) fn server(&self) -> &Url {
        &self.server
    }

    pub(super) fn begun(self, began: Began) -> Self {
        Self { began: Some(began), ..self }
    }

    /// The scopes that were granted.
    pub(in super::super) fn granted(&self) -> Vec<String> {
        let kept = self.read().ok().flatten();
        kept.map(|kept| kept.credentials.granted_scopes).unwrap_or_default()
    }

    pub(super) fn read(&self) -> Result<Option<Kept>, String> {
        let unread = |reason: String| format!("`{}` cannot be read: {reason}", self.path.display());
        let bytes = match fs::read(&self.path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(unread(error.to_string())),
        };
        // What stands there is not told: it is a token.
        let kept: Kept = serde_json::from_slice(&bytes)
            .map_err(|_| unread("it holds no tokens of errand's".to_string()))?;
        match kept.server == self.server {
            true => Ok(Some(kept)),
            false => Err(unread("its tokens are for another server".to_string())),
        }
    }

    fn write(&self, credentials: StoredCredentials) -> Result<(), String> {
        let kept = match &self.began {
            Some(began) => Kept {
                server: self.server.clone(),
                redirect: began.client.redirect_uri.clone(),
                client_secret: began.client.client_secret.clone(),
                challenge: began.challenge.clone(),
                token_endpoint: began.token_endpoint.clone(),
                credentials,
            },
            None => {
                let kept = self.read()?.ok_or("its file is gone")?;
                Kept { credentials, ..kept }
            }
        };
        let text = serde_json::to_vec(&kept).map_err(|error| error.to_string())?;
        self.replace(&text).map_err(|error| format!("`{}`: {error}", self.path.display()))
    }

    /// At once, so that a process that reads it sees the old tokens or the new ones.
    fn replace(&self, text: &[u8]) -> io::Result<()> {
        let folder = self.path.parent().unwrap_or(&self.path);
        private::folder(folder)?;
        let draft = self.path.with_extension(format!("{}.draft", std::process::id()));
        private::replace(&self.path, &draft, text)
    }

    /// What takes its secrets out of a text.
    pub(in super::super) fn redactor(&self) -> Redactor {
        let Ok(Some(kept)) = self.read() else { return Redactor::default() };
        let response = serde_json::to_value(&kept.credentials.token_response).unwrap_or_default();
        let secrets = [
            ("access token", response["access_token"].as_str()),
            ("refresh token", response["refresh_token"].as_str()),
            ("client secret", kept.client_secret.as_deref()),
        ];
        Redactor::new(secrets.into_iter().filter_map(|(name, secret)| Some((name, secret?))))
    }
}

fn failed(reason: impl ToString) -> AuthError {
    AuthError::CredentialStoreError(reason.to_string())
}

#[async_trait]
impl CredentialStore for TokenFile {
    async fn load(&self) -> Result<Option<StoredCredentials>, AuthError> {
        Ok(self.read().map_err(failed)?.map(|kept| kept.credentials))
    }

    async fn save(&self, credentials: StoredCredentials) -> Result<(), AuthError> {
        self.write(credentials).map_err(failed)
    }

    async fn clear(&self) -> Result<(), AuthError> {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(error)),
            _ => Ok(()),
        }
    }

    /// A refresh token counts once at many servers: one process at a time uses it.
    async fn acquire_refresh_guard(&self) -> Result<Option<CredentialRefreshGuard>, AuthError> {
        let path = self.path.with_extension("lock");
        let locked = tokio::task::spawn_blocking(move || {
            let file = private::file(&path)?;
            file.lock()?;
            io::Result::Ok(file)
        });
        let file = locked.await.map_err(failed)?.map_err(failed)?;
        Ok(Some(CredentialRefreshGuard::new(file)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credentials() -> StoredCredentials {
        let response = serde_json::json!({
            "access_token": "access-0123456789", "token_type": "bearer", "refresh_token": "refresh-0123456789",
        });
        let response = serde_json::from_value(response).unwrap();
        StoredCredentials::new("errand-1".to_string(), Some(response), Vec::new(), Some(1))
    }

    #[test]
    fn tokens_are_for_one_server_and_their_user() {
        use std::os::unix::fs::PermissionsExt;
        let home = tempfile::tempdir().unwrap();
        let tokens = Tokens::new(home.path());
        let server = Url::parse("https://a.example/mcp").unwrap();
        let file = tokens.of(&server);
        assert!(file.read().unwrap().is_none());
        assert!(file.write(credentials()).is_err(), "there is no file to replace");
        let client = OAuthClientConfig::new("errand-1", "http://127.0.0.1:1/callback");
        let began = Began {
            client: client.with_client_secret("s3cret-of-errand"),
            challenge: Some("Bearer scope=\"a\"".to_string()),
            token_endpoint: "https://id.example/token".to_string(),
        };
        file.clone().begun(began).write(credentials()).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&file.path), mode(&home.path().join("oauth"))), (0o600, 0o700));
        assert_eq!(
            file.read().unwrap().unwrap().client().client_secret.as_deref(),
            Some("s3cret-of-errand")
        );
        // A refresh keeps what errand is known as.
        file.write(credentials()).unwrap();
        let kept = file.read().unwrap().unwrap();
        assert!(kept.client_secret.is_some() && kept.challenge() == Some("Bearer scope=\"a\""));
        let named = |issuer: Option<&str>, endpoint: &str| {
            let mut metadata = AuthorizationMetadata::default();
            metadata.issuer = issuer.map(str::to_string);
            metadata.token_endpoint = endpoint.to_string();
            kept.is_from(&metadata)
        };
        assert!(named(None, "https://id.example/token"));
        assert!(!named(None, "https://evil.example/token"));
        assert!(!named(Some("https://evil.example"), "https://id.example/token"));
        let text = "access-0123456789 refresh-0123456789 s3cret-of-errand".to_string();
        assert_eq!(
            file.redactor().clean_text(text),
            "[secret access token] [secret refresh token] [secret client secret]"
        );
        // Put in another's place it is refused.
        let other = tokens.of(&Url::parse("https://b.example/mcp").unwrap());
        fs::copy(&file.path, &other.path).unwrap();
        let said = other.read().err().unwrap();
        assert!(said.ends_with("its tokens are for another server"), "{said}");
        assert!(tokens.forget(&server).unwrap() && !tokens.forget(&server).unwrap());
    }
}
