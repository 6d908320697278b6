//! Kubernetes.

mod amounts;
pub mod application;
pub mod connection;
pub mod difference;
pub mod emission;
pub mod inventory;
pub mod kinds;
mod lock;
pub mod names;
pub mod objects;
pub mod ownership;
mod placement;
mod pods;
pub mod readiness;
pub mod rights;
mod yaml;
