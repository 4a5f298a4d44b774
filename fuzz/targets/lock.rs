//! An `errand.lock` of any bytes: refused, or the same again once it is written and read.
#![no_main]

use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use tools::lock::{Lock, NAME};

static GROUND: LazyLock<PathBuf> = LazyLock::new(|| tempfile::tempdir().expect("a folder").keep());

fuzz_target!(|bytes: &[u8]| {
    let path = GROUND.join(NAME);
    fs::write(&path, bytes).expect("a file");
    let Ok(lock) = Lock::read(&GROUND) else { return };
    fs::write(&path, lock.render().expect("what was read can be written")).expect("a file");
    assert_eq!(Lock::read(&GROUND).expect("what was written can be read"), lock);
});
