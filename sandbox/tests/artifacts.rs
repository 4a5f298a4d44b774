//! Compiled components on disk are machine code: what was not compiled here is never run, whatever
//! it is called.

#![expect(clippy::unwrap_used, reason = "tests")]

mod common;

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use agent_core::sandbox::Sandbox;
use agent_core::tool::{Component, Guest};
use common::{Asked, IMPORTS, LIMITS, permit, probe};
use sandbox::{Config, Wasm};
use serde_json::json;
use tempfile::TempDir;

/// A cache of its own, and the artifact of the probe in it.
struct Cache {
    folder: TempDir,
}

impl Cache {
    async fn new() -> Cache {
        let cache = Cache { folder: TempDir::new().unwrap() };
        cache.probe_answers().await;
        cache
    }

    fn at(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    /// A process that starts now.
    fn wasm(&self) -> Wasm {
        Wasm::new(Config::new("/", self.at("cache"))).unwrap()
    }

    async fn probe_answers(&self) {
        let guest = Guest::builtin(probe(), IMPORTS, LIMITS);
        let permit = permit("c1", "echo", json!({"n": 1}));
        let call = self.wasm().invoke(&permit, &guest, &Asked::nothing()).await.unwrap();
        assert_eq!(call.result, Ok(json!({"n": 1})));
    }

    fn artifacts(&self) -> Vec<PathBuf> {
        let files = fs::read_dir(self.at("cache")).unwrap().map(|file| file.unwrap().path());
        files.filter(|path| path.extension().is_some_and(|end| end == "cwasm")).collect()
    }

    /// What an attacker wants to be run in the probe's place: another component's code, as this
    /// very engine compiled and sealed it.
    async fn other(&self) -> PathBuf {
        let before = self.artifacts();
        let text = "(component (core module $m (func (export \"f\") (result i32) i32.const 7)) \
                    (core instance $i (instantiate $m)) (func (export \"f\") (result u32) \
                    (canon lift (core func $i \"f\"))))";
        let path = self.at("other.wasm");
        fs::write(&path, wat::parse_str(text).unwrap()).unwrap();
        self.wasm().prepare(&Component::File(Arc::new(path))).await.unwrap();
        self.artifacts().into_iter().find(|path| !before.contains(path)).unwrap()
    }
}

fn replace(from: &Path, to: &Path) {
    fs::remove_file(to).unwrap();
    fs::copy(from, to).unwrap();
}

#[tokio::test]
async fn a_compiled_component_that_was_rewritten() {
    let cache = Cache::new().await;
    let [probe] = &cache.artifacts()[..] else { panic!("one component, one artifact") };
    let good = fs::read(probe).unwrap();
    let other = cache.other().await;
    replace(&other, probe);
    cache.probe_answers().await;
    // It was compiled again, and what was put there is gone.
    assert_eq!(fs::read(probe).unwrap().len(), good.len());
}

#[tokio::test]
async fn a_compiled_component_with_another_ones_seal() {
    let cache = Cache::new().await;
    let [probe] = &cache.artifacts()[..] else { panic!("one component, one artifact") };
    let other = cache.other().await;
    replace(&other, probe);
    replace(&other.with_extension("seal"), &probe.with_extension("seal"));
    cache.probe_answers().await;
}

#[tokio::test]
async fn a_compiled_component_sealed_with_a_key_of_ones_own() {
    let (cache, theirs) = (Cache::new().await, Cache::new().await);
    let [probe] = &cache.artifacts()[..] else { panic!("one component, one artifact") };
    let other = theirs.other().await;
    for end in ["cwasm", "seal"] {
        replace(&other.with_extension(end), &probe.with_extension(end));
    }
    cache.probe_answers().await;
}

#[tokio::test]
async fn a_compiled_component_without_a_seal_or_behind_a_link() {
    let cache = Cache::new().await;
    let [probe] = &cache.artifacts()[..] else { panic!("one component, one artifact") };
    let other = cache.other().await;
    for seal in [&b""[..], b"short", &[0; 32], &[0; 64]] {
        fs::write(probe.with_extension("seal"), seal).unwrap();
        replace(&other, probe);
        cache.probe_answers().await;
    }
    fs::remove_file(probe.with_extension("seal")).unwrap();
    replace(&other, probe);
    cache.probe_answers().await;
    fs::remove_file(probe).unwrap();
    symlink(&other, probe).unwrap();
    cache.probe_answers().await;
}

#[tokio::test]
async fn a_key_that_others_could_read_is_replaced() {
    let cache = Cache::new().await;
    let key = cache.at("cache.key");
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&key), fs::read(&key).unwrap().len()), (0o600, 32));
    let known = fs::read(&key).unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    cache.probe_answers().await;
    assert_eq!(mode(&key), 0o600);
    assert_ne!(fs::read(&key).unwrap(), known);
    // And one that is a link, or cut short.
    fs::rename(&key, cache.at("elsewhere")).unwrap();
    symlink(cache.at("elsewhere"), &key).unwrap();
    cache.probe_answers().await;
    assert!(fs::symlink_metadata(&key).unwrap().is_file());
    fs::write(&key, b"short").unwrap();
    // A process of the same number was killed while it made one.
    fs::write(cache.at(&format!("cache.{}.draft", std::process::id())), b"half").unwrap();
    cache.probe_answers().await;
    assert_eq!(fs::read(&key).unwrap().len(), 32);
}
