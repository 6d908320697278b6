//! Params and lets: values that a file names, and that its importer may set.

use super::evaluation::Expect;
use super::ledger::{Cell, Owner, Part, UnitId};
use super::names::Declared;
use super::value::{Judged, Value};
use super::{Outcome, Reported, Resolver, Scope, Slot, listed};
use crate::diagnostics::Diagnostic;
use crate::model::Bound;
use crate::quantity::Dimension;
use crate::schema::{MEASURED, dimension_name, in_units_of};
use crate::span::Span;
use crate::syntax::ast::{Expr, Item, Let, Name, Param};

/// The type of a param.
enum ParamType {
    Boolean,
    Text,
    Integer,
    Dimension(Dimension),
}

impl<'a> Resolver<'a> {
    /// Every param and let of every file is evaluated, used or not; the root's params are kept.
    pub(super) fn params(&mut self) -> Vec<Bound> {
        let mut bound = Vec::new();
        for module in 0..self.modules.len() {
            self.check_body(module);
            let (mut params, mut lets) = match self.names.get(module) {
                Some(names) => (names.params.clone(), names.lets.clone()),
                None => continue,
            };
            params.retain(|(unit, _)| self.works_on(*unit));
            lets.retain(|(unit, _)| self.works_on(*unit));
            for (unit, param) in params {
                if let Ok(value) = self.param_value(module, (unit, param), param.span)
                    && module == 0
                {
                    bound.push(Bound {
                        name: param.name.value.clone(),
                        value: match &value {
                            Value::Quantity(ratio) if param.type_.value == "Ratio" => {
                                crate::quantity_text::percent(&ratio.value)
                            }
                            value => value.written(),
                        },
                        span: param.span,
                    });
                }
            }
            for (unit, let_) in lets {
                // A failure has been reported.
                let _ = self.let_value(module, (unit, let_), let_.span);
            }
        }
        bound
    }

    /// The body of a `use` sets params of the file and nothing else.
    fn check_body(&mut self, module: usize) {
        let modules = self.modules;
        let Some((_, items)) = modules.get(module).and_then(|module| module.body.as_ref()) else {
            return;
        };
        let mut set: Vec<&str> = Vec::new();
        for item in items {
            let Item::Assign(assign) = item else {
                if let Some(span) = span_of(item) {
                    self.report(
                        Diagnostic::error(
                            "name::misplaced",
                            "the body of a `use` sets params",
                            span,
                            "this sets none",
                        )
                        .help("Write `name = value` for params of that file; derive from its blocks to change them."),
                    );
                }
                continue;
            };
            let name = &assign.target.head;
            let is_param = assign.target.steps.is_empty()
                && self.names.get(module).is_some_and(|names| {
                    names
                        .declared
                        .get(name.value.as_str())
                        .is_some_and(|known| matches!(known.what, Declared::Param(..)))
                });
            if !is_param {
                let known: Vec<_> = self.names.get(module).map_or(Vec::new(), |names| {
                    names.params.iter().map(|(_, param)| param.name.value.clone()).collect()
                });
                let suggestion = self.suggestion(&name.value, known.iter().map(String::as_str));
                let mut help =
                    suggestion.map_or_else(String::new, |meant| format!("Did you mean `{meant}`?\n"));
                help.push_str(&format!("Its params: {}.", listed(known.iter().map(String::as_str))));
                self.report(
                    Diagnostic::error(
                        "param::unknown",
                        format!("that file has no param `{}`", name.value),
                        assign.target.span,
                        "not a param of the file used",
                    )
                    .help(help),
                );
            } else if set.contains(&name.value.as_str()) {
                self.report(
                    Diagnostic::error(
                        "name::duplicate",
                        format!("`{}` is set twice", name.value),
                        assign.span,
                        "set again here",
                    )
                    .help("Leave one of them out."),
                );
            } else {
                set.push(&name.value);
            }
        }
    }

    /// The value of a param: the importer's, else its default.
    pub(super) fn param_value(
        &mut self,
        module: usize,
        (unit, param): (UnitId, &'a Param),
        reader: Span,
    ) -> Outcome<Value> {
        self.ledger.read(Cell::Of(unit, Part::VALUE));
        let name = param.name.value.as_str();
        if let Some(known) = self.slot((module, name), param.span, reader)? {
            return Ok(known);
        }
        self.values.insert((module, name), Slot::Pending);
        self.on_behalf(Owner::Unit(unit), Part::VALUE, false, |resolver| {
            let value = resolver.bind(module, param);
            let slot = match &value {
                Ok(value) => Slot::Known(value.clone()),
                Err(Reported) => Slot::Failed,
            };
            resolver.values.insert((module, name), slot);
            // The condition reads the param itself.
            let value = value?;
            if let Some(condition) = &param.condition {
                resolver.check_condition(module, param, condition, &value);
            }
            Ok(value)
        })
    }

    /// The value of a let.
    pub(super) fn let_value(
        &mut self,
        module: usize,
        (unit, let_): (UnitId, &'a Let),
        reader: Span,
    ) -> Outcome<Value> {
        self.ledger.read(Cell::Of(unit, Part::VALUE));
        let name = let_.name.value.as_str();
        if let Some(known) = self.slot((module, name), let_.span, reader)? {
            return Ok(known);
        }
        self.values.insert((module, name), Slot::Pending);
        let value = self.on_behalf(Owner::Unit(unit), Part::VALUE, false, |resolver| {
            let value = resolver.evaluate(&let_.value, &Scope::top(module), Expect::Value)?;
            resolver.only_facts(value, let_.value.span)
        });
        let slot = match &value {
            Ok(value) => Slot::Known(value.clone()),
            Err(Reported) => Slot::Failed,
        };
        self.values.insert((module, name), slot);
        value
    }

    /// What is known of a named value; an error where it is computed from itself.
    fn slot(&mut self, key: (usize, &'a str), line: Span, reader: Span) -> Outcome<Option<Value>> {
        match self.values.get(&key) {
            None => Ok(None),
            Some(Slot::Known(value)) => Ok(Some(value.clone())),
            Some(Slot::Failed) => Err(Reported),
            Some(Slot::Pending) => Err(self.cycle(key.1, line, reader)),
        }
    }

    fn bind(&mut self, module: usize, param: &'a Param) -> Outcome<Value> {
        let modules = self.modules;
        let type_ = self.param_type(&param.type_)?;
        let body = modules.get(module).and_then(|module| module.body.as_ref());
        let set = body.and_then(|(importer, items)| {
            items.iter().find_map(|item| match item {
                Item::Assign(assign)
                    if assign.target.steps.is_empty() && assign.target.head.value == param.name.value =>
                {
                    Some((*importer, &assign.value))
                }
                _ => None,
            })
        });
        let world = self.bound.get(&(module, param.name.value.as_str())).cloned();
        let (scope, expression): (_, &'a Expr) = match (world, set, &param.default) {
            (Some((value, scope)), _, _) => (scope, value),
            (None, Some((importer, value)), _) => (Scope::top(importer), value),
            (None, None, Some(default)) => (Scope::top(module), default),
            (None, None, None) => {
                return Err(self.report(
                    Diagnostic::error(
                        "param::unset",
                        format!("`{}` has no value", param.name.value),
                        param.span,
                        "it has no default, and nothing sets it",
                    )
                    .help(format!(
                        "Give it a default: `param {}: {} = …`; or set it where the file is used: `use \"…\" {{ {} = … }}`.",
                        param.name.value, param.type_.value, param.name.value
                    )),
                ));
            }
        };
        let value = self.fact_value(expression, &scope)?;
        let fits = match (&type_, &value) {
            (_, Value::NotYet(_))
            | (ParamType::Boolean, Value::Boolean(_) | Value::Condition(Judged::Fact(..)))
            | (ParamType::Text, Value::Text(_)) => true,
            (ParamType::Integer, Value::Quantity(quantity)) => quantity.as_integer().is_some(),
            (ParamType::Dimension(dimension), value) => match value.dimension() {
                Some(found) => {
                    if !found.matches(dimension) {
                        let (needed, found) = (dimension_name(dimension), dimension_name(found));
                        let mut help = in_units_of(&needed);
                        if let Some(meant) = self.respelled(expression, dimension) {
                            help = format!("Did you mean `{meant}`?");
                        }
                        return Err(self.report(
                            Diagnostic::error(
                                "units::mismatch",
                                format!("`{}` is declared as {}", param.name.value, param.type_.value),
                                expression.span,
                                format!("this is {found}"),
                            )
                            .and(param.type_.span, format!("this is {needed}"))
                            .help(help),
                        ));
                    }
                    true
                }
                None => false,
            },
            _ => false,
        };
        if !fits {
            let label = format!("this is {}", value.noun());
            return Err(self.report(
                Diagnostic::error(
                    "value::type",
                    format!("`{}` is declared as {}", param.name.value, param.type_.value),
                    expression.span,
                    label,
                )
                .and(param.type_.span, "its type")
                .help("Mend the value or the type."),
            ));
        }
        Ok(value)
    }

    fn check_condition(&mut self, module: usize, param: &Param, condition: &'a Expr, value: &Value) {
        let Ok(false) = self.decide(condition, &Scope::top(module)) else {
            return;
        };
        self.report(
            Diagnostic::error(
                "param::condition",
                format!("`{}` is outside what it may be", param.name.value),
                condition.span,
                "this does not hold",
            )
            .and(param.span, format!("`{}` is {}", param.name.value, value.written()))
            .help("Set another value, or change the condition."),
        );
    }

    /// `Rate`, `Money/Time`, `Bool`.
    fn param_type(&mut self, name: &Name) -> Outcome<ParamType> {
        match name.value.as_str() {
            "Bool" => return Ok(ParamType::Boolean),
            "Text" => return Ok(ParamType::Text),
            "Integer" => return Ok(ParamType::Integer),
            _ => {}
        }
        let mut whole = Dimension::NONE;
        for (at, part) in name.value.split('/').enumerate() {
            let known = MEASURED.iter().find(|measured| measured.name == part);
            let Some(known) = known else {
                let names = || {
                    ["Bool", "Text", "Integer"]
                        .into_iter()
                        .chain(MEASURED.iter().map(|measured| measured.name))
                };
                let help = match self.suggestion(part, names()) {
                    Some(meant) => format!("Did you mean `{meant}`?\nThe types are {}.", listed(names())),
                    None => {
                        format!("The types are {}, and quotients of them: `Money/Time`.", listed(names()))
                    }
                };
                return Err(self.report(
                    Diagnostic::error(
                        "name::unknown-type",
                        format!("there is no type `{part}`"),
                        name.span,
                        "not a type",
                    )
                    .help(help),
                ));
            };
            let factor = if at == 0 { Ok(known.dimension.clone()) } else { known.dimension.inverse() };
            whole = factor
                .and_then(|factor| whole.multiply(&factor))
                .map_err(|error| self.arithmetic(error, name.span))?;
        }
        Ok(ParamType::Dimension(whole))
    }
}

fn span_of(item: &Item) -> Option<Span> {
    match item {
        Item::Use(item) => Some(item.span),
        Item::Param(item) => Some(item.span),
        Item::Let(item) => Some(item.span),
        Item::Block(item) => Some(item.head),
        Item::If(item) => Some(item.condition.span),
        Item::Assign(item) => Some(item.span),
        Item::Require(item) => Some(item.span),
        Item::Prefer(item) => Some(item.span),
        Item::Broken(_) => None,
    }
}
