//! What a person reads.

pub mod actions;
pub mod autoscaling;
pub mod candidates;
pub mod diagnostics;
pub mod experts;
pub mod failure;
pub mod junit;
pub mod plan;
pub mod progress;
pub mod quantities;

pub mod table;
pub mod trace;
pub mod trial;
pub mod waves;
