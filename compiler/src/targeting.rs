//! Plan to objects: the trait that targets implement.

use crate::plan::Plan;
use crate::plan::objects::{ObjectEntry, TargetEntry, Unwritten};
use berth_language::model::Program;
use berth_language::sources::Sources;

/// Writes what a target would create. A pure function: the same plan gives the same objects, without a cluster.
pub trait Targeting {
    /// The objects of `plan`, which was made from `program`; nothing where it names no target.
    fn targeted(&self, program: &Program, sources: &Sources, plan: &Plan) -> Targeted;
}

/// What a target would create.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Targeted {
    /// Where.
    pub target: Option<TargetEntry>,
    /// In the order in which they are created.
    pub objects: Vec<ObjectEntry>,
    /// Services that the target cannot run yet.
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
