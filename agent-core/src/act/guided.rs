//! Acting by code, for a small constrained model.
