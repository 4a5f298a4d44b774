//! Every family, from a GGUF file and from a checkpoint's folder, without quantization: then the graph
//! must agree with the same network computed another way to a thousandth. And adapters, laid over a
//! model and merged into it.

#![allow(clippy::unwrap_used, missing_docs)]

mod tiny;

use std::path::{Path, PathBuf};

use models::import::{Adapter, Gguf, Precision, import, write_into};
use models::onnx::{Options, Session};
use serde_json::json;
use tiny::{FAMILIES, Family, Lora, Network, VOCAB};

/// Makes the model in `from` whole, without quantization.
fn whole(from: &Path, adapter: Option<&Path>, into: &Path) {
    let mut model = Gguf::open(from).unwrap();
    if let Some(adapter) = adapter {
        Adapter::open(adapter).unwrap().merge_into(&mut model).unwrap();
    }
    write_into(&model, into, Precision::Sixteen, &mut |_, _| {}).unwrap();
}

fn logits(folder: &Path, adapter: Option<&Path>, tokens: &[u32]) -> Vec<f32> {
    let options = Options { threads: 1, ..Options::default() };
    let mut session = Session::open_with(folder, adapter, options).unwrap();
    // In two pieces, so that the cache counts.
    session.feed(&tokens[..tokens.len() - 2]).unwrap();
    session.feed(&tokens[tokens.len() - 2..]).unwrap().to_vec()
}

fn tokens() -> Vec<u32> {
    (0..25_u32).map(|i| (i * 31 + i * i * 7 + 5) % VOCAB as u32).collect()
}

/// How far off, as a share of the spread.
fn off(found: &[f32], wanted: &[f64]) -> f64 {
    assert_eq!(found.len(), wanted.len());
    let mean = wanted.iter().sum::<f64>() / wanted.len() as f64;
    let spread = wanted.iter().map(|x| (x - mean).powi(2)).sum::<f64>();
    let error = found.iter().zip(wanted).map(|(a, b)| (f64::from(*a) - b).powi(2)).sum::<f64>();
    (error / spread).sqrt()
}

#[test]
fn each_family_follows_the_reference() {
    tiny::library();
    let folder = tempfile::tempdir().unwrap();
    let at = |name: String| -> PathBuf { folder.path().join(name) };
    for (seed, family) in (10..).zip(FAMILIES) {
        let network = Network::random(family, seed);
        let wanted = network.logits(&tokens());
        let (gguf, checkpoint) = (at(format!("{family:?}.gguf")), at(format!("{family:?}")));
        network.write(&gguf);
        let mut forms = vec![gguf];
        // A checkpoint says its factors by a rule, not as a list (`checkpoint::network` tests it).
        if family != Family::Llama3 {
            network.checkpoint(&checkpoint);
            forms.push(checkpoint);
        }
        for form in forms {
            let into = at("made".to_owned());
            whole(&form, None, &into);
            let off = off(&logits(&into, None, &tokens()), &wanted);
            assert!(off < 2e-3, "{}: off by {off:.5}", form.display());
        }
    }
}

#[test]
fn an_adapter_is_as_if_it_were_in_the_weights() {
    tiny::library();
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| -> PathBuf { folder.path().join(name) };
    for family in [Family::Llama, Family::Qwen2] {
        let network = Network::random(family, 3);
        let lora = Lora::random(&network, 4);
        let wanted = lora.merged(&network).logits(&tokens());
        network.write(&at("m.gguf"));
        network.checkpoint(&at("checkpoint"));
        lora.peft(&at("peft"), json!({}));
        lora.gguf(&network, &at("lora.gguf"));
        whole(&at("m.gguf"), None, &at("whole"));
        import(&at("m.gguf"), &at("quantized"), &mut |_, _| {}).unwrap();
        assert!(off(&logits(&at("whole"), None, &tokens()), &wanted) > 0.2);
        for adapter in [at("peft"), at("lora.gguf")] {
            let over = off(&logits(&at("whole"), Some(&adapter), &tokens()), &wanted);
            assert!(over < 2e-3, "{family:?}: over the whole model, off by {over:.5}");
            let over = off(&logits(&at("quantized"), Some(&adapter), &tokens()), &wanted);
            assert!(over < 0.05, "{family:?}: over the quantized model, off by {over:.5}");
            for base in [at("m.gguf"), at("checkpoint")] {
                whole(&base, Some(&adapter), &at("merged"));
                let merged = off(&logits(&at("merged"), None, &tokens()), &wanted);
                assert!(merged < 2e-3, "{family:?}: merged, off by {merged:.5}");
            }
        }
    }
}

#[test]
fn adapters_of_one_base_do_not_touch_each_other() {
    tiny::library();
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| -> PathBuf { folder.path().join(name) };
    let network = Network::random(Family::Qwen3, 3);
    network.write(&at("m.gguf"));
    import(&at("m.gguf"), &at("m"), &mut |_, _| {}).unwrap();
    let options = Options { threads: 1, ..Options::default() };
    let plain = logits(&at("m"), None, &tokens());
    let mut sessions = Vec::new();
    for (seed, name) in [(4, "one"), (5, "two")] {
        let lora = Lora::random(&network, seed);
        lora.peft(&at(name), json!({}));
        let session = Session::open_with(&at("m"), Some(&at(name)), options).unwrap();
        sessions.push((session, lora.merged(&network).logits(&tokens())));
    }
    for (session, wanted) in &mut sessions {
        assert!(off(session.feed(&tokens()).unwrap(), wanted) < 0.05);
    }
    assert_eq!(logits(&at("m"), None, &tokens()), plain);
}

#[test]
fn what_is_no_plain_adapter_of_this_model_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| -> PathBuf { folder.path().join(name) };
    let network = Network::random(Family::Qwen2, 3);
    let lora = Lora::random(&network, 4);
    network.write(&at("m.gguf"));
    let refusal = |adapter: &Path| {
        let mut model = Gguf::open(&at("m.gguf")).unwrap();
        let merged = Adapter::open(adapter).and_then(|found| found.merge_into(&mut model));
        merged.unwrap_err().to_string()
    };
    for (more, reason) in [
        (json!({"use_dora": true}), "it is DoRA"),
        (json!({"peft_type": "IA3"}), "its `peft_type` is `IA3`"),
        (json!({"bias": "all"}), "it changes biases"),
        (json!({"modules_to_save": ["lm_head"]}), "`modules_to_save`"),
        (json!({"alpha_pattern": {"q_proj": 3}}), "`alpha_pattern`"),
        (json!({"lora_alpha": null}), "no `lora_alpha`"),
    ] {
        lora.peft(&at("peft"), more);
        let error = refusal(&at("peft"));
        assert!(error.contains(reason), "{reason}: {error}");
    }
    // Another base: other sizes, fewer layers, another family.
    let mut other = Lora::random(&network, 4);
    let (_, _, _, a, b) = other.pairs.remove(0);
    other.pairs.push((
        0,
        "self_attn.q_proj",
        "attn_q",
        a.clone(),
        tiny::Matrix::stacked(&[&b, &b]),
    ));
    other.peft(&at("peft"), json!({}));
    let error = refusal(&at("peft"));
    assert!(error.contains("its `blk.0.attn_q` is 128×64 and the model's 64×64"), "{error}");
    assert!(error.contains("it was made for another base (it says `tiny/base`)"), "{error}");
    other.pairs = vec![(7, "self_attn.q_proj", "attn_q", a.clone(), b.clone())];
    other.peft(&at("peft"), json!({}));
    assert!(refusal(&at("peft")).contains("`blk.7.attn_q`, which the model does not have"));
    other.pairs = vec![(0, "mlp.experts.1", "ffn_gate", a, b)];
    other.peft(&at("peft"), json!({}));
    assert!(refusal(&at("peft")).contains("mlp.experts.1.lora_A.weight` is no part of a known"));
    lora.gguf(&Network::random(Family::Llama, 3), &at("lora.gguf"));
    let error = refusal(&at("lora.gguf"));
    assert!(error.contains("it was made for `llama`, and the model is `qwen2`"), "{error}");
    assert!(refusal(&at("m.gguf")).contains("does not say that it is a LoRA adapter"));
}
