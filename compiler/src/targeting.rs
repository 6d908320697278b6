//! Plan to objects: the trait that targets implement.

use crate::plan::Plan;
use crate::plan::objects::{ObjectEntry, TargetEntry, Unwritten};
use berth_language::model::Program;
use berth_language::sources::Sources;

/// Writes what a target would create. A pure function: the same plan gives the same objects, without a cluster.
pub trait Targeting {
    /// The objects of `plan`, which was made from `program`; nothing where it names no target.
    fn targeted(&self, program: &Program, sources: &Sources, plan: &Plan) -> Targeted;

    /// What the target of `program` calls its services and nodes; none where it names no target.
    fn names(&self, program: &Program) -> Option<Names>;
}

/// What a target calls what a program declares.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// What all objects of the plan are known by.
    pub owner: String,
    /// By service, then by job that is planned: every name that it may have there.
    pub services: Vec<Vec<String>>,
    /// By node.
    pub nodes: Vec<Vec<String>>,
}

/// What a target would create.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Targeted {
    /// Where.
    pub target: Option<TargetEntry>,
    /// In the order in which they are created.
    pub objects: Vec<ObjectEntry>,
    /// Services and jobs that the target cannot run yet.
    pub unwritten: Vec<Unwritten>,
}

/// `plan` with what its target would create.
pub(crate) fn with_objects(
    targeting: &dyn Targeting,
    program: &Program,
    sources: &Sources,
    mut plan: Plan,
) -> Plan {
    let Targeted { target, objects, unwritten } = targeting.targeted(program, sources, &plan);
    if target.is_some() {
        (plan.target, plan.objects, plan.unwritten) = (target, objects, unwritten);
        plan.fingerprint = plan.fingerprint_of_contents();
    }
    plan
}
