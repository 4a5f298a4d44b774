//! Servers that answer with a redirect: what was meant for one host – a key, a header, a body – is sent to no other.
//! What a tool's request does is in `attacks.rs`, a sign-in in `mcp/oauth/changed.rs`, `[notify]` in `serve/triggers.rs`, a push in `serve/push.rs`.

use axum::response::Response;

use crate::place::{Place, say};
use crate::server::Server;

/// Each way of saying that it is elsewhere; the last two have the body sent again.
const MOVED: [u16; 5] = [301, 302, 303, 307, 308];

/// A server that sends on to this one, and this one.
pub(crate) fn sends_on(status: u16) -> (Server, Server) {
    let other = Server::start(|_| Response::new(String::new().into()));
    let to = format!("http://{}/", other.at);
    let first = Server::start(move |_| {
        let moved = Response::builder().status(status).header("location", &to);
        moved.body(String::new().into()).unwrap()
    });
    (first, other)
}

#[test]
fn a_collector_sends_on_to_another_host() {
    for status in MOVED {
        let place = Place::bare();
        place.agent("act = \"tools\"", "", &[say("Done.")]);
        let (collector, other) = sends_on(status);
        let mut command = place.command(["run", "agent.toml"]);
        command
            .env("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{}", collector.at))
            .env("OTEL_EXPORTER_OTLP_HEADERS", "x-api-key=0123456789");
        let ran = place.ran(&command.output().unwrap());
        assert_eq!(ran.code, Some(0), "{ran}");
        assert!(!collector.asked().is_empty(), "{ran}");
        assert_eq!(other.asked(), Vec::<String>::new(), "{status}");
    }
}

#[test]
fn a_models_server_sends_on_to_another_host() {
    for status in MOVED {
        let place = Place::bare();
        let (model, other) = sends_on(status);
        place.write(
            "agent.toml",
            format!(
                "name = \"test\"\ntask = \"do it\"\nact = \"tools\"\n[model]\nprovider = \"openai\"\n\
                 name = \"m\"\nbase_url = \"http://{}/v1\"\napi_key = \"${{A_KEY}}\"\n",
                model.at
            ),
        );
        let mut command = place.command(["run", "agent.toml"]);
        let ran = place.ran(&command.env("A_KEY", "0123456789").output().unwrap());
        assert_ne!(ran.code, Some(0), "{ran}");
        assert!(ran.err.contains(&status.to_string()), "{ran}");
        assert!(!model.asked().is_empty(), "{ran}");
        assert_eq!(other.asked(), Vec::<String>::new(), "{status}");
    }
}

#[test]
fn a_server_of_tools_sends_on_to_another_host() {
    for status in MOVED {
        let place = Place::bare();
        let (server, other) = sends_on(status);
        let table = format!(
            "[mcp.servers.odd]\nurl = \"http://{}/mcp\"\nheaders = {{ X-Key = \"${{A_KEY}}\" }}\n[tools]\nuse = [\"odd.*\"]",
            server.at
        );
        place.agent("act = \"tools\"", &table, &[]);
        let mut command = place.command(["mcp", "pin", "agent.toml", "--yes"]);
        let ran = place.ran(&command.env("A_KEY", "0123456789").output().unwrap());
        assert_eq!(ran.code, Some(1), "{ran}");
        assert!(!server.asked().is_empty(), "{ran}");
        assert_eq!(other.asked(), Vec::<String>::new(), "{status}: {ran}");
    }
}
