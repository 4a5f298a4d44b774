//! Against `llama-server`, where one is installed.

use super::*;

/// `llama-server` on a free port, with SmolLM2; none where either is missing, which is said.
struct Llama {
    process: std::process::Child,
    base_url: String,
}

impl Drop for Llama {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Llama {
    /// `ERRAND_LLAMA_SERVER` is its path, and `ERRAND_LLAMA_GGUF` a model that fits the tests.
    async fn start() -> Option<Self> {
        let var = |name| std::env::var_os(name).map(std::path::PathBuf::from);
        let in_path = || {
            let path = std::env::var_os("PATH")?;
            std::env::split_paths(&path).map(|p| p.join("llama-server")).find(|p| p.is_file())
        };
        let found = var("ERRAND_LLAMA_SERVER").or_else(in_path).zip(var("ERRAND_LLAMA_GGUF"));
        let Some((server, gguf)) = found else {
            let note = "left out: the tests against llama-server, which need ERRAND_LLAMA_GGUF, \
                        and ERRAND_LLAMA_SERVER where it is not in PATH";
            std::io::Write::write_all(&mut std::io::stderr(), note.as_bytes()).unwrap();
            return None;
        };
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let process = std::process::Command::new(server)
            .arg("-m")
            .arg(gguf)
            .args(["--host", "127.0.0.1", "-c", "2048", "--jinja", "--parallel", "1"])
            .args(["--port", &port.to_string()])
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        let llama = Self { process, base_url: format!("http://127.0.0.1:{port}/v1") };
        let health = format!("http://127.0.0.1:{port}/health");
        let client = http_client::builder().no_proxy().build().unwrap();
        for _ in 0..600 {
            if client.get(&health).send().await.is_ok_and(|r| r.status().is_success()) {
                return Some(llama);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("llama-server did not come up");
    }
}

#[tokio::test]
async fn a_real_server_streams_calls_and_keeps_to_a_schema() {
    let Some(llama) = Llama::start().await else { return };
    let mut options = RemoteOptions::new("smollm2", &llama.base_url);
    options.temperature = Some(0.0);
    options.prefill = Prefill::Supported;
    let model = OpenAi::new(options).unwrap();
    let ask = async |request: &Request| {
        let mut pieces = Vec::new();
        let reply = model.think(request, &mut |text| pieces.push(text.to_string())).await.unwrap();
        let note = format!("{:?}\n  {} pieces, {reply:?}\n", request.form, pieces.len());
        std::io::Write::write_all(&mut std::io::stderr(), note.as_bytes()).unwrap();
        assert!(reply.usage.input > 10 && reply.usage.output > 0, "{reply:?}");
        (reply, pieces)
    };

    let (reply, pieces) = ask(&free()).await;
    assert!(pieces.len() > 1);
    assert_eq!(pieces.concat(), reply.content);
    let (again, _) = ask(&free()).await;
    assert!(again.usage.cached > 0, "{again:?}");

    let mut short = free();
    short.max_tokens = 3;
    assert_eq!(ask(&short).await.0.finish, Finish::Cut);

    let mut stopped = request(Form::Text { stop: vec!["four".into()] });
    stopped.messages[1] = Message::user("Count to six in words.").into();
    stopped.prefix = "one, two, three, ".to_string();
    let (reply, _) = ask(&stopped).await;
    assert!(!reply.content.contains("four") && !reply.content.contains("three,"), "{reply:?}");

    let schema = json!({
        "type": "object",
        "properties": { "city": { "type": "string" }, "country": { "enum": ["France", "Peru"] } },
        "required": ["city", "country"],
        "additionalProperties": false,
    });
    let mut capital = request(Form::Json(schema));
    capital.messages[1] = Message::user("What is the capital of France?").into();
    let (reply, _) = ask(&capital).await;
    let value: Value = serde_json::from_str(&reply.content).unwrap();
    assert!(value["city"].is_string() && value["country"].is_string(), "{value}");

    let choices = vec!["files".to_string(), "none".to_string()];
    let (reply, _) = ask(&request(Form::Choice(choices.clone()))).await;
    assert!(choices.contains(&reply.content), "{reply:?}");

    let mut reading = request(Form::Calls(vec![tool("files.read").into()]));
    reading.messages[0] = Message::system("Use the function files_read to answer.").into();
    reading.messages[1] =
        Message::user("Read the file notes.txt with the files_read function.").into();
    let (reply, _) = ask(&reading).await;
    // Whether so small a model calls at all is its own affair; if it does, the name is ours.
    assert!(reply.tool_calls.iter().all(|call| call.name == "files.read"), "{reply:?}");

    if let Some(call) = reply.tool_calls.first() {
        assert!(call.arguments["path"].is_string(), "{reply:?}");
        let observed = Message::tool(call.id.clone(), "Buy milk.");
        let mut answered = Message::assistant(reply.content);
        answered.tool_calls = reply.tool_calls;
        reading.messages.extend([answered, observed].map(Arc::new));
        ask(&reading).await;
    }

    let mut long = free();
    long.messages[1] = Message::user("word ".repeat(4000)).into();
    let error = model.think(&long, &mut |_| {}).await.unwrap_err();
    assert!(matches!(error, ModelError::TooLong { context: 2048, .. }), "{error}");
}
