//! `hf("./config.json")`: a model's configuration as Hugging Face publishes it, to facts of the schema.
//!
//! Pure: bytes in, facts or everything that is wrong with them out. A family is a `model_type`, or the `_class_name` of a
//! pipeline's transformer; its reader says which keys it needs, which defaults the library gives the others, and which values stand for a
//! network that this program has no shape for.

mod diffusion;
mod families;
mod quantisation;
mod vision;

use families::FAMILIES;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The largest number that a key may have: no width of a network has a thousandth of it.
const MOST: u64 = 1 << 40;

/// A configuration that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Configuration {
    /// Its `model_type` or `_class_name`.
    pub family: &'static str,
    /// It is the language part of a model of several.
    pub part_of: Option<String>,
    /// What it says of its weights that no figure has, a line each.
    pub notes: Vec<String>,
    /// Facts by field of the kind `model`.
    pub facts: BTreeMap<&'static str, Fact>,
}

/// What a file says of one field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    /// `layers`
    Integer(u64),
    /// `tied_embeddings`
    Boolean(bool),
    /// `biases`
    Symbol(&'static str),
    /// `latent`
    Widths(Vec<(&'static str, u64)>),
}

/// Why there are no facts. Each holds everything of its sort that the file has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// It is no JSON: what the parser says, with line and column.
    NotJson(String),
    /// It is JSON and no configuration: what it is.
    NotAnObject(&'static str),
    /// No `model_type` or `_class_name`, or one that is not read: the key and what it says.
    UnknownFamily(Option<(&'static str, String)>),
    /// Keys that are needed and not there.
    Missing(&'static str, Vec<String>),
    /// Keys whose values are of another sort: a line each.
    Values(Vec<String>),
    /// Values that do not fit one another: a line each.
    Contradictions(Vec<String>),
}

/// Names of the families that are read.
pub fn families() -> impl Iterator<Item = &'static str> {
    FAMILIES.iter().map(|family| family.name)
}

/// The facts of a configuration.
///
/// # Errors
/// The first sort of problem that it has, all of that sort.
pub fn read(bytes: &[u8]) -> Result<Configuration, Problem> {
    let whole: Value =
        serde_json::from_slice(bytes).map_err(|error| Problem::NotJson(said(&error.to_string())))?;
    let Value::Object(whole) = whole else {
        return Err(Problem::NotAnObject(sort(&whole)));
    };
    // Files of transformers have the one key, those of diffusers the other.
    let named = |object: &Map<String, Value>| {
        ["model_type", "_class_name"]
            .into_iter()
            .find_map(|key| Some((key, object.get(key)?.as_str()?.to_owned())))
    };
    let known = |named: &Option<(&str, String)>| {
        FAMILIES.iter().find(|family| named.as_ref().is_some_and(|(_, name)| family.is(name)))
    };
    let outer = named(&whole);
    let (object, family, part_of) = match (known(&outer), whole.get("text_config")) {
        (Some(family), _) => (&whole, family, None),
        (None, Some(Value::Object(text))) => {
            let inner = named(text);
            let family = known(&inner).ok_or(Problem::UnknownFamily(inner))?;
            (text, family, Some(outer.map(|(_, name)| name).unwrap_or_default()))
        }
        (None, _) => return Err(Problem::UnknownFamily(outer)),
    };
    let mut keys = Keys {
        whole: &whole,
        object,
        within: None,
        missing: Vec::new(),
        values: Vec::new(),
        contradictions: Vec::new(),
        notes: Vec::new(),
    };
    let mut facts = BTreeMap::new();
    (family.read)(&mut keys, &mut facts);
    let Keys { missing, values, contradictions, mut notes, .. } = keys;
    if !missing.is_empty() {
        return Err(Problem::Missing(family.name, missing));
    }
    if !values.is_empty() {
        return Err(Problem::Values(values));
    }
    if !contradictions.is_empty() {
        return Err(Problem::Contradictions(contradictions));
    }
    notes.dedup();
    Ok(Configuration { family: family.name, part_of, notes, facts })
}

/// The parser's words without a full stop and starting small.
fn said(message: &str) -> String {
    message.trim_end_matches('.').to_owned()
}

/// What a value is called.
fn sort(value: &Value) -> &'static str {
    match value {
        Value::Null => "`null`",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// Facts while they are read.
type Facts = BTreeMap<&'static str, Fact>;

/// Access to keys that notes what is wrong with them.
struct Keys<'j> {
    /// All of the file; `object` may be a part of it.
    whole: &'j Map<String, Value>,
    object: &'j Map<String, Value>,
    /// The part that `object` is, where messages say it.
    within: Option<&'static str>,
    missing: Vec<String>,
    values: Vec<String>,
    contradictions: Vec<String>,
    /// What is understood, and not all of it counted.
    notes: Vec<String>,
}

impl Keys<'_> {
    /// A value that is there and not `null`.
    fn get(&self, key: &str) -> Option<&Value> {
        self.object.get(key).filter(|value| !value.is_null())
    }

    /// Reads from a part of the file from here on, where it has that part.
    fn enter(&mut self, part: &'static str) -> bool {
        let Some(Value::Object(object)) = self.whole.get(part) else { return false };
        self.object = object;
        // The language part is what a file is about.
        self.within = (part != "text_config").then_some(part);
        true
    }

    /// A key as messages name it.
    fn named(&self, key: &str) -> String {
        self.within.map_or_else(|| key.to_owned(), |part| format!("{part}.{key}"))
    }

    fn wrong(&mut self, key: &str, needed: &str) {
        let found = self.object.get(key).map_or_else(String::new, |value| {
            let written = value.to_string();
            if written.chars().count() > 40 { sort(value).to_owned() } else { written }
        });
        let key = self.named(key);
        self.values.push(format!("`{key}` is {needed}; it is {found} here"));
    }

    /// A whole number above zero, where the key is there.
    fn count(&mut self, key: &str) -> Option<u64> {
        let value = self.get(key)?;
        match value.as_u64() {
            Some(number) if (1..=MOST).contains(&number) => Some(number),
            _ => {
                self.wrong(key, "a whole number from 1 to 2^40");
                None
            }
        }
    }

    /// A whole number, zero included; `default` where the key is not there.
    fn count_or(&mut self, key: &str, default: u64) -> u64 {
        match self.get(key) {
            None => default,
            Some(value) => match value.as_u64() {
                Some(number) if number <= MOST => number,
                _ => {
                    self.wrong(key, "a whole number from 0 to 2^40");
                    default
                }
            },
        }
    }

    /// A count that the family cannot do without.
    fn needed(&mut self, key: &str) -> Option<u64> {
        if self.get(key).is_none() {
            self.missing.push(self.named(key));
            return None;
        }
        self.count(key)
    }

    /// One of two names of the same thing.
    fn needed_as(&mut self, key: &str, other: &str) -> Option<u64> {
        if self.get(key).is_none() && self.get(other).is_some() {
            self.needed(other)
        } else {
            self.needed(key)
        }
    }

    fn boolean(&mut self, key: &str, default: bool) -> bool {
        match self.get(key) {
            None => default,
            Some(Value::Bool(value)) => *value,
            Some(_) => {
                self.wrong(key, "true or false");
                default
            }
        }
    }

    fn text(&mut self, key: &str) -> Option<String> {
        match self.get(key)? {
            Value::String(text) => Some(text.clone()),
            _ => {
                self.wrong(key, "a text");
                None
            }
        }
    }

    fn list(&mut self, key: &str) -> Option<Vec<Value>> {
        match self.get(key)? {
            Value::Array(entries) => Some(entries.clone()),
            _ => {
                self.wrong(key, "a list");
                None
            }
        }
    }

    /// Anything but `only` stands for a network that no shape here has.
    fn only(&mut self, key: &str, only: u64) {
        let found = self.count_or(key, only);
        if found != only {
            let key = self.named(key);
            self.values.push(format!("`{key}` is read as {only}; it is {found} here"));
        }
    }

    fn contradiction(&mut self, text: String) {
        self.contradictions.push(text);
    }
}
