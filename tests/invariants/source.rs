//! A Rust file as the invariants read it: its code without comments, strings and tests.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// One file.
pub struct Source {
    /// From the root of the repository.
    pub path: PathBuf,
    /// Its code. Comments and the content of literals are blank, and so is what only a test build
    /// compiles; every line and column is where it was.
    pub code: String,
    /// Comments, by line counted from 1.
    comments: BTreeMap<usize, String>,
    /// Modules of their own file that only a test build compiles.
    pub test_modules: Vec<PathBuf>,
}

impl Source {
    /// Reads the text of the file at `path`.
    pub fn new(path: &Path, text: &str) -> Self {
        let (code, comments) = without_comments(text);
        let (code, test_modules) = without_tests(&code);
        let test_modules = test_modules.iter().map(|name| module_file(path, name)).collect();
        Self { path: path.to_owned(), code, comments, test_modules }
    }

    /// Where `text` stands in the code as whole words, by line.
    pub fn lines_with(&self, text: &str) -> Vec<usize> {
        let word = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
        let bytes = self.code.as_bytes();
        let whole = |at: usize| {
            let end = at + text.len();
            let starts = word(bytes.get(at)) && at > 0 && word(bytes.get(at - 1));
            let ends = word(bytes.get(end - 1)) && word(bytes.get(end));
            !starts && !ends
        };
        let found = self.code.match_indices(text).filter(|(at, _)| whole(*at));
        found.map(|(at, _)| 1 + self.code[..at].matches('\n').count()).collect()
    }

    /// Whether the comment on this line, or the one that ends on the line before it, contains `text`.
    pub fn is_remarked(&self, line: usize, text: &str) -> bool {
        let says = |line: &usize| self.comments.get(line).is_some_and(|comment| comment.contains(text));
        let alone = |line: &usize| {
            self.comments.contains_key(line)
                && self.code.lines().nth(line - 1).is_some_and(|code| code.trim().is_empty())
        };
        says(&line) || (1..line).rev().take_while(alone).any(|line| says(&line))
    }
}

/// Blanks comments and the content of literals, and returns the comments by line.
fn without_comments(text: &str) -> (String, BTreeMap<usize, String>) {
    let chars: Vec<char> = text.chars().collect();
    let mut code = String::with_capacity(text.len());
    let mut comments: BTreeMap<usize, String> = BTreeMap::new();
    let mut line = 1;
    let mut at = 0;
    while at < chars.len() {
        let end = match (chars[at], chars.get(at + 1)) {
            ('/', Some('/')) => find(&chars, at, |at| chars[at] == '\n'),
            ('/', Some('*')) => end_of_block_comment(&chars, at),
            ('"', _) => end_of_string(&chars, at + 1),
            ('r', Some('"' | '#')) if !follows_a_word(&chars, at) => end_of_raw_string(&chars, at),
            ('\'', _) => end_of_character(&chars, at),
            _ => at,
        };
        let comment = chars[at] == '/' && end > at;
        for (offset, character) in chars[at..end.max(at + 1)].iter().enumerate() {
            let edge = offset == 0 || at + offset + 1 == end;
            code.push(match character {
                '\n' => '\n',
                other if end == at || (edge && !comment) => *other,
                _ => ' ',
            });
            if comment && *character != '\n' {
                comments.entry(line).or_default().push(*character);
            }
            line += usize::from(*character == '\n');
        }
        at = end.max(at + 1);
    }
    (code, comments)
}

fn find(chars: &[char], from: usize, holds: impl Fn(usize) -> bool) -> usize {
    (from..chars.len()).find(|at| holds(*at)).unwrap_or(chars.len())
}

/// `br"…"` and `cr"…"` begin a raw string in the middle of a word; a name that ends in r does not.
fn follows_a_word(chars: &[char], at: usize) -> bool {
    let word = |at: usize| chars[at].is_alphanumeric() || chars[at] == '_';
    match at.checked_sub(1) {
        Some(before) if matches!(chars[before], 'b' | 'c') => before > 0 && word(before - 1),
        Some(before) => word(before),
        None => false,
    }
}

fn end_of_block_comment(chars: &[char], start: usize) -> usize {
    let mut depth = 0;
    let mut at = start;
    while at + 1 < chars.len() {
        match (chars[at], chars[at + 1]) {
            ('/', '*') => depth += 1,
            ('*', '/') => depth -= 1,
            _ => {
                at += 1;
                continue;
            }
        }
        at += 2;
        if depth == 0 {
            return at;
        }
    }
    chars.len()
}

/// Behind the quote that ends a string whose content begins at `at`.
fn end_of_string(chars: &[char], mut at: usize) -> usize {
    while at < chars.len() {
        match chars[at] {
            '\\' => at += 2,
            '"' => return at + 1,
            _ => at += 1,
        }
    }
    chars.len()
}

/// Behind `r##"…"##`; where it started for a raw name such as `r#type`.
fn end_of_raw_string(chars: &[char], start: usize) -> usize {
    let quote = find(chars, start + 1, |at| chars[at] != '#');
    if chars.get(quote) != Some(&'"') {
        return start;
    }
    let hashes = quote - start - 1;
    let closes = |at: usize| chars[at] == '"' && (1..=hashes).all(|next| chars.get(at + next) == Some(&'#'));
    (find(chars, quote + 1, closes) + 1 + hashes).min(chars.len())
}

/// Behind `'x'`; where it started for a lifetime.
fn end_of_character(chars: &[char], start: usize) -> usize {
    match (chars.get(start + 1), chars.get(start + 2)) {
        (Some('\\'), _) => (find(chars, start + 3, |at| chars[at] == '\'') + 1).min(chars.len()),
        (Some(_), Some('\'')) => start + 3,
        _ => start,
    }
}

/// Blanks every item under `#[cfg(test)]`, and names the modules among them that have their own file.
fn without_tests(code: &str) -> (String, Vec<String>) {
    const MARK: &str = "#[cfg(test)]";
    let mut code = code.to_owned();
    let mut modules = Vec::new();
    while let Some(start) = code.find(MARK) {
        let item = start + MARK.len();
        let end = end_of_item(&code, item);
        let words: Vec<&str> = code[item..end].split_whitespace().collect();
        if let [.., "mod", name] = words.as_slice()
            && let Some(name) = name.strip_suffix(';')
        {
            modules.push(name.to_owned());
        }
        let blank: String = code[start..end].chars().map(|c| if c == '\n' { '\n' } else { ' ' }).collect();
        code.replace_range(start..end, &blank);
    }
    (code, modules)
}

/// Behind the `;` or the braces that end the item which begins at `from`.
fn end_of_item(code: &str, from: usize) -> usize {
    let mut depth = 0;
    for (offset, character) in code[from..].char_indices() {
        match character {
            '{' | '[' | '(' => depth += 1,
            '}' | ']' | ')' => {
                depth -= 1;
                if depth == 0 && character == '}' {
                    return from + offset + 1;
                }
            }
            ';' if depth == 0 => return from + offset + 1,
            _ => {}
        }
    }
    code.len()
}

/// Where `mod name;` in the file at `path` leads.
fn module_file(path: &Path, name: &str) -> PathBuf {
    let stem = path.file_stem().unwrap_or_default();
    let folder = if ["lib", "main", "mod"].iter().any(|root| stem == *root) {
        path.parent().unwrap_or(Path::new("")).to_owned()
    } else {
        path.with_extension("")
    };
    folder.join(name).with_extension("rs")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> Source {
        Source::new(Path::new("crate/src/stage.rs"), text)
    }

    #[test]
    fn only_code_is_left() {
        let text = "let a = \"x.unwrap()\"; // b.unwrap()\n\
                    let c = r#\"\" d.unwrap()\"#; /* /* e.unwrap() */ */ f.unwrap();\n\
                    let g: &'static str = '\"'.unwrap(); let r#type = 'r';\n";
        assert_eq!(source(text).lines_with(".unwrap()"), [2, 3]);
        assert_eq!(source(text).code.lines().count(), 3);
    }

    #[test]
    fn words_are_whole() {
        let text = "use z3::Solver;\nlet fz3 = 1;\nlet z3s = 1;\nz3\n";
        assert_eq!(source(text).lines_with("z3"), [1, 4]);
    }

    #[test]
    fn tests_are_left_out() {
        let text = "fn a() { b.unwrap() }\n#[cfg(test)]\nmod tests {\n    fn c() { d.unwrap() }\n}\n\
                    #[cfg(test)]\n#[allow(x)]\nmod law;\nfn e() { f.unwrap() }\n";
        let source = source(text);
        assert_eq!(source.lines_with(".unwrap()"), [1, 9]);
        assert_eq!(source.test_modules, [Path::new("crate/src/stage/law.rs")]);
    }

    #[test]
    fn a_remark_stands_on_the_line_or_before_it() {
        let source = source("// Invariant: a\n// and more\nb();\n\nc(); // Invariant: d\ne();\n");
        let remarked: Vec<usize> = (1..=6).filter(|line| source.is_remarked(*line, "Invariant:")).collect();
        assert_eq!(remarked, [1, 2, 3, 5]);
    }
}
