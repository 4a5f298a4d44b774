//! What a server is asked, and what it answers, in whatever form that comes: an answer that is not
//! quite what the protocol says is read for what is in it.

use std::collections::HashSet;

use rmcp::RoleClient;
use rmcp::model::{
    CallToolRequest, CallToolRequestParams, CancelledNotificationParam, ClientRequest,
    GetPromptRequestParams, GetPromptResponse, InputRequest, InputRequiredResult, ListToolsRequest,
    PaginatedRequestParams, ReadResourceRequestParams, ReadResourceResponse, RequestId,
    ServerResult, Tool,
};
use rmcp::service::{Peer, PeerRequestOptions, ServiceError};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::content::{self, Given, Promised};
use super::list::{MOST, Offer};

/// The most pages of a list.
const PAGES: usize = 32;

/// What came of a call: a result or, in words, why there is none.
pub(super) type Told = Result<Result<Given, String>, ServiceError>;

/// The server's tools, page by page.
pub(super) async fn tools(peer: &Peer<RoleClient>, offer: &mut Offer) -> Result<(), ServiceError> {
    let mut pages = Pages::default();
    loop {
        let mut request = ListToolsRequest::default();
        let mut params = PaginatedRequestParams::default();
        params.cursor = pages.cursor.clone();
        request.params = Some(params);
        let (tools, next) = match asked(peer, ClientRequest::ListToolsRequest(request)).await? {
            ServerResult::ListToolsResult(page) => {
                let tools = page.tools.iter().map(|tool| serde_json::to_value(tool).ok());
                (tools.flatten().collect::<Vec<_>>(), page.next_cursor)
            }
            // One tool that is none keeps the page from being one.
            ServerResult::CustomResult(page) => {
                let tools = of_page(&page.0).ok_or(ServiceError::UnexpectedResponse)?;
                let tools = tools.into_iter().map(|tool| {
                    let known = Tool::deserialize(&tool).ok();
                    known.and_then(|known| serde_json::to_value(known).ok()).unwrap_or(tool)
                });
                (tools.collect(), cursor(&page.0["nextCursor"]))
            }
            ServerResult::EmptyResult(_) => (Vec::new(), None),
            _ => return Err(ServiceError::UnexpectedResponse),
        };
        for tool in tools {
            // One more says that there are too many; each is compared with all before it.
            if offer.tools.len() > MOST {
                break;
            }
            if !offer.tools.contains(&tool) {
                offer.tools.push(tool);
            }
        }
        match pages.turn(next) {
            Turned::More if offer.tools.len() <= MOST => {}
            Turned::Odd(remark) => {
                offer.remarks.push(format!("its list of tools {remark}"));
                return Ok(());
            }
            _ => return Ok(()),
        }
    }
}

/// The tools of a page: a list, also by itself, a map of them by their names, or `null` for none.
fn of_page(page: &Value) -> Option<Vec<Value>> {
    let named = |(name, tool): (&String, &Value)| {
        let mut tool = tool.clone();
        if let Some(tool) = tool.as_object_mut() {
            tool.entry("name").or_insert_with(|| name.as_str().into());
        }
        tool
    };
    match (page, page.get("tools")) {
        (Value::Array(tools), _) | (_, Some(Value::Array(tools))) => Some(tools.clone()),
        (_, Some(Value::Object(tools))) => Some(tools.iter().map(named).collect()),
        (_, Some(Value::Null)) => Some(Vec::new()),
        _ => None,
    }
}

/// Where the next page begins, for some servers a number.
fn cursor(next: &Value) -> Option<String> {
    match next {
        Value::String(next) => Some(next.clone()),
        Value::Number(next) => Some(next.to_string()),
        _ => None,
    }
}

/// The pages of a list, whose server says where the next one begins.
#[derive(Default)]
struct Pages {
    cursor: Option<String>,
    seen: HashSet<String>,
}

enum Turned {
    More,
    End,
    /// It does not end: why it is ended here.
    Odd(String),
}

impl Pages {
    fn turn(&mut self, next: Option<String>) -> Turned {
        let Some(next) = next.filter(|next| !next.is_empty()) else { return Turned::End };
        if !self.seen.insert(next.clone()) {
            let why = "goes back to a page that it gave before: it is taken up to there";
            return Turned::Odd(why.to_string());
        }
        if self.seen.len() >= PAGES {
            return Turned::Odd(format!(
                "has more than {PAGES} pages: those after them are left out"
            ));
        }
        self.cursor = Some(next);
        Turned::More
    }
}

/// Asks, and tells the server to stop where the answer is no longer waited for.
async fn asked(
    peer: &Peer<RoleClient>,
    request: ClientRequest,
) -> Result<ServerResult, ServiceError> {
    let handle = peer.send_cancellable_request(request, PeerRequestOptions::no_options()).await?;
    let mut waiting = Waiting(Some((peer.clone(), handle.id.clone())));
    let answer = handle.await_response().await;
    waiting.0 = None;
    answer
}

struct Waiting(Option<(Peer<RoleClient>, RequestId)>);

impl Drop for Waiting {
    fn drop(&mut self) {
        if let Some((peer, id)) = self.0.take()
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            let reason = "the answer is no longer waited for".to_string();
            let params = CancelledNotificationParam::new(Some(id), Some(reason));
            runtime.spawn(async move { peer.notify_cancelled(params).await });
        }
    }
}

/// A call of one of its tools.
pub(super) async fn call(
    peer: &Peer<RoleClient>,
    tool: &str,
    arguments: &Value,
    promised: Promised,
) -> Told {
    let mut params = CallToolRequestParams::new(tool.to_string());
    params.arguments = arguments.as_object().cloned();
    let request = ClientRequest::CallToolRequest(CallToolRequest::new(params));
    Ok(match asked(peer, request).await? {
        ServerResult::InputRequiredResult(result) => Err(wants(&result)),
        ServerResult::CreateTaskResult(_) => Ok(Given::from(Value::String(
            "[the server works on it as a task of its own, whose result is not waited for]".into(),
        ))),
        ServerResult::CustomResult(result) => content::given(&result.0, promised),
        other => content::given(&serde_json::to_value(&other).unwrap_or_default(), promised),
    })
}

/// A server that answers with questions: it has done nothing yet.
fn wants(result: &InputRequiredResult) -> String {
    let wanted = result.input_requests.iter().flatten().map(|(_, request)| match request {
        InputRequest::Elicitation(request) => {
            let params = serde_json::to_value(&request.params).unwrap_or_default();
            format!("it asks: {}", params["message"].as_str().unwrap_or("something"))
        }
        InputRequest::CreateMessage(_) => "it wants a model's answer".to_string(),
        _ => "it wants to know which folders there are".to_string(),
    });
    let wanted: Vec<String> = wanted.collect();
    format!(
        "the server did nothing, since it wants to be told something first ({}), which it is not told \
         here; what is known can only be given to it in the arguments",
        wanted.join("; ")
    )
}

/// Its resources, or one of them.
pub(super) async fn resources(peer: &Peer<RoleClient>, arguments: &Value) -> Told {
    let Some(uri) = arguments["uri"].as_str() else {
        let (mut all, mut pages) = (Vec::new(), Pages::default());
        loop {
            let mut params = PaginatedRequestParams::default();
            params.cursor = pages.cursor.clone();
            let page = peer.list_resources(Some(params)).await?;
            all.extend(page.resources);
            let turned = pages.turn(page.next_cursor);
            if !matches!(turned, Turned::More) {
                return Ok(listed(&serde_json::to_value(&all).unwrap_or_default(), "uri", &turned));
            }
        }
    };
    let params = ReadResourceRequestParams::new(uri);
    Ok(match peer.read_resource_once(params).await? {
        ReadResourceResponse::Complete(result) => {
            let contents = serde_json::to_value(&result.contents).unwrap_or_default();
            let value = Value::String(content::bounded(content::texts(&contents)));
            Ok(Given { value, parts: content::parts(&contents) })
        }
        ReadResourceResponse::InputRequired(result) => Err(wants(&result)),
        _ => Err("the server did not say what it holds".to_string()),
    })
}

/// Its prompts, or one of them.
pub(super) async fn prompt(peer: &Peer<RoleClient>, arguments: &Value) -> Told {
    let Some(name) = arguments["name"].as_str() else {
        let (mut all, mut pages) = (Vec::new(), Pages::default());
        loop {
            let mut params = PaginatedRequestParams::default();
            params.cursor = pages.cursor.clone();
            let page = peer.list_prompts(Some(params)).await?;
            all.extend(page.prompts);
            let turned = pages.turn(page.next_cursor);
            if !matches!(turned, Turned::More) {
                return Ok(listed(
                    &serde_json::to_value(&all).unwrap_or_default(),
                    "name",
                    &turned,
                ));
            }
        }
    };
    let mut params = GetPromptRequestParams::new(name);
    params.arguments = arguments["arguments"].as_object().cloned();
    Ok(match peer.get_prompt_once(params).await? {
        GetPromptResponse::Complete(result) => {
            let messages = serde_json::to_value(&result.messages).unwrap_or_default();
            let texts = messages.as_array().into_iter().flatten();
            let texts: Vec<String> =
                texts.map(|message| content::texts(&message["content"])).collect();
            Ok(Value::String(content::bounded(texts.join("\n\n"))).into())
        }
        GetPromptResponse::InputRequired(result) => Err(wants(&result)),
        _ => Err("the server did not say what it is".to_string()),
    })
}

/// A list of things for a model: one a line, with what it is called by and what is said of it.
fn listed(items: &Value, key: &str, turned: &Turned) -> Result<Given, String> {
    let line = |item: &Value| {
        let word = |key: &str| item[key].as_str().unwrap_or_default().to_string();
        let arguments = item["arguments"].as_array().into_iter().flatten();
        let arguments: Map<String, Value> = arguments
            .filter_map(|argument| {
                Some((argument["name"].as_str()?.to_string(), argument["description"].clone()))
            })
            .collect();
        let arguments = match arguments.is_empty() {
            true => String::new(),
            false => format!(" {}", Value::Object(arguments)),
        };
        format!("{}: {}{arguments}", word(key), word("description"))
    };
    let mut lines: Vec<String> = items.as_array().into_iter().flatten().map(line).collect();
    if let Turned::Odd(remark) = turned {
        lines.push(format!("[the list {remark}]"));
    }
    Ok(Value::String(content::bounded(lines.join("\n"))).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_ends_where_its_server_repeats_itself_or_goes_on_too_long() {
        let next = |text: &str| Some(text.to_string());
        let mut pages = Pages::default();
        assert!(matches!(pages.turn(next("a")), Turned::More));
        assert!(matches!(pages.turn(next("b")), Turned::More));
        assert!(matches!(pages.turn(next("a")), Turned::Odd(_)));
        assert!(matches!(Pages::default().turn(next("")), Turned::End));
        assert!(matches!(Pages::default().turn(None), Turned::End));
        let mut pages = Pages::default();
        let turns =
            (0..100).take_while(|n| matches!(pages.turn(next(&n.to_string())), Turned::More));
        assert_eq!(turns.count(), PAGES - 1);
    }
}
