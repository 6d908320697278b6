//! Models: their shape from lines and from a configuration file, and whether the two agree.

use super::building::Builder;
use super::functions::Arguments;
use super::hardware::precision;
use super::imports::relative;
use super::things::ThingId;
use super::value::Value;
use super::{Outcome, Reported, Resolver, listed};
use crate::configuration::{self, Configuration, Fact as Read, Problem};
use crate::diagnostics::Diagnostic;
use crate::model::{
    Attention, Biases, Cached, ConfigurationFile, EncoderAttention, Experts, Fact, FeedForward,
    GroupedAttention, LatentAttention, LatentWidths, Model, Precision, Stored,
};
use crate::quantity::Quantity;
use crate::schema::Field;
use crate::schema::kinds::{ModelRows, model};
use crate::sources::Unreadable;
use crate::span::{Span, Spanned};
use num_rational::BigRational;
use sha2::{Digest, Sha256};
use std::rc::Rc;

/// A configuration file that was read.
#[derive(Debug)]
pub(crate) struct ReadConfiguration {
    pub(crate) file: ConfigurationFile,
    pub(crate) bytes: Vec<u8>,
    pub(crate) configuration: Configuration,
}

impl<'a> Resolver<'a> {
    /// `hf("./config.json")`.
    pub(super) fn configuration(&mut self, values: &Arguments, span: Span) -> Outcome<Value> {
        let (name, at) = self.file_name(values, "hf(\"./config.json\")")?;
        let stated_in = self.sources.get(at.file).map_or("", |source| source.path.as_str());
        let path = relative(stated_in, &name);
        let known = self.configurations.get(&path).map(Rc::clone);
        let read = match known {
            Some(known) => known,
            None => self.read_configuration(path.clone(), at)?,
        };
        if let Some(whole) = &read.configuration.part_of {
            let whole = if whole.is_empty() { "a model".to_owned() } else { format!("`{whole}`") };
            self.report(
                Diagnostic::warning(
                    "config::part",
                    format!("{path} describes {whole} of several parts"),
                    span,
                    "its language part is read",
                )
                .help("What the other parts hold and compute is in no figure, but for a `vision` that is stated beside the file."),
            );
        }
        if !read.configuration.notes.is_empty() {
            self.report(
                Diagnostic::warning(
                    "config::weights",
                    format!("{path} stores weights in a way that is not counted whole"),
                    span,
                    read.configuration.notes.join("; "),
                )
                .help("Say on the service what they are held as, `weights = int4`, or take what is counted as near enough."),
            );
        }
        Ok(Value::Configuration(read))
    }

    /// Reads a configuration for the first time.
    fn read_configuration(&mut self, path: String, at: Span) -> Outcome<Rc<ReadConfiguration>> {
        let bytes = self.files.read(&path).map_err(|why| self.no_configuration(&path, &why, at))?;
        let configuration =
            configuration::read(&bytes).map_err(|problem| self.unusable(&path, &problem, at))?;
        let sha256 = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        let file = ConfigurationFile { path: path.clone(), sha256, family: configuration.family };
        let read = Rc::new(ReadConfiguration { file, bytes, configuration });
        self.configurations.insert(path, Rc::clone(&read));
        Ok(read)
    }

    fn no_configuration(&mut self, path: &str, why: &Unreadable, at: Span) -> Reported {
        let (label, help) = match why {
            Unreadable::Missing => (
                "nothing is there".to_owned(),
                "Paths are relative to the file that states them; files are never fetched.".to_owned(),
            ),
            Unreadable::Directory => (
                "this is a folder".to_owned(),
                format!("Name the file in it: `hf(\"{}/config.json\")`.", path.trim_end_matches('/')),
            ),
            Unreadable::TooLarge(size) => {
                (format!("it holds {size} bytes"), "A `config.json` holds a few thousand.".to_owned())
            }
            Unreadable::Other(reason) => {
                (reason.clone(), "Look at the file's permissions and at the disk it is on.".to_owned())
            }
        };
        let title = format!("no configuration is read from {path}");
        self.report(Diagnostic::error("config::unreadable", title, at, label).help(help))
    }

    fn unusable(&mut self, path: &str, problem: &Problem, at: Span) -> Reported {
        let diagnostic = match problem {
            Problem::NotJson(said) => {
                Diagnostic::error("config::not-json", format!("{path} is no JSON"), at, said.clone())
                    .help("Take the file as it was published: `config.json` beside the weights.")
            }
            Problem::NotAnObject(found) => Diagnostic::error(
                "config::not-json",
                format!("{path} is no configuration"),
                at,
                format!("it holds {found}, where names and values are needed"),
            )
            .help("Take the file as it was published: `config.json` beside the weights."),
            Problem::UnknownFamily(found) => {
                let known = configuration::families();
                let meant = found.as_ref().and_then(|(_, found)| self.suggestion(found, known));
                let known = listed(configuration::families());
                let (label, help) = match (found, meant) {
                    (Some((key, found)), Some(meant)) => (
                        format!("`{key}` is `{found}`"),
                        format!("Did you mean `{meant}`? Known are {known}."),
                    ),
                    (Some((key, found)), None) => (
                        format!("`{key}` is `{found}`"),
                        format!("Known are {known}. Of another model state the fields: `layers = …`."),
                    ),
                    (None, _) => (
                        "it has no `model_type` and no `_class_name`".to_owned(),
                        format!("It is one of {known}."),
                    ),
                };
                Diagnostic::error(
                    "config::unknown-model",
                    format!("{path} describes a model of an unknown family"),
                    at,
                    label,
                )
                .help(help)
            }
            Problem::Missing(family, keys) => {
                let names = listed(keys.iter().map(String::as_str));
                Diagnostic::error(
                    "config::missing",
                    format!("{path} lacks {names}"),
                    at,
                    format!("a `{family}` is not known without"),
                )
                .help("Take the file as it was published; a model without one is stated field by field.")
            }
            Problem::Values(lines) => Diagnostic::error(
                "config::value",
                format!("{path} has values that are not read"),
                at,
                lines.join("; "),
            )
            .help("Mend the file, or state the model's fields instead."),
            Problem::Contradictions(lines) => Diagnostic::error(
                "config::contradiction",
                format!("{path} contradicts itself"),
                at,
                lines.join("; "),
            )
            .help("Take the file as it was published."),
        };
        self.report(diagnostic)
    }

    /// What a model's file says of `field`, and the line that names the file.
    pub(super) fn configured(&mut self, id: ThingId, field: &'static Field) -> Option<(Value, Span)> {
        self.note(id, model::architecture.name);
        let assigned = self.thing(id).assigned.get(model::architecture.name)?;
        let span = assigned.assign.span;
        if self.thing(id).kind.name != model::KIND.name || field.name == model::architecture.name {
            return None;
        }
        let Ok(Value::Configuration(read)) = self.fact(id, &model::architecture, span) else { return None };
        let value = match read.configuration.facts.get(field.name)? {
            // At most 2^40.
            Read::Integer(value) => integer(*value),
            Read::Boolean(value) => Value::Boolean(*value),
            Read::Symbol(name) => Value::Symbol((*name).to_owned()),
            Read::Widths(widths) => {
                let entry =
                    |(name, width): &(&str, u64)| (Value::Symbol((*name).to_owned()), integer(*width));
                Value::Map(Rc::new(widths.iter().map(entry).collect()))
            }
        };
        Some((value, span))
    }

    /// A model's lines agree with its file and with one another.
    pub(super) fn check_model(&mut self, id: ThingId) {
        self.check_module(id);
        let assigned: Vec<_> =
            self.thing(id).assigned.values().map(|line| (line.field, line.assign.span)).collect();
        for (field, span) in &assigned {
            let Some((read, file)) = self.configured(id, field) else { continue };
            let Ok(stated) = self.fact(id, field, *span) else { continue };
            if !same(&stated, &read) {
                self.report(
                    Diagnostic::error(
                        "model::contradiction",
                        format!(
                            "`{}` is {} here and {} in the file",
                            field.name,
                            stated.written(),
                            read.written()
                        ),
                        *span,
                        "this line states it",
                    )
                    .and(file, "this file states it otherwise")
                    .help("Leave the line out, or name the file that it belongs to."),
                );
                return;
            }
        }
        for conflict in self.conflicts(id) {
            let Conflict { title, at, label, other, help } = conflict;
            let mut diagnostic = Diagnostic::error("model::contradiction", title, at, label);
            if let Some((span, label)) = other {
                diagnostic = diagnostic.and(span, label);
            }
            self.report(diagnostic.help(help));
        }
    }

    /// A field of a model where a line or a file states it.
    pub(super) fn known(&mut self, id: ThingId, field: &'static Field) -> Option<(Value, Span)> {
        match self.thing(id).assigned.get(field.name) {
            Some(line) => {
                let span = line.assign.span;
                let value = self.fact(id, field, span).ok()?;
                (!matches!(value, Value::NotYet(_))).then_some((value, span))
            }
            None => self.configured(id, field),
        }
    }

    fn known_count(&mut self, id: ThingId, field: &'static Field) -> Option<(i64, Span)> {
        let (value, span) = self.known(id, field)?;
        match value {
            Value::Quantity(quantity) => Some((quantity.as_integer()?, span)),
            _ => None,
        }
    }

    /// What cannot stand together in one network.
    fn conflicts(&mut self, id: ThingId) -> Vec<Conflict> {
        let mut found = Vec::new();
        let bidirectional = self
            .known(id, &model::attention)
            .filter(|(value, _)| matches!(value, Value::Symbol(name) if name == "bidirectional"))
            .map(|(_, span)| (span, "the model is an encoder"));
        let latent = self.known(id, &model::latent).map(|(_, span)| (span, "its attention is latent"));
        let experts = self.known_count(id, &model::experts);
        let heads = self.known_count(id, &model::heads);
        let layers = self.known_count(id, &model::layers);

        // Facts of another sort of network than the one that is stated.
        let mut foreign =
            |resolver: &mut Self, fields: &[&'static Field], of: &str, other: Option<(Span, &str)>| {
                for field in fields {
                    let Some((value, at)) = resolver.known(id, field) else { continue };
                    if matches!(value, Value::Boolean(false))
                        || matches!(&value, Value::Symbol(name) if name == "none")
                        || matches!(&value, Value::Quantity(count) if count.as_integer() == Some(0))
                    {
                        continue;
                    }
                    found.push(Conflict {
                        title: format!("`{}` is of {of}", field.name),
                        at,
                        label: format!("this is {}", value.written()),
                        other: other.map(|(span, label)| (span, label.to_owned())),
                        help: format!("`{}`: {}", field.name, field.doc),
                    });
                }
            };
        let decoder_only: [&'static Field; 12] = [
            &model::vision,
            &model::post_norms,
            &model::kv_cache,
            &model::latent,
            &model::window,
            &model::query_key_norm,
            &model::attention_sinks,
            &model::experts,
            &model::shared_experts,
            &model::tied_embeddings,
            &model::biases,
            &model::prediction_modules,
        ];
        if let Some(encoder) = bidirectional {
            foreign(self, &decoder_only, "decoders", Some(encoder));
        } else {
            let encoder_only: [&'static Field; 4] =
                [&model::positions, &model::token_types, &model::pooler, &model::labels];
            foreign(self, &encoder_only, "encoders, which say `attention = bidirectional`", None);
            if let Some(latent) = latent {
                let grouped: [&'static Field; 4] =
                    [&model::kv_heads, &model::window, &model::query_key_norm, &model::attention_sinks];
                foreign(self, &grouped, "attention with key and value heads", Some(latent));
            }
        }
        if experts.is_none() {
            let of_experts: [&'static Field; 5] = [
                &model::experts_per_token,
                &model::shared_experts,
                &model::expert_feed_forward,
                &model::dense_layers,
                &model::router_bias,
            ];
            foreign(self, &of_experts, "a mixture of experts, which says how many `experts` it has", None);
        }
        if self.known(id, &model::window).is_none() {
            foreign(self, &[&model::windowed_layers], "a model that says its `window`", None);
        }

        // What is stored is there.
        let native = self.known(id, &model::native);
        if let Some((Value::Symbol(name), at)) = native
            && name == Stored::Mxfp4.name()
            && experts.is_none()
        {
            found.push(Conflict {
                title: "`mxfp4` is of matrices of experts".to_owned(),
                at,
                label: "no layer of this model has experts".to_owned(),
                other: None,
                help: "Say how many `experts` a layer has, or `int4` for matrices of four bits.".to_owned(),
            });
        }

        // Figures that bound one another.
        let kv_heads = self.known_count(id, &model::kv_heads);
        if let (Some((heads, other)), Some((kv_heads, at))) = (heads, kv_heads)
            && kv_heads > 0
            && heads % kv_heads != 0
        {
            found.push(Conflict {
                title: "every key head serves equally many query heads".to_owned(),
                at,
                label: format!("{kv_heads} does not divide {heads}"),
                other: Some((other, format!("{heads} query heads"))),
                help: "Mend one of the two: `kv_heads` divides `heads`.".to_owned(),
            });
        }
        let hidden = self.known_count(id, &model::hidden);
        let head_width = self.known(id, &model::head_width);
        if let (Some((heads, at)), Some((hidden, other)), None, None) = (heads, hidden, head_width, latent)
            && heads > 0
            && hidden % heads != 0
        {
            found.push(Conflict {
                title: "the width of a head is neither stated nor found".to_owned(),
                at,
                label: format!("{heads} does not divide {hidden}"),
                other: Some((other, format!("{hidden} wide"))),
                help: "State `head_width`, or mend one of the two.".to_owned(),
            });
        }
        let most = [
            (&model::experts_per_token, experts, "experts there are"),
            (&model::dense_layers, layers, "layers there are"),
            (&model::windowed_layers, layers, "layers there are"),
        ];
        for (field, bound, of) in most {
            if let (Some((count, at)), Some((most, other))) = (self.known_count(id, field), bound)
                && count > most
            {
                found.push(Conflict {
                    title: format!("`{}` is at most the {of}", field.name),
                    at,
                    label: format!("this is {count}"),
                    other: Some((other, format!("there are {most}"))),
                    help: format!("`{}`: {}", field.name, field.doc),
                });
            }
        }
        let (pooler, labels) = (self.known(id, &model::pooler), self.known(id, &model::labels));
        if let (Some((Value::Boolean(true), other)), Some((_, at))) = (pooler, labels) {
            found.push(Conflict {
                title: "an encoder has a pooler or a classification head".to_owned(),
                at,
                label: "this gives it a head".to_owned(),
                other: Some((other, "this gives it a pooler".to_owned())),
                help: "Keep the one that the weights have.".to_owned(),
            });
        }
        found.extend(self.vision_conflicts(id));
        found.extend(self.diffusion_conflicts(id));
        found
    }
}

/// Two facts that cannot be of one network.
pub(super) struct Conflict {
    pub(super) title: String,
    pub(super) at: Span,
    pub(super) label: String,
    pub(super) other: Option<(Span, String)>,
    pub(super) help: String,
}

/// Heads that do not divide the width that they share, in the list of widths at `at` of a part of a model.
pub(super) fn uneven_heads(part: &str, entries: &[(Value, Value)], at: Span) -> Option<Conflict> {
    let (hidden, heads) = (named_width(entries, "hidden")?, named_width(entries, "heads")?);
    (!hidden.is_multiple_of(heads.max(1))).then(|| Conflict {
        title: format!("the heads of the {part} divide its width"),
        at,
        label: format!("{heads} does not divide {hidden}"),
        other: None,
        help: "Mend one of the two: a head is `hidden / heads` wide.".to_owned(),
    })
}

/// Why a part of a model has no more special layers than layers.
pub(super) const AT_MOST_LAYERS: &str = "No more layers than there are can be so.";

/// A width of a list such as `[kv: 512, rope: 64]`.
pub(super) fn named_width(entries: &[(Value, Value)], wanted: &str) -> Option<u64> {
    entries.iter().find_map(|(name, width)| match (name, width) {
        (Value::Symbol(name), Value::Quantity(width)) if name == wanted => {
            u64::try_from(width.as_integer()?).ok()
        }
        _ => None,
    })
}

fn integer(value: u64) -> Value {
    Value::Quantity(Quantity::integer(i64::try_from(value).unwrap_or(i64::MAX)))
}

/// Whether two facts say the same.
fn same(stated: &Value, read: &Value) -> bool {
    match (stated, read) {
        (Value::Quantity(stated), Value::Quantity(read)) => stated.value == read.value,
        (Value::Boolean(stated), Value::Boolean(read)) => stated == read,
        (Value::Symbol(stated), Value::Symbol(read)) => stated == read,
        (Value::Map(stated), Value::Map(read)) => {
            stated.len() == read.len()
                && stated.iter().all(|(name, value)| {
                    read.iter().any(|(other, width)| same(name, other) && same(value, width))
                })
        }
        // A line that is not judged says nothing.
        (Value::NotYet(_), _) => true,
        _ => false,
    }
}

impl Builder<'_, '_> {
    /// A model lacks `part` because its line, or the file that may have it, could not be read: that was spoken of.
    pub(super) fn is_unread(&self, of: usize, part: &Field) -> bool {
        let Some(read) = self.program.models.get(of) else { return true };
        self.models.iter().any(|(thing, index)| {
            let lines = &self.resolver.thing(*thing).assigned;
            let line = |field: &Field| lines.contains_key(field.name);
            let named = read.configuration.is_none() && read.module.is_none() && line(&model::architecture);
            *index == of && (line(part) || named)
        })
    }

    /// The index of a model, built when it is first used.
    pub(super) fn model(&mut self, id: ThingId) -> usize {
        self.uses(id);
        match self.models.get(&id) {
            Some(index) => *index,
            None => self.built(id, |builder| builder.build_model(id)),
        }
    }

    pub(super) fn build_model(&mut self, id: ThingId) -> usize {
        let index = self.program.models.len();
        self.models.insert(id, index);
        let ModelRows {
            architecture,
            bind,
            inputs,
            layers,
            hidden,
            heads,
            kv_heads,
            head_width,
            feed_forward,
            vocabulary,
            tied_embeddings,
            attention,
            latent,
            window,
            windowed_layers,
            query_key_norm,
            post_norms,
            attention_sinks,
            biases,
            dense_layers,
            experts,
            experts_per_token,
            shared_experts,
            expert_feed_forward,
            router_bias,
            positions,
            token_types,
            pooler,
            labels,
            vision,
            vision_form,
            diffusion,
            prediction_modules,
            repository,
            native,
            native_group,
            kv_cache,
            quality,
            precision: pinned,
            weight_bytes: _,
            kv_bytes_per_token: _,
            source: _,
        } = ModelRows::rows();
        let (name, span) = (self.resolver.thing(id).address.clone(), self.head_or_start(id));
        self.unique("model", &name, span);
        let configuration = self.stated(id, architecture, |_, value| match value {
            Value::Configuration(read) => Some(read.file.clone()),
            _ => None,
        });
        let bidirectional =
            self.symbol(id, attention).filter(|fact| fact.value == "bidirectional").map(|fact| fact.span);
        let attention = match (bidirectional, self.widths(id, latent)) {
            (Some(_), _) => Attention::Bidirectional(EncoderAttention {
                heads: self.count(id, heads),
                kv_heads: self.count(id, kv_heads),
                head_width: self.count(id, head_width),
                positions: self.count(id, positions),
                token_types: self.count(id, token_types),
                pooler: self.boolean(id, pooler),
                labels: self.count(id, labels),
            }),
            (None, Some(widths)) => Attention::Latent(LatentAttention {
                heads: self.count(id, heads),
                head_width: self.count(id, head_width),
                widths,
            }),
            (None, None) => Attention::Grouped(GroupedAttention {
                heads: self.count(id, heads),
                kv_heads: self.count(id, kv_heads),
                head_width: self.count(id, head_width),
                window: self.count(id, window),
                windowed_layers: self.count(id, windowed_layers),
                query_key_norm: self.boolean(id, query_key_norm),
                sinks: self.boolean(id, attention_sinks),
            }),
        };
        let feed_forward = match self.count(id, experts) {
            None => FeedForward::Dense(self.count(id, feed_forward)),
            Some(count) => FeedForward::Experts(Experts {
                experts: count,
                per_token: self.count(id, experts_per_token),
                width: self.count(id, expert_feed_forward),
                shared: self.count(id, shared_experts),
                dense_layers: self.count(id, dense_layers),
                dense_width: self.count(id, feed_forward),
                router_bias: self.boolean(id, router_bias),
            }),
        };
        let biases = self.symbol(id, biases).and_then(|fact| {
            let known = Biases::ALL.into_iter().find(|biases| biases.name() == fact.value)?;
            Some(Spanned::new(known, fact.span))
        });
        let (native, kv_cache) = (self.stored(id, native), self.cached(id, kv_cache));
        let diffusion = self.diffusion(id, diffusion, query_key_norm);
        let repository = self.name_of(id, repository);
        // Nobody is to be told to load it with arguments that are for models of tokens.
        let (repository, unread_repository) = match &diffusion {
            Some(_) => (None, repository),
            None => (repository, None),
        };
        if let Some(unread) = unread_repository {
            self.not_yet(unread.span, "what an engine is told to make images with is not known");
        }
        let model = Model {
            name,
            span,
            configuration,
            module: self.module_of(id, [architecture, bind, inputs]),
            layers: self.count(id, layers),
            hidden: self.count(id, hidden),
            vocabulary: self.count(id, vocabulary),
            tied_embeddings: self.boolean(id, tied_embeddings),
            attention,
            feed_forward,
            post_norms: self.boolean(id, post_norms),
            biases,
            vision: self.vision(id, vision, vision_form),
            diffusion,
            prediction_modules: self.count(id, prediction_modules),
            repository,
            native,
            native_group: self.count(id, native_group),
            kv_cache,
            quality: self.qualities(id, quality),
        };
        self.program.models.push(model);
        self.unread(id, &[quality, pinned]);
        self.placeholders(id);
        let lines = self.lines(id);
        self.program.requirements.extend(lines.requirements);
        index
    }

    /// What weights are stored as.
    pub(super) fn stored(&mut self, id: ThingId, field: &'static Field) -> Option<Fact<Stored>> {
        let fact = self.symbol(id, field)?;
        let known = Stored::ALL.into_iter().find(|stored| stored.name() == fact.value)?;
        Some(Spanned::new(known, fact.span))
    }

    /// What keys and values are cached as.
    pub(super) fn cached(&mut self, id: ThingId, field: &'static Field) -> Option<Fact<Cached>> {
        let fact = self.symbol(id, field)?;
        let known = Cached::ALL.into_iter().find(|cached| cached.name() == fact.value)?;
        Some(Spanned::new(known, fact.span))
    }

    pub(super) fn symbol(&mut self, id: ThingId, field: &'static Field) -> Option<Fact<String>> {
        self.stated(id, field, |_, value| match value {
            Value::Symbol(name) => Some(name),
            _ => None,
        })
    }

    fn widths(&mut self, id: ThingId, field: &'static Field) -> Option<Fact<LatentWidths>> {
        self.stated(id, field, |_, value| {
            let Value::Map(entries) = value else { return None };
            let width = |wanted: &str| named_width(&entries, wanted);
            Some(LatentWidths {
                kv: width("kv")?,
                rope: width("rope")?,
                query: width("query"),
                value: width("value"),
            })
        })
    }

    fn qualities(&mut self, id: ThingId, field: &'static Field) -> Vec<(Precision, Fact<BigRational>)> {
        let Some(table) = self.stated(id, field, |_, value| match value {
            Value::Map(entries) => Some(entries),
            _ => None,
        }) else {
            return Vec::new();
        };
        let mut known: Vec<_> = table
            .value
            .iter()
            .filter_map(|(name, share)| match (name, share) {
                (Value::Symbol(name), Value::Quantity(share)) => {
                    Some((precision(name)?, Spanned::new(share.value.clone(), table.span)))
                }
                _ => None,
            })
            .collect();
        known.sort_by_key(|(precision, _)| *precision);
        known
    }
}
