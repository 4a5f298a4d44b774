//! A file of MCP servers as other programs have it: JSON with comments and trailing commas, under the key
//! that each program has for it, each server in the one form `command`, `args`, `env`, `cwd`, `url`,
//! `headers`, `disabled`. What a server means, and whether it can be used, is for who reads it.
//!
//! Refuses to say what stands in a file that cannot be read: it may be a token.

mod entry;

use jsonc_parser::{ParseOptions, parse_to_serde_value};
use serde_json::{Map, Value};
use text::utf8;

/// Where programs have their servers: Claude, Cursor and most others; VS Code; Zed; settings of VS Code.
const PLACES: [&[&str]; 5] = [
    &["mcpServers"],
    &["servers"],
    &["context_servers"],
    &["mcp", "servers"],
    &["mcp", "mcpServers"],
];

/// Where servers may stand beside or in place of other things: opencode, and pages about a server that
/// show it without what stands around it in a file.
const MAYBE: [&[&str]; 2] = [&["mcp"], &[]];

/// A file that has no servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unread {
    /// It cannot be read.
    #[error("it is not JSON, at line {line} column {column}")]
    Json {
        /// Where it is none, from 1.
        line: usize,
        /// Likewise.
        column: usize,
    },
    /// It is something else.
    #[error("it has no `mcpServers` with servers in it")]
    Other,
}

/// The servers of a file by the names that it has for them, in its order.
///
/// # Errors
/// It is not JSON, or holds no servers.
pub fn servers(bytes: &[u8]) -> Result<Map<String, Value>, Unread> {
    let file = read(utf8::unmarked(bytes))?;
    let at = |place: &[&str]| place.iter().try_fold(&file, |value, key| value.get(*key));
    if let Some(known) = PLACES.iter().find_map(|place| at(place)) {
        return entry::named(known).ok_or(Unread::Other);
    }
    let mut maybe = MAYBE.iter().filter_map(|place| at(place)).filter_map(entry::named);
    maybe.find(|all| !all.is_empty() && all.values().all(entry::is_one)).ok_or(Unread::Other)
}

fn read(bytes: &[u8]) -> Result<Value, Unread> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let before = &bytes[..error.valid_up_to()];
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
        let column = 1 + before.iter().rev().take_while(|byte| **byte != b'\n').count();
        Unread::Json { line, column }
    })?;
    let options = ParseOptions {
        allow_comments: true,
        allow_trailing_commas: true,
        allow_loose_object_property_names: false,
        allow_missing_commas: false,
        allow_single_quoted_strings: false,
        allow_hexadecimal_numbers: false,
        allow_unary_plus_numbers: false,
        allow_bare_decimal_point_numbers: false,
        allow_non_finite_numbers: false,
        allow_extended_string_escapes: false,
    };
    parse_to_serde_value(text, &options).map_err(|error| Unread::Json {
        line: error.line_display(),
        column: error.column_display(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const IT: &str = r#"{"command": "a", "args": ["b"]}"#;

    #[test]
    fn each_program_has_its_servers_elsewhere() {
        for file in [
            format!(r#"{{"mcpServers": {{"it": {IT}}}}}"#),
            format!("\u{feff}// mine\n{{\"mcpServers\": {{\"it\": {IT}, /* no more */ }},\n}}\n"),
            format!(r#"{{"inputs": [], "servers": {{"it": {IT}}}}}"#),
            format!(r#"{{"context_servers": {{"it": {IT}}}, "theme": "dark"}}"#),
            format!(
                r#"{{"editor.tabSize": 2, "mcp": {{"inputs": [], "servers": {{"it": {IT}}}}}}}"#
            ),
            format!(r#"{{"mcp": {{"it": {IT}}}}}"#),
            format!(r#"{{"it": {IT}}}"#),
            r#"{"mcpServers": [{"name": "it", "command": "a", "args": ["b"]}]}"#.to_string(),
        ] {
            let servers =
                servers(file.as_bytes()).unwrap_or_else(|error| panic!("{file}: {error}"));
            assert_eq!(servers["it"]["command"], "a", "{file}");
            assert_eq!(servers["it"]["args"], serde_json::json!(["b"]), "{file}");
        }
    }

    #[test]
    fn what_holds_no_servers_is_told_without_what_stands_there() {
        for (file, said) in [
            (&b"{\"mcpServers\": {\"a\": s3cret}}"[..], "it is not JSON, at line 1 column 22"),
            (b"{\n\"a\": \"\xff\"}", "it is not JSON, at line 2 column 7"),
            (b"{\"mcpServers\": 7}", "it has no `mcpServers` with servers in it"),
            (b"{\"name\": \"x\", \"scripts\": {}}", "it has no `mcpServers` with servers in it"),
            (b"[]", "it has no `mcpServers` with servers in it"),
            (b"", "it has no `mcpServers` with servers in it"),
        ] {
            assert_eq!(servers(file).map_err(|error| error.to_string()), Err(said.to_string()));
        }
        assert_eq!(servers(b"{\"mcpServers\": {}}"), Ok(Map::new()));
    }
}
