//! # berth-targets
//!
//! Plans to objects for clusters, and clusters to what they run. What a target would create is a pure function of the
//! plan ([`Targets`]); everything that talks to a cluster is apart from it.
//!
//! | file | what it does |
//! | --- | --- |
//! | [`kubernetes::objects`] | plan to objects |
//! | [`kubernetes::emission`] | objects to files for GitOps |
//! | [`kubernetes::connection`] | requests, with back-off, and what their errors mean |
//! | [`kubernetes::difference`] | what applying would change |
//! | [`kubernetes::application`] | doing it, so that it can be done again from any point |
//! | [`kubernetes::inventory`] | a cluster as a plan file |
//! | [`kubernetes::observation`] | what runs where, as a state file |
//!
//! `kube` and `k8s-openapi` are named in this crate alone.

pub mod kubernetes;

use berth_compiler::plan::Plan;
use berth_compiler::plan::objects::TargetEntry;
use berth_compiler::targeting::{Names, Targeted, Targeting};
use berth_language::model::{Program, Target};
use berth_language::sources::Sources;

/// Every target this crate knows.
#[derive(Clone, Copy, Debug, Default)]
pub struct Targets;

impl Targeting for Targets {
    fn targeted(&self, program: &Program, sources: &Sources, plan: &Plan) -> Targeted {
        match program.plan.target.as_ref().map(|target| &target.value) {
            None => Targeted::default(),
            Some(Target::Kubernetes(cluster)) => {
                let (context, namespace) = (cluster.context.clone(), cluster.namespace.clone());
                let (objects, unwritten) = kubernetes::objects::objects(program, sources, plan, cluster);
                Targeted { target: Some(TargetEntry::Kubernetes { context, namespace }), objects, unwritten }
            }
        }
    }

    fn names(&self, program: &Program) -> Option<Names> {
        let Target::Kubernetes(cluster) = &program.plan.target.as_ref()?.value;
        Some(kubernetes::observation::names(program, cluster))
    }
}
