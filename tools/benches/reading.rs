//! How fast pages are read: fetched from loopback, parsed in the guest and kept, with the memory of
//! the process meanwhile; and the guest's parsing beside the same code without WebAssembly.
//!
//!     cargo bench --workspace --bench reading -- [FOLDER]
//!
//! The pages are the `.html` files of the folder, or one that is made up. What is printed are lines
//! of JSON. The native side is an example of the guest's package, built the same way as the guest.

#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark")]

#[path = "../tests/open/mod.rs"]
mod open;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use agent_core::action::{Action, CallId, Permit};
use agent_core::sandbox::Sandbox;
use agent_core::tool::{Tool, Work};
use axum::Router;
use axum::http::{StatusCode, Uri, header};
use axum::response::IntoResponse;
use axum::serve::ListenerExt;
use sandbox::{FetchPolicy, Pages};
use serde_json::json;
use tools::{Registry, Setup};

use open::Open;

/// Pages read for the throughput, at least.
const PAGES: usize = 500;
/// Rounds over all pages for the comparison, of which the best counts.
const ROUNDS: usize = 3;

struct Reader {
    at: String,
    tool: Arc<dyn Tool>,
    sandbox: sandbox::Wasm,
}

impl Reader {
    async fn new(pages: Vec<Vec<u8>>, home: &Path) -> Reader {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = format!("http://{}", listener.local_addr().unwrap());
        let app = Router::new().fallback(async move |uri: Uri| {
            // `/ROUND/PAGE`: the same page at another address is another page.
            let number = uri.path().rsplit('/').next().and_then(|it| it.parse::<usize>().ok());
            match number.and_then(|number| pages.get(number)) {
                Some(page) => ([(header::CONTENT_TYPE, "text/html")], page.clone()).into_response(),
                None => StatusCode::NOT_FOUND.into_response(),
            }
        });
        // A page is sent in pieces; none waits until the one before it is acknowledged.
        let listener = listener.tap_io(|stream| stream.set_nodelay(true).unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        let mut config = sandbox::Config::new(home, home.join("components"));
        config.pages = Arc::new(Pages::new(Some(home.join("pages")), FetchPolicy::default()));
        let registry = Registry::builtin(&Setup { root: home.into(), ..Setup::default() });
        let tool = Arc::clone(registry.get("web.page").unwrap());
        Reader { at, tool, sandbox: sandbox::Wasm::new(config).unwrap() }
    }

    /// Reads one page; gives the wall time of the call.
    async fn read(&self, round: usize, page: usize) -> Duration {
        let arguments = json!({ "url": format!("{}/{round}/{page}", self.at) });
        let action = Action {
            id: CallId("c0".to_string()),
            tool: "web.page".to_string(),
            capabilities: self.tool.plan(&arguments).unwrap(),
            arguments,
            taint: Vec::new(),
        };
        let permit = Permit::judge(&Open, action).1.unwrap();
        let Work::Guest(guest) = self.tool.work() else { panic!("a guest") };
        let begun = Instant::now();
        let done = self.sandbox.invoke(&permit, guest, &Open).await.unwrap();
        done.result.unwrap();
        begun.elapsed()
    }
}

fn main() {
    let folder = std::env::args().skip(1).find(|argument| !argument.starts_with("--"));
    let files = match folder {
        Some(folder) => html_files(Path::new(&folder)),
        None => Vec::new(),
    };
    let home = tempfile::tempdir().unwrap();
    let files = if files.is_empty() { vec![made_up(home.path())] } else { files };
    let pages: Vec<Vec<u8>> = files.iter().map(|file| std::fs::read(file).unwrap()).collect();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let reader = Arc::new(Reader::new(pages.clone(), home.path()).await);
        // Compiles the component, and opens what is opened once.
        reader.read(0, 0).await;
        for at_once in [1, 4] {
            throughput(&reader, &pages, at_once).await;
        }
        beside_native(&reader, &files).await;
    });
}

/// Pages a second, each at an address that was not read before.
async fn throughput(reader: &Arc<Reader>, pages: &[Vec<u8>], at_once: usize) {
    let rounds = PAGES.div_ceil(pages.len());
    let base = 1_000 * at_once;
    let begun = Instant::now();
    let mut memory = vec![resident()];
    for quarter in 0..4 {
        let range = rounds * quarter / 4..rounds * (quarter + 1) / 4;
        let todo: Vec<(usize, usize)> = range
            .flat_map(|round| (0..pages.len()).map(move |page| (base + round, page)))
            .collect();
        let todo = Arc::new(std::sync::Mutex::new(todo.into_iter()));
        let mut workers = tokio::task::JoinSet::new();
        for _ in 0..at_once {
            let (reader, todo) = (Arc::clone(reader), Arc::clone(&todo));
            workers.spawn(async move {
                loop {
                    let next = todo.lock().unwrap().next();
                    let Some((round, page)) = next else { break };
                    reader.read(round, page).await;
                }
            });
        }
        while let Some(done) = workers.join_next().await {
            done.unwrap();
        }
        memory.push(resident());
    }
    let count = rounds * pages.len();
    let bytes: usize = pages.iter().map(Vec::len).sum();
    let seconds = begun.elapsed().as_secs_f64();
    let told = json!({
        "pages": count, "at_once": at_once, "kb_a_page": bytes / pages.len() / 1000,
        "pages_a_second": count as f64 / seconds, "resident_mb_each_quarter": memory,
    });
    println!("{told}");
}

/// The time of a call for each page, which is kept already, beside the native time of its parsing, in
/// turns. The call's holds more than the parsing: a fresh instance, the page from the disk, its hash,
/// and the result into the host. What the code makes once, such as its regular expressions, each call
/// makes; natively so does a process for each page, and one process for all of them only once.
async fn beside_native(reader: &Reader, files: &[PathBuf]) {
    let native = native();
    let mut guest = vec![f64::INFINITY; files.len()];
    let (mut fresh, mut warm) = (guest.clone(), guest.clone());
    let keep = |best: &mut f64, time: f64| *best = best.min(time);
    for _ in 0..ROUNDS {
        for (page, file) in files.iter().enumerate() {
            keep(&mut guest[page], reader.read(0, page).await.as_secs_f64() * 1000.0);
            keep(&mut fresh[page], natively(&native, std::slice::from_ref(file))[0]);
        }
        warm.iter_mut().zip(natively(&native, files)).for_each(|(best, time)| keep(best, time));
    }
    let sum = |times: &[f64]| times.iter().sum::<f64>();
    let (guest, fresh, warm) = (sum(&guest), sum(&fresh), sum(&warm));
    let told = json!({
        "pages": files.len(), "guest_ms": guest,
        "native_ms": fresh, "native_by_guest": fresh / guest,
        "native_in_one_process_ms": warm, "native_in_one_process_by_guest": warm / guest,
    });
    println!("{told}");
}

/// Builds `tools/guests/web/examples/native.rs`.
fn native() -> PathBuf {
    let guests = Path::new(env!("CARGO_MANIFEST_DIR")).join("guests");
    // As for the guest's own tests, in a place that no checkout commits.
    let target = guests.join("../../target/guests");
    let built = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--release", "--locked", "--package", "web"])
        .args(["--example", "native"])
        .args(["--manifest-path".as_ref(), guests.join("Cargo.toml").as_os_str()])
        .args(["--target-dir".as_ref(), target.as_os_str()])
        .status()
        .unwrap();
    assert!(built.success());
    target.join("release/examples/native")
}

/// The milliseconds that it says of these pages.
fn natively(native: &Path, files: &[PathBuf]) -> Vec<f64> {
    let ran = Command::new(native).args(files).output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    serde_json::from_slice(&ran.stdout).unwrap()
}

fn html_files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "html"))
        .collect();
    files.sort();
    files
}

/// A page as news sites have them: much around little text.
fn made_up(folder: &Path) -> PathBuf {
    let words = "The tower stands on the cape, and its light is seen from far away. ".repeat(6);
    let link =
        |n: usize| format!("<li class=item><a href='/s/{n}'><span>Story {n}</span></a></li>");
    let links: String = (0..200).map(link).collect();
    let text: String =
        (0..30).map(|n| format!("<p>{n}. {words}<a href='/{n}'>on</a></p>")).collect();
    let script = "window.data = {'a': [1, 2, 3]}; ".repeat(800);
    let html = format!(
        "<!doctype html><html lang=en><head><title>Towers</title><script>{script}</script></head>\
         <body><nav><ul>{links}</ul></nav><article><h1>Towers</h1>{text}</article>\
         <aside><ul>{links}</ul></aside><footer>Terms</footer></body></html>"
    );
    let file = folder.join("page.html");
    std::fs::write(&file, html).unwrap();
    file
}

/// Resident memory of this process, in megabytes.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or_default() * 1024 / 1_000_000
}
