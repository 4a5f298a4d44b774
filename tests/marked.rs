//! Files from another system: they begin with a byte order mark, or are in another encoding.

use serde_json::json;

use crate::place::{Place, say};

/// The mark became a part of the first word, or made the file one that is none.
#[test]
fn a_mark_at_the_beginning_of_any_file_is_passed_over() {
    let place = Place::new();
    let schema = json!({"type": "object", "properties": {"a": {"type": "integer"}}});
    place.write("schema.json", format!("\u{feff}{schema}"));
    place.write("q.txt", "\u{feff}What is it?\r\n");
    place.write("replies.jsonl", format!("\u{feff}{}\n", say("{\"a\": 1}")));
    let text = "\u{feff}name = \"marked\"\ntask = \"Q: {{ q }}\"\nact = \"tools\"\n[params.q]\n\
                type = \"string\"\n[model]\nprovider = \"scripted\"\nname = \"replies.jsonl\"\n\
                [output]\nschema_file = \"schema.json\"\n";
    place.write("agent.toml", text);
    let ran = place.errand(["run", "agent.toml", "-p", "q=@q.txt", "--json"]);
    assert_eq!(ran.finished()["outcome"], json!({"a": 1}), "{ran}");
    let events = place.errand(["runs", "show", &ran.run(), "--json"]).out;
    assert!(events.contains("Q: What is it?") && !events.contains('\u{feff}'), "{events}");
    place.write(
        "q.txt",
        "\u{feff}Gr\u{fc}\u{df}e".encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>(),
    );
    let ran = place.errand(["run", "agent.toml", "-p", "q=@q.txt"]);
    assert_eq!(ran.code, Some(2), "{ran}");
    assert!(ran.err.contains("it is UTF-16, not UTF-8"), "{ran}");
}
