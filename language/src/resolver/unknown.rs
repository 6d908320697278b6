//! Names that lead nowhere: what is said of them, and which might be meant.

use super::ledger::Nearly;
use super::things::ThingId;
use super::{Reported, Resolver, Scope, listed};
use crate::diagnostics::Diagnostic;
use crate::schema::functions::FUNCTIONS;
use crate::schema::{Kind, Role};
use crate::span::Span;
use crate::syntax::ast::Name;
use std::collections::BTreeSet;

impl Resolver<'_> {
    pub(super) fn abstract_thing(&mut self, name: &str, span: Span) -> Reported {
        self.report(
            Diagnostic::error(
                "name::abstract",
                format!("`{name}` is abstract"),
                span,
                "there is no such thing, only things that derive from it",
            )
            .help("Name a thing that derives from it, or take `abstract` away."),
        )
    }

    pub(super) fn unknown_symbol(&mut self, name: &Name, names: &[&str]) -> Reported {
        let known = listed(names.iter().copied());
        let help = match self.suggestion(&name.value, names.iter().copied()) {
            Some(meant) => format!("Did you mean `{meant}`?\nKnown are {known}."),
            None => format!("Known are {known}."),
        };
        self.report(
            Diagnostic::error(
                "name::unknown-symbol",
                format!("`{}` is not known here", name.value),
                name.span,
                "not one of the known names",
            )
            .help(help),
        )
    }

    pub(super) fn unknown_name(&mut self, name: &Name, scope: &Scope) -> Reported {
        let mut known: BTreeSet<String> = scope.variables.iter().map(|(name, _)| name.clone()).collect();
        if self.suggestions < super::MOST_SUGGESTIONS {
            if let Some(names) = self.names.get(scope.module) {
                known.extend(names.declared.keys().map(|name| (*name).to_owned()));
            }
            if let Some(thing) = scope.thing {
                let fields = self.thing(thing).kind.fields.iter();
                known.extend(fields.map(|field| field.name.to_owned()));
            }
            known.extend(FUNCTIONS.iter().map(|function| function.name.to_owned()));
        }
        let meant = called_otherwise(&name.value).filter(|meant| known.contains(*meant));
        let suggestion = match meant {
            Some(meant) => Some(meant.to_owned()),
            None => self.suggestion(&name.value, known.iter().map(String::as_str)),
        };
        self.nearly_declared(name, scope.module);
        let stated = scope.field.zip(scope.thing);
        let stated = stated.and_then(|(field, thing)| self.thing(thing).kind.field(field));
        let help = match (suggestion, stated) {
            (Some(meant), _) => format!("Did you mean `{meant}`?"),
            (None, Some(field)) => format!("`{}` takes {}. {DECLARED}", field.name, field.type_.form()),
            (None, None) => DECLARED.to_owned(),
        };
        self.report(
            Diagnostic::error(
                "name::unknown",
                format!("nothing is called `{}`", name.value),
                name.span,
                "not declared here",
            )
            .help(help),
        )
    }

    /// Notes a declaration that lacks one letter of an unknown name.
    fn nearly_declared(&mut self, name: &Name, module: usize) {
        let length = name.value.chars().count();
        let known = self.names.get(module).filter(|_| self.suggestions < super::MOST_SUGGESTIONS);
        let found = known.and_then(|names| {
            let near = names.declared.iter().filter(|(declared, _)| {
                declared.chars().count() + 1 == length && strsim::osa_distance(declared, &name.value) == 1
            });
            near.min_by_key(|(declared, _)| **declared)
        });
        if let Some((declared, declaration)) = found {
            let (declared, stands) = ((*declared).to_owned(), declaration.span);
            let nearly = Nearly { place: name.span, module, name: declared, declared: stands };
            self.ledger.page().nearly.push(nearly);
        }
    }

    /// A field that `kind` does not have.
    pub(super) fn unknown_field(&mut self, name: &Name, kind: &'static Kind, thing: ThingId) -> Reported {
        let known = self.thing(thing);
        let (address, head) = (known.name.clone(), known.layers.first().map(|layer| layer.block.head));
        let suggestion = self.suggestion(&name.value, kind.fields.iter().map(|field| field.name));
        let mut help = suggestion.map_or_else(String::new, |meant| format!("Did you mean `{meant}`?\n"));
        for (verb, roles) in [
            ("states", [Role::Fact, Role::Fact]),
            ("decides", [Role::Choice, Role::Choice]),
            ("promises", [Role::Measure, Role::Sampled]),
        ] {
            let fields = kind.fields.iter();
            let fields: Vec<_> =
                fields.filter(|field| roles.contains(&field.role)).map(|field| field.name).collect();
            if !fields.is_empty() {
                help.push_str(&format!("A {} {verb}: {}.\n", kind.name, fields.join(", ")));
            }
        }
        let mut diagnostic = Diagnostic::error(
            "name::unknown-field",
            format!("unknown field on {} `{address}`", kind.name),
            name.span,
            format!("no field `{}`", name.value),
        );
        if let Some(head) = head {
            diagnostic = diagnostic.and(head, format!("in this {}", kind.name));
        }
        self.report(diagnostic.help(help.trim_end()))
    }

    pub(super) fn no_such_key(
        &mut self,
        name: &str,
        key: Option<&str>,
        keys: &[String],
        span: Span,
    ) -> Reported {
        let (title, label) = match key {
            Some(key) => (format!("{name} has no key `{key}`"), "not one of its keys".to_owned()),
            None => (format!("{name} has keys"), "which of them is not said".to_owned()),
        };
        let mut help = if keys.is_empty() {
            "It has no keys: leave the brackets out.".to_owned()
        } else {
            format!("Its keys are {}.", listed(keys.iter().map(String::as_str)))
        };
        // One number is not meant to be another because it looks like it.
        let named = key.filter(|key| !key.starts_with(|first: char| first.is_ascii_digit()));
        if let Some(meant) = named.and_then(|key| self.suggestion(key, keys.iter().map(String::as_str))) {
            help = format!("Did you mean `{meant}`?\n{help}");
        }
        self.report(Diagnostic::error("name::unknown-key", title, span, label).help(help))
    }
}

/// Where names come from.
const DECLARED: &str = "Names are declared with `let`, `param`, `use` or a block in this file; fields are of the block a line stands in.";

/// What other tools call by `name`.
fn called_otherwise(name: &str) -> Option<&'static str> {
    match name {
        "cost" | "costs" | "spend" => Some("bill"),
        "co2" | "co2e" | "emissions" => Some("carbon"),
        "k8s" | "kube" => Some("kubernetes"),
        _ => None,
    }
}
