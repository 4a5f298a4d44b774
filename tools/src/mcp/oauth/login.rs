//! One sign-in: begun at the authorization server that the MCP server names, and ended with what the
//! browser brings back.

use rmcp::transport::auth::{
    AuthorizationCallback, AuthorizationManager, AuthorizationMetadata,
    AuthorizationMetadataSource, OAuthClientConfig,
};
use url::Url;

use super::redirect::{Came, Redirects};
use super::tokens::Began;
use super::{Tokens, fit, manager, told};
use crate::plain::plain;

/// As what errand signs in.
#[derive(Debug, Clone, Default)]
pub struct Client {
    /// What it was registered as; where it was not, it registers itself.
    pub id: Option<String>,
    /// Its secret, if it has one.
    pub secret: Option<String>,
    /// What is asked for; empty asks for what the server says.
    pub scopes: Vec<String>,
    /// The port of the loopback address; 0 is any that is free.
    pub port: u16,
}

/// A sign-in that waits for a person.
pub struct Login {
    manager: AuthorizationManager,
    redirects: Redirects,
    address: Url,
    state: String,
    scopes: Vec<String>,
}

/// What an address that came back says.
enum Back {
    /// It is an answer to another sign-in, or to none.
    Other,
    /// The person, or the server, said no.
    Refused(String),
    /// It holds a code.
    Code(AuthorizationCallback),
}

impl Login {
    /// Finds the authorization server, registers there, and begins to listen for the answer. What the
    /// server said to one who is not signed in (`WWW-Authenticate`) is where it begins.
    ///
    /// # Errors
    /// There is none, it is not fit to be trusted with a code, or it refuses errand: why, in words.
    pub async fn begin(
        server: &Url,
        challenge: Option<String>,
        tokens: &Tokens,
        client: &Client,
    ) -> Result<Self, String> {
        let mut manager = manager(server).await?;
        let found = manager.resolve_metadata_from_challenge(challenge.as_deref()).await;
        let found = found.map_err(|error| told(&error))?;
        let silent = found.source == AuthorizationMetadataSource::LegacyEndpointFallback;
        let said = |reason: String| match silent {
            true => format!("it does not say where one signs in, and {reason}"),
            false => reason,
        };
        checked(server, &found.metadata)?;
        let token_endpoint = found.metadata.token_endpoint.clone();
        manager.set_metadata(found.metadata);
        let redirects = Redirects::listen(client.port).await?;
        let config = known(&mut manager, client, &redirects.address()).await.map_err(said)?;
        let scopes = config.scopes.clone();
        let asked: Vec<&str> = scopes.iter().map(String::as_str).collect();
        let address = manager.get_authorization_url(&asked).await.map_err(|error| told(&error))?;
        let address = Url::parse(&address).map_err(|error| error.to_string())?;
        let state = value(&address, "state").unwrap_or_default();
        let began = Began { client: config, challenge, token_endpoint };
        manager.set_credential_store(tokens.of(server).begun(began));
        Ok(Self { manager, redirects, address, state, scopes })
    }

    /// What a person agrees to there, in the server's words; empty where it names nothing.
    pub fn scopes(&self) -> &[String] {
        &self.scopes
    }

    /// What a person opens in a browser.
    pub fn address(&self) -> &Url {
        &self.address
    }

    /// Waits until a browser brings the answer, and keeps the tokens. What is no answer to this
    /// sign-in is refused and waited on.
    ///
    /// # Errors
    /// The sign-in was refused, or what came is not from the server that it began at.
    pub async fn redirected(&mut self) -> Result<(), String> {
        while let Some(came) = self.redirects.next().await {
            if let Some(ended) = self.ended(came).await {
                return ended;
            }
        }
        Err("nothing can come back any more".to_string())
    }

    /// The address that a browser ended at on another machine, as a person copied it.
    ///
    /// # Errors
    /// Likewise, or it is no answer to this sign-in.
    pub async fn pasted(&mut self, address: &str) -> Result<(), String> {
        let url = Url::parse(address.trim()).map_err(|_| "that is no address".to_string())?;
        match self.back(&url) {
            Back::Other => Err("that is no answer to this sign-in".to_string()),
            Back::Refused(reason) => Err(reason),
            Back::Code(code) => self.exchanged(&code).await,
        }
    }

    async fn ended(&self, came: Came) -> Option<Result<(), String>> {
        let (ended, status, text) = match self.back(&came.url) {
            Back::Other => {
                let text = "This is no answer to the sign-in that errand waits for.";
                (None, "400 Bad Request", text)
            }
            Back::Refused(reason) => {
                (Some(Err(reason)), "200 OK", "The sign-in was refused. You can close this page.")
            }
            Back::Code(code) => match self.exchanged(&code).await {
                Ok(()) => (Some(Ok(())), "200 OK", "Signed in. You can close this page."),
                Err(reason) => (
                    Some(Err(reason)),
                    "400 Bad Request",
                    "The sign-in failed; errand says why. You can close this page.",
                ),
            },
        };
        came.tell(status, text).await;
        ended
    }

    fn back(&self, url: &Url) -> Back {
        if self.state.is_empty() || value(url, "state").as_deref() != Some(&self.state) {
            return Back::Other;
        }
        if let Some(error) = value(url, "error") {
            let more = value(url, "error_description").map(|more| format!(": {more}"));
            let said = plain(&format!("{error}{}", more.unwrap_or_default()), 300);
            return Back::Refused(format!("the authorization server says `{said}`"));
        }
        let issuers = url.query_pairs().filter(|(name, _)| name == "iss").count();
        match AuthorizationCallback::from_redirect_url(url.as_str()) {
            Ok(code) if issuers < 2 && value(url, "code").is_some() => Back::Code(code),
            _ => Back::Other,
        }
    }

    async fn exchanged(&self, came: &AuthorizationCallback) -> Result<(), String> {
        let exchange = self.manager.exchange_code_for_token_with_issuer(
            &came.code,
            &came.csrf_token,
            came.issuer.as_deref(),
        );
        exchange.await.map(drop).map_err(|error| told(&error))
    }
}

fn checked(server: &Url, metadata: &AuthorizationMetadata) -> Result<(), String> {
    let endpoints = [&metadata.authorization_endpoint, &metadata.token_endpoint];
    let endpoints = endpoints.into_iter().chain(&metadata.registration_endpoint);
    for endpoint in endpoints {
        fit(server, endpoint)
            .map_err(|reason| format!("its authorization server cannot be used: {reason}"))?;
    }
    Ok(())
}

/// Errand as the authorization server knows it.
async fn known(
    manager: &mut AuthorizationManager,
    client: &Client,
    redirect: &str,
) -> Result<OAuthClientConfig, String> {
    let scopes = match client.scopes.is_empty() {
        true => manager.select_initial_scopes(&[]).await,
        false => client.scopes.clone(),
    };
    let Some(id) = &client.id else {
        let scopes: Vec<&str> = scopes.iter().map(String::as_str).collect();
        let registered = manager.register_client("errand", redirect, &scopes).await;
        return registered.map_err(|error| {
            format!(
                "it does not register errand: {}\nhint: register a native client there yourself, \
                 with the redirect `{redirect}`; `--client-id` and `--port` name it",
                told(&error)
            )
        });
    };
    let config = OAuthClientConfig::new(id, redirect).with_scopes(scopes);
    let config = match &client.secret {
        Some(secret) => config.with_client_secret(secret),
        None => config,
    };
    manager.configure_client(config.clone()).map_err(|error| told(&error))?;
    Ok(config)
}

fn value(url: &Url, key: &str) -> Option<String> {
    let mut found = url.query_pairs().filter(|(name, _)| name == key);
    // One that is there twice is none: which of them counts is not for an attacker to say.
    found.next().filter(|_| found.next().is_none()).map(|(_, value)| value.into_owned())
}
