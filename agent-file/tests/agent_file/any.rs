//! Whatever an agent file holds, reading it comes to an end.

use proptest::prelude::*;

use super::*;

/// A folder with nothing in it, for many cases quickly.
fn bare() -> Ground {
    Ground { folder: TempDir::new().unwrap(), model: None, left_out: &[] }
}

/// Pieces of agent files, put together in any order.
fn piece() -> impl Strategy<Value = String> {
    let words = [
        "name",
        "task",
        "params",
        "q",
        "type",
        "\"string\"",
        "default",
        "[",
        "]",
        "[[",
        "]]",
        "{",
        "}",
        "=",
        ".",
        ",",
        "\n",
        "\"",
        "'''",
        "\"{{ q }}\"",
        "\"{% if q %}\"",
        "model",
        "tools",
        "use",
        "permissions",
        "read",
        "net",
        "\"*.x\"",
        "budget",
        "steps",
        "0",
        "-1",
        "1e999",
        "inf",
        "2026-01-01",
        "true",
        "output",
        "schema",
        "\"$ref\"",
        "\"#\"",
        "api_key",
        "\"${A}\"",
        "é",
        "\\",
        "\u{0}",
        "# ",
    ];
    prop::sample::select(words.to_vec()).prop_map(str::to_string)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = bare().load(&bytes, &[]);
    }

    #[test]
    fn no_pieces_make_it_panic(pieces in prop::collection::vec(piece(), 0..40)) {
        let _ = bare().load(pieces.join(" ").as_bytes(), &[]);
    }

    #[test]
    fn no_values_make_it_panic(
        key in "[a-z_.]{1,12}",
        value in "(\"[^\"\\\\]{0,20}\"|-?[0-9]{1,25}|\\[\\]|\\{\\}|true|[0-9]{4}-01-01|-?[0-9]\\.[0-9]e[0-9]{1,3})",
        table in prop::sample::select(vec!["", "[model]", "[budget]", "[params.q]", "[output.schema]", "[permissions]"]),
    ) {
        let _ = bare().load(format!("{RIGHT}{table}\n{key} = {value}\n").as_bytes(), &[]);
    }
}
