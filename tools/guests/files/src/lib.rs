//! The guest behind the `files.*` tools, and the half of the `data.*` tools that reads files. It owns what is made of files: parts of a text, ranked
//! passages, changed texts. It has no files of its own: each one comes
//! from the host, which judges each use.

mod bindings {
    #![allow(clippy::all, reason = "generated")]
    wit_bindgen::generate!({ path: "../../../sandbox/wit", world: "builtin" });
}
mod data;
#[path = "../../../src/data/types.rs"]
mod data_types;
mod edit;
mod folder;
mod image;
mod lines;
mod list;
mod passages;
mod place;
mod read;
mod records;
mod row;
mod search;
mod text;
#[path = "../../../src/files/types.rs"]
mod types;
mod write;

use serde::Serialize;
use serde::de::DeserializeOwned;

struct Files;

impl bindings::Guest for Files {
    fn invoke(tool: String, arguments: String) -> Result<String, String> {
        match tool.as_str() {
            "data.cluster" => answer(&arguments, data::cluster),
            "data.outliers" => answer(&arguments, data::outliers),
            "data.search" => answer(&arguments, data::search),
            "files.delete" => answer(&arguments, place::delete),
            "files.edit" => answer(&arguments, edit::edit),
            "files.list" => answer(&arguments, list::list),
            "files.move" => answer(&arguments, place::rename),
            "files.read" => answer(&arguments, read::read),
            "files.search" => answer(&arguments, search::search),
            "files.write" => answer(&arguments, write::write),
            _ => Err(format!("this component has no tool `{tool}`")),
        }
    }
}

fn answer<A: DeserializeOwned, R: Serialize>(
    arguments: &str,
    work: fn(A) -> Result<R, String>,
) -> Result<String, String> {
    let arguments = serde_json::from_str(arguments).map_err(|error| error.to_string())?;
    serde_json::to_string(&work(arguments)?).map_err(|error| error.to_string())
}

bindings::export!(Files with_types_in bindings);
