//! What a model, a page or a file may try, each by its name: nothing of it happens, and the model is
//! told why.

use std::fs;
use std::os::unix::fs::symlink;

use agent_core::event::What;
use agent_core::model::Finish;
use axum::body::Body;
use axum::response::{IntoResponse, Redirect, Response};
use serde_json::{Value, json};

use crate::place::{Place, call, python, say};
use crate::server::{Asked, Server};

/// What no agent may read.
const SECRET: &str = "hunter2-in-a-file-of-its-own";

/// An agent that may read `docs` and write `out`, a secret beside them, and a model that tries.
struct Attack {
    place: Place,
    tables: String,
}

impl Attack {
    fn new(uses: &[&str], permissions: &str) -> Attack {
        let python = uses.contains(&"python");
        let place = if python { Place::with_python() } else { Place::new() };
        place
            .write("secret.txt", SECRET)
            .write("../secret.txt", SECRET)
            .write("docs/a.md", "public\n")
            .write("out/.keep", "");
        let tables = format!(
            "[tools]\nuse = {uses:?}\n[permissions]\nread = [\"docs\"]\nwrite = [\"out\"]\n\
             {permissions}\n"
        );
        Attack { place, tables }
    }

    /// Makes these calls one after the other; what the model is told of each, a line each.
    fn told<const N: usize>(&self, calls: [(&str, Value); N]) -> String {
        self.run("act = \"tools\"", calls.map(|one| call([one])).to_vec())
    }

    /// Runs these snippets likewise.
    fn ran<const N: usize>(&self, snippets: [&str; N]) -> String {
        self.run("act = \"code\"", snippets.map(python).to_vec())
    }

    fn run(&self, head: &str, mut replies: Vec<Value>) -> String {
        replies.push(say("I tried"));
        let tables = format!("{}[budget]\nsteps = 30\n", self.tables);
        let ran = self.place.agent(head, &tables, &replies).run();
        assert_eq!(ran.code, Some(0), "{ran}");
        let journal = self.place.journal(&ran.run());
        assert!(!ran.out.contains(SECRET) && !journal.contains(SECRET), "{ran}\n{journal}");
        assert_eq!(self.place.read("docs/a.md"), "public\n");
        assert_eq!(self.place.read("secret.txt"), SECRET);
        self.place.tidy(&ran.observations().join("\n")).replace('\0', "␀")
    }
}

fn read(path: &str) -> (&'static str, Value) {
    ("files.read", json!({ "path": path }))
}

fn write(path: &str) -> (&'static str, Value) {
    ("files.write", json!({ "path": path, "content": "was here" }))
}

fn page(url: impl Into<String>) -> (&'static str, Value) {
    ("web.read", json!({ "url": url.into() }))
}

const FILES: [&str; 4] = ["files.list", "files.read", "files.search", "files.write"];

#[test]
fn parent_directory() {
    let attack = Attack::new(&FILES, "");
    let told = attack.told([
        read("../secret.txt"),
        read("secret.txt"),
        read("docs/../secret.txt"),
        read("/etc/passwd"),
        ("files.list", json!({ "path": ".." })),
        ("files.search", json!({ "query": "hunter2", "path": "." })),
    ]);
    insta::assert_snapshot!(told, @r#"
    denied: tool `files.read` may not read `ABOVE/secret.txt`; hint: add it to [permissions] read
    denied: tool `files.read` may not read `secret.txt`; hint: add it to [permissions] read
    denied: tool `files.read` may not read `secret.txt`; hint: add it to [permissions] read
    denied: tool `files.read` may not read `/etc/passwd`; hint: add it to [permissions] read
    denied: tool `files.list` may not read `ABOVE`; hint: add it to [permissions] read
    denied: tool `files.search` may not read `.`; hint: add it to [permissions] read
    "#);
}

#[test]
fn symlink_out() {
    let attack = Attack::new(&FILES, "");
    symlink("../secret.txt", attack.place.path("docs/link.md")).unwrap();
    symlink("..", attack.place.path("docs/up")).unwrap();
    symlink("/etc", attack.place.path("docs/etc")).unwrap();
    symlink("../secret.txt", attack.place.path("out/link.txt")).unwrap();
    let told = attack.told([
        read("docs/link.md"),
        read("docs/up/secret.txt"),
        read("docs/etc/passwd"),
        ("files.list", json!({ "path": "docs/up" })),
        ("files.search", json!({ "query": "hunter2" })),
        write("out/link.txt"),
    ]);
    insta::assert_snapshot!(told, @r#"
    `docs/link.md` is a link; name the file it leads to
    `docs/up/secret.txt` leads out of the folder that was granted
    `docs/etc/passwd` leads out of the folder that was granted
    `docs/up` leads out of the folder that was granted
    nothing fits
    `out/link.txt` is a link; name the file it leads to
    "#);
}

#[test]
fn write_where_only_read_is_granted() {
    let attack = Attack::new(&FILES, "");
    let told = attack.told([write("docs/a.md"), write("docs/new.md"), write("agent.toml")]);
    assert!(!attack.place.path("docs/new.md").exists());
    insta::assert_snapshot!(told, @r#"
    denied: tool `files.write` may not write `docs/a.md`; hint: add it to [permissions] write
    denied: tool `files.write` may not write `docs/new.md`; hint: add it to [permissions] write
    denied: tool `files.write` may not write `agent.toml`; hint: add it to [permissions] write
    "#);
}

#[test]
fn read_where_only_write_is_granted() {
    let attack = Attack::new(&FILES, "");
    attack.place.write("out/old.txt", SECRET);
    insta::assert_snapshot!(attack.told([read("out/old.txt")]), @r#"denied: tool `files.read` may not read `out/old.txt`; hint: add it to [permissions] read"#);
}

/// What may be changed and deleted without a person, so that nothing but the attack is refused.
fn changing() -> Attack {
    let uses = ["files.read", "files.edit", "files.move", "files.delete"];
    let attack = Attack::new(&uses, "delete = [\"out\"]");
    attack.place.write("out/a.md", "mine\n").write("out/b.md", "mine too\n");
    attack
}

fn moved(path: &str, to: &str) -> (&'static str, Value) {
    ("files.move", json!({ "path": path, "to": to }))
}

fn delete(path: &str) -> (&'static str, Value) {
    ("files.delete", json!({ "path": path }))
}

#[test]
fn move_and_delete_what_may_only_be_read() {
    let attack = changing();
    attack.place.write("out/in/x.md", "x");
    let told = attack.told([
        delete("docs/a.md"),
        delete("secret.txt"),
        moved("docs/a.md", "out/c.md"),
        moved("secret.txt", "out/c.md"),
        moved("out/../docs/a.md", "out/c.md"),
        ("files.edit", json!({ "path": "docs/a.md", "old": "public", "new": "" })),
        delete("out"),
        delete("out/in"),
        delete("out/none.md"),
        delete("out/a.md"),
    ]);
    assert!(!attack.place.path("out/a.md").exists() && attack.place.path("out/in/x.md").exists());
    insta::assert_snapshot!(told, @r#"
    denied: tool `files.delete` may not delete `docs/a.md`; hint: add it to [permissions] write
    denied: tool `files.delete` may not delete `secret.txt`; hint: add it to [permissions] write
    denied: tool `files.move` may not delete `docs/a.md`; hint: add it to [permissions] write
    denied: tool `files.move` may not read `secret.txt`; hint: add it to [permissions] read; tool `files.move` may not delete `secret.txt`; hint: add it to [permissions] write
    denied: tool `files.move` may not delete `docs/a.md`; hint: add it to [permissions] write
    denied: tool `files.edit` may not write `docs/a.md`; hint: add it to [permissions] write
    `out` is the folder that was granted, and stays
    `out/in` is a folder with 1 entry: only an empty one is deleted
    `out/none.md` does not exist
    {"deleted":"out/a.md"}
    "#);
}

/// What could not be read before could be read where it came to be.
#[test]
fn move_to_where_it_can_be_read() {
    let attack = Attack::new(&["files.read", "files.move", "files.edit"], "delete = [\"out\"]");
    attack.place.write("out/old.txt", SECRET);
    let told = attack.told([
        moved("out/old.txt", "docs/old.txt"),
        ("files.edit", json!({ "path": "out/old.txt", "old": "hunter", "new": "x" })),
    ]);
    insta::assert_snapshot!(told, @r#"
    denied: tool `files.move` may not read `out/old.txt`; hint: add it to [permissions] read; tool `files.move` may not write `docs/old.txt`; hint: add it to [permissions] write
    denied: tool `files.edit` may not read `out/old.txt`; hint: add it to [permissions] read
    "#);
}

#[test]
fn move_over_another_file() {
    let attack = Attack::new(&["files.move"], "delete = [\"out\"]");
    let tables = attack.tables.replace("read = [\"docs\"]", "read = [\"docs\", \"out\"]");
    let attack = Attack { tables, ..attack };
    attack.place.write("out/a.md", "a").write("out/b.md", "b").write("out/in/x.md", "x");
    symlink("../secret.txt", attack.place.path("out/link.txt")).unwrap();
    let told = attack.told([
        moved("out/a.md", "out/b.md"),
        moved("out/a.md", "out/in"),
        moved("out/in", "out/in/deeper"),
        moved("out/link.txt", "out/c.md"),
        moved("out/a.md", "docs/a.md"),
        moved("out/a.md", "out/link.txt"),
        moved("out", "out/x"),
        ("files.move", json!({ "path": "out/a.md", "to": "out/b.md", "overwrite": true })),
        ("files.move", json!({ "path": "out/b.md", "to": "out/link.txt", "overwrite": true })),
        moved("out/b.md", "out/new/deep/b.md"),
        moved("out/new", "out/old"),
    ]);
    assert_eq!(attack.place.read("out/old/deep/b.md"), "a");
    insta::assert_snapshot!(told, @r#"
    `out/b.md` is there already
    `out/in` is a folder; name the new path in it: `out/in/a.md`
    `out/in` cannot be moved into itself
    `out/link.txt` is a link; name the file it leads to
    denied: tool `files.move` may not write `docs/a.md`; hint: add it to [permissions] write
    `out/link.txt` is there already
    `out` is the folder that was granted, and stays
    {"from":"out/a.md","path":"out/b.md"}
    `out/link.txt` is a link; name the file it leads to
    {"from":"out/b.md","path":"out/new/deep/b.md"}
    {"from":"out/new","path":"out/old"}
    "#);
}

#[test]
fn dots_and_nul_in_paths() {
    let attack = Attack::new(&FILES, "");
    let told = attack.told([
        read("docs/./.././secret.txt"),
        read("docs//..//secret.txt"),
        read("docs/a.md\0/../../secret.txt"),
        read("docs\0"),
        write("out/../docs/a.md"),
        write("out/..\\secret.txt"),
        write("out/\0"),
    ]);
    insta::assert_snapshot!(told, @r#"
    denied: tool `files.read` may not read `secret.txt`; hint: add it to [permissions] read
    denied: tool `files.read` may not read `secret.txt`; hint: add it to [permissions] read
    denied: `files.read`: a path cannot hold a NUL byte
    denied: `files.read`: a path cannot hold a NUL byte
    denied: tool `files.write` may not write `docs/a.md`; hint: add it to [permissions] write
    {"path":"out/..\\secret.txt","bytes":8}
    denied: `files.write`: a path cannot hold a NUL byte
    "#);
}

/// A server that only the test may reach.
fn private() -> Server {
    Server::start(|_: Asked| SECRET.into_response())
}

#[test]
fn host_not_granted() {
    let server = private();
    let attack = Attack::new(&["web.read"], "net = [\"*.example.org\"]");
    let told = attack.told([
        page(format!("http://{}/", server.at)),
        page("https://example.com/"),
        page("https://example.org/"),
        page("https://a.example.org.evil.example/"),
        page("https://a.example.org:8443/"),
        page("https://user:pass@a.example.org/"),
    ]);
    assert_eq!(server.asked(), [""; 0]);
    insta::assert_snapshot!(told.replace(&server.at.port().to_string(), "PORT"), @r#"
    denied: tool `web.read` may not reach `127.0.0.1:PORT`, a loopback address; hint: add its literal address and port to [permissions] net
    denied: tool `web.read` may not reach `example.com`; hint: add it to [permissions] net
    denied: tool `web.read` may not reach `example.org`; hint: add it to [permissions] net
    denied: tool `web.read` may not reach `a.example.org.evil.example`; hint: add it to [permissions] net
    denied: tool `web.read` may not reach `a.example.org:8443`; hint: add it to [permissions] net
    denied: a URL may not carry a user or a password
    "#);
}

#[test]
fn private_addresses_by_literal() {
    let server = private();
    let port = server.at.port();
    // The most that can be granted without naming an address.
    let attack = Attack::new(&["web.read"], "net = [\"public\"]");
    let told = attack.told([
        page(format!("http://127.0.0.1:{port}/")),
        page(format!("http://2130706433:{port}/")),
        page(format!("http://0x7f000001:{port}/")),
        page(format!("http://0177.0.0.1:{port}/")),
        page(format!("http://127.1:{port}/")),
        page(format!("http://[::1]:{port}/")),
        page(format!("http://[::ffff:127.0.0.1]:{port}/")),
        page(format!("http://[::ffff:7f00:1]:{port}/")),
        page(format!("http://0.0.0.0:{port}/")),
        page("http://127.0.0.1/"),
        page("http://169.254.169.254/latest/meta-data/"),
        page("http://2852039166/latest/meta-data/"),
        page("http://[::ffff:169.254.169.254]/latest/meta-data/"),
        page("http://[64:ff9b::169.254.169.254]/"),
        page("http://10.0.0.1/"),
        page("http://[fd00:ec2::254]/"),
    ]);
    assert_eq!(server.asked(), [""; 0]);
    insta::assert_snapshot!(told.replace(&port.to_string(), "PORT"), @r#"
    denied: tool `web.read` may not reach `127.0.0.1:PORT`, a loopback address; hint: add its literal address and port to [permissions] net
    denied: tool `web.read` may not reach `127.0.0.1:PORT`, a loopback address; hint: add its literal address and port to [permissions] net
    denied: tool `web.read` may not reach `127.0.0.1:PORT`, a loopback address; hint: add its literal address and port to [permissions] net
    denied: tool `web.read` may not reach `127.0.0.1:PORT`, a loopback address; hint: add its literal address and port to [permissions] net
    denied: tool `web.read` may not reach `127.0.0.1:PORT`, a loopback address; hint: add its literal address and port to [permissions] net
    denied: tool `web.read` may not reach `[::1]:PORT`, a loopback address; hint: add its literal address and port to [permissions] net
    denied: tool `web.read` may not reach `[::ffff:127.0.0.1]:PORT`, a loopback address; hint: add its literal address and port to [permissions] net
    denied: tool `web.read` may not reach `[::ffff:127.0.0.1]:PORT`, a loopback address; hint: add its literal address and port to [permissions] net
    denied: tool `web.read` may not reach `0.0.0.0:PORT`, a reserved address; hint: add its literal address and port to [permissions] net
    denied: tool `web.read` may not reach `127.0.0.1`, a loopback address; hint: add its literal address and port to [permissions] net
    denied: tool `web.read` may not reach `169.254.169.254`, a link-local address; hint: add its literal address and port to [permissions] net
    denied: tool `web.read` may not reach `169.254.169.254`, a link-local address; hint: add its literal address and port to [permissions] net
    denied: tool `web.read` may not reach `[::ffff:169.254.169.254]`, a link-local address; hint: add its literal address and port to [permissions] net
    denied: tool `web.read` may not reach `[64:ff9b::a9fe:a9fe]`, a link-local address; hint: add its literal address and port to [permissions] net
    denied: tool `web.read` may not reach `10.0.0.1`, a private address; hint: add its literal address and port to [permissions] net
    denied: tool `web.read` may not reach `[fd00:ec2::254]`, a private address; hint: add its literal address and port to [permissions] net
    "#);
}

#[test]
fn private_addresses_by_name() {
    let server = private();
    let port = server.at.port();
    let attack = Attack::new(&["web.read"], &format!("net = [\"example.org:{port}\", \"public\"]"));
    let told = attack.told([
        page(format!("http://localhost:{port}/")),
        page("http://localhost/"),
        page("http://localhost./"),
    ]);
    assert_eq!(server.asked(), [""; 0]);
    insta::assert_snapshot!(told.replace(&port.to_string(), "PORT"), @r#"
    denied: tool `web.read` may not reach `localhost:PORT`, a loopback address; hint: add its literal address and port to [permissions] net
    denied: tool `web.read` may not reach `localhost`, a loopback address; hint: add its literal address and port to [permissions] net
    denied: tool `web.read` may not reach `localhost`, a loopback address; hint: add its literal address and port to [permissions] net
    "#);
}

#[test]
fn private_addresses_by_a_name_that_is_granted() {
    let server = private();
    let port = server.at.port();
    let attack = Attack::new(&["web.read"], &format!("net = [\"localhost:{port}\"]"));
    attack.place.agent("", &attack.tables, &[]);
    let ran = attack.place.run();
    assert_eq!(ran.code, Some(2), "{ran}");
    assert_eq!(server.asked(), [""; 0]);
    insta::assert_snapshot!(ran.all().replace(&port.to_string(), "PORT"), @r#"
    exit 2
    --- stderr
    error: agent.toml:14:8: `localhost:PORT` is this machine by name
       |
    14 | net = ["localhost:PORT"]
       |        ^^^^^^^^^^^^^^^^^
    hint: write its address and port, `127.0.0.1:8080`
    "#);
}

#[test]
fn private_addresses_by_redirect() {
    let inner = private();
    let (at, to) = (inner.at, inner.at);
    let outer = Server::start(move |asked: Asked| match asked.path.as_str() {
        "/literal" => Redirect::temporary(&format!("http://{to}/")).into_response(),
        "/decimal" => {
            Redirect::temporary(&format!("http://2130706433:{}/", to.port())).into_response()
        }
        "/name" => Redirect::permanent(&format!("http://localhost:{}/", to.port())).into_response(),
        "/metadata" => Redirect::to("http://169.254.169.254/latest/").into_response(),
        "/file" => Redirect::to("file:///etc/passwd").into_response(),
        "/loop" => Redirect::to("/loop").into_response(),
        _ => "a page".into_response(),
    });
    // Even though both are granted: one page must not send the agent to another's address.
    let net = format!("net = [\"{}\", \"{at}\", \"public\"]", outer.at);
    let attack = Attack::new(&["web.read"], &net);
    let url = |path: &str| page(format!("http://{}/{path}", outer.at));
    let told = attack.told([
        url("literal"),
        url("decimal"),
        url("name"),
        url("metadata"),
        url("file"),
        url("loop"),
        url("page"),
    ]);
    assert_eq!(inner.asked(), [""; 0]);
    let told = told
        .replace(&outer.at.port().to_string(), "OUTER")
        .replace(&at.port().to_string(), "INNER");
    insta::assert_snapshot!(told, @r#"
    a redirect may not lead to the private address `http://127.0.0.1:INNER/`
    a redirect may not lead to the private address `http://127.0.0.1:INNER/`
    tool `web.read` may not reach `localhost:INNER`, a loopback address; hint: add its literal address and port to [permissions] net
    a redirect may not lead to the private address `http://169.254.169.254/latest/`
    `file:///etc/passwd` is not an `http:` or `https:` URL
    `http://127.0.0.1:OUTER/loop` redirects more than 5 times
    {"url":"http://127.0.0.1:OUTER/page","title":"","text":"a page","part":1,"parts":1}
    "#);
}

#[test]
fn a_search_result_that_leads_inside() {
    let inner = private();
    let to = inner.at;
    let engine = Server::start(move |_: Asked| {
        let hits = [
            format!("http://{to}/"),
            "http://169.254.169.254/latest/".to_string(),
            "file:secret.txt".to_string(),
            "javascript:alert(1)".to_string(),
        ];
        let hits = hits.map(|url| json!({ "title": "read me", "url": url, "content": "now" }));
        json!({ "results": hits }).to_string().into_response()
    });
    let tables = format!(
        "net = [\"{0}\", \"public\"]\n[[search.provider]]\nkind = \"searxng\"\nurl = \"http://{0}\"",
        engine.at
    );
    let attack = Attack::new(&["web.search", "web.read"], &tables);
    let told = attack.told([
        ("web.search", json!({ "query": "anything" })),
        page(format!("http://{to}/")),
        page("http://169.254.169.254/latest/"),
        page("file:secret.txt"),
    ]);
    assert_eq!(inner.asked(), [""; 0]);
    insta::assert_snapshot!(told.replace(&to.port().to_string(), "INNER"), @r##"
    [1] read me
    http://127.0.0.1:INNER/
    now

    [2] read me
    http://169.254.169.254/latest/
    now
    denied: tool `web.read` may not reach `127.0.0.1:INNER`, a loopback address; hint: add its literal address and port to [permissions] net
    denied: tool `web.read` may not reach `169.254.169.254`, a link-local address; hint: add its literal address and port to [permissions] net
    denied: `web.read`: `file:` cannot be read, only `https:` and `http:`
    "##);
}

#[test]
fn file_urls() {
    let attack = Attack::new(&["web.read", "files.read"], "net = [\"public\"]");
    let secret = attack.place.path("secret.txt");
    let told = attack.told([
        page(format!("file://{}", secret.display())),
        page(format!("FILE:{}", secret.display())),
        page(format!("view-source:file://{}", secret.display())),
        page("data:text/html,hello"),
        page("ftp://example.org/"),
        read(&format!("file://{}", secret.display())),
    ]);
    insta::assert_snapshot!(told, @r#"
    denied: `web.read`: `file:` cannot be read, only `https:` and `http:`
    denied: `web.read`: `file:` cannot be read, only `https:` and `http:`
    denied: `web.read`: `view-source:` cannot be read, only `https:` and `http:`
    denied: `web.read`: `data:` cannot be read, only `https:` and `http:`
    denied: `web.read`: `ftp:` cannot be read, only `https:` and `http:`
    denied: tool `files.read` may not read `file:HERE/secret.txt`; hint: add it to [permissions] read
    "#);
}

const PYTHON: [&str; 3] = ["files.read", "files.write", "python"];

#[test]
fn python_opens_other_files() {
    let attack = Attack::new(&PYTHON, "");
    symlink("../secret.txt", attack.place.path("docs/link.md")).unwrap();
    let told = attack.ran([
        "print(open('secret.txt').read())",
        "print(open('../secret.txt').read())",
        "print(open('/etc/passwd').read())",
        "print(open('docs/link.md').read())",
        "import io\nprint(io.open('docs/../secret.txt').read())",
        "import os\nprint(os.listdir('/'))",
        "import os\nfd = os.open('/etc/passwd', os.O_RDONLY)\nprint(os.read(fd, 9))",
        "import pathlib\nprint(pathlib.Path('/proc/self/environ').read_text())",
        "open('docs/a.md', 'w').write('was here')",
        "import os\nos.remove('docs/a.md')",
        "print(files.read('secret.txt'))",
    ]);
    assert!(!told.contains("root:"), "{told}");
    insta::assert_snapshot!(told, @r#"
    line 1: print(open('secret.txt').read())
    PermissionError: tool `python` may not read `secret.txt`; hint: add it to [permissions] read
    line 1: print(open('../secret.txt').read())
    PermissionError: tool `python` may not read `ABOVE/secret.txt`; hint: add it to [permissions] read
    line 1: print(open('/etc/passwd').read())
    PermissionError: tool `python` may not read `/etc/passwd`; hint: add it to [permissions] read
    line 1: print(open('docs/link.md').read())
    FileNotFoundError: `docs/link.md` is a link; name the file it leads to
    hint: the files are docs/a.md
    line 2: print(io.open('docs/../secret.txt').read())
    PermissionError: tool `python` may not read `secret.txt`; hint: add it to [permissions] read
    line 2: print(os.listdir('/'))
    FileNotFoundError: `/` is outside of what may be read
    hint: the files are docs/a.md
    line 2: fd = os.open('/etc/passwd', os.O_RDONLY)
    FileNotFoundError: [Errno 44] No such file or directory: '/etc/passwd'
    hint: the files are docs/a.md
    line 2: print(pathlib.Path('/proc/self/environ').read_text())
    PermissionError: tool `python` may not read `/proc/self/environ`; hint: add it to [permissions] read
    PermissionError: tool `python` may not write `docs/a.md`; hint: add it to [permissions] write
    line 2: os.remove('docs/a.md')
    PermissionError: os.remove() does not work here: files are only read and written
    denied: tool `files.read` may not read `secret.txt`; hint: add it to [permissions] read
    line 1: print(files.read('secret.txt'))
    ToolError: denied: tool `files.read` may not read `secret.txt`; hint: add it to [permissions] read
    "#);
}

#[test]
fn python_reads_the_environment() {
    let attack = Attack::new(&["python"], "");
    let told = attack.ran([
        "import os\nprint(os.environ.get('ERRAND_HOME'), os.environ.get('HOME'), os.getenv('PATH'))",
        "import sys\nprint(sys.argv[1:])",
    ]);
    insta::assert_snapshot!(told, @r#"
    None None None
    []
    "#);
}

#[test]
fn python_opens_sockets() {
    let server = private();
    let (host, port) = (server.at.ip(), server.at.port());
    let net = format!("net = [\"{}\"]", server.at);
    let attack = Attack::new(&["python"], &net);
    let told = attack.ran([
        &format!("import socket\nsocket.create_connection(('{host}', {port})).send(b'GET / HTTP/1.0\\r\\n\\r\\n')"),
        &format!("import urllib.request\nprint(urllib.request.urlopen('http://{host}:{port}/').read())"),
        &format!("import http.client\nc = http.client.HTTPConnection('{host}', {port})\nc.request('GET', '/')"),
        &format!("import _socket\ns = _socket.socket()\ns.connect(('{host}', {port}))"),
        "import subprocess\nprint(subprocess.run(['id'], capture_output=True))",
        "import os\nos.system('id')",
    ]);
    assert_eq!(server.asked(), [""; 0]);
    insta::assert_snapshot!(told.replace(&port.to_string(), "PORT"), @r#"
    line 2: socket.create_connection(('127.0.0.1', PORT)).send(b'GET / HTTP/1.0\r\n\r\n')
    PermissionError: there is no network in python: use web.read
    line 2: print(urllib.request.urlopen('http://127.0.0.1:PORT/').read())
    PermissionError: there is no network in python: use web.read
    line 2: c = http.client.HTTPConnection('127.0.0.1', PORT)
    PermissionError: there is no network in python: use web.read
    line 2: s = _socket.socket()
    PermissionError: [Errno 2] Permission denied
    line 2: print(subprocess.run(['id'], capture_output=True))
    PermissionError: there are no processes in python
    line 2: os.system('id')
    PermissionError: there are no processes in python
    "#);
}

/// Its component was linked with the web tools' HTTP, and a request of its own went past robots.txt
/// and was sent again after a kill.
#[test]
fn python_has_raw_http() {
    let server = private();
    let net = format!("net = [\"{}\"]", server.at);
    let attack = Attack::new(&["python", "web.read"], &net);
    let told = attack.ran([
        "import importlib, sys\n\
         def had(names):\n    \
             got = []\n    \
             for name in names:\n        \
                 try:\n            \
                     got.append(importlib.import_module('wit_world.imports.' + name).__name__)\n        \
                 except ImportError:\n            \
                     got += [it for it in sys.modules if it == 'wit_world.imports.' + name]\n    \
             return got\n\
         print('lent:', had(['files', 'tools']), 'not lent:', had(['http', 'pages', 'kv']))",
    ]);
    assert_eq!(server.asked(), [""; 0]);
    let lent = "lent: ['wit_world.imports.files', 'wit_world.imports.tools'] not lent: []";
    assert!(told.contains(lent), "{told}");
}

/// A grant of everything is none of what the kernel tells of this very process.
#[test]
fn the_environment_under_a_grant_of_everything() {
    let place = Place::new();
    let paths =
        ["/proc/self/environ", "/proc/self/../self/environ", "/sys/kernel/notes", "/dev/zero"];
    let mut replies = paths.map(|path| call([read(path)])).to_vec();
    replies.push(call([("files.list", json!({ "path": "/proc/self" }))]));
    replies.push(call([("files.write", json!({ "path": "/proc/self/comm", "content": SECRET }))]));
    replies.push(say("I tried"));
    let tables = "[tools]\nuse = [\"files.*\"]\n[permissions]\nread = [\"/\"]\nwrite = [\"/\"]\n";
    place.agent("act = \"tools\"", tables, &replies);
    let mut command = place.command(["run", "agent.toml", "--json"]);
    let ran = place.ran(&command.env("CANARY", SECRET).output().unwrap());
    assert_eq!(ran.code, Some(0), "{ran}");
    let told = ran.observations();
    for (told, said) in told.iter().zip([
        "is the kernel's, and no file",
        "is the kernel's, and no file",
        "",
        "is not a regular file",
        "is the kernel's, and no file",
        "is the kernel's, and no file",
    ]) {
        assert!(told.contains(said) && !told.contains(SECRET), "{told}");
    }
    assert_eq!(told.len(), 6, "{ran}");
}

/// It was no text that the host takes, and ended the snippet with all that it had printed.
#[test]
fn python_names_a_file_by_a_lone_surrogate() {
    let attack = Attack::new(&PYTHON, "");
    let told = attack.ran([
        "print('before')\ntry:\n    open('docs/\\ud800')\nexcept ValueError as no:\n    print(no)",
        "print('before')\n['\\ud800', {'a': '\\udfff'}]",
        "print('before')\nraise ValueError('\\ud800')",
    ]);
    assert_eq!(told.matches("before").count(), 3, "{told}");
    assert!(told.contains("a path cannot hold a lone surrogate"), "{told}");
}

#[test]
fn python_spins() {
    let attack = Attack::new(&["python"], "");
    insta::assert_snapshot!(attack.ran(["while True:\n    pass"]), @r#"worked longer than 30 s"#);
}

#[test]
fn python_eats_memory() {
    let attack = Attack::new(&["python"], "");
    let told =
        attack.ran(["rows = []\nwhile True:\n    rows.append(bytearray(1 << 24))", "print(1)"]);
    insta::assert_snapshot!(told, @r#"
    used more than 512 MiB of memory
    1
    "#);
}

#[test]
fn python_floods_its_output() {
    let attack = Attack::new(&["python"], "");
    let told = attack.ran(["for n in range(10**7):\n    print('x' * 1000)"]);
    let told: String = told.chars().filter(|c| *c != 'x' && *c != '\n').collect();
    insta::assert_snapshot!(told, @r#"[… 56063 more characters]"#);
}

#[test]
fn arguments_that_break_the_schema() {
    let attack = Attack::new(&FILES, "");
    let told = attack.told([
        ("files.write", json!({ "path": "out/x.txt", "content": "x", "mode": "0777" })),
        ("files.write", json!({ "path": ["out/x.txt"], "content": "x" })),
        ("files.write", json!({ "path": "out/x.txt" })),
        ("files.write", json!("out/x.txt")),
        ("files.write", json!(null)),
        ("files.read", json!({ "path": "docs/a.md", "lines": 1e300 })),
        ("files.read", json!({ "path": "docs/a.md", "start": -1 })),
    ]);
    assert!(!attack.place.path("out/x.txt").exists());
    insta::assert_snapshot!(told, @r#"
    denied: wrong arguments for `files.write`: there is no `mode`; it is files.write(path: str, content: str)
    denied: wrong arguments for `files.write`: `path` must be a string, not a list; it is files.write(path: str, content: str)
    denied: wrong arguments for `files.write`: `content` is missing; it is files.write(path: str, content: str)
    denied: wrong arguments for `files.write`: it must be an object, not a string; it is files.write(path: str, content: str)
    denied: wrong arguments for `files.write`: `path` is missing; `content` is missing; it is files.write(path: str, content: str)
    denied: wrong arguments for `files.read`: `lines` is greater than the maximum of 10000; it is files.read(path: str, start: int = None, lines: int = None)
    denied: wrong arguments for `files.read`: `start` is less than the minimum of 1; it is files.read(path: str, start: int = None, lines: int = None)
    "#);
}

#[test]
fn a_tool_that_is_not_granted() {
    let attack = Attack::new(&["files.read"], "");
    let told = attack.told([
        write("out/x.txt"),
        page("https://example.org/"),
        ("python", json!({ "code": "print(1)" })),
        ("", json!({})),
        ("files.read\0", json!({ "path": "docs/a.md" })),
    ]);
    assert!(!attack.place.path("out/x.txt").exists());
    insta::assert_snapshot!(told, @r#"
    denied: there is no tool `files.write`; there is `files.read`
    denied: there is no tool `web.read`; there is `files.read`
    denied: there is no tool `python`; there is `files.read`
    denied: there is no tool ``; there is `files.read`
    denied: there is no tool `files.read␀`; there is `files.read`
    "#);
}

#[test]
fn python_calls_a_tool_that_is_not_granted() {
    let attack = Attack::new(&["files.read", "python"], "");
    let told = attack.ran([
        "files.write('out/x.txt', 'was here')",
        // Past the functions, straight to the host.
        "from wit_world.imports import tools\n\
         tools.call('files.write', '{\"path\": \"out/x.txt\", \"content\": \"was here\"}')",
        "import builtins\nprint(builtins.open('docs/../secret.txt'))",
    ]);
    assert!(!attack.place.path("out/x.txt").exists());
    assert!(told.contains("AttributeError: there is no such tool, only read"), "{told}");
    assert!(told.contains("there is no tool `files.write`; there is `files.read`"), "{told}");
    assert!(told.contains("tool `python` may not read `secret.txt`"), "{told}");
}

#[test]
fn a_script_with_a_reply_of_100_mb() {
    let place = Place::new();
    place.agent("act = \"tools\"", "", &[]);
    place.write("replies.jsonl", format!("{{\"content\": \"{}\"}}\n", "x".repeat(100 << 20)));
    let ran = place.run();
    assert_eq!((ran.code, &ran.finished()["reason"]), (Some(1), &json!("fault")));
    insta::assert_snapshot!(ran.finished()["detail"].as_str().unwrap(), @r#"model `HERE/replies.jsonl` did not answer: line 1 of the script is longer than a reply may be, 16 MiB"#);
    // Nothing of it was kept.
    let journal = fs::metadata(place.path("home/errand.db")).unwrap().len();
    assert!(journal < 1 << 20, "{journal} bytes");
}

#[test]
fn a_server_with_a_reply_of_100_mb() {
    let server = Server::start(|_: Asked| {
        let event = json!({"choices": [{"index": 0, "delta": {"content": "x".repeat(1 << 20)}}]});
        let events = futures::stream::repeat(format!("data: {event}\n\n"));
        let events = futures::StreamExt::take(events, 100);
        let body = futures::StreamExt::map(events, Ok::<_, std::io::Error>);
        Response::builder()
            .header("content-type", "text/event-stream")
            .body(Body::from_stream(body))
            .unwrap()
    });
    let place = Place::new();
    let agent = format!(
        "name = \"a\"\ntask = \"b\"\n[model]\nprovider = \"openai\"\nname = \"m\"\n\
         base_url = \"http://{}/v1\"\n",
        server.at
    );
    let ran = place.write("agent.toml", agent + "max_tokens = 100\n").run();
    // Each is cut, and none is an answer.
    assert_eq!((ran.code, &ran.finished()["reason"]), (Some(1), &json!("tokens")), "{ran}");
    for event in place.events(&ran.run()) {
        if let What::Replied { reply, .. } = event.what {
            assert_eq!((reply.finish, reply.content.len()), (Finish::Cut, 100 * 16 + 4096));
        }
    }
    let journal = fs::metadata(place.path("home/errand.db")).unwrap().len();
    assert!(journal < 1 << 20, "{journal} bytes");
}
