//! Objects as YAML that people review: keys in their order, and beside each the line that asked for it.
//!
//! What is written is a small part of YAML 1.2 that every reader takes alike: block mappings and sequences, numbers,
//! `true` and `false`, plain texts that can be nothing else, and all other texts as JSON writes them.

use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// `value` as a document, with `remarks` by JSON pointer behind the lines that they speak of.
pub fn document(value: &Value, remarks: &BTreeMap<String, String>) -> String {
    let mut writer = Writer { text: String::new(), remarks };
    match value {
        Value::Object(_) | Value::Array(_) if !is_empty(value) => writer.block(value, "", 0, false),
        scalar => {
            let scalar = inline(scalar);
            writer.line(0, &scalar, "");
        }
    }
    writer.text
}

struct Writer<'a> {
    text: String,
    remarks: &'a BTreeMap<String, String>,
}

impl Writer<'_> {
    /// A mapping or sequence; `begun` where its first line stands behind a dash already.
    fn block(&mut self, value: &Value, pointer: &str, depth: usize, begun: bool) {
        let mut begun = begun;
        let mut indent = |writer: &mut Self| {
            if !std::mem::take(&mut begun) {
                writer.text.push_str(&"  ".repeat(depth));
            }
        };
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    indent(self);
                    let inner = format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"));
                    let key = scalar_text(name);
                    if is_empty(value) || !(value.is_object() || value.is_array()) {
                        self.line(0, &format!("{key}: {}", inline(value)), &inner);
                        continue;
                    }
                    self.line(0, &format!("{key}:"), &inner);
                    self.block(value, &inner, depth + 1, false);
                }
            }
            Value::Array(values) => {
                for (at, value) in values.iter().enumerate() {
                    indent(self);
                    let inner = format!("{pointer}/{at}");
                    if is_empty(value) || !(value.is_object() || value.is_array()) {
                        self.line(0, &format!("- {}", inline(value)), &inner);
                        continue;
                    }
                    self.text.push_str("- ");
                    self.block(value, &inner, depth + 1, true);
                }
            }
            _ => {}
        }
    }

    fn line(&mut self, depth: usize, content: &str, pointer: &str) {
        self.text.push_str(&"  ".repeat(depth));
        self.text.push_str(content);
        if let Some(remark) = self.remarks.get(pointer).filter(|_| !pointer.is_empty()) {
            // Writing to a text cannot fail.
            let _ = write!(self.text, " # {}", one_line(remark));
        }
        self.text.push('\n');
    }
}

/// A text without what would end a comment.
pub fn one_line(text: &str) -> String {
    text.split(|letter: char| letter.is_control()).collect::<Vec<_>>().join(" ")
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Object(fields) => fields.is_empty(),
        Value::Array(values) => values.is_empty(),
        _ => false,
    }
}

fn inline(value: &Value) -> String {
    match value {
        Value::String(text) => scalar_text(text),
        // Numbers, `true`, `false`, `null`, `{}` and `[]` are the same in JSON.
        other => other.to_string(),
    }
}

fn scalar_text(text: &str) -> String {
    let first = text.chars().next();
    let plain = first.is_some_and(|first| first.is_ascii_alphabetic() || first == '/')
        && text.chars().all(|letter| letter.is_ascii_alphanumeric() || "-_./".contains(letter))
        && !means_more(text);
    // JSON's texts are YAML's, but for letters that YAML calls unprintable: these JSON escapes on demand.
    if plain { text.to_owned() } else { quoted(text) }
}

/// Words that some reader takes for something else than a text.
fn means_more(text: &str) -> bool {
    const WORDS: [&str; 9] = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    WORDS.iter().any(|word| text.eq_ignore_ascii_case(word))
}

fn quoted(text: &str) -> String {
    let json = Value::String(text.to_owned()).to_string();
    let mut quoted = String::with_capacity(json.len());
    for letter in json.chars() {
        match letter {
            '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}' => {
                // Writing to a text cannot fail.
                let _ = write!(quoted, "\\u{:04x}", u32::from(letter));
            }
            letter => quoted.push(letter),
        }
    }
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn blocks_texts_and_remarks() {
        let value = json!({
            "kind": "Deployment",
            "spec": {
                "args": ["--listen", "8080", "yes", "a: b", ""],
                "containers": [{"env": [], "name": "shop", "ports": [{"a": 1}, {"a": 2}]}],
                "replicas": 3,
            },
        });
        let remarks = BTreeMap::from([
            ("/spec/replicas".to_owned(), "web.berth:4\nreplicas = 3".to_owned()),
            ("/spec/containers/0/ports".to_owned(), "web.berth:5".to_owned()),
        ]);
        assert_eq!(
            document(&value, &remarks),
            "\
kind: Deployment
spec:
  args:
    - \"--listen\"
    - \"8080\"
    - \"yes\"
    - \"a: b\"
    - \"\"
  containers:
    - env: []
      name: shop
      ports: # web.berth:5
        - a: 1
        - a: 2
  replicas: 3 # web.berth:4 replicas = 3
"
        );
    }

    #[test]
    fn what_yaml_would_take_for_something_else_is_quoted() {
        for text in
            ["1", "1e3", "0x1", "No", "~", "-", "- a", "a #b", "a:", "é", "\u{85}", "\u{2028}", "2026-11-02"]
        {
            let written = scalar_text(text);
            assert!(written.starts_with('"'), "{written}");
            assert!(written.chars().all(|letter| !matches!(letter, '\u{7f}'..='\u{9f}' | '\u{2028}')));
        }
        assert_eq!(scalar_text("example/shop"), "example/shop");
    }
}
