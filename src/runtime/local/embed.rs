//! Encoders: opened for a person's command or for the `data.*` tools, and the texts they are given.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use agent_core::agent::Agent;
use agent_core::embed::Embed;
use agent_core::event::Status;
use agent_core::message::ToolCall;
use agent_core::tool::Tool;
use anyhow::Context;
use async_trait::async_trait;
use models::embed::{Embedder, EncodeOptions, Reranker};
use models::onnx;
use policies::Chain;
use sandbox::Wasm;
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::OnceCell;
use tools::data::{self, Texts};

use crate::runtime::component::Caller;
use crate::runtime::launch::Launch;
use crate::runtime::setup::{ENCODER, uses_data};
use crate::{Errand, Unfit};

/// Texts whose vectors are made between two looks at whether they are still wanted.
const AT_ONCE: usize = 256;

impl Errand {
    /// The folder of an encoder, with the library that runs it loaded. What is missing is fetched.
    async fn encoder(&self, name: &str) -> anyhow::Result<PathBuf> {
        let known = self.fetcher.catalog().encoders().any(|known| known == name);
        self.fetcher.begin(&self.plan_of(if known { name } else { "" }))?;
        let folder = self.fetcher.encoder(name).await?;
        let env = |name: &str| std::env::var_os(name);
        let library = self.fetcher.runtime(onnx::Device::Cpu, env).await?;
        tokio::task::spawn_blocking(move || onnx::load(Some(&library)).map(drop)).await??;
        Ok(folder)
    }

    /// Opens an encoder that makes vectors of texts: a name from the catalog, a folder with
    /// `tokenizer.json` and `model.onnx` or `model.safetensors`, or a GGUF file of the `bert` family or
    /// of Qwen3-Embedding's kind.
    ///
    /// # Errors
    /// There is none, or it cannot be had or opened.
    pub async fn embedder(&self, name: &str, options: EncodeOptions) -> anyhow::Result<Embedder> {
        let folder = self.encoder(name).await?;
        Ok(tokio::task::spawn_blocking(move || Embedder::open(&folder, options)).await??)
    }

    /// Opens a cross-encoder, which scores how well a passage fits a question; named as an encoder is.
    ///
    /// # Errors
    /// There is none, or it cannot be had or opened.
    pub async fn reranker(&self, name: &str, options: EncodeOptions) -> anyhow::Result<Reranker> {
        let folder = self.encoder(name).await?;
        Ok(tokio::task::spawn_blocking(move || Reranker::open(&folder, options)).await??)
    }

    /// The texts of a person's own files, made in the sandbox as for one of the `data.*` tools: at most
    /// `most`. `arguments` are those of the tool; its `path` is all that may be read.
    ///
    /// # Errors
    /// The files cannot be read.
    pub async fn texts(
        &self,
        tool: &'static str,
        arguments: Value,
        most: usize,
    ) -> anyhow::Result<Texts> {
        let path = arguments["path"].as_str().unwrap_or(".").to_string();
        let path = std::path::absolute(Path::new(&path))?;
        if !path.exists() {
            return Err(Unfit(format!("`{}` is not there", path.display())).into());
        }
        let read = serde_json::to_string(&path.to_string_lossy()).context("a path")?;
        let text = format!(
            "name = \"embed\"\ntask = \"none\"\n[tools]\nuse = [\"{tool}\"]\n\
             [permissions]\nread = [{read}]\n"
        );
        let agent =
            self.load_text(&std::env::current_dir()?.join("agent.toml"), &text, &[], None)?;
        let setup = tools::Setup {
            root: agent.root.clone(),
            read: agent.grants.read.clone(),
            ..tools::Setup::default()
        };
        let tools = vec![data::texts(&setup, tool, most)];
        let launcher = Launch::new(self, self.store()?, &agent, None).await?;
        let sandbox = launcher.sandbox(&agent)?;
        let policy = Chain::new(&agent.grants, &agent.above)?;
        let caller = Caller { agent, tools, policy, sandbox };
        let call = ToolCall { id: "1".to_string(), name: tool.to_string(), arguments };
        let found = caller.call(&call, &agent_core::drive::Unseen, None).await?;
        match found.status {
            Status::Ok => Ok(Texts::deserialize(&found.result)?),
            _ => Err(Unfit(found.text).into()),
        }
    }

    /// The `data.*` tools of an agent that uses some of them.
    pub(in crate::runtime) async fn data_tools(
        &self,
        agent: &Agent,
        setup: &tools::Setup,
        sandbox: &Arc<Wasm>,
    ) -> anyhow::Result<Vec<Arc<dyn Tool>>> {
        if !uses_data(agent) {
            return Ok(Vec::new());
        }
        let folder = self.encoder(ENCODER).await.context("the `data` tools cannot be set up")?;
        let embed: Arc<dyn Embed> = Arc::new(Lazy { folder, opened: OnceCell::new() });
        let sandbox: Arc<dyn agent_core::sandbox::Sandbox> = sandbox.clone();
        Ok(data::tools(setup, &sandbox, &embed))
    }
}

/// An encoder that is opened when it is first asked.
struct Lazy {
    folder: PathBuf,
    opened: OnceCell<Arc<Mutex<Embedder>>>,
}

#[async_trait]
impl Embed for Lazy {
    async fn vectors(&self, texts: Vec<String>) -> Result<Vec<Vec<f32>>, String> {
        let folder = self.folder.clone();
        let open = || async {
            let open = move || Embedder::open(&folder, EncodeOptions::default());
            let opened =
                tokio::task::spawn_blocking(open).await.map_err(|error| error.to_string())?;
            let opened = opened.map_err(|error| error.to_string())?;
            Ok::<_, String>(Arc::new(Mutex::new(opened)))
        };
        let embedder = Arc::clone(self.opened.get_or_try_init(open).await?);
        let mut vectors = Vec::with_capacity(texts.len());
        for texts in texts.chunks(AT_ONCE) {
            let (embedder, texts) = (Arc::clone(&embedder), texts.to_vec());
            let work = move || {
                let mut embedder = embedder.lock().unwrap_or_else(PoisonError::into_inner);
                embedder.embed(&texts, &mut |_| {}).map(|made| made.vectors)
            };
            let made =
                tokio::task::spawn_blocking(work).await.map_err(|error| error.to_string())?;
            vectors.extend(made.map_err(|error| error.to_string())?);
        }
        Ok(vectors)
    }
}
