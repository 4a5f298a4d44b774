//! One visit: a page is opened, what it asks for is fetched or refused, and when its scripts have come
//! to rest it is read.

use std::time::Duration;

use agent_core::browser::{Sent, Shown, Web};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep_until, timeout};
use url::Url;

use super::pipe::{Gone, Pipe};

/// How long a page has to come to rest; then it is read as it is.
const RESTLESS: Duration = Duration::from_secs(15);

/// How long reading it may take: a script that never ends would keep the browser from it.
const READING: Duration = Duration::from_secs(5);

/// What a page is shown without: nothing of it is text. `Other` is its icon.
const NEEDLESS: [&str; 8] =
    ["Image", "Media", "Font", "Ping", "Prefetch", "CSPViolationReport", "Manifest", "Other"];

/// The whole page, or nothing where there is none.
const PAGE: &str = "document.documentElement ? document.documentElement.outerHTML : ''";

/// Why there is no page.
pub(super) enum Lost {
    /// The browser went away.
    Gone,
    /// A sentence for the model.
    Said(String),
}

impl From<Gone> for Lost {
    fn from(_: Gone) -> Lost {
        Lost::Gone
    }
}

struct Visit<'a> {
    pipe: Pipe,
    web: &'a dyn Web,
    /// The page's own frame, and what is loaded into it.
    frame: String,
    loader: Option<String>,
    /// Where the page is by now.
    url: Url,
    /// Why the page itself was refused.
    refused: Option<String>,
    rests: bool,
    fetches: FuturesUnordered<BoxFuture<'a, Fetched>>,
}

/// What the page asked for.
struct Asked {
    id: String,
    url: String,
    /// Whether it is to be the page itself.
    page: bool,
}

type Fetched = (Asked, Result<Sent, String>);

pub(super) async fn visit(mut pipe: Pipe, url: &Url, web: &dyn Web) -> Result<Shown, Lost> {
    let target = pipe.ask("Target.createTarget", json!({ "url": "about:blank" })).await?;
    let attached = json!({ "targetId": target["targetId"], "flatten": true });
    let session = pipe.ask("Target.attachToTarget", attached).await?;
    pipe.attach(session["sessionId"].as_str().ok_or(Gone)?.to_string());
    pipe.ask("Page.enable", json!({})).await?;
    pipe.ask("Page.setLifecycleEventsEnabled", json!({ "enabled": true })).await?;
    pipe.ask("Fetch.enable", json!({ "patterns": [{ "urlPattern": "*" }] })).await?;
    let tree = pipe.ask("Page.getFrameTree", json!({})).await?;
    let frame = tree["frameTree"]["frame"]["id"].as_str().ok_or(Gone)?.to_string();
    let mut visit = Visit {
        pipe,
        web,
        frame,
        loader: None,
        url: url.clone(),
        refused: None,
        rests: false,
        fetches: FuturesUnordered::new(),
    };
    visit.open(url).await?;
    let busy = || Lost::Said(format!("`{url}` keeps the browser busy without end"));
    let html = timeout(READING, visit.read()).await.map_err(|_| busy())??;
    Ok(Shown { url: visit.url, html })
}

impl Visit<'_> {
    /// Until the page rests, or has had its time.
    async fn open(&mut self, url: &Url) -> Result<(), Lost> {
        let until = Instant::now() + RESTLESS;
        let opened = self.pipe.send("Page.navigate", json!({ "url": url.as_str() })).await?;
        while !self.rests {
            tokio::select! {
                message = self.pipe.next() => {
                    let message = message?;
                    let failed = message["result"]["errorText"].as_str();
                    if let (true, Some(failed)) = (message["id"] == json!(opened), failed) {
                        let said = format!("`{url}` cannot be shown: {failed}");
                        return Err(Lost::Said(self.refused.take().unwrap_or(said)));
                    }
                    self.happened(&message).await?;
                }
                Some(fetched) = self.fetches.next() => self.fetched(fetched).await?,
                () = sleep_until(until) => break,
            }
        }
        match self.loader {
            Some(_) => Ok(()),
            None => {
                Err(Lost::Said(format!("`{url}` did not open within {} s", RESTLESS.as_secs())))
            }
        }
    }

    async fn read(&mut self) -> Result<String, Lost> {
        let asked = json!({ "expression": PAGE, "returnByValue": true });
        let mut told = self.pipe.ask("Runtime.evaluate", asked).await?;
        match told["result"]["value"].take() {
            Value::String(html) => Ok(html),
            _ => Err(Lost::Said(format!("`{}` cannot be read in the browser", self.url))),
        }
    }

    async fn happened(&mut self, event: &Value) -> Result<(), Lost> {
        let said = &event["params"];
        match event["method"].as_str().unwrap_or_default() {
            "Fetch.requestPaused" => self.asked(said).await,
            "Page.frameNavigated" if said["frame"]["id"] == json!(self.frame) => {
                self.loader = said["frame"]["loaderId"].as_str().map(str::to_string);
                self.rests = false;
                Ok(())
            }
            "Page.lifecycleEvent" if said["name"] == "networkIdle" => {
                self.rests |= self.loader.as_deref() == said["loaderId"].as_str();
                Ok(())
            }
            // There is no person to answer.
            "Page.javascriptDialogOpening" => {
                let answer = json!({ "accept": false });
                self.pipe.send("Page.handleJavaScriptDialog", answer).await?;
                Ok(())
            }
            "Inspector.targetCrashed" => {
                Err(Lost::Said(format!("`{}` breaks the browser that shows it", self.url)))
            }
            _ => Ok(()),
        }
    }

    /// A page looks at the web and changes nothing there: it gets what it asks for with a GET.
    async fn asked(&mut self, said: &Value) -> Result<(), Lost> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_string();
        let kind = text(&said["resourceType"]);
        let asked = Asked {
            id: text(&said["requestId"]),
            url: text(&said["request"]["url"]),
            page: kind == "Document" && said["frameId"] == json!(self.frame),
        };
        if said["request"]["method"] != "GET" || NEEDLESS.contains(&kind.as_str()) {
            return self.refuse(&asked.id).await;
        }
        let web = self.web;
        self.fetches.push(Box::pin(async move {
            let sent = web.get(&asked.url).await;
            (asked, sent)
        }));
        Ok(())
    }

    async fn fetched(&mut self, (asked, sent): Fetched) -> Result<(), Lost> {
        let sent = match sent {
            Ok(sent) => sent,
            Err(reason) => {
                if asked.page {
                    self.refused = Some(reason);
                }
                return self.refuse(&asked.id).await;
            }
        };
        if let (true, Ok(url)) = (asked.page, Url::parse(&asked.url)) {
            self.url = url;
        }
        let header = |name: &str, value: &str| json!({ "name": name, "value": value });
        let answer = json!({
            "requestId": asked.id,
            "responseCode": sent.status,
            // The browser holds no cookie and no key, so every script may read every answer.
            "responseHeaders": [
                header("content-type", &sent.content_type),
                header("access-control-allow-origin", "*"),
            ],
            "body": STANDARD.encode(&sent.body),
        });
        self.pipe.send("Fetch.fulfillRequest", answer).await?;
        Ok(())
    }

    async fn refuse(&mut self, id: &str) -> Result<(), Lost> {
        let answer = json!({ "requestId": id, "errorReason": "BlockedByClient" });
        self.pipe.send("Fetch.failRequest", answer).await?;
        Ok(())
    }
}
