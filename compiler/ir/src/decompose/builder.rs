//! Building functions of a pass: attributes, bodies and their operations.

use super::Lowering;
use super::architecture::Field;
use super::quantisation::Quantised;
use crate::Malformed;
use crate::dialect::Element;
use crate::variants::listed;
use berth_compiler::graph::Variant;
use melior::Context;
use melior::dialect::func;
use melior::ir::attribute::{Attribute, BoolAttribute, IntegerAttribute, StringAttribute, TypeAttribute};
use melior::ir::operation::{OperationBuilder, OperationLike, OperationRef};
use melior::ir::r#type::{FunctionType, IntegerType, RankedTensorType};
use melior::ir::{Block, BlockLike, BlockRef, Identifier, Location, Module, Region, RegionLike, Type, Value};

/// A name and its value.
pub(super) type Named<'c> = (&'static str, Attribute<'c>);

impl<'c, M> Lowering<'c, '_, M> {
    pub(super) fn text(&self, value: &str) -> Attribute<'c> {
        StringAttribute::new(self.context, value).into()
    }

    pub(super) fn integer(&self, value: u64) -> Attribute<'c> {
        // Import lets nothing above 2^40 through.
        IntegerAttribute::new(
            IntegerType::new(self.context, 64).into(),
            i64::try_from(value).unwrap_or(i64::MAX),
        )
        .into()
    }

    pub(super) fn matrix(&self, rows: u64, columns: u64, element: Type<'c>) -> Named<'c> {
        let tensor = RankedTensorType::new(&[rows, columns], element, None);
        ("weight", TypeAttribute::new(tensor.into()).into())
    }

    /// A matrix of a layer, or one for each expert, as the engine holds it: its numbers, their scales, and in what it
    /// is multiplied where that is not the arithmetic of its numbers.
    pub(super) fn quantised(
        &self,
        experts: Option<u64>,
        rows: u64,
        columns: u64,
    ) -> Result<Vec<Named<'c>>, Malformed> {
        let Quantised { element, scales } = self.quantisation.of(experts.is_some(), rows);
        let tensor = |rows: u64, element: Element| -> Result<Attribute<'c>, Malformed> {
            let shape: Vec<u64> = experts.into_iter().chain([rows, columns]).collect();
            let r#type = Type::parse(self.context, element.name())
                .ok_or_else(|| Malformed(format!("`{}` is no type", element.name())))?;
            Ok(TypeAttribute::new(RankedTensorType::new(&shape, r#type, None).into()).into())
        };
        let mut named = vec![("weight", tensor(rows, element)?)];
        if let Some((rows, element)) = scales {
            named.push(("scales", tensor(rows, element)?));
        }
        if element.precision() != self.precision {
            let only = Variant { arithmetic: self.precision, needs: vec![self.precision] };
            named.push(("variants", listed(self.context, &[only])));
        }
        Ok(named)
    }

    /// A mark that stands only where it is set.
    pub(super) fn mark(&self, name: &'static str, set: bool) -> Option<Named<'c>> {
        set.then(|| (name, BoolAttribute::new(self.context, true).into()))
    }

    pub(super) fn undivided(&self) -> Named<'c> {
        ("split", self.text("none"))
    }

    pub(super) fn bf16(&self) -> Type<'c> {
        Type::bfloat16(self.context)
    }

    pub(super) fn cache(&self) -> Named<'c> {
        // The names of elements are MLIR's.
        let element = Type::parse(self.context, self.quantisation.cache.name());
        ("cache", TypeAttribute::new(element.unwrap_or_else(|| self.bf16())).into())
    }

    pub(super) fn vector(&self, width: u64) -> Named<'c> {
        let tensor = RankedTensorType::new(&[width], Type::bfloat16(self.context), None);
        ("weight", TypeAttribute::new(tensor.into()).into())
    }

    pub(super) fn activation(&self, element: Type<'c>) -> Type<'c> {
        // MLIR's mark of a dimension that is not known.
        let dynamic = i64::MIN.cast_unsigned();
        RankedTensorType::new(&[dynamic, dynamic], element, None).into()
    }

    /// A function from `argument` to a bf16 activation, its body still empty.
    pub(super) fn function<'a>(
        &self,
        module: &'a Module<'c>,
        symbol: &str,
        argument: Type<'c>,
        attributes: &[(&str, Attribute<'c>)],
        location: Location<'c>,
    ) -> Result<Body<'c, 'a>, Malformed> {
        let result = self.activation(Type::bfloat16(self.context));
        let region = Region::new();
        region.append_block(Block::new(&[(argument, location)]));
        let function: OperationRef<'c, 'a> = module.body().append_operation(func::func(
            self.context,
            StringAttribute::new(self.context, symbol),
            TypeAttribute::new(FunctionType::new(self.context, &[argument], &[result]).into()),
            region,
            &named(self.context, attributes),
            location,
        ));
        let block = function
            .region(0)
            .ok()
            .and_then(|region| region.first_block())
            .ok_or_else(|| Malformed(format!("`@{symbol}` has no block")))?;
        Ok(Body { context: self.context, block, result, location })
    }
}

/// The body of a function under construction.
pub(super) struct Body<'c, 'a> {
    context: &'c Context,
    block: BlockRef<'c, 'a>,
    result: Type<'c>,
    location: Location<'c>,
}

impl<'c, 'a> Body<'c, 'a> {
    pub(super) fn argument(&self) -> Result<Value<'c, 'a>, Malformed> {
        Ok(self.block.argument(0).map_err(|error| Malformed(error.to_string()))?.into())
    }

    /// An operation with a name, at the line of a field.
    pub(super) fn append(
        &self,
        kind: &str,
        name: &str,
        field: Field<'c>,
        operands: &[Value<'c, 'a>],
        attributes: &[(&str, Attribute<'c>)],
    ) -> Result<Value<'c, 'a>, Malformed> {
        let mut with_name = vec![("name", StringAttribute::new(self.context, name).into())];
        with_name.extend_from_slice(attributes);
        self.operation(kind, field.location, operands, &with_name)
    }

    pub(super) fn operation(
        &self,
        kind: &str,
        location: Location<'c>,
        operands: &[Value<'c, 'a>],
        attributes: &[(&str, Attribute<'c>)],
    ) -> Result<Value<'c, 'a>, Malformed> {
        let malformed = |error: melior::Error| Malformed(error.to_string());
        let operation = OperationBuilder::new(kind, location)
            .add_operands(operands)
            .add_results(&[self.result])
            .add_attributes(&named(self.context, attributes))
            .build()
            .map_err(malformed)?;
        let operation: OperationRef<'c, 'a> = self.block.append_operation(operation);
        Ok(operation.result(0).map_err(malformed)?.into())
    }

    pub(super) fn end(&self, result: Value<'c, 'a>) {
        self.block.append_operation(func::r#return(&[result], self.location));
    }
}

fn named<'c>(
    context: &'c Context,
    attributes: &[(&str, Attribute<'c>)],
) -> Vec<(Identifier<'c>, Attribute<'c>)> {
    attributes.iter().map(|(name, value)| (Identifier::new(context, name), *value)).collect()
}
