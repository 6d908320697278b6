//! The performance model, judged by derivations, by an engine served step by step, and by measurements.

mod behaviour;
mod decoder;
mod engine;
mod links;
mod reference;
mod training;
