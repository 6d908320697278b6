//! The operator graph: priced passes as plain data. Here the way leaves MLIR.
//!
//! Contract: passes priced from the operations themselves go in; no annotation and no model field is
//! read.

use crate::flow::Pass;
use berth_compiler::graph::{Operator, OperatorGraph, PhaseGraph};
use petgraph::graph::DiGraph;

/// The graph of all passes.
pub(crate) fn graph(passes: Vec<Pass>) -> OperatorGraph {
    OperatorGraph { phases: passes.into_iter().map(phase).collect() }
}

fn phase(pass: Pass) -> PhaseGraph {
    let mut operators = DiGraph::new();
    let mut nodes = Vec::with_capacity(pass.operators.len());
    for priced in pass.operators {
        let cost = priced.cost;
        let node = operators.add_node(Operator {
            name: priced.name,
            kind: cost.kind,
            repeat: priced.repeat,
            flops: cost.flops,
            weight_bytes: cost.weight_bytes,
            activation_bytes: cost.activation_bytes,
            kv_bytes: cost.kv_bytes,
            link_bytes: cost.link_bytes,
            parameters: cost.parameters,
            active_parameters: cost.parameters - cost.idle_parameters,
            weight_memory: cost.weight_memory,
            kv_memory: cost.kv_memory,
            fused: priced.fused,
            hidden: priced.hidden,
            variants: priced.variants,
            staged: priced.staged,
            part: priced.part,
            place: priced.place,
        });
        for producer in priced.producers {
            if let Some(producer) = nodes.get(producer) {
                operators.add_edge(*producer, node, ());
            }
        }
        nodes.push(node);
    }
    PhaseGraph {
        service: pass.role.service,
        precision: pass.role.precision,
        target: pass.role.target,
        phase: pass.role.phase,
        operators,
        layers: pass.layers,
        divides: pass.divides,
        patches: pass.patches,
        drafts: pass.drafts,
    }
}
