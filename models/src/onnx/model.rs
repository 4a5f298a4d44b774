//! The local model as the loop sees it. Each of its slots has a thread that answers one request after the
//! other, and all of them share the network; dropping a request takes it back.

use std::fmt;
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;
use std::time::Instant;

use agent_core::model::{Model, ModelError, Reply, Request, Sampling, TokenLogprob, Traits};
use async_trait::async_trait;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;

use super::asking::Asking;
use super::cache::Sizes;
use super::decode::{Decoder, Engine, Pace};
use super::grammar::Grammars;
use super::prefixes::Prefixes;
use super::session::{self, not_opened};
use super::template::Template;
use super::tokenizer::Tokenizer;
use super::{Device, EngineError, Options, network};
use crate::import::ModelInfo;

/// How to run a local model.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct OnnxOptions {
    /// What computes.
    pub device: Device,
    /// Threads that compute; 0 for as many as the machine runs at once.
    pub threads: usize,
    /// The most tokens of prompt and reply together; 0 for as many as the model holds.
    pub context: u32,
    /// How tokens are chosen.
    pub sampling: Sampling,
    /// A LoRA adapter over its weights.
    pub adapter: Option<PathBuf>,
    /// Requests that are answered at once, and conversations that are remembered; 0 for as many as fit in
    /// 1.5 GiB, at most 4. While several are written, what they hold takes memory twice.
    pub slots: usize,
}

/// What the slots may take where nothing is said of their number, in bytes, and how many they are at most.
const MEMORY: usize = 3 << 29;
const SLOTS: usize = 4;

/// An imported model, open.
pub struct Onnx {
    name: String,
    context: u32,
    tokenizer: Arc<Tokenizer>,
    jobs: mpsc::Sender<Job>,
    pace: Arc<Mutex<Pace>>,
    /// Shared with each request that is not answered yet.
    taken: Arc<()>,
    slots: usize,
    /// Tokens that several requests had read in one pass.
    together: Arc<AtomicU64>,
}

/// One request on its way to the thread.
struct Job {
    request: Request,
    asking: Asking,
    stop: Arc<AtomicBool>,
    text: UnboundedSender<(String, Vec<TokenLogprob>)>,
    done: oneshot::Sender<Result<Reply, ModelError>>,
    _taken: Arc<()>,
}

impl Onnx {
    /// Opens the model in `folder`. It takes a moment and blocks: call it where that is allowed.
    /// `name` is what errors and the journal call it.
    pub fn open(folder: &Path, name: &str, options: OnnxOptions) -> Result<Onnx, EngineError> {
        let started = Instant::now();
        let info = Arc::new(ModelInfo::open(folder)?);
        let OnnxOptions { device, threads, context, sampling, adapter, slots } = options;
        let sizes = Sizes::new(&info, context);
        let slots = match slots {
            0 => (MEMORY / sizes.bytes().max(1)).clamp(1, SLOTS),
            wanted => wanted,
        };
        // The weights come from disk while the vocabulary is sorted.
        let (weights, about) = (folder.to_path_buf(), info.clone());
        let adapted = adapter.clone();
        let runner = thread::spawn(move || {
            let options = Options { threads, device, context };
            session::network(&weights, &about, adapter.as_deref(), options)
        });
        let words = words(&info);
        // Waited for in any case: a program must not end while the runtime opens a model.
        let runner = runner
            .join()
            .map_err(|_| EngineError::Run("it crashed while opening the model".to_string()))?;
        let (tokenizer, template, grammars) = words?;
        let (template, grammars) = (Arc::new(template), Arc::new(grammars));
        let together = Arc::default();
        let prefixes = Prefixes::of(folder, adapted.as_deref(), sizes);
        let conversations = network::share(runner?, sizes, slots, prefixes, Arc::clone(&together))
            .map_err(|error| not_opened(folder, error))?;
        let pace = Pace { load: started.elapsed(), ..Pace::default() };
        let pace = Arc::new(Mutex::new(pace));
        let (jobs, inbox) = mpsc::channel();
        let inbox = Arc::new(Mutex::new(inbox));
        for decoder in conversations {
            let engine = Engine {
                name: name.to_string(),
                decoder,
                tokenizer: tokenizer.clone(),
                template: template.clone(),
                grammars: grammars.clone(),
                sampling,
                context: sizes.context,
                fed: Vec::new(),
                pace: Pace::default(),
            };
            let (inbox, pace) = (inbox.clone(), pace.clone());
            thread::spawn(move || serve(engine, &inbox, &pace));
        }
        let (name, context) = (name.to_string(), sizes.context as u32);
        Ok(Onnx { name, context, tokenizer, jobs, pace, taken: Arc::new(()), slots, together })
    }

    /// What it has done so far, and how long that took.
    pub fn pace(&self) -> Pace {
        *self.pace.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many requests it has taken and not answered yet; it works on as many as it has slots.
    pub fn taken(&self) -> usize {
        Arc::strong_count(&self.taken) - 1
    }

    /// How many requests it answers at once.
    pub fn slots(&self) -> usize {
        self.slots
    }

    /// How many tokens it has read in passes that several requests shared.
    pub fn together(&self) -> u64 {
        self.together.load(Ordering::Relaxed)
    }

    /// Its tokenizer.
    pub fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }
}

impl fmt::Debug for Onnx {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Onnx {{ `{}`, {} tokens }}", self.name, self.context)
    }
}

/// Everything that needs the vocabulary and no weights.
pub(super) fn words(info: &ModelInfo) -> Result<(Arc<Tokenizer>, Template, Grammars), EngineError> {
    let (tokenizer, template) = speech(info)?;
    let grammars = Grammars::new(tokenizer.clone())?;
    Ok((tokenizer, template, grammars))
}

/// What a model is spoken to with.
pub(super) fn speech(info: &ModelInfo) -> Result<(Arc<Tokenizer>, Template), EngineError> {
    if info.template.trim().is_empty() {
        let reason = "it has none, so it is a base model or one for embeddings, not for chats\n\
                      hint: take a file of the model's `instruct` or `chat` version";
        return Err(EngineError::Template(reason.to_string()));
    }
    let tokenizer = Arc::new(Tokenizer::new(&info.tokenizer, info.vocab)?);
    let text = |id: Option<u32>| {
        id.map(|id| String::from_utf8_lossy(tokenizer.bytes(id)).into_owned()).unwrap_or_default()
    };
    let mut template =
        Template::new(&info.template, text(info.tokenizer.bos), text(info.tokenizer.eos))?;
    template.begins = info.tokenizer.add_bos;
    Ok((tokenizer, template))
}

/// Whether a model can be spoken to at all, known before its weights are converted.
pub(crate) fn speaks(info: &ModelInfo) -> Result<(), EngineError> {
    speech(info).map(drop)
}

fn serve<D: Decoder>(
    mut engine: Engine<D>,
    inbox: &Mutex<mpsc::Receiver<Job>>,
    pace: &Mutex<Pace>,
) {
    let next = || inbox.lock().unwrap_or_else(PoisonError::into_inner).recv();
    while let Ok(Job { request, asking, stop, text, done, _taken }) = next() {
        if stop.load(Ordering::Relaxed) {
            continue;
        }
        // The client is gone: the flag is up, and the engine will see it.
        let mut on_text = |piece: &str, tokens: &[TokenLogprob]| {
            drop(text.send((piece.to_string(), tokens.to_vec())));
        };
        let reply =
            caught(&mut engine, |engine| engine.think(&request, asking, stop, &mut on_text));
        *pace.lock().unwrap_or_else(PoisonError::into_inner) += std::mem::take(&mut engine.pace);
        let _ = done.send(reply);
    }
}

/// One request must not end the thread that all others wait for, whatever it makes a library do.
fn caught<D: Decoder>(
    engine: &mut Engine<D>,
    think: impl FnOnce(&mut Engine<D>) -> Result<Reply, ModelError>,
) -> Result<Reply, ModelError> {
    panic::catch_unwind(AssertUnwindSafe(|| think(engine))).unwrap_or_else(|_| {
        // What was read until then is not known for sure.
        engine.rewind(0);
        engine.decoder.end();
        let (model, reason) = (engine.name.clone(), "it crashed on this request".to_string());
        Err(ModelError::Broken { model, reason })
    })
}

/// Raises the flag when the request is dropped.
struct Asked(Arc<AtomicBool>);

impl Drop for Asked {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[async_trait]
impl Model for Onnx {
    fn name(&self) -> &str {
        &self.name
    }

    fn traits(&self) -> Traits {
        Traits { constrained: true, caches: true, context: self.context }
    }

    fn count(&self, text: &str) -> u64 {
        self.tokenizer.encode(text).len() as u64
    }

    async fn think(
        &self,
        request: &Request,
        on_text: &mut (dyn for<'t> FnMut(&'t str) + Send),
    ) -> Result<Reply, ModelError> {
        self.ask(request, Asking::default(), &mut |text, _| on_text(text)).await
    }
}

impl Onnx {
    /// Asks like [`Model::think`], in another way than the model was opened for. With its text `on_text`
    /// hears the tokens that end in it, where their probabilities are asked for.
    ///
    /// # Errors
    /// Those of [`Model::think`].
    pub async fn ask(
        &self,
        request: &Request,
        asking: Asking,
        on_text: &mut (dyn for<'t> FnMut(&'t str, &'t [TokenLogprob]) + Send),
    ) -> Result<Reply, ModelError> {
        let gone = || ModelError::Broken {
            model: self.name.clone(),
            reason: "its thread has ended".to_string(),
        };
        let stop = Arc::new(AtomicBool::new(false));
        let _asked = Asked(stop.clone());
        let (text, mut pieces) = unbounded_channel();
        let (done, reply) = oneshot::channel();
        let _taken = self.taken.clone();
        let job = Job { request: request.clone(), asking, stop, text, done, _taken };
        self.jobs.send(job).map_err(|_| gone())?;
        while let Some(piece) = pieces.recv().await {
            on_text(&piece.0, &piece.1);
        }
        reply.await.map_err(|_| gone())?
    }
}
