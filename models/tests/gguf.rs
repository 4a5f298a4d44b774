//! Files that are cut or changed anywhere are errors or other files, never a panic.

#![allow(clippy::unwrap_used, missing_docs)]

mod tiny;

use models::import::{Gguf, ImportError, ModelInfo, import};
use tiny::{Family, Network, VOCAB, Writer};

fn open(bytes: &[u8]) -> Result<Gguf, ImportError> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    Gguf::open(file.path())
}

/// Where the tensors' data begins.
fn header(bytes: &[u8]) -> usize {
    let last = bytes.windows(15).rposition(|window| window == b"ffn_down.weight").unwrap();
    (last + 15 + 4 + 16 + 4 + 8).next_multiple_of(32)
}

#[test]
fn a_file_cut_anywhere_is_refused() {
    let bytes = Network::random(Family::Llama, 1).gguf();
    assert!(open(&bytes).is_ok());
    let header = header(&bytes);
    for length in (0..header + 40).chain([bytes.len() - 100, bytes.len() - 33]) {
        let error = open(&bytes[..length]).unwrap_err();
        assert!(matches!(error, ImportError::Broken { .. }), "cut at {length}: {error}");
    }
}

#[test]
fn a_header_changed_anywhere_never_panics() {
    let bytes = Network::random(Family::Qwen2, 1).gguf();
    for at in 0..header(&bytes) {
        for value in [0xff, bytes[at] ^ 1] {
            let mut changed = bytes.clone();
            changed[at] = value;
            // Either is fine; it must come back.
            drop(open(&changed));
        }
    }
}

#[test]
fn an_import_of_a_changed_file_leaves_all_or_nothing() {
    let bytes = Network::random(Family::Qwen2, 1).gguf();
    let folder = tempfile::tempdir().unwrap();
    let (gguf, into) = (folder.path().join("m.gguf"), folder.path().join("m"));
    for at in (4..header(&bytes)).step_by(29) {
        let mut changed = bytes.clone();
        changed[at] ^= 0x10;
        std::fs::write(&gguf, changed).unwrap();
        let result = import(&gguf, &into, &mut |_, _| {});
        assert_eq!(result.is_ok(), into.exists());
        assert!(!folder.path().join("m.part").exists());
        if result.is_ok() {
            assert_eq!(ModelInfo::open(&into).unwrap().vocab, VOCAB);
            std::fs::remove_dir_all(&into).unwrap();
        }
    }
}

#[test]
fn impossible_counts_allocate_nothing() {
    let mut many = b"GGUF\x03\0\0\0".to_vec();
    many.extend(u64::MAX.to_le_bytes());
    many.extend(1_u64.to_le_bytes());
    let error = open(&many).unwrap_err().to_string();
    assert!(
        error.contains("18446744073709551615 tensors cannot be in a file this long"),
        "{error}"
    );

    let mut file = Writer::default();
    file.texts("tokenizer.ggml.tokens", &[]);
    let mut bytes = file.finish();
    let count = bytes.windows(12).position(|w| w == [8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]).unwrap();
    bytes[count + 4..count + 12].copy_from_slice(&(1_u64 << 40).to_le_bytes());
    let error = open(&bytes).unwrap_err().to_string();
    assert!(error.contains("1099511627776 elements of `tokenizer.ggml.tokens`"), "{error}");
}

#[test]
fn another_architecture_is_refused_by_name() {
    let mut file = Writer::default();
    file.text("general.architecture", "mamba");
    let folder = tempfile::tempdir().unwrap();
    let gguf = folder.path().join("m.gguf");
    std::fs::write(&gguf, file.finish()).unwrap();
    let error = import(&gguf, &folder.path().join("m"), &mut |_, _| {}).unwrap_err().to_string();
    assert!(
        error.ends_with(
            "its architecture is `mamba`, and only `llama`, `qwen2`, `qwen3`, `gemma3`, `phi3`, \
             `smollm3` and `granite` are known"
        ),
        "{error}"
    );
}

#[test]
fn a_file_in_parts_is_imported_as_one() {
    let network = Network::random(Family::Qwen2, 1);
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let convert = |name: &str| {
        let into = at("made");
        import(&at(name), &into, &mut |_, _| {}).map_err(|error| error.to_string())?;
        Ok::<_, String>(std::fs::read(into.join("model.onnx.data")).unwrap())
    };
    let [first, second] = network.parts();
    std::fs::write(at("m.gguf"), network.gguf()).unwrap();
    std::fs::write(at("m-00001-of-00002.gguf"), &first).unwrap();
    let error = convert("m-00001-of-00002.gguf").unwrap_err();
    assert!(error.contains("it is part 1 of 2") && error.contains("00002.gguf` is not"), "{error}");

    std::fs::write(at("m-00002-of-00002.gguf"), &second).unwrap();
    assert!(convert("m-00001-of-00002.gguf").unwrap() == convert("m.gguf").unwrap());

    let error = convert("m-00002-of-00002.gguf").unwrap_err();
    assert!(
        error.ends_with("it is part 2 of 2: name the first, `m-00001-of-00002.gguf`"),
        "{error}"
    );
    std::fs::write(at("part.gguf"), &first).unwrap();
    let error = convert("part.gguf").unwrap_err();
    assert!(error.contains("should end in `-00001-of-00002.gguf`"), "{error}");
    // The same part twice.
    std::fs::write(at("m-00002-of-00002.gguf"), &first).unwrap();
    let error = convert("m-00001-of-00002.gguf").unwrap_err();
    assert!(error.contains("does not say that it is part 2 of 2"), "{error}");
}
