//! Wasmtime: components, limits, and the capabilities the host lends to a guest.
