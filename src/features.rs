//! What this build can be without, and has not. A new part is an entry here, beside its feature in `Cargo.toml`.

use agent_core::agent::Provider;
use agent_file::LeftOut;

const NOTHING: LeftOut =
    LeftOut { feature: "", tables: &[], acts: &[], tools: &[], provider: None };

/// Each part, and whether it is here.
const PARTS: [(bool, LeftOut); 5] = [
    (cfg!(feature = "browser"), LeftOut { feature: "browser", tables: &["browser"], ..NOTHING }),
    (cfg!(feature = "mcp"), LeftOut { feature: "mcp", tables: &["mcp"], ..NOTHING }),
    (
        cfg!(feature = "onnx"),
        LeftOut {
            feature: "onnx",
            tools: &tools::data::NAMES,
            provider: Some(Provider::Onnx),
            ..NOTHING
        },
    ),
    (
        cfg!(feature = "openai"),
        LeftOut { feature: "openai", provider: Some(Provider::Openai), ..NOTHING },
    ),
    (
        cfg!(feature = "research"),
        LeftOut {
            feature: "research",
            tables: &["research"],
            acts: &["research", "read"],
            ..NOTHING
        },
    ),
];

/// Where an agent's model comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ModelFrom {
    /// What its file names.
    File,
    /// The program that errand is part of.
    Program,
}

/// What this build was made without. A file may name any provider where its model is the program's own.
pub(crate) fn left_out(model: ModelFrom) -> Vec<LeftOut> {
    let parts = PARTS.iter().filter(|(here, _)| !here).map(|(_, part)| *part);
    parts
        .map(|part| match model {
            ModelFrom::File => part,
            ModelFrom::Program => LeftOut { provider: None, ..part },
        })
        .collect()
}
