//! Other tools, called by a guest: the gate judges and runs them like any call.

use serde_json::Value;

use super::Host;
use super::bindings::errand::tool::tools;
use crate::limits::Import;

impl tools::Host for Host {
    async fn call(
        &mut self,
        name: String,
        arguments: String,
    ) -> wasmtime::Result<Result<String, String>> {
        self.uses.count(Import::Tools)?;
        let _waiting = self.clock.outside();
        let arguments: Value = match serde_json::from_str(&arguments) {
            Ok(arguments) => arguments,
            Err(error) => {
                return Ok(Err(format!("the arguments of `{name}` are not JSON: {error}")));
            }
        };
        let result = self.channel.call(name, arguments).await?;
        // Another tool may have been told what this one must not know.
        let result = result.map(|result| self.keys.clean_text(result.to_string()));
        Ok(result.map_err(|failure| self.keys.clean_text(failure)))
    }
}
