//! For tests: a small vocabulary learned from a few sentences, and a decoder whose logits are a
//! function of the tokens it remembers and nothing else. No weights, no chance, and everything
//! between the two is the real thing.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use agent_core::message::Message;
use agent_core::model::{Form, Request, Sampling};
use agent_core::tool::{Effect, ToolSpec};
use serde_json::Value;

use crate::import::TokenizerInfo;
use crate::onnx::EngineError;
use crate::onnx::decode::{Decoder, Engine, Pace};
use crate::onnx::grammar::Grammars;
use crate::onnx::slots::Slots;
use crate::onnx::template::Template;
use crate::onnx::tokenizer::Tokenizer;

const TEXT: &str = "the quick brown fox jumps over the lazy dog. {\"name\": \"files.read\", \
    \"arguments\": {\"path\": \"docs/table.csv\", \"count\": 12, \"deep\": true}} and the answer \
    is in the other file, where the names are listed: [\"one\", \"two\", \"three\"], null, false. \
    Schöne Grüße, 你好, привет. I'll say it's 3.14 or 1,000,000 things!\n\n  def main():\n    pass";

/// SmolLM2's template: it knows no tools.
pub(in crate::onnx) const SMOLLM2: &str = "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}{{ '<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n' }}{% endif %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";

/// Qwen2.5's template.
pub(in crate::onnx) const QWEN: &str = include_str!("qwen.jinja");

/// Which markers the vocabulary has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::onnx) enum Vocab {
    /// Those of turns.
    Turns,
    /// Those of turns and of tool calls.
    Calls,
}

/// Byte-level BPE with two hundred merges.
pub(in crate::onnx) fn info(vocab: Vocab) -> TokenizerInfo {
    let mut letters: Vec<String> = Vec::new();
    let mut next = 0x100u32;
    for byte in 0..=255u32 {
        let printable = matches!(byte, 0x21..=0x7E | 0xA1..=0xAC | 0xAE..=0xFF);
        let code = if printable {
            byte
        } else {
            next += 1;
            next - 1
        };
        letters.push(char::from_u32(code).unwrap().to_string());
    }
    let mut words: Vec<Vec<String>> = TEXT
        .split_inclusive(' ')
        .map(|word| word.bytes().map(|byte| letters[byte as usize].clone()).collect())
        .collect();
    let mut tokens = letters;
    let mut merges = Vec::new();
    while merges.len() < 200 {
        let mut counts: HashMap<(String, String), usize> = HashMap::new();
        for word in &words {
            for pair in word.windows(2) {
                *counts.entry((pair[0].clone(), pair[1].clone())).or_default() += 1;
            }
        }
        let Some((pair, _)) = counts.into_iter().max_by_key(|(pair, count)| (*count, pair.clone()))
        else {
            break;
        };
        let merged = format!("{}{}", pair.0, pair.1);
        for word in &mut words {
            let mut at = 0;
            while at + 1 < word.len() {
                if word[at] == pair.0 && word[at + 1] == pair.1 {
                    word[at] = merged.clone();
                    word.remove(at + 1);
                }
                at += 1;
            }
        }
        merges.push(format!("{} {}", pair.0, pair.1));
        if !tokens.contains(&merged) {
            tokens.push(merged);
        }
    }
    let mut types = vec![1; tokens.len()];
    let mut mark = |text: &str, kind: i64| {
        tokens.push(text.to_string());
        types.push(kind);
        u32::try_from(tokens.len() - 1).unwrap()
    };
    mark("<|endoftext|>", 3);
    let bos = mark("<|im_start|>", 3);
    let eos = mark("<|im_end|>", 3);
    if vocab == Vocab::Calls {
        mark("<tool_call>", 4);
        mark("</tool_call>", 4);
    }
    mark("[PAD]", 5);
    TokenizerInfo {
        model: "gpt2".to_string(),
        pre: "qwen2".to_string(),
        tokens,
        types,
        merges,
        bos: Some(bos),
        eos: Some(eos),
        add_bos: false,
        add_space: false,
    }
}

pub(in crate::onnx) fn tokenizer(vocab: Vocab) -> Arc<Tokenizer> {
    let info = info(vocab);
    // Real models have more logits than tokens.
    Arc::new(Tokenizer::new(&info, info.tokens.len() + 7).unwrap())
}

pub(in crate::onnx) fn template(source: &str) -> Template {
    Template::new(source, "<|im_start|>".to_string(), "<|im_end|>".to_string()).unwrap()
}

pub(in crate::onnx) fn engine(vocab: Vocab, source: &str, sampling: Sampling) -> Engine<Dice> {
    let tokenizer = tokenizer(vocab);
    Engine {
        name: "dice".to_string(),
        decoder: Dice::new(tokenizer.clone()),
        template: Arc::new(template(source)),
        grammars: Arc::new(Grammars::new(tokenizer.clone()).unwrap()),
        tokenizer,
        sampling,
        context: 8192,
        fed: Vec::new(),
        pace: Pace::default(),
    }
}

pub(in crate::onnx) fn request(form: Form, max_tokens: u32) -> Request {
    Request {
        call: 0,
        messages: vec![
            Message::system("Be brief.").into(),
            Message::user("What is in the table?").into(),
        ],
        prefix: String::new(),
        form,
        max_tokens,
        reasoning: 0,
    }
}

pub(in crate::onnx) fn spec(name: &str, input: Value) -> ToolSpec {
    ToolSpec {
        name: name.to_string(),
        description: "Does it.".to_string(),
        input,
        output: Value::Bool(true),
        effect: Effect::Pure,
    }
}

/// Noise that depends on everything read so far, leaning towards ends the longer it goes on.
pub(in crate::onnx) struct Dice {
    tokenizer: Arc<Tokenizer>,
    slots: Slots,
    read: Vec<u32>,
    logits: Vec<f32>,
    stop: Option<Arc<AtomicBool>>,
    /// Calls of `feed`, and tokens in them.
    pub(in crate::onnx) feeds: usize,
    pub(in crate::onnx) tokens: usize,
}

impl Dice {
    fn new(tokenizer: Arc<Tokenizer>) -> Dice {
        let (slots, read, logits) = (Slots::new(1), Vec::new(), Vec::new());
        Dice { tokenizer, slots, read, logits, stop: None, feeds: 0, tokens: 0 }
    }

    /// Reads tokens; gives the logits after the last.
    pub(in crate::onnx) fn read(&mut self, tokens: &[u32]) -> &[f32] {
        self.feed(tokens, 1).unwrap();
        &self.logits
    }

    /// The logits after what was read.
    fn row(&self) -> Vec<f32> {
        let mut state = 0xcbf2_9ce4_8422_2325u64;
        for &token in &self.read {
            state = (state ^ u64::from(token)).wrapping_mul(0x0100_0000_01b3);
        }
        let starts = self.tokenizer.marker("<|im_start|>");
        let since = self.read.iter().rev().take_while(|&&token| Some(token) != starts).count();
        let mut logit = |token: usize| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            let noise = (state >> 40) as f32 / (1u64 << 24) as f32 * 6.0;
            let bytes = self.tokenizer.bytes(token as u32);
            let ends = matches!(bytes.first(), Some(b'"' | b'}' | b']' | b','))
                || self.tokenizer.ends(token as u32);
            if ends { noise + since as f32 / 10.0 } else { noise }
        };
        (0..self.tokenizer.width()).map(&mut logit).collect()
    }
}

impl Decoder for Dice {
    fn begin(&mut self, prompt: &[u32], _: usize, asker: u64) -> Result<usize, EngineError> {
        let begun = self.slots.begin(prompt, asker).unwrap();
        self.read = prompt[..begun.cached].to_vec();
        Ok(begun.cached)
    }

    fn end(&mut self) {
        self.slots.rewind(0, 0);
        self.slots.read(0, &self.read);
        self.slots.end(0);
    }

    fn rewind(&mut self, to: usize) {
        self.read.truncate(to);
    }

    fn stop_on(&mut self, flag: Arc<AtomicBool>) {
        self.stop = Some(flag);
    }

    fn feed(&mut self, tokens: &[u32], rows: usize) -> Result<(), EngineError> {
        if self.stop.as_ref().is_some_and(|flag| flag.load(Ordering::Relaxed)) {
            return Err(EngineError::Stopped);
        }
        assert!((1..=tokens.len()).contains(&rows));
        self.feeds += 1;
        self.tokens += tokens.len();
        self.logits.clear();
        for (place, token) in tokens.iter().enumerate() {
            self.read.push(*token);
            if place + rows >= tokens.len() {
                let row = self.row();
                self.logits.extend(row);
            }
        }
        Ok(())
    }

    fn logits(&self) -> &[f32] {
        &self.logits
    }

    fn width(&self) -> usize {
        self.tokenizer.width()
    }
}
