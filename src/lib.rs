//! Errand.
