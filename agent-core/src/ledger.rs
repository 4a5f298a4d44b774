//! The budget: what a run may spend, reserved before the work and reconciled after it.
