//! `-p key=value`, as every command that reads an agent file takes it.

use super::live::Usage;

/// Splits each `key=value` at its first `=`.
pub(crate) fn pairs(params: &[String]) -> Result<Vec<(String, String)>, Usage> {
    let pair = |param: &String| {
        let (key, value) = param.split_once('=').ok_or_else(|| {
            Usage(format!("`-p {param}` is no `key=value`\nhint: write `-p question=\"…\"`"))
        })?;
        Ok((key.trim().to_string(), value.to_string()))
    };
    params.iter().map(pair).collect()
}
