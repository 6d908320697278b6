//! Pools as text.

use super::conditions::{requirement_text, wish_text};
use super::{Text, count_bound, describe_classes, precision_name, restricted};
use crate::model::{Pool, Program};

pub(super) fn describe_pool(text: &mut Text, pool: &Pool, program: &Program) {
    let Pool { name, span: _, replicas, tensor, batch, precision, device, requirements, wishes } = pool;
    text.paragraph(&format!("pool {name}"));
    for bound in replicas {
        text.line(&count_bound("replicas", bound));
    }
    for restriction in tensor {
        text.line(&restricted("tensor", restriction, u64::to_string));
    }
    for bound in batch {
        text.line(&count_bound("batch", bound));
    }
    for restriction in precision {
        text.line(&restricted("precision", restriction, |value| precision_name(*value).to_owned()));
    }
    describe_classes(text, device, &program.devices);
    for requirement in requirements {
        text.line(&requirement_text(requirement, program, false));
    }
    for wish in wishes {
        text.line(&wish_text(wish, program));
    }
}
