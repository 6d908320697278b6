//! Rows of JSON lines: an object a line. The first one's keys are the columns.

use crate::cell::Cell;
use crate::gathering::Gathering;
use crate::lines::Lines;
use crate::refusal::Refusal;
use crate::schema::{Column, Schema};
use berth_language::data::Undecodable;
use num_rational::BigRational;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::borrow::Cow;
use std::fmt;
use std::io::BufRead;

/// Reads all rows.
pub fn gather<R: BufRead>(lines: &mut Lines<R>, step: &BigRational) -> Result<Gathering, Undecodable> {
    let mut gathering: Option<Gathering> = None;
    while let Some(line) = lines.next()? {
        let taken = match &mut gathering {
            Some(gathering) => take(gathering, line),
            None => head(line).and_then(|schema| {
                let first = gathering.insert(Gathering::new(schema, step));
                take(first, line)
            }),
        };
        taken.map_err(|refusal| refusal.at(&lines.place()))?;
    }
    gathering.ok_or_else(|| Refusal::new("the file is empty", "A trace has at least one row.").whole())
}

fn take(gathering: &mut Gathering, line: &[u8]) -> Result<(), Refusal> {
    let values = parse(line, Row(&gathering.schema().columns))?;
    let mut row = [Cell::Missing; 3];
    for ((cell, value), column) in row.iter_mut().zip(&values).zip(&gathering.schema().columns) {
        *cell = match value {
            Value::Text(text) => Cell::Text(text.as_bytes()),
            Value::Whole(value) => Cell::Whole(*value),
            Value::Float(value) => Cell::Float(*value),
            Value::Null => Cell::Missing,
            Value::Absent => {
                return Err(Refusal::new(
                    format!("this row has no `{}`", column.name),
                    "Give every row the keys of the first one.",
                ));
            }
        };
    }
    gathering.take(&row)
}

fn head(line: &[u8]) -> Result<Schema, Refusal> {
    let names = parse(line, Keys)?;
    Schema::of(&names.iter().map(String::as_bytes).collect::<Vec<_>>())
}

/// Reads the whole line.
fn parse<'a, S: DeserializeSeed<'a>>(line: &'a [u8], seed: S) -> Result<S::Value, Refusal> {
    let mut json = serde_json::Deserializer::from_slice(line);
    let parsed = seed.deserialize(&mut json).and_then(|value| json.end().map(|()| value));
    parsed.map_err(|error| {
        let text = error.to_string();
        // The line is ours to tell: to the parser each is the first.
        let text = text.split(" at line ").next().unwrap_or_default();
        let found = match text.strip_prefix("invalid type: ").and_then(|text| text.split_once(", expected "))
        {
            Some((found, expected)) => format!("a {found} where {expected} is expected"),
            None if error.is_data() => text.to_owned(),
            None => format!("no JSON from column {} on", error.column()),
        };
        Refusal::new(
            found,
            "Write an object a line, such as {\"time\": 12.5, \"prompt\": 900, \"output\": 120}.",
        )
    })
}

/// What a key's value may be.
#[derive(Debug)]
enum Value<'a> {
    Text(Cow<'a, str>),
    Whole(i64),
    Float(f64),
    Null,
    Absent,
}

/// The keys of an object.
struct Keys;

impl<'de> DeserializeSeed<'de> for Keys {
    type Value = Vec<String>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Keys {
    type Value = Vec<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut names = Vec::new();
        while let Some((name, IgnoredAny)) = map.next_entry::<String, IgnoredAny>()? {
            names.push(name);
        }
        Ok(names)
    }
}

/// The values of the columns that are read.
struct Row<'s>(&'s [Column]);

impl<'de> DeserializeSeed<'de> for Row<'_> {
    type Value = [Value<'de>; 3];

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Row<'_> {
    type Value = [Value<'de>; 3];

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut values = [Value::Absent, Value::Absent, Value::Absent];
        while let Some(at) = map.next_key_seed(Key(self.0))? {
            match at.and_then(|at| values.get_mut(at)) {
                Some(value) => *value = map.next_value_seed(Scalar)?,
                None => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(values)
    }
}

/// Which of the columns a key names.
struct Key<'s>(&'s [Column]);

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<Self::Value, E> {
        Ok(self.0.iter().position(|column| column.name.eq_ignore_ascii_case(key.trim())))
    }
}

/// A number, a string or nothing.
struct Scalar;

impl<'de> DeserializeSeed<'de> for Scalar {
    type Value = Value<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Scalar {
    type Value = Value<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number or a time")
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Self::Value, E> {
        Ok(Value::Whole(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Self::Value, E> {
        Ok(i64::try_from(value).map_or_else(|_| Value::Text(Cow::Owned(value.to_string())), Value::Whole))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Self::Value, E> {
        Ok(Value::Float(value))
    }

    fn visit_borrowed_str<E: Error>(self, value: &'de str) -> Result<Self::Value, E> {
        Ok(Value::Text(Cow::Borrowed(value)))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Self::Value, E> {
        Ok(Value::Text(Cow::Owned(value.to_owned())))
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, _: A) -> Result<Self::Value, A::Error> {
        Err(A::Error::custom("a list where a number or a time is expected"))
    }

    fn visit_map<A: MapAccess<'de>>(self, _: A) -> Result<Self::Value, A::Error> {
        Err(A::Error::custom("an object where a number or a time is expected"))
    }
}
