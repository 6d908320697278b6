//! Tables for an 80-column terminal: as wide as their text, the last column wrapped.

use unicode_width::UnicodeWidthStr as _;

/// How many columns a line may have.
pub const WIDTH: usize = 80;

/// Where a column's text stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Align {
    Left,
    Right,
}

/// Rows under a heading, indented by two. The last column takes what is left of the line and wraps.
pub fn table(heading: &[(&str, Align)], rows: &[Vec<String>]) -> String {
    let mut widths: Vec<usize> = heading.iter().map(|(name, _)| name.width()).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.width());
        }
    }
    let last = widths.len().saturating_sub(1);
    let before: usize = 2 + widths.iter().take(last).map(|width| width + 2).sum::<usize>();
    let room = WIDTH.saturating_sub(before).max(16);
    let mut text = String::new();
    let names: Vec<String> = heading.iter().map(|(name, _)| (*name).to_owned()).collect();
    for row in std::iter::once(&names).chain(rows) {
        let mut wrapped = wrap(row.get(last).map_or("", String::as_str), room).into_iter();
        let mut line = String::from("  ");
        for (column, cell) in row.iter().take(last).enumerate() {
            let padding = " ".repeat(widths[column].saturating_sub(cell.width()));
            match heading[column].1 {
                Align::Left => line.extend([cell.as_str(), &padding, "  "]),
                Align::Right => line.extend([padding.as_str(), cell, "  "]),
            }
        }
        let first = wrapped.next().unwrap_or_default();
        if heading[last].1 == Align::Right && widths[last] <= room {
            line.push_str(&" ".repeat(widths[last].saturating_sub(first.width())));
        }
        line.push_str(&first);
        text.push_str(line.trim_end());
        text.push('\n');
        for more in wrapped {
            text.push_str(&" ".repeat(before));
            text.push_str(&more);
            text.push('\n');
        }
    }
    text
}

/// `text` in lines of at most `width` columns, broken at blanks; a longer word stands alone.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.width() + 1 + word.width() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// `text` wrapped, every line indented by `indent` blanks.
pub fn paragraph(text: &str, indent: usize) -> String {
    wrap(text, WIDTH - indent).into_iter().map(|line| format!("{}{line}\n", " ".repeat(indent))).collect()
}
