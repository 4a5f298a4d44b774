//! Text to tokens and back, from the model's own vocabulary: byte-level BPE (Sennrich et al.,
//! 2016; GPT-2's byte alphabet) or SentencePiece's BPE, through the `tokenizers` crate.
//!
//! Markers such as `<|im_start|>` are never read out of plain text here: [`Tokenizer::encode`]
//! spells them with ordinary tokens. Only [`Tokenizer::encode_marked`] makes marker tokens, and
//! only the template's own text is given to it unguarded (see `template`).

use std::collections::HashMap;

use tokenizers::models::bpe::{BPE, Vocab};
use tokenizers::normalizers::replace::Replace;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::digits::Digits;
use tokenizers::pre_tokenizers::sequence::Sequence;
use tokenizers::pre_tokenizers::split::{Split, SplitPattern};
use tokenizers::{PreTokenizerWrapper, SplitDelimiterBehavior};

use super::EngineError;
use crate::import::{TokenizerInfo, is_text};

/// What SentencePiece writes for a blank.
const BLANK: char = '\u{2581}';

/// The pattern of Qwen2 and its children: one digit at a time.
const QWEN2: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
/// The pattern of Llama 3: up to three digits.
const LLAMA3: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

/// The pattern of GPT-4o and its children: words with their case, up to three digits.
const GPT4O: &str = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+";

/// Texts by which vocabularies mark the end of a turn or of everything, whatever `eos` says.
const ENDS: [&str; 9] = [
    "<end_of_turn>",
    "<|im_end|>",
    "<|endoftext|>",
    "<|eot_id|>",
    "<|eom_id|>",
    "<|end_of_text|>",
    "<|end|>",
    "<|return|>",
    "</s>",
];

/// What a token is for (GGUF specification, `tokenizer.ggml.token_type`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A piece of text.
    Text,
    /// Marks structure, never text: `<|im_start|>`.
    Control,
    /// Added whole to the vocabulary: `<tool_call>`.
    Added,
    /// Padding of the vocabulary; means nothing.
    Unused,
    /// One byte, written `<0x0A>`.
    Byte,
}

impl Kind {
    /// From GGUF's number; a token without one means nothing.
    fn of(code: Option<&i64>) -> Kind {
        match code {
            Some(1) => Kind::Text,
            Some(3) => Kind::Control,
            Some(4) => Kind::Added,
            Some(6) => Kind::Byte,
            _ => Kind::Unused,
        }
    }
}

/// One model's tokenizer.
pub struct Tokenizer {
    inner: tokenizers::Tokenizer,
    bytes: Vec<Vec<u8>>,
    kinds: Vec<Kind>,
    /// Markers by their first byte, the longest first.
    markers: HashMap<u8, Vec<(String, u32)>>,
    ends: Vec<u32>,
    bos: Option<u32>,
    /// Text after a marker, and at the beginning, gets a blank in front.
    blank: bool,
}

impl Tokenizer {
    /// Builds it; `width` is how many logits the model gives, which may be more than there are
    /// tokens.
    pub fn new(info: &TokenizerInfo, width: usize) -> Result<Tokenizer, EngineError> {
        let mut inner = tokenizers::Tokenizer::new(merges(info)?);
        let alphabet = match info.model.as_str() {
            "gpt2" => {
                inner.with_pre_tokenizer(Some(pre_tokenizer(&info.pre)?));
                alphabet()
            }
            "llama" => {
                let blanks = Replace::new(" ", BLANK.to_string())
                    .map_err(|error| EngineError::Tokenizer(error.to_string()))?;
                inner.with_normalizer(Some(blanks));
                HashMap::from([(BLANK, b' ')])
            }
            other => {
                return Err(EngineError::Tokenizer(format!(
                    "its algorithm is `{other}`, and `gpt2` (byte-level BPE) and `llama` \
                     (SentencePiece's BPE) are known"
                )));
            }
        };
        let mut bytes = Vec::with_capacity(width);
        let mut kinds = Vec::with_capacity(width);
        let mut markers: HashMap<u8, Vec<(String, u32)>> = HashMap::new();
        let mut ends = Vec::new();
        for (id, text) in (0u32..).zip(&info.tokens) {
            let kind = kind(info, id);
            bytes.push(match kind {
                Kind::Text => spell(&alphabet, text),
                Kind::Control | Kind::Added => text.clone().into_bytes(),
                Kind::Byte => byte(text).into_iter().collect(),
                Kind::Unused => Vec::new(),
            });
            kinds.push(kind);
            if let (Kind::Control | Kind::Added, Some(first)) = (kind, text.bytes().next()) {
                markers.entry(first).or_default().push((text.clone(), id));
            }
            if info.eos == Some(id) || (kind == Kind::Control && ENDS.contains(&text.as_str())) {
                ends.push(id);
            }
        }
        if ends.is_empty() {
            return Err(EngineError::Tokenizer("no token ends a turn".to_string()));
        }
        // The model's own end comes first: it is the one that a mask needs to name.
        ends.sort_by_key(|&id| info.eos != Some(id));
        for list in markers.values_mut() {
            list.sort_by_key(|(text, _)| std::cmp::Reverse(text.len()));
        }
        let width = width.max(bytes.len());
        bytes.resize(width, Vec::new());
        kinds.resize(width, Kind::Unused);
        let bos = info.add_bos.then_some(info.bos).flatten();
        Ok(Tokenizer { inner, bytes, kinds, markers, ends, bos, blank: info.add_space })
    }

    /// Plain text; a marker in it is spelled with ordinary tokens.
    pub fn encode(&self, text: &str) -> Vec<u32> {
        match self.inner.encode_fast(text, false) {
            Ok(encoding) => encoding.get_ids().to_vec(),
            // Byte-level BPE without truncation has no way to fail.
            Err(error) => {
                tracing::error!(%error, "tokenizing failed");
                Vec::new()
            }
        }
    }

    /// Rendered template text: markers become their tokens. `guard` is a character that breaks
    /// up markers in text that is not the template's; it is left out.
    pub fn encode_marked(&self, text: &str, guard: char) -> Vec<u32> {
        let mut tokens = Vec::new();
        let mut plain = String::new();
        let flush = |plain: &mut String, tokens: &mut Vec<u32>| {
            if !plain.is_empty() {
                if self.blank {
                    plain.insert(0, ' ');
                }
                tokens.extend(self.encode(plain));
                plain.clear();
            }
        };
        let mut rest = text;
        while let Some(next) = rest.chars().next() {
            if let Some((marker, id)) = self.marker_at(rest) {
                flush(&mut plain, &mut tokens);
                tokens.push(id);
                rest = &rest[marker.len()..];
                continue;
            }
            if next != guard {
                plain.push(next);
            }
            rest = &rest[next.len_utf8()..];
        }
        flush(&mut plain, &mut tokens);
        if let Some(bos) = self.bos
            && tokens.first() != Some(&bos)
        {
            tokens.insert(0, bos);
        }
        tokens
    }

    /// The marker that `text` begins with, or would begin with if more of it came (a marker cut
    /// by the end of `text`), for guarding.
    pub(super) fn marker_begins(&self, text: &str, control_only: Markers) -> bool {
        let Some(list) = text.bytes().next().and_then(|first| self.markers.get(&first)) else {
            return false;
        };
        list.iter().any(|(marker, id)| {
            (control_only == Markers::All || self.kinds[*id as usize] == Kind::Control)
                && (text.starts_with(marker.as_str()) || marker.starts_with(text))
        })
    }

    /// The marker that `text` begins with, and its token.
    pub(crate) fn marker_at<'a>(&'a self, text: &str) -> Option<(&'a str, u32)> {
        let list = self.markers.get(text.as_bytes().first()?)?;
        list.iter()
            .find(|(marker, _)| text.starts_with(marker.as_str()))
            .map(|(marker, id)| (marker.as_str(), *id))
    }

    /// The token that is exactly this marker.
    pub fn marker(&self, text: &str) -> Option<u32> {
        let (marker, id) = self.marker_at(text)?;
        (marker.len() == text.len()).then_some(id)
    }

    /// What a token spells: pieces of UTF-8, a marker's text, or nothing.
    pub fn bytes(&self, token: u32) -> &[u8] {
        self.bytes.get(token as usize).map_or(&[], Vec::as_slice)
    }

    /// What a token is for.
    pub fn kind(&self, token: u32) -> Kind {
        self.kinds.get(token as usize).copied().unwrap_or(Kind::Unused)
    }

    /// Whether this token ends the model's turn.
    pub fn ends(&self, token: u32) -> bool {
        self.ends.contains(&token)
    }

    /// Whether a model may write this token as text, or to end.
    pub fn speaks(&self, token: u32) -> bool {
        matches!(self.kind(token), Kind::Text | Kind::Added | Kind::Byte) || self.ends(token)
    }

    /// All tokens that end a turn, the model's own first.
    pub fn end_tokens(&self) -> &[u32] {
        &self.ends
    }

    /// How many logits a position has.
    pub fn width(&self) -> usize {
        self.bytes.len()
    }
}

/// What a token is for. A vocabulary of SentencePiece also counts text as defined by a person, such as
/// several line ends.
fn kind(info: &TokenizerInfo, id: u32) -> Kind {
    match Kind::of(info.types.get(id as usize)) {
        Kind::Added if info.model == "llama" => match info.tokens.get(id as usize) {
            Some(text) if is_text(text) => Kind::Text,
            _ => Kind::Added,
        },
        kind => kind,
    }
}

/// The name that GGUF gives to a way of cutting text, from a `tokenizer.json`'s own words: its
/// splitters as text, and their patterns. `whole`: words of the vocabulary are not put together.
pub(crate) fn splitting(splitters: &str, patterns: &[&str], whole: bool) -> Option<&'static str> {
    let [pattern] = patterns else {
        let digits = splitters.contains("\"Digits\"");
        let bytes = splitters.contains("\"ByteLevel\"") && splitters.contains("\"use_regex\":true");
        return match (patterns.is_empty() && bytes, digits) {
            (true, true) => Some("smollm"),
            (true, false) => Some("gpt-2"),
            _ => None,
        };
    };
    match *pattern {
        QWEN2 => Some("qwen2"),
        LLAMA3 if whole => Some("llama-bpe"),
        LLAMA3 => Some("dbrx"),
        GPT4O => Some("gpt-4o"),
        _ => None,
    }
}

/// Which markers a piece of text may not form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Markers {
    /// Any at all.
    All,
    /// Control tokens; words added to the vocabulary are the model's own and stay.
    Control,
}

fn merges(info: &TokenizerInfo) -> Result<BPE, EngineError> {
    let mut vocab = Vocab::default();
    for (id, text) in (0u32..).zip(&info.tokens) {
        let kind = kind(info, id);
        if kind == Kind::Text || kind == Kind::Byte && info.model == "llama" {
            vocab.insert(text.clone(), id);
        }
    }
    let mut pairs = Vec::with_capacity(info.merges.len());
    for merge in &info.merges {
        let (left, right) = merge
            .split_once(' ')
            .ok_or_else(|| EngineError::Tokenizer(format!("merge `{merge}` is no pair")))?;
        pairs.push((left.to_string(), right.to_string()));
    }
    let whole_words_first = matches!(info.pre.as_str(), "llama-bpe" | "llama3");
    BPE::builder()
        .vocab_and_merges(vocab, pairs)
        .ignore_merges(whole_words_first)
        .byte_fallback(info.model == "llama")
        .build()
        .map_err(|error| EngineError::Tokenizer(error.to_string()))
}

/// How text is cut before merging, by the name that GGUF gives it.
pub(crate) fn pre_tokenizer(name: &str) -> Result<PreTokenizerWrapper, EngineError> {
    let bytes = ByteLevel::new(false, false, false);
    let split = |pattern: &str| {
        Split::new(
            SplitPattern::Regex(pattern.to_string()),
            SplitDelimiterBehavior::Isolated,
            false,
        )
        .map_err(|error| EngineError::Tokenizer(error.to_string()))
    };
    Ok(match name {
        "qwen2" => Sequence::new(vec![split(QWEN2)?.into(), bytes.into()]).into(),
        "llama-bpe" | "llama3" | "dbrx" | "smaug-bpe" => {
            Sequence::new(vec![split(LLAMA3)?.into(), bytes.into()]).into()
        }
        "gpt-4o" => Sequence::new(vec![split(GPT4O)?.into(), bytes.into()]).into(),
        "smollm" | "refact" | "starcoder" => {
            Sequence::new(vec![Digits::new(true).into(), bytes.use_regex(true).into()]).into()
        }
        "gpt-2" | "default" | "" => bytes.use_regex(true).into(),
        other => {
            return Err(EngineError::Tokenizer(format!(
                "its pre-tokenizer `{other}` is not known (known are `qwen2`, `smollm`, \
                 `llama-bpe`, `dbrx`, `gpt-4o`, `refact` and `gpt-2`)"
            )));
        }
    })
}

/// GPT-2's alphabet: each byte as one printable character.
fn alphabet() -> HashMap<char, u8> {
    let printable = |byte: u8| matches!(byte, b'!'..=b'~' | 0xA1..=0xAC | 0xAE..=0xFF);
    let mut next = 0x100u32;
    let mut alphabet = HashMap::new();
    for byte in 0..=u8::MAX {
        let letter = if printable(byte) {
            Some(char::from(byte))
        } else {
            next += 1;
            char::from_u32(next - 1)
        };
        if let Some(letter) = letter {
            alphabet.insert(letter, byte);
        }
    }
    alphabet
}

/// The bytes of an ordinary token; a character outside the alphabet stands for itself.
fn spell(alphabet: &HashMap<char, u8>, text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    for letter in text.chars() {
        match alphabet.get(&letter) {
            Some(&byte) => bytes.push(byte),
            None => bytes.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    bytes
}

/// `<0x0A>` is one byte.
fn byte(text: &str) -> Option<u8> {
    let digits = text.strip_prefix("<0x")?.strip_suffix('>')?;
    u8::from_str_radix(digits, 16).ok()
}
