//! What a step costs beside the model: a scripted run of 50 tool calls and an answer, judged by
//! Cedar and run in the sandbox, with a journal that keeps its events in memory. Each call reads
//! another file: a verdict that was given is not given again. Divide by 51.

#![allow(missing_docs, clippy::unwrap_used, reason = "a benchmark")]

use std::fmt::Write;
use std::sync::Mutex;

use agent_core::drive::{self, Parts, Unseen};
use agent_core::event::{Event, RunId};
use agent_core::journal::{Journal, JournalError, Lasting};
use agent_core::model::Model;
use agent_core::run::Run;
use agent_core::strategy::TOOLS;
use agent_file::Known;
use criterion::{Criterion, criterion_group, criterion_main};
use models::scripted::Scripted;
use policies::Cedar;
use sandbox::{Config, Wasm};
use tools::registry::{Registry, Setup, known};

const STEPS: usize = 50;

#[derive(Default)]
struct Memory(Mutex<Vec<String>>);

#[async_trait::async_trait]
impl Journal for Memory {
    async fn append_all(
        &self,
        _: &RunId,
        _: u64,
        events: &[Event],
        _: Lasting,
    ) -> Result<(), JournalError> {
        let events = events.iter().map(|event| serde_json::to_string(event).unwrap());
        self.0.lock().unwrap().extend(events);
        Ok(())
    }

    async fn load(&self, run: &RunId) -> Result<Vec<Event>, JournalError> {
        Err(JournalError::Unknown(run.clone()))
    }
}

fn step(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    let mut script = String::new();
    for n in 0..STEPS {
        let arguments = format!(r#"{{"path": "docs/{n}.md"}}"#);
        writeln!(
            script,
            r#"{{"tool_calls": [{{"name": "files.read", "arguments": {arguments}}}]}}"#
        )
        .unwrap();
    }
    script.push_str(r#"{"content": "done"}"#);
    std::fs::create_dir(folder.path().join("docs")).unwrap();
    (0..STEPS).for_each(|n| write(&format!("docs/{n}.md"), "A line of text.\n"));
    write("script.jsonl", &script);
    write(
        "agent.toml",
        "name = \"bench\"\ntask = \"read\"\n[model]\nprovider = \"scripted\"\nname = \
         \"script.jsonl\"\n[tools]\nuse = [\"files.read\"]\n[permissions]\nread = \
         [\"./docs\"]\n[budget]\nsteps = 100\n",
    );

    let known = Known {
        left_out: &[],
        tools: known(),
        forms: &[],
        strategies: &agent_core::strategy::Strategies::PLAIN,
        models: &[],
        default_model: models::DEFAULT,
        model_override: None,
        locked: &|_| Ok(Default::default()),
        policy_holds: &|_| Ok(()),
        decoder_holds: &|_| Ok(()),
    };
    let agent = agent_file::load(&folder.path().join("agent.toml"), &[], &known).unwrap();
    let model = Scripted::load(folder.path().join("script.jsonl")).unwrap();
    let setup =
        Setup { root: agent.root.clone(), read: agent.grants.read.clone(), ..Setup::default() };
    let tools = vec![Registry::builtin(&setup).get("files.read").unwrap().clone()];
    let policy = Cedar::new(&agent.grants).unwrap();
    let mut config = Config::new(&agent.root, folder.path().join("cache"));
    config.read = agent.grants.read.clone();
    let sandbox = Wasm::new(config).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();

    criterion.bench_function("a run of 51 steps", |bencher| {
        bencher.to_async(&runtime).iter(async || {
            let journal = Memory::default();
            let parts = Parts {
                model: &model,
                tools: &tools,
                policy: &policy,
                sandbox: &sandbox,
                journal: &journal,
                watch: &Unseen,
                person: None,
                clock: || 0,
                chance: || 0,
                sleep: |time| Box::pin(tokio::time::sleep(time)),
            };
            let specs = tools.iter().map(|tool| tool.spec().clone()).collect();
            let id = RunId("bench".to_string());
            let mut run = Run::new(id, agent.clone(), &TOOLS, model.traits(), specs);
            drive::begin(&mut run, &parts).await.unwrap();
            let (outcome, _) = drive::drive(Box::new(run), &parts).await.unwrap();
            assert_eq!(outcome.value["answer"], "done");
        });
    });
}

criterion_group!(benches, step);
criterion_main!(benches);
