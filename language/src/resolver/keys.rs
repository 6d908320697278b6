//! Keys: `[1..6, 8..12]`, `[region in [eu, us]]`, `["a b"]`.

use super::value::Value;
use super::{Outcome, Resolver, Scope};
use crate::diagnostics::Diagnostic;
use crate::quantity::Dimension;
use crate::span::Span;
use crate::syntax::ast::{Expr, ExprKind, Keys};
use std::fmt;

/// What tells things of one name apart.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Key {
    /// `box[1]`
    Integer(i64),
    /// `v3[eu]`
    Symbol(String),
    /// `shard["a b"]`
    Text(String),
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(value) => write!(f, "{value}"),
            Self::Symbol(name) => f.write_str(name),
            Self::Text(text) => write!(f, "{text:?}"),
        }
    }
}

impl Key {
    /// As the value of a key's variable.
    pub(crate) fn value(&self) -> Value {
        match self {
            Self::Integer(value) => Value::integer(*value),
            Self::Symbol(name) => Value::Symbol(name.clone()),
            Self::Text(text) => Value::Text(text.clone()),
        }
    }

    /// The key that a value stands for.
    pub(crate) fn of(value: &Value) -> Option<Self> {
        match value {
            Value::Quantity(quantity) => quantity.as_integer().map(Self::Integer),
            Value::Symbol(name) => Some(Self::Symbol(name.clone())),
            Value::Text(text) => Some(Self::Text(text.clone())),
            _ => None,
        }
    }
}

/// A program has at most this many things, after keys are expanded.
pub(crate) const MOST_THINGS: usize = 250_000;

impl<'a> Resolver<'a> {
    /// The keys of a block, in order, without repetition.
    pub(super) fn block_keys(&mut self, keys: &'a Keys, scope: &Scope) -> Outcome<Vec<Key>> {
        let listed = self.keys(&keys.keys, scope)?;
        let mut distinct = std::collections::BTreeSet::new();
        for key in &listed {
            if !distinct.insert(key) {
                return Err(self.report(
                    Diagnostic::error(
                        "keys::duplicate",
                        format!("the key `{key}` stands twice in one list"),
                        keys.span,
                        "each key names one thing",
                    )
                    .help("Leave one of them out."),
                ));
            }
        }
        Ok(listed)
    }

    /// The keys that a list of expressions names, in order.
    pub(super) fn keys(&mut self, expressions: &'a [Expr], scope: &Scope) -> Outcome<Vec<Key>> {
        let mut keys = Vec::new();
        for expression in expressions {
            let value = self.key_value(expression, scope)?;
            self.add_keys(&value, expression.span, &mut keys)?;
            if keys.len() > MOST_THINGS {
                return Err(self.too_many(expression.span));
            }
        }
        Ok(keys)
    }

    /// A key's expression: a bare name that nothing gives a value stands for itself.
    pub(super) fn key_value(&mut self, expression: &'a Expr, scope: &Scope) -> Outcome<Value> {
        match &expression.kind {
            ExprKind::Path(path)
                if path.steps.is_empty()
                    && path.statistic.is_none()
                    && scope.variable(&path.head.value).is_none()
                    && !self.is_value(scope.module, &path.head.value) =>
            {
                Ok(Value::Symbol(path.head.value.clone()))
            }
            ExprKind::List(entries) if entries.iter().all(|entry| entry.key.is_none()) => {
                let mut values = Vec::new();
                for entry in entries {
                    values.push(self.key_value(&entry.value, scope)?);
                }
                Ok(Value::List(values.into()))
            }
            _ => self.fact_value(expression, scope),
        }
    }

    fn add_keys(&mut self, value: &Value, span: Span, keys: &mut Vec<Key>) -> Outcome<()> {
        match value {
            Value::List(values) => {
                for value in values.iter() {
                    self.add_keys(value, span, keys)?;
                }
                Ok(())
            }
            Value::Range(low, high) => {
                let plain = low.dimension == Dimension::NONE;
                let (Some(first), Some(last)) = (low.as_integer(), high.as_integer()) else {
                    return Err(self.not_a_key(
                        if plain {
                            "this range is not between integers"
                        } else {
                            "this range is not one of plain numbers"
                        },
                        span,
                    ));
                };
                let count = last.checked_sub(first).and_then(|count| usize::try_from(count).ok());
                match count {
                    Some(count) if count < MOST_THINGS => {
                        keys.extend((first..=last).map(Key::Integer));
                        Ok(())
                    }
                    Some(_) => Err(self.too_many(span)),
                    None if last < first => Err(self.report(
                        Diagnostic::error(
                            "keys::empty",
                            "a range of keys that ends before it begins",
                            span,
                            format!("{last} is below {first}"),
                        )
                        .help(format!("Write `{last}..{first}`, or leave the block out with `if`.")),
                    )),
                    None => Err(self.too_many(span)),
                }
            }
            value => match Key::of(value) {
                Some(key) => {
                    keys.push(key);
                    Ok(())
                }
                None => {
                    let noun = format!("this is {}", value.noun());
                    Err(self.not_a_key(&noun, span))
                }
            },
        }
    }

    fn not_a_key(&mut self, label: &str, span: Span) -> super::Reported {
        self.report(
            Diagnostic::error("keys::type", "this cannot be a key", span, label.to_owned()).help(
                "Keys are integers, names, texts, and ranges or lists of them: `[1..6, 8]`, `[eu, us]`.",
            ),
        )
    }

    pub(super) fn too_many(&mut self, span: Span) -> super::Reported {
        self.report(
            Diagnostic::error(
                "keys::too-many",
                "more things than a program can hold",
                span,
                format!("this would pass {MOST_THINGS}"),
            )
            .help("Plan a part of it at a time, or let one node stand for several alike."),
        )
    }
}
