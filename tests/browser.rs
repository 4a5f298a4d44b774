//! A real browser, headless, spoken to in the DevTools protocol over two pipes: no port is opened and
//! nothing is installed. Where there is none, a test says so and leaves out what needs it.

use std::cell::RefCell;
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use base64::Engine;
use serde_json::{Value, json};
use tempfile::TempDir;

/// Where the programs are called so; the first that is there is taken.
const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "chrome"];

/// A browser with one page open.
pub(crate) struct Browser {
    child: Child,
    pipes: RefCell<Pipes>,
    session: String,
    _profile: TempDir,
}

struct Pipes {
    to: File,
    from: BufReader<File>,
    sent: u64,
    /// What happened meanwhile.
    events: Vec<Value>,
}

impl Browser {
    /// Whether this machine has one.
    pub(crate) fn there() -> bool {
        program().is_some()
    }

    /// Opens a file and waits until it is there; `None` where this machine has no browser.
    pub(crate) fn open(file: &Path) -> Option<Browser> {
        let program = program()?;
        let profile = TempDir::new().unwrap();
        let (to, from) = (profile.path().join("to"), profile.path().join("from"));
        assert!(Command::new("mkfifo").args([&to, &from]).status().unwrap().success());
        // The browser reads what it is told from its file 3 and answers on its file 4.
        let child = Command::new("sh")
            .args(["-c", "exec \"$0\" \"$@\" 3<\"$TO\" 4>\"$FROM\"", program])
            .args(["--headless", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu"])
            .args(["--disable-quic", "--no-first-run", "--disable-background-networking"])
            .args(["--disable-component-update", "--disable-sync", "--hide-scrollbars"])
            .arg(format!("--user-data-dir={}", profile.path().join("data").display()))
            .env("TO", &to)
            .env("FROM", &from)
            .env("HOME", profile.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let pipes = Pipes {
            to: File::options().write(true).open(to).unwrap(),
            from: BufReader::new(File::open(from).unwrap()),
            sent: 0,
            events: Vec::new(),
        };
        let pipes = RefCell::new(pipes);
        let mut browser = Browser { child, pipes, session: String::new(), _profile: profile };
        let target = browser.ask("Target.createTarget", json!({ "url": "about:blank" }));
        let id = target["targetId"].clone();
        let session =
            browser.ask("Target.attachToTarget", json!({ "targetId": id, "flatten": true }));
        browser.session = session["sessionId"].as_str().unwrap().to_string();
        for domain in ["Page", "Runtime", "Log", "Network"] {
            browser.ask(&format!("{domain}.enable"), json!({}));
        }
        let size = json!({ "width": 900, "height": 1000, "deviceScaleFactor": 1, "mobile": false });
        browser.ask("Emulation.setDeviceMetricsOverride", size);
        let url = format!("file://{}", file.canonicalize().unwrap().display());
        browser.ask("Page.navigate", json!({ "url": url }));
        browser.until("Page.loadEventFired");
        Some(browser)
    }

    /// What an expression comes to in the page; a promise is waited for.
    pub(crate) fn value(&self, expression: &str) -> Value {
        let asked =
            json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let told = self.ask("Runtime.evaluate", asked);
        assert!(told.get("exceptionDetails").is_none(), "{expression}: {told}");
        told["result"]["value"].clone()
    }

    /// Moves the mouse over the middle of an element.
    pub(crate) fn point(&self, selector: &str) {
        self.mouse("mouseMoved", self.middle(selector));
    }

    pub(crate) fn click(&self, selector: &str) {
        let middle = self.middle(selector);
        self.mouse("mousePressed", middle);
        self.mouse("mouseReleased", middle);
    }

    /// Moves the mouse to where nothing is.
    pub(crate) fn leave(&self) {
        self.mouse("mouseMoved", (1.0, 1.0));
    }

    /// The page as the browser prints it.
    pub(crate) fn pdf(&self) -> Vec<u8> {
        let asked = json!({ "preferCSSPageSize": true, "printBackground": true });
        let told = self.ask("Page.printToPDF", asked);
        base64::engine::general_purpose::STANDARD.decode(told["data"].as_str().unwrap()).unwrap()
    }

    pub(crate) fn ask(&self, method: &str, parameters: Value) -> Value {
        let mut pipes = self.pipes.borrow_mut();
        pipes.sent += 1;
        let id = pipes.sent;
        let mut message = json!({ "id": id, "method": method, "params": parameters });
        if !self.session.is_empty() {
            message["sessionId"] = json!(self.session);
        }
        pipes.to.write_all(format!("{message}\0").as_bytes()).unwrap();
        loop {
            let told = pipes.next();
            if told["id"] == json!(id) {
                assert!(told.get("error").is_none(), "{method}: {told}");
                return told["result"].clone();
            }
            pipes.events.push(told);
        }
    }

    /// What has happened of this kind.
    pub(crate) fn events(&self, method: &str) -> Vec<Value> {
        let pipes = self.pipes.borrow();
        pipes.events.iter().filter(|event| event["method"] == method).cloned().collect()
    }

    fn until(&self, method: &str) {
        while self.events(method).is_empty() {
            let mut pipes = self.pipes.borrow_mut();
            let event = pipes.next();
            pipes.events.push(event);
        }
    }

    fn middle(&self, selector: &str) -> (f64, f64) {
        let place = self.value(&format!(
            "(() => {{ const it = document.querySelector({selector:?}); \
             it.scrollIntoView({{ block: 'center' }}); const at = it.getBoundingClientRect(); \
             return [at.x + at.width / 2, at.y + at.height / 2]; }})()"
        ));
        (place[0].as_f64().unwrap(), place[1].as_f64().unwrap())
    }

    fn mouse(&self, kind: &str, (x, y): (f64, f64)) {
        let button = if kind == "mouseMoved" { "none" } else { "left" };
        let event = json!({ "type": kind, "x": x, "y": y, "button": button, "clickCount": 1 });
        self.ask("Input.dispatchMouseEvent", event);
    }
}

/// The browser of this machine.
pub(crate) fn program() -> Option<&'static str> {
    let there = |name: &&&str| {
        let tried = Command::new(name).arg("--version").stderr(Stdio::null()).output();
        tried.is_ok_and(|tried| tried.status.success())
    };
    NAMES.iter().find(there).copied()
}

impl Pipes {
    fn next(&mut self) -> Value {
        let mut message = Vec::new();
        self.from.read_until(0, &mut message).unwrap();
        assert_eq!(message.pop(), Some(0), "the browser went away");
        serde_json::from_slice(&message).unwrap()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
