//! `mlir("./embed.mlir")`: a model as an exported module. Here its file is read and its dimensions are bound;
//! what it computes is read where MLIR is.

use super::architecture::ReadConfiguration;
use super::building::Builder;
use super::functions::Arguments;
use super::imports::relative;
use super::things::ThingId;
use super::value::Value;
use super::{Outcome, Reported, Resolver};
use crate::diagnostics::Diagnostic;
use crate::model::{ArgumentDimension, Extent, Fact, Module, ModuleFile};
use crate::schema::Field;
use crate::schema::kinds::model;
use crate::sources::Unreadable;
use crate::span::{Span, Spanned};
use sha2::{Digest, Sha256};
use std::rc::Rc;

/// A module that was read.
#[derive(Debug)]
pub(crate) struct ReadModule {
    pub(crate) file: ModuleFile,
    pub(crate) bytes: Vec<u8>,
}

impl<'a> Resolver<'a> {
    /// `mlir("./embed.mlir", entry = "main")`.
    pub(super) fn module(&mut self, values: &Arguments) -> Outcome<Value> {
        let (name, at) = self.file_name(values, "mlir(\"./embed.mlir\")")?;
        let entry = match values.get(1) {
            Some(Some((Value::Text(entry), _))) => Some(entry.clone()),
            Some(Some((other, at))) => {
                let label = format!("this is {}", other.noun());
                return Err(self.type_error(
                    "a function is named by a text",
                    *at,
                    label,
                    "Write its name in quotes: `entry = \"main\"`.",
                ));
            }
            _ => None,
        };
        let stated_in = self.sources.get(at.file).map_or("", |source| source.path.as_str());
        let path = relative(stated_in, &name);
        let key = (path.clone(), entry.clone());
        if let Some(known) = self.read_modules.get(&key) {
            return Ok(Value::Module(Rc::clone(known)));
        }
        let bytes = self.files.read(&path).map_err(|why| self.no_module(&path, &why, at))?;
        let sha256 = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        let read = Rc::new(ReadModule { file: ModuleFile { path, sha256, entry }, bytes });
        self.read_modules.insert(key, Rc::clone(&read));
        Ok(Value::Module(read))
    }

    /// The text that names a file, first among the arguments.
    pub(super) fn file_name(&mut self, values: &Arguments, form: &str) -> Outcome<(String, Span)> {
        match values.first() {
            Some(Some((Value::Text(name), at))) => Ok((name.clone(), *at)),
            Some(Some((other, at))) => {
                let label = format!("this is {}", other.noun());
                Err(self.report(
                    Diagnostic::error("value::type", "a file is named in quotes", *at, label)
                        .help(format!("Write `{form}`.")),
                ))
            }
            _ => Err(Reported),
        }
    }

    fn no_module(&mut self, path: &str, why: &Unreadable, at: Span) -> Reported {
        let (label, help) = match why {
            Unreadable::Missing => (
                "nothing is there".to_owned(),
                "Paths are relative to the file that states them; files are never fetched.".to_owned(),
            ),
            Unreadable::Directory => (
                "this is a folder".to_owned(),
                format!("Name the file in it: `mlir(\"{}/model.mlir\")`.", path.trim_end_matches('/')),
            ),
            Unreadable::TooLarge(size) => (
                format!("it holds {size} bytes"),
                "Export the weights as arguments, or leave large constants out: \
                 `mlir-opt --mlir-elide-elementsattrs-if-larger=16`."
                    .to_owned(),
            ),
            Unreadable::Other(reason) => {
                (reason.clone(), "Look at the file's permissions and at the disk it is on.".to_owned())
            }
        };
        let title = format!("no module is read from {path}");
        self.report(Diagnostic::error("module::unreadable", title, at, label).help(help))
    }

    /// A module states the whole network, so no line beside it states a part; and only a module has
    /// dimensions to bind.
    pub(super) fn check_module(&mut self, id: ThingId) {
        let of_modules: [&'static Field; 2] = [&model::bind, &model::inputs];
        let beside: [&'static Field; 6] = [
            &model::architecture,
            &model::bind,
            &model::inputs,
            &model::quality,
            &model::precision,
            &model::source,
        ];
        let stated = self.thing(id).assigned.get(model::architecture.name).map(|line| line.assign.span);
        let module = match stated.map(|span| (span, self.fact(id, &model::architecture, span))) {
            Some((span, Ok(Value::Module(_)))) => Some(span),
            // What it names is not known, and that was said.
            Some((_, Err(_))) => return,
            _ => None,
        };
        let lines: Vec<_> =
            self.thing(id).assigned.values().map(|line| (line.field, line.assign.span)).collect();
        for (field, span) in lines {
            let named = |fields: &[&'static Field]| fields.iter().any(|known| known.name == field.name);
            match module {
                Some(module) if !named(&beside) => {
                    self.report(
                        Diagnostic::error(
                            "model::contradiction",
                            format!("`{}` beside a module", field.name),
                            span,
                            "this line states a part of a network",
                        )
                        .and(module, "this module is all of it")
                        .help("Leave the line out, or describe the network by fields alone."),
                    );
                }
                None if named(&of_modules) => {
                    self.report(
                        Diagnostic::error(
                            "model::contradiction",
                            format!("`{}` is of modules", field.name),
                            span,
                            "this model is described by its fields",
                        )
                        .help(format!("`{}`: {}", field.name, field.doc)),
                    );
                }
                _ => {}
            }
        }
    }
}

impl Builder<'_, '_> {
    /// The module that a model is.
    pub(super) fn module_of(
        &mut self,
        id: ThingId,
        [architecture, bind, inputs]: [&'static Field; 3],
    ) -> Option<Fact<Module>> {
        let file = self.stated(id, architecture, |_, value| match value {
            Value::Module(read) => Some(read.file.clone()),
            _ => None,
        })?;
        let dimensions = self.stated(id, bind, |_, value| {
            let Value::Map(entries) = value else { return None };
            Some(entries.iter().filter_map(|(name, extent)| dimension(name, extent)).collect::<Vec<_>>())
        });
        let span = file.span;
        let module = Module {
            file: file.value,
            dimensions: dimensions.as_ref().map_or_else(Vec::new, |stated| stated.value.clone()),
            bind: dimensions.map(|stated| stated.span),
            inputs: self.count(id, inputs),
        };
        Some(Spanned::new(module, span))
    }
}

/// An entry of `bind`, which coercion has let through.
fn dimension(name: &Value, extent: &Value) -> Option<(ArgumentDimension, Extent)> {
    let Value::Symbol(name) = name else { return None };
    let extent = match extent {
        Value::Quantity(number) => Extent::Number(u64::try_from(number.as_integer()?).ok()?),
        Value::Symbol(symbol) => Extent::named(symbol)?,
        _ => return None,
    };
    Some((ArgumentDimension::named(name)?, extent))
}

/// All files that models name: configurations and modules, as inputs.
pub(super) fn files_of<'r>(
    configurations: impl Iterator<Item = &'r Rc<ReadConfiguration>>,
    modules: impl Iterator<Item = &'r Rc<ReadModule>>,
) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<(String, Vec<u8>)> = configurations
        .map(|read| (read.file.path.clone(), read.bytes.clone()))
        .chain(modules.map(|read| (read.file.path.clone(), read.bytes.clone())))
        .collect();
    files.sort();
    // A module may be named for several of its functions.
    files.dedup();
    files
}
