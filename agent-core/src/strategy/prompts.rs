//! What the plain strategies say to a model.

#[cfg(test)]
mod tests;
