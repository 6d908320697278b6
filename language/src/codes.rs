//! Every code that a diagnostic can have, with the long form that `berth explain CODE` prints.
//!
//! A code is a promise to scripts and editors: it is never renamed, and what it means never changes. The
//! tests hold the table to the sources: a code that is raised is listed, a listed one is raised, each
//! example raises its code and the mended form does not.

mod models;
mod names;
mod places;
mod planning;
mod reading;
mod requirements;
mod syntax;
mod targets;
mod values;
mod worlds;

use crate::sources::{Files, Unreadable};

/// The long form of a code.
#[derive(Debug)]
pub struct Code {
    /// `area::name`
    pub code: &'static str,
    /// One short line.
    pub title: &'static str,
    /// What it means, why it matters and what to do; paragraphs are parted by empty lines.
    pub explanation: &'static str,
    /// Lines that raise it; empty where no text alone can.
    pub example: &'static str,
    /// The same lines, mended.
    pub mended: &'static str,
}

const fn code(
    code: &'static str,
    title: &'static str,
    explanation: &'static str,
    example: &'static str,
    mended: &'static str,
) -> Code {
    Code { code, title, explanation, example, mended }
}

/// All codes, by stage: reading, resolving, planning.
pub fn all() -> impl Iterator<Item = &'static Code> {
    reading::CODES
        .iter()
        .chain(syntax::CODES)
        .chain(names::CODES)
        .chain(values::CODES)
        .chain(models::CODES)
        .chain(requirements::CODES)
        .chain(worlds::CODES)
        .chain(places::CODES)
        .chain(targets::CODES)
        .chain(planning::CODES)
}

/// The row of `name`.
pub fn find(name: &str) -> Option<&'static Code> {
    all().find(|row| row.code == name)
}

/// The code that `name` might be meant to be.
pub fn suggestion(name: &str) -> Option<&'static str> {
    all()
        .map(|row| (strsim::osa_distance(name, row.code), row.code))
        .min()
        .filter(|(distance, _)| *distance <= name.len() / 3)
        .map(|(_, code)| code)
}

/// The name of the file that an example is.
pub const ROOT: &str = "main.berth";

/// The files around an example: it is [`ROOT`], and what it may name beside itself.
#[derive(Debug)]
pub struct Shown(
    /// [`Code::example`] or [`Code::mended`].
    pub &'static str,
);

impl Files for Shown {
    fn read(&self, path: &str) -> Result<Vec<u8>, Unreadable> {
        match path {
            ROOT => Ok(self.0.as_bytes().to_vec()),
            "folder" => Err(Unreadable::Directory),
            "huge.berth" => Err(Unreadable::TooLarge(1 << 30)),
            "locked.berth" => Err(Unreadable::Other("permission denied".to_owned())),
            "platform.berth" => Ok(b"param feed: Power = 1MW".to_vec()),
            "circle.berth" => Ok(b"use \"./main.berth\"".to_vec()),
            "config.json" => Ok(models::CONFIG.as_bytes().to_vec()),
            "embed.mlir" => Ok(b"module {}".to_vec()),
            "cut.json" => Ok(b"{\"model_type\": ".to_vec()),
            "unknown.json" => Ok(b"{\"model_type\": \"lama\"}".to_vec()),
            "short.json" => Ok(b"{\"model_type\": \"llama\", \"hidden_size\": 4096}".to_vec()),
            "text.json" => Ok(models::CONFIG.replace("4096", "\"wide\"").into_bytes()),
            "odd.json" => Ok(models::CONFIG.replace("4096", "4099").into_bytes()),
            "nf4.json" => Ok(models::NF4.as_bytes().to_vec()),
            "parts.json" => Ok(models::PARTS.as_bytes().to_vec()),
            "latin.berth" => Ok(b"// caf\xe9".to_vec()),
            _ => Err(Unreadable::Missing),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::path::Path;

    fn raised(text: &'static str) -> BTreeSet<&'static str> {
        crate::check(ROOT, &Shown(text)).diagnostics.iter().map(|diagnostic| diagnostic.code).collect()
    }

    #[test]
    fn an_example_raises_its_code_and_the_mended_form_nothing() {
        let mut wrong = Vec::new();
        for row in all().filter(|row| !row.example.is_empty()) {
            let codes = raised(row.example);
            if !codes.contains(row.code) {
                wrong.push(format!("{} raises {codes:?}", row.code));
            }
            let mut codes = raised(row.mended);
            if row.code != "plan::not-yet" {
                // A kind that the planner does not know yet says so of itself.
                codes.remove("plan::not-yet");
            }
            if !codes.is_empty() {
                wrong.push(format!("{}, mended, raises {codes:?}", row.code));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    #[test]
    fn every_code_in_the_sources_is_listed_and_every_listed_one_is_raised() {
        let mut used = BTreeSet::new();
        let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(&folder).expect("the sources are here") {
                let path = entry.expect("an entry of a folder").path();
                if path.is_dir() {
                    if path.file_name().is_some_and(|name| name != "codes") {
                        folders.push(path);
                    }
                } else if path.extension().is_some_and(|end| end == "rs") && !path.ends_with("codes.rs") {
                    let text = std::fs::read_to_string(&path).expect("a source file");
                    used.extend(codes_in(&text));
                }
            }
        }
        let planned: BTreeSet<_> = planning::CODES.iter().map(|row| row.code.to_owned()).collect();
        let listed: BTreeSet<_> = all().map(|row| row.code.to_owned()).collect();
        assert_eq!(listed.len(), all().count(), "a code stands twice");
        let unlisted: Vec<_> = used.difference(&listed).collect();
        assert!(unlisted.is_empty(), "not in the table: {unlisted:?}");
        let unused: Vec<_> = listed.difference(&used).filter(|code| !planned.contains(*code)).collect();
        assert!(unused.is_empty(), "raised nowhere: {unused:?}");
    }

    /// String literals of the form `"area::name"`.
    fn codes_in(text: &str) -> Vec<String> {
        let areas: BTreeSet<&str> = all().filter_map(|row| row.code.split("::").next()).collect();
        text.split('"')
            .filter(|part| {
                part.split_once("::").is_some_and(|(area, name)| {
                    areas.contains(area)
                        && !name.is_empty()
                        && name
                            .bytes()
                            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
                })
            })
            .map(str::to_owned)
            .collect()
    }

    #[test]
    fn suggestions() {
        assert_eq!(suggestion("unit::mismatch"), Some("units::mismatch"));
        assert_eq!(suggestion("x"), None);
        assert!(find("name::unknown-field").is_some());
    }
}
