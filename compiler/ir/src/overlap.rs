//! **overlap**: marks what may run while something is sent, and how much of the sending that hides.
//!
//! Contract: a fused module goes in; some operations that send get `overlap`, a dictionary of `behind`, the name
//! of an operation of the same body, and `share`, the part of the time that can be hidden there. The performance
//! model takes from a pass what is hidden: at most that part, and at most the time of what it is behind. Nothing
//! else changes.
//!
//! | engine, devices | what | how much |
//! | --- | --- | --- |
//! | any | keys and values going round, behind the attention over those that have arrived | all: each block is sent while the one before is computed (Liu, Zaharia, Abbeel, Ring attention, 2023, section 3) |
//!
//! No engine of those that a plan can name hides a tensor-parallel sum or the exchange of experts unless it is told
//! to (vLLM's `--enable-dbo`, SGLang's `--enable-two-batch-overlap`), and plans do not tell it. Who does writes the
//! attribute into the text.

use crate::{Malformed, bodies, foreign};
use melior::Context;
use melior::ir::attribute::{Attribute, DictionaryAttribute, StringAttribute};
use melior::ir::operation::{OperationLike, OperationMutLike};
use melior::ir::{BlockLike, Identifier, Module, RegionLike};

/// Marks what runs behind what.
pub(crate) fn overlap(context: &Context, module: &Module) -> Result<(), Malformed> {
    let entry = |name: &str, text: &str| {
        (Identifier::new(context, name), Attribute::from(StringAttribute::new(context, text)))
    };
    let mut function = module.body().first_operation();
    while let Some(operation) = function {
        function = operation.next_in_block();
        let block = operation.region(0).ok().and_then(|region| region.first_block());
        let mut step = block.and_then(|block| block.first_operation());
        while let Some(sender) = step {
            step = sender.next_in_block();
            if foreign::identifier(sender.name()) != "berth.kv_exchange" || sender.has_attribute("overlap") {
                continue;
            }
            let result = sender.result(0).map_err(|error| Malformed(error.to_string()))?;
            let user = foreign::users(result.into()).into_iter().find_map(|user| bodies::text(user, "name"));
            if let Some(user) = user {
                let hidden =
                    DictionaryAttribute::new(context, &[entry("behind", &user), entry("share", "1")]);
                foreign::mutable(sender).set_attribute("overlap", hidden.into());
            }
        }
    }
    Ok(())
}
