//! Attacks on the file system. The gate of these tests says yes to everything unless a test says
//! otherwise: what is refused is refused by the way files are opened.

#![expect(clippy::unwrap_used, reason = "tests")]

mod common;

use std::fs;
use std::os::unix::fs::symlink;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use agent_core::action::Capability;
use agent_core::sandbox::Use;
use common::{Asked, Folder, LIMITS, SECRET};
use serde_json::{Value, json};

async fn read(folder: &Folder, path: &str) -> Result<Value, String> {
    folder.run(&Asked::everything(), "read", json!({"path": path})).await
}

async fn write(folder: &Folder, path: &str) -> Result<Value, String> {
    folder.run(&Asked::everything(), "write", json!({"path": path, "content": "new"})).await
}

fn refused(result: Result<Value, String>, words: &str) {
    let failure = result.unwrap_err();
    assert!(failure.contains(words), "{failure}");
    assert!(!failure.contains(SECRET));
}

#[tokio::test]
async fn what_is_granted_works() {
    let folder = Folder::new();
    let gate = Asked::everything();
    assert_eq!(read(&folder, "docs/a.md").await, Ok(json!("hello")));
    assert_eq!(read(&folder, "docs/../docs/./deep//b.md").await, Ok(json!("below")));
    let absolute = folder.at("docs/a.md");
    assert_eq!(read(&folder, absolute.to_str().unwrap()).await, Ok(json!("hello")));
    assert_eq!(folder.run(&gate, "roots", json!({})).await, Ok(json!(["docs"])));
    assert_eq!(
        folder.run(&gate, "list", json!({"path": "docs"})).await,
        Ok(json!([["docs/a.md", false, 5], ["docs/deep", true, 0]]))
    );
    assert_eq!(gate.asked(), [format!("read `{}`", folder.at("docs").display())]);
}

#[tokio::test]
async fn a_write_is_whole_and_told() {
    let folder = Folder::new();
    let gate = Asked::everything();
    for (path, content) in [("out/deep/x.md", "one"), ("out/deep/x.md", "two")] {
        let arguments = json!({"path": path, "content": content});
        assert_eq!(folder.run(&gate, "write", arguments).await, Ok(json!("written")));
        assert_eq!(fs::read_to_string(folder.at(path)).unwrap(), content);
    }
    assert_eq!(*gate.done.lock().unwrap(), [7, 7]);
    let left: Vec<_> = fs::read_dir(folder.at("out/deep")).unwrap().collect();
    assert_eq!(left.len(), 1, "no draft is left");
}

#[tokio::test]
async fn a_recorded_write_is_not_repeated() {
    let folder = Folder::new();
    let gate = Asked::with(|_| Ok(Use::Recorded));
    let arguments = json!({"path": "out/x.md", "content": "again"});
    assert_eq!(folder.run(&gate, "write", arguments).await, Ok(json!("written")));
    assert!(!folder.at("out/x.md").exists());
    assert!(gate.done.lock().unwrap().is_empty());
}

#[tokio::test]
async fn the_gates_no_is_final_and_its_reasons_are_read() {
    let folder = Folder::new();
    let gate = Asked::nothing();
    for (tool, path, word) in
        [("read", "docs/a.md", "read"), ("list", "docs", "read"), ("write", "out/x", "write")]
    {
        let result = folder.run(&gate, tool, json!({"path": path, "content": ""})).await;
        assert_eq!(result, Err(format!("may not {word} `{}`", folder.at(path).display())));
    }
    assert!(!folder.at("out/x").exists());
}

#[tokio::test]
async fn parent_directory() {
    let folder = Folder::new();
    for path in [
        "docs/../private/secret.txt",
        "../../../../etc/passwd",
        "docs/deep/../../private/secret.txt",
    ] {
        refused(read(&folder, path).await, "in no file or folder that this agent may read");
    }
    refused(write(&folder, "out/../private/x").await, "that this agent may write");
    assert!(!folder.at("private/x").exists());
}

#[tokio::test]
async fn absolute_path_outside() {
    let folder = Folder::new();
    refused(read(&folder, "/etc/passwd").await, "`/etc/passwd` is in no file or folder");
    let secret = folder.at("private/secret.txt");
    refused(read(&folder, secret.to_str().unwrap()).await, "`private/secret.txt` is in no file");
    refused(read(&folder, "/proc/self/environ").await, "in no file or folder");
}

#[tokio::test]
async fn nul_in_a_path() {
    refused(read(&Folder::new(), "docs/a.md\0.txt").await, "a path cannot hold a NUL byte");
}

#[tokio::test]
async fn a_folder_with_the_same_beginning() {
    let folder = Folder::new();
    fs::create_dir(folder.at("docs-private")).unwrap();
    fs::write(folder.at("docs-private/x"), SECRET).unwrap();
    refused(read(&folder, "docs-private/x").await, "in no file or folder");
}

#[tokio::test]
async fn write_where_only_read_is_granted() {
    let folder = Folder::new();
    refused(write(&folder, "docs/a.md").await, "that this agent may write");
    assert_eq!(fs::read_to_string(folder.at("docs/a.md")).unwrap(), "hello");
    refused(read(&folder, "out/x").await, "that this agent may read");
}

/// A server with a grant above it swaps a folder for a link before the agent has used it.
#[tokio::test]
async fn a_granted_folder_swapped_before_its_first_use() {
    let folder = Folder::new();
    fs::rename(folder.at("docs"), folder.at("moved")).unwrap();
    symlink(folder.at("private"), folder.at("docs")).unwrap();
    fs::remove_dir_all(folder.at("out")).unwrap();
    symlink(folder.at("private"), folder.at("out")).unwrap();
    refused(read(&folder, "docs/secret.txt").await, "does not exist");
    assert_eq!(
        read(&folder, "docs/a.md").await,
        Ok(json!("hello")),
        "it is the folder that it was"
    );
    let _nowhere = write(&folder, "out/x").await;
    assert!(!folder.at("private/x").exists());
}

/// The same where the folder was not there yet.
#[tokio::test]
async fn a_link_where_a_granted_folder_was_missing() {
    let folder = Folder::with(|config| {
        let at = |path: &str| config.root.join(path);
        let (read, write) = (at("later/docs"), [at("later/out"), at("later/one.txt")]);
        (config.read, config.write) = (vec![read], write.to_vec());
    });
    fs::create_dir(folder.at("later")).unwrap();
    for name in ["docs", "out"] {
        symlink(folder.at("private"), folder.at(&format!("later/{name}"))).unwrap();
    }
    symlink(folder.at("private/secret.txt"), folder.at("later/one.txt")).unwrap();
    refused(read(&folder, "later/docs/secret.txt").await, "");
    refused(write(&folder, "later/out/x").await, "");
    let _refused = write(&folder, "later/one.txt").await;
    assert!(!folder.at("private/x").exists());
    assert_eq!(fs::read_to_string(folder.at("private/secret.txt")).unwrap(), SECRET);
    // What comes to be there and is no link is what was meant.
    fs::remove_file(folder.at("later/out")).unwrap();
    assert_eq!(write(&folder, "later/out/x").await, Ok(json!("written")));
    assert_eq!(fs::read_to_string(folder.at("later/out/x")).unwrap(), "new");
}

#[tokio::test]
async fn symlink_out() {
    let folder = Folder::new();
    symlink(folder.at("private"), folder.at("docs/absolute")).unwrap();
    symlink("../private", folder.at("docs/relative")).unwrap();
    symlink("../private/secret.txt", folder.at("docs/file")).unwrap();
    symlink("/proc/self/root", folder.at("docs/magic")).unwrap();
    for path in ["docs/absolute/secret.txt", "docs/relative/secret.txt", "docs/file"] {
        refused(read(&folder, path).await, "");
    }
    let secret = folder.at("private/secret.txt");
    refused(read(&folder, &format!("docs/magic{}", secret.display())).await, "");
    let gate = Asked::everything();
    refused(folder.run(&gate, "list", json!({"path": "docs/relative"})).await, "leads out");
    let listed = folder.run(&gate, "list", json!({"path": "docs"})).await.unwrap();
    assert_eq!(listed, json!([["docs/a.md", false, 5], ["docs/deep", true, 0]]));

    symlink("../private", folder.at("out/link")).unwrap();
    refused(write(&folder, "out/link/x").await, "");
    refused(write(&folder, "out/link/secret.txt").await, "");
    symlink("../private/secret.txt", folder.at("out/file")).unwrap();
    refused(write(&folder, "out/file").await, "is a link");
    assert_eq!(fs::read_to_string(secret).unwrap(), SECRET);
    assert_eq!(fs::read_dir(folder.at("private")).unwrap().count(), 1);
}

/// All files would be found in it again, and again in that.
#[tokio::test]
async fn a_folder_with_a_link_to_itself() {
    let folder = Folder::new();
    symlink(".", folder.at("docs/deep/again")).unwrap();
    symlink("../deep", folder.at("docs/deep/around")).unwrap();
    let listed = folder.run(&Asked::everything(), "list", json!({"path": "docs/deep"})).await;
    assert_eq!(listed.unwrap(), json!([["docs/deep/b.md", false, 5]]));
    assert_eq!(read(&folder, "docs/deep/again/b.md").await, read(&folder, "docs/deep/b.md").await);
}

#[tokio::test]
async fn a_link_inside_is_judged_where_it_leads() {
    let folder = Folder::new();
    symlink("deep/b.md", folder.at("docs/link")).unwrap();
    assert_eq!(read(&folder, "docs/link").await, Ok(json!("below")));
    let deep = folder.at("docs/deep");
    let gate = Asked::with(move |capability| match capability {
        Capability::Read(path) if path.starts_with(&deep) => Err("not that deep".to_string()),
        _ => Ok(Use::Fresh(0)),
    });
    let result = folder.run(&gate, "read", json!({"path": "docs/link"})).await;
    assert_eq!(result, Err("not that deep".to_string()));
}

/// Runs `swap` in a loop in another thread while `work` goes on.
async fn while_swapping<T>(swap: impl Fn() + Send + 'static, work: impl Future<Output = T>) -> T {
    let stop = Arc::new(AtomicBool::new(false));
    let stopped = Arc::clone(&stop);
    let thread = std::thread::spawn(move || {
        while !stopped.load(Ordering::Relaxed) {
            swap();
        }
    });
    let result = work.await;
    stop.store(true, Ordering::Relaxed);
    thread.join().unwrap();
    result
}

/// All that is seen at a path while it is swapped, until both of its states were met.
async fn reread(folder: &Folder, path: &str) -> String {
    let gate = Asked::everything();
    let arguments = json!({"path": path, "times": 2000});
    let mut seen = String::new();
    for _ in 0..200 {
        let round = folder.invoke(&gate, "reread", arguments.clone(), LIMITS).await;
        seen.push_str(&round.result.unwrap().to_string());
        if seen.contains("open") && (seen.contains("is a link") || seen.contains("leads out")) {
            return seen;
        }
    }
    panic!("only one of the two was ever there: {seen}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn symlink_swapped_while_reading() {
    let folder = Folder::new();
    let (file, draft) = (folder.at("docs/swapped"), folder.at("docs/draft"));
    let secret = folder.at("private/secret.txt");
    fs::write(&file, "open").unwrap();
    let swap = move || {
        symlink(&secret, &draft).unwrap();
        fs::rename(&draft, &file).unwrap();
        fs::write(&draft, "open").unwrap();
        fs::rename(&draft, &file).unwrap();
    };
    let seen = while_swapping(swap, reread(&folder, "docs/swapped")).await;
    assert!(!seen.contains("secret that"), "{seen}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn folder_swapped_for_a_symlink_while_reading() {
    let folder = Folder::new();
    fs::create_dir(folder.at("docs/real")).unwrap();
    fs::write(folder.at("docs/real/secret.txt"), "open").unwrap();
    let (real, aside, link) =
        (folder.at("docs/real"), folder.at("docs/aside"), folder.at("private"));
    let swap = move || {
        fs::rename(&real, &aside).unwrap();
        symlink(&link, &real).unwrap();
        fs::remove_file(&real).unwrap();
        fs::rename(&aside, &real).unwrap();
    };
    let seen = while_swapping(swap, reread(&folder, "docs/real/secret.txt")).await;
    assert!(!seen.contains("secret that"), "{seen}");
}

#[tokio::test]
async fn pipes_and_devices() {
    let folder = Folder::new();
    let made = std::process::Command::new("mkfifo").arg(folder.at("docs/pipe")).status().unwrap();
    assert!(made.success());
    refused(read(&folder, "docs/pipe").await, "`docs/pipe` is not a regular file");
    let _socket = std::os::unix::net::UnixListener::bind(folder.at("docs/socket")).unwrap();
    refused(read(&folder, "docs/socket").await, "not a regular file");
    let devices = Folder::with(|config| config.read = vec!["/dev".into()]);
    refused(read(&devices, "/dev/zero").await, "`/dev/zero` is not a regular file");
    let made = std::process::Command::new("mkfifo").arg(folder.at("out/pipe")).status().unwrap();
    assert!(made.success());
    refused(write(&folder, "out/pipe").await, "not a regular file");
}

#[tokio::test]
async fn what_is_no_file() {
    let folder = Folder::new();
    refused(read(&folder, "docs").await, "`docs` is a folder");
    refused(read(&folder, "docs/missing").await, "`docs/missing` does not exist");
    refused(read(&folder, "docs/a.md/x").await, "`docs/a.md/x` is not in a folder");
    refused(write(&folder, "out").await, "`out` is a folder");
}

#[tokio::test]
async fn a_file_that_is_too_big() {
    let folder = Folder::with(|config| config.file_bytes = 1 << 20);
    fs::File::create(folder.at("docs/big")).unwrap().set_len(5 << 20).unwrap();
    refused(read(&folder, "docs/big").await, "`docs/big` is 5 MiB; files over 1 MiB");
    let arguments = json!({"path": "out/big", "content": "x".repeat((1 << 20) + 1)});
    let result = folder.run(&Asked::everything(), "write", arguments).await;
    refused(result, "files over 1 MiB cannot be written");
}

#[tokio::test]
async fn one_granted_file_is_not_its_folder() {
    let folder = Folder::with(|config| config.read = vec![config.root.join("docs/a.md")]);
    assert_eq!(read(&folder, "docs/a.md").await, Ok(json!("hello")));
    refused(read(&folder, "docs/deep/b.md").await, "in no file or folder");
    refused(read(&folder, "docs/a.md/../deep/b.md").await, "in no file or folder");
}

#[tokio::test]
async fn the_agents_whole_folder() {
    let folder = Folder::with(|config| config.read = vec![config.root.clone()]);
    let gate = Asked::everything();
    assert_eq!(folder.run(&gate, "roots", json!({})).await, Ok(json!(["."])));
    assert_eq!(read(&folder, "docs/a.md").await, Ok(json!("hello")));
    let listed = folder.run(&gate, "list", json!({"path": ""})).await;
    assert_eq!(listed, Ok(json!([["docs", true, 0], ["out", true, 0], ["private", true, 0]])));
}

#[tokio::test]
async fn files_through_wasi() {
    let folder = Folder::new();
    let path = folder.at("docs/a.md");
    let result = folder.run(&Asked::everything(), "wasi-files", json!({"path": path})).await;
    assert_eq!(result, Ok(json!([false, false, false, false, false])));
}

#[tokio::test]
async fn environment() {
    let result = Folder::new().run(&Asked::everything(), "environment", json!({})).await;
    assert_eq!(result, Ok(json!({"variables": [], "arguments": [], "stdin": 0})));
}
