//! Kubernetes.

mod amounts;
pub mod application;
pub mod connection;
mod contents;
pub mod difference;
pub mod emission;
mod engines;
mod handover;
mod holding;
pub mod inventory;
pub mod kinds;
mod lines;
mod lock;
pub mod names;
pub mod objects;
pub mod observation;
pub mod ownership;
mod parallel;
pub mod placement;
mod pods;
pub mod readiness;
pub mod rights;
mod room;
mod template;
mod workloads;
mod yaml;
