//! Jupyter notebooks (nbformat 4): each cell under a heading with its number.

use serde_json::Value;

/// Characters of one output that are shown.
const OUTPUT: usize = 4_000;

pub(crate) fn text(bytes: &[u8]) -> Result<String, String> {
    let book: Value = serde_json::from_slice(bytes)
        .map_err(|error| format!("a notebook that is broken: {error}"))?;
    let cells = book["cells"].as_array().ok_or("a notebook without cells")?;
    let language = book["metadata"]["language_info"]["name"]
        .as_str()
        .or(book["metadata"]["kernelspec"]["language"].as_str())
        .unwrap_or_default();
    let mut out = String::new();
    for (cell, number) in cells.iter().zip(1..) {
        let kind = cell["cell_type"].as_str().unwrap_or("raw");
        let source = joined(&cell["source"]);
        out += &format!("## Cell {number} ({kind})\n\n");
        match kind {
            "code" => out += &fenced(language, source.trim_end()),
            // Its own headings would end the cell's.
            _ => out += &deeper(source.trim_end()),
        }
        out += "\n\n";
        for output in cell["outputs"].as_array().into_iter().flatten() {
            let text = output_text(output);
            if !text.trim().is_empty() {
                out += &format!("Output:\n\n{}\n\n", fenced("", text.trim_end()));
            }
        }
    }
    Ok(out)
}

fn output_text(output: &Value) -> String {
    let text = match output["output_type"].as_str() {
        Some("stream") => joined(&output["text"]),
        Some("error") => {
            let said = |key: &str| output[key].as_str().unwrap_or_default();
            format!("{}: {}", said("ename"), said("evalue"))
        }
        _ => joined(&output["data"]["text/plain"]),
    };
    match text.char_indices().nth(OUTPUT) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// A text, or its lines.
fn joined(value: &Value) -> String {
    match value {
        Value::Array(lines) => lines.iter().filter_map(Value::as_str).collect(),
        value => value.as_str().unwrap_or_default().to_string(),
    }
}

/// In a fence that nothing in it can end.
fn fenced(language: &str, text: &str) -> String {
    let mut fence = "```".to_string();
    while text.contains(&fence) {
        fence.push('`');
    }
    format!("{fence}{language}\n{text}\n{fence}")
}

fn deeper(markdown: &str) -> String {
    let lines = markdown.lines().map(|line| match line.starts_with('#') {
        true => format!("##{line}"),
        false => line.to_string(),
    });
    lines.collect::<Vec<_>>().join("\n")
}
