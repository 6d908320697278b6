//! Whose columns a file has, by their names.

use crate::instant::SECOND;
use crate::refusal::{Refusal, shown};
use berth_language::units;

/// What the columns of a file mean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schema {
    /// What a row is.
    pub kind: Kind,
    /// Those that are read, each once.
    pub columns: Vec<Column>,
    /// Nanoseconds that a number in the column of times counts.
    pub clock_unit: i64,
}

/// What a row is, and whose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A request.
    Requests {
        /// Whose columns these are.
        schema: &'static str,
        /// No output means no answer.
        unanswered_without_output: bool,
    },
    /// A reading in this unit.
    Readings {
        /// As the head writes it.
        unit: String,
    },
    /// The load of an expert.
    Loads,
}

/// A column that is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// What it is read as.
    pub role: Role,
    /// Which of the file's columns, from 0.
    pub index: usize,
    /// Its name, as the file writes it.
    pub name: String,
}

/// What a column is read as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// When.
    Time,
    /// Tokens of the prompt.
    Prompt,
    /// Tokens of the answer.
    Output,
    /// The value that was read.
    Reading,
    /// Which layer.
    Layer,
    /// Which of its experts.
    Expert,
    /// How much was asked of it.
    Load,
}

/// The columns of requests in one of the traces that are read.
struct Known {
    schema: &'static str,
    time: &'static str,
    prompt: &'static str,
    output: &'static str,
    /// Prompt and output may be missing.
    time_is_enough: bool,
    clock_unit: i64,
    unanswered_without_output: bool,
}

const KNOWN: &[Known] = &[
    // Azure/AzurePublicDataset, AzureLLMInferenceDataset2023.md and its successor of 2024.
    Known {
        schema: "azure",
        time: "timestamp",
        prompt: "contexttokens",
        output: "generatedtokens",
        time_is_enough: false,
        clock_unit: SECOND,
        unanswered_without_output: false,
    },
    // Wang et al., "BurstGPT: A Real-World Workload Dataset to Optimize LLM Serving Systems" (arXiv
    // 2401.17644), its README: seconds, and failures are rows with no response tokens.
    Known {
        schema: "burstgpt",
        time: "timestamp",
        prompt: "request tokens",
        output: "response tokens",
        time_is_enough: false,
        clock_unit: SECOND,
        unanswered_without_output: true,
    },
    // kvcache-ai/Mooncake, FAST25-release: milliseconds.
    Known {
        schema: "mooncake",
        time: "timestamp",
        prompt: "input_length",
        output: "output_length",
        time_is_enough: false,
        clock_unit: SECOND / 1_000,
        unanswered_without_output: false,
    },
    Known {
        schema: "plain",
        time: "time",
        prompt: "prompt",
        output: "output",
        time_is_enough: true,
        clock_unit: SECOND,
        unanswered_without_output: false,
    },
];

/// The schema of requests that is called so.
pub fn named(schema: &str) -> Option<&'static str> {
    KNOWN.iter().map(|known| known.schema).find(|known| *known == schema)
}

/// What a file may have, for a message.
const NEEDED: &str = "\
    A file of requests has `time`, and `prompt` and `output` if they are known; or the columns of Azure \
    (`TIMESTAMP`, `ContextTokens`, `GeneratedTokens`), BurstGPT (`Timestamp`, `Request tokens`, `Response tokens`) \
    or Mooncake (`timestamp`, `input_length`, `output_length`). A file of readings has `time` and a column headed by \
    its unit, such as `g/kWh`. A file of loads of experts has `expert` and `load`, and perhaps `layer`.";

impl Schema {
    /// What columns of these names mean.
    ///
    /// # Errors
    /// The columns found and those needed.
    pub fn of(names: &[&[u8]]) -> Result<Self, Refusal> {
        let names: Vec<String> =
            names.iter().map(|name| String::from_utf8_lossy(name).trim().to_owned()).collect();
        let found = |wanted: &str| names.iter().position(|name| name.eq_ignore_ascii_case(wanted));
        let column = |role: Role, index: usize| Column { role, index, name: names[index].clone() };
        for known in KNOWN {
            let Some(time) = found(known.time) else { continue };
            let (prompt, output) = (found(known.prompt), found(known.output));
            let enough = prompt.is_some() && output.is_some() || known.time_is_enough;
            if !enough {
                continue;
            }
            let mut columns = vec![column(Role::Time, time)];
            columns.extend(prompt.map(|index| column(Role::Prompt, index)));
            columns.extend(output.map(|index| column(Role::Output, index)));
            let mut kind = Kind::Requests {
                schema: known.schema,
                unanswered_without_output: known.unanswered_without_output,
            };
            if columns.len() == 1 {
                let headed: Vec<usize> = (0..names.len()).filter(|index| is_unit(&names[*index])).collect();
                if let Some(index) = headed.first() {
                    if headed.len() > 1 {
                        return Err(several(&headed.iter().map(|index| &*names[*index]).collect::<Vec<_>>()));
                    }
                    kind = Kind::Readings { unit: names[*index].clone() };
                    columns.push(column(Role::Reading, *index));
                }
            }
            let schema = Self { kind, columns, clock_unit: known.clock_unit };
            schema.each_once(&names)?;
            return Ok(schema);
        }
        if let (Some(expert), Some(load)) = (found("expert"), found("load")) {
            let mut columns = vec![column(Role::Expert, expert), column(Role::Load, load)];
            columns.extend(found("layer").map(|layer| column(Role::Layer, layer)));
            let schema = Self { kind: Kind::Loads, columns, clock_unit: SECOND };
            schema.each_once(&names)?;
            return Ok(schema);
        }
        Err(unknown(&names))
    }

    /// A name that is read must say which column is meant.
    fn each_once(&self, names: &[String]) -> Result<(), Refusal> {
        for column in &self.columns {
            if names.iter().filter(|name| name.eq_ignore_ascii_case(&column.name)).count() > 1 {
                return Err(Refusal::new(
                    format!("two columns are named `{}`", shown(column.name.as_bytes())),
                    "Rename or remove one of them.",
                ));
            }
        }
        Ok(())
    }
}

/// Whether a column's name is a unit of the language: `g/kWh`, `$/h`, `W`.
fn is_unit(name: &str) -> bool {
    !name.is_empty() && units::unit(name).is_ok()
}

fn several(units: &[&str]) -> Refusal {
    Refusal::new(
        format!("several columns are headed by a unit: {}", quoted(units)),
        "A file of readings has one; write a file for each.",
    )
}

fn unknown(names: &[String]) -> Refusal {
    let shown: Vec<String> = names.iter().map(|name| shown(name.as_bytes())).collect();
    let found = match shown.as_slice() {
        [only] => format!("one column, `{only}`, which is none that is known"),
        _ => {
            let names: Vec<&str> = shown.iter().take(12).map(String::as_str).collect();
            let more = if shown.len() > 12 { " and more" } else { "" };
            format!("the columns {}{more}, from which no time and tokens can be told", quoted(&names))
        }
    };
    let apart = names.len() == 1 && names[0].contains([';', '\t']);
    let separated = if apart { " Columns are separated by commas." } else { "" };
    Refusal::new(found, format!("{NEEDED}{separated}"))
}

fn quoted(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema(head: &str) -> Result<Schema, Refusal> {
        Schema::of(&head.split(',').map(str::as_bytes).collect::<Vec<_>>())
    }

    fn name(head: &str) -> String {
        match schema(head) {
            Ok(Schema { kind: Kind::Requests { schema, .. }, columns, .. }) => {
                let read: Vec<_> = columns.iter().map(|column| column.index.to_string()).collect();
                format!("{schema} {}", read.join(" "))
            }
            Ok(Schema { kind: Kind::Readings { unit }, .. }) => format!("readings {unit}"),
            Ok(Schema { kind: Kind::Loads, columns, .. }) => {
                let read: Vec<_> = columns.iter().map(|column| column.index.to_string()).collect();
                format!("loads {}", read.join(" "))
            }
            Err(refusal) => refusal.found,
        }
    }

    #[test]
    fn columns_are_known_by_name_in_any_order_and_case() {
        for (head, expected) in [
            ("TIMESTAMP,ContextTokens,GeneratedTokens", "azure 0 1 2"),
            ("generatedtokens,Timestamp,extra,CONTEXTTOKENS", "azure 1 3 0"),
            ("Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type", "burstgpt 0 2 3"),
            ("timestamp,input_length,output_length,hash_ids", "mooncake 0 1 2"),
            ("time", "plain 0"),
            ("time,output", "plain 0 1"),
            (" Time , Prompt ,user", "plain 0 1"),
            ("time,g/kWh", "readings g/kWh"),
            ("zone,time,$/h", "readings $/h"),
            ("layer,Expert,load", "loads 1 2 0"),
            ("expert,load", "loads 0 1"),
            ("expert,load,expert", "two columns are named `expert`"),
            ("time,g/kWh,W", "several columns are headed by a unit: `g/kWh`, `W`"),
            ("time,prompt,Prompt", "two columns are named `prompt`"),
            (
                "TIMESTAMP,ContextTokens",
                "the columns `TIMESTAMP`, `ContextTokens`, from which no time and tokens can be told",
            ),
            ("time;prompt", "one column, `time;prompt`, which is none that is known"),
        ] {
            assert_eq!(name(head), expected, "{head}");
        }
    }
}
