//! Model files of any bytes: a GGUF, a checkpoint (its `config.json`, then the safetensors), a PEFT
//! adapter (likewise) or an adapter in a GGUF; the first byte says which. Read, or refused.
#![no_main]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use models::import::{Adapter, EncoderInfo, Gguf, describe};

static GROUND: LazyLock<PathBuf> = LazyLock::new(|| tempfile::tempdir().expect("a folder").keep());

/// The bytes up to a zero byte, and those after it as a safetensors file: up to the next one its header,
/// whose length is put before it.
fn parts(bytes: &[u8]) -> (&[u8], Vec<u8>) {
    let mut parts = bytes.splitn(3, |byte| *byte == 0);
    let config = parts.next().unwrap_or_default();
    let header = parts.next().unwrap_or_default();
    let mut weights = (header.len() as u64).to_le_bytes().to_vec();
    weights.extend(header);
    weights.extend(parts.next().unwrap_or_default());
    (config, weights)
}

fn folder(name: &str, files: &[(&str, &[u8])]) -> PathBuf {
    let folder = GROUND.join(name);
    fs::create_dir_all(&folder).expect("a folder");
    for (name, bytes) in files {
        fs::write(folder.join(name), bytes).expect("a file");
    }
    folder
}

fn read(model: &Path) {
    let _ = describe(model);
    let Ok(model) = Gguf::open(model) else { return };
    for tensor in model.tensors() {
        if tensor.rows.checked_mul(tensor.cols).is_some_and(|numbers| numbers < 1 << 20) {
            let _ = model.read_f32(tensor, 0, tensor.rows, &mut Vec::new());
        }
    }
}

fuzz_target!(|bytes: &[u8]| {
    let Some((which, bytes)) = bytes.split_first() else { return };
    match which % 5 {
        0 => read(&folder("gguf", &[("model.gguf", bytes)]).join("model.gguf")),
        1 => {
            let (config, weights) = parts(bytes);
            let files = [("config.json", config), ("model.safetensors", &*weights)];
            read(&folder("checkpoint", &files));
        }
        2 => {
            let (config, weights) = parts(bytes);
            let files = [("adapter_config.json", config), ("adapter_model.safetensors", &*weights)];
            let _ = Adapter::open(&folder("peft", &files));
        }
        3 => {
            let file = folder("adapter", &[("adapter.gguf", bytes)]).join("adapter.gguf");
            let _ = Adapter::open(&file);
        }
        _ => {
            let (config, weights) = parts(bytes);
            let files = [("config.json", config), ("model.safetensors", &*weights)];
            let _ = EncoderInfo::open(&folder("encoder", &files));
        }
    }
});
