//! Changes to the text of an agent file, with everything else as its author left it: the order, the
//! comments, the way a list is broken into lines.

use std::path::Path;

use toml_edit::{Array, ArrayOfTables, DocumentMut, Item, Table, TableLike, Value, value};

/// An agent file cannot be changed by a program.
#[derive(Debug, thiserror::Error)]
pub enum EditError {
    /// It is not TOML.
    #[error("the agent file is not TOML: {0}")]
    Toml(#[from] toml_edit::TomlError),
    /// Something in it has another shape than an agent file.
    #[error("`{0}` in the agent file is not what it should be")]
    Shape(&'static str),
}

/// Adds a component and the names of its tools to an agent file.
pub fn add(text: &str, name: &str, file: &str, tools: &[String]) -> Result<String, EditError> {
    let mut doc: DocumentMut = text.parse()?;
    let table = tools_table(&mut doc)?;
    let using = table.entry("use").or_insert_with(|| value(Array::new()));
    let using = using.as_array_mut().ok_or(EditError::Shape("[tools] use"))?;
    for tool in tools {
        if !strings(using).any(|there| there == tool) {
            push(using, tool);
        }
    }
    let components =
        table.entry("component").or_insert_with(|| Item::ArrayOfTables(ArrayOfTables::new()));
    let components =
        components.as_array_of_tables_mut().ok_or(EditError::Shape("[[tools.component]]"))?;
    let mut component = Table::new();
    component.insert("file", value(file));
    if stem(file) != name {
        component.insert("name", value(name));
    }
    component.decor_mut().set_prefix("\n");
    components.push(component);
    Ok(doc.to_string())
}

/// Takes a component out of an agent file, and its tools wherever they are named.
pub fn remove(text: &str, name: &str) -> Result<String, EditError> {
    let mut doc: DocumentMut = text.parse()?;
    let table = tools_table(&mut doc)?;
    if let Some(components) = table.get_mut("component").and_then(Item::as_array_of_tables_mut) {
        components.retain(|component| component_name(component) != Some(name.to_string()));
        if components.is_empty() {
            table.remove("component");
        }
    }
    let family = format!("{name}.");
    unname(&mut doc, &|tool| tool.starts_with(&family));
    Ok(doc.to_string())
}

/// Takes the names of tools out of an agent file that are not there any more.
pub fn forget(text: &str, gone: &[String]) -> Result<String, EditError> {
    let mut doc: DocumentMut = text.parse()?;
    unname(&mut doc, &|tool| gone.iter().any(|gone| gone == tool));
    Ok(doc.to_string())
}

/// The components that an agent file names: name and file.
pub fn components(text: &str) -> Result<Vec<(String, String)>, EditError> {
    let mut doc: DocumentMut = text.parse()?;
    let table = tools_table(&mut doc)?;
    let components = table.get("component").and_then(Item::as_array_of_tables);
    let named = components.into_iter().flatten().filter_map(|component| {
        let file = component.get("file")?.as_str()?.to_string();
        Some((component_name(component)?, file))
    });
    Ok(named.collect())
}

fn component_name(component: &Table) -> Option<String> {
    let written = |key| component.get(key).and_then(Item::as_str);
    written("name").map(str::to_string).or_else(|| written("file").map(stem))
}

fn stem(file: &str) -> String {
    Path::new(file).file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

/// `[tools]`, made if it is missing; one on a single line becomes a table of its own.
fn tools_table(doc: &mut DocumentMut) -> Result<&mut Table, EditError> {
    let item = doc.entry("tools").or_insert_with(|| Item::Table(Table::new()));
    if let Some(inline) = item.as_inline_table() {
        *item = Item::Table(inline.clone().into_table());
        if let Some(mut key) = doc.key_mut("tools") {
            key.leaf_decor_mut().clear();
        }
    }
    let item = doc.entry("tools").or_insert_with(|| Item::Table(Table::new()));
    item.as_table_mut().ok_or(EditError::Shape("[tools]"))
}

/// Takes names out of every list of tools: what is used, what is asked about, what may be called.
fn unname(doc: &mut DocumentMut, gone: &dyn Fn(&str) -> bool) {
    let strip = |table: &mut dyn TableLike, key: &str| {
        if let Some(names) = table.get_mut(key).and_then(Item::as_array_mut) {
            names.retain(|name| !name.as_str().is_some_and(gone));
        }
    };
    if let Some(permissions) = doc.get_mut("permissions").and_then(Item::as_table_like_mut) {
        strip(permissions, "ask");
    }
    if let Some(tools) = doc.get_mut("tools").and_then(Item::as_table_like_mut) {
        strip(tools, "use");
        let components = tools.get_mut("component").and_then(Item::as_array_of_tables_mut);
        for component in components.into_iter().flat_map(ArrayOfTables::iter_mut) {
            strip(component, "tools");
        }
    }
}

fn strings(array: &Array) -> impl Iterator<Item = &str> {
    array.iter().filter_map(Value::as_str)
}

/// Adds to a list as its author wrote it: on a line of its own where the others are.
fn push(array: &mut Array, word: &str) {
    let before = array.iter().last().and_then(|last| last.decor().prefix()?.as_str());
    let indent = before.and_then(|before| before.rfind('\n').map(|at| before[at..].to_string()));
    match indent {
        Some(indent) => {
            // A comment behind the last entry stays behind it.
            let behind = array.trailing().as_str().unwrap_or_default().trim_end().to_string();
            array.push_formatted(Value::from(word).decorated(format!("{behind}{indent}"), ""));
            array.set_trailing("\n");
            array.set_trailing_comma(true);
        }
        None => array.push(word),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn added(text: &str) -> String {
        let tools = ["weather.forecast", "weather.alerts"].map(String::from);
        add(text, "weather", "tools/weather.wasm", &tools).unwrap()
    }

    #[test]
    fn what_is_added_and_removed_leaves_the_rest_alone() {
        let before = "# mine\nname = \"a\" # and this\n\n[tools]\nuse = [\n    \"files.read\", # \
                      read\n]\n\n# last\n[budget]\nsteps = 3\n";
        let after = added(before);
        assert_eq!(
            after,
            "# mine\nname = \"a\" # and this\n\n[tools]\nuse = [\n    \"files.read\", # read\n    \
             \"weather.forecast\",\n    \"weather.alerts\",\n]\n\n[[tools.component]]\nfile = \
             \"tools/weather.wasm\"\n\n# last\n[budget]\nsteps = 3\n"
        );
        assert_eq!(
            components(&after).unwrap(),
            [("weather".to_string(), "tools/weather.wasm".to_string())]
        );
        let back = remove(&after, "weather").unwrap();
        assert!(!back.contains("weather"), "{back}");
        assert!(back.contains("# mine\nname = \"a\" # and this\n"), "{back}");
        assert!(back.contains("\"files.read\""), "{back}");
        assert!(back.contains("# last\n[budget]"), "{back}");
    }

    #[test]
    fn a_file_without_tools_gets_a_table() {
        let after = added("name = \"a\"\n");
        assert_eq!(
            after,
            "name = \"a\"\n\n[tools]\nuse = [\"weather.forecast\", \"weather.alerts\"]\n\n\
             [[tools.component]]\nfile = \"tools/weather.wasm\"\n"
        );
        let inline = added("name = \"a\"\ntools = { use = [\"files.read\"] }\n");
        assert!(
            inline.contains("[tools]\nuse = [\"files.read\", \"weather.forecast\""),
            "{inline}"
        );
        let named = add("", "w", "tools/weather.wasm", &[]).unwrap();
        assert!(named.contains("file = \"tools/weather.wasm\"\nname = \"w\"\n"), "{named}");
    }

    #[test]
    fn tools_that_are_gone_are_named_nowhere() {
        let text = "[tools]\nuse = [\"a.x\", \"a.y\"]\n[[tools.component]]\nfile = \
                    \"b.wasm\"\ntools = [\"a.x\"]\n[permissions]\nask = [\"a.x\"]\n";
        let after = forget(text, &["a.x".to_string()]).unwrap();
        assert!(!after.contains("a.x") && after.contains("a.y"), "{after}");
    }
}
