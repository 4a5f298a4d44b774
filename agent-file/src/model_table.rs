//! The table `[model]`, as it is written.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use agent_core::agent::{Device, Price, Protocol, Provider};
use agent_core::content::Input;
use agent_core::quirks::Quirks;

/// Which model, and how it is asked.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ModelTable {
    /// Where the model runs: `onnx` on this machine, `openai` behind any OpenAI-compatible
    /// endpoint, `scripted` from a file of prepared replies.
    #[serde(default)]
    #[schemars(with = "Provider")]
    pub provider: Option<Provider>,

    /// onnx: a name from `errand models list`, a hub repository `owner/name`, or a path that
    /// begins with `./`, `../` or `/`. openai: the id the endpoint knows the model by. scripted:
    /// the path of a JSONL file, one assistant message a line.
    #[serde(default)]
    #[schemars(with = "String", length(min = 1), example = &"qwen2.5-coder-1.5b")]
    pub name: Option<String>,

    /// openai: what the endpoint speaks. `chat`, the default, is what nearly every server does.
    #[serde(default)]
    #[schemars(with = "Protocol")]
    pub protocol: Option<Protocol>,

    /// openai: the endpoint, up to and with `/v1`. Left out: `https://api.openai.com/v1`, or
    /// `https://api.anthropic.com/v1` with `protocol = "messages"`. It needs no grant under `[permissions] net`.
    #[serde(default)]
    #[schemars(with = "String", example = &"http://127.0.0.1:8080/v1")]
    pub base_url: Option<String>,

    /// openai: the key to show the endpoint, always as `${NAME}` of an environment variable, so
    /// that the secret itself is never in the file. Left out: no key is sent.
    #[serde(default)]
    #[schemars(with = "String", example = &"${OPENAI_API_KEY}")]
    pub api_key: Option<String>,

    /// How freely tokens are chosen: 0 always takes the likeliest (the default), 1 the model's own
    /// distribution.
    #[serde(default)]
    #[schemars(with = "f32", range(min = 0.0, max = 2.0))]
    pub temperature: Option<f32>,

    /// Choose only among the likeliest tokens that together reach this probability: above 0, at
    /// most 1 (the default, all of them).
    #[serde(default)]
    #[schemars(with = "f32", extend("exclusiveMinimum" = 0.0, "maximum" = 1.0))]
    pub top_p: Option<f32>,

    /// Fixes the choices, so that the same run gives the same reply. Default: 0.
    #[serde(default)]
    #[schemars(with = "u64", range(min = 0, max = 9_223_372_036_854_775_807u64))]
    pub seed: Option<u64>,

    /// openai: the tokens that the model holds, prompt and reply together. Left out: what the endpoint
    /// says once a conversation is too long for it.
    #[serde(default)]
    #[schemars(with = "u32", range(min = 256, max = 100_000_000))]
    pub context: Option<u32>,

    /// openai: what the model reads: `["text", "image"]` for one that is shown images. What it does not
    /// read, it is told of in a line. Default: `["text"]`.
    #[serde(default)]
    #[schemars(with = "Vec<Input>")]
    pub input: Option<Vec<Input>>,

    /// openai: what the endpoint takes otherwise than most. Left out: what is known of its family, and
    /// what it refuses.
    #[serde(default)]
    #[schemars(with = "Quirks")]
    pub quirks: Option<Quirks>,

    /// The most tokens of one reply. Default: 1024.
    #[serde(default)]
    #[schemars(with = "u32", range(min = 1, max = 1_000_000))]
    pub max_tokens: Option<u32>,

    /// onnx: the most tokens of what a thinking model may think before a reply, beside `max_tokens`. Default: 0, it
    /// replies without thinking.
    #[serde(default)]
    #[schemars(with = "u32", range(max = 1_000_000))]
    pub reasoning: Option<u32>,

    /// onnx: what the model computes on. `cuda` is an error where there is no CUDA device. Default:
    /// `cpu`.
    #[serde(default)]
    #[schemars(with = "Device")]
    pub device: Option<Device>,

    /// onnx: a LoRA adapter over the model's weights: a PEFT folder or a GGUF file. It must have been
    /// made for this model.
    #[serde(default)]
    #[schemars(with = "String", example = &"./adapter")]
    pub adapter: Option<String>,

    /// The longest a model may be silent, before the first token or between two, such as `"90s"` or
    /// `"5m"`. Default: `"5m"`.
    #[serde(default)]
    #[schemars(with = "String", example = &"90s")]
    pub timeout: Option<String>,

    /// openai: other model ids at the same endpoint, tried in order when the first does not
    /// answer.
    #[serde(default)]
    #[schemars(inner(length(min = 1)))]
    pub fallback: Vec<String>,

    /// What tokens cost, in US dollars per million: `{ input = 0.15, output = 0.60 }`. Needed for
    /// `cost_usd` in the budget. It holds for the fallback models too, so give the highest.
    #[serde(default)]
    #[schemars(with = "Price")]
    pub price: Option<Price>,
}
