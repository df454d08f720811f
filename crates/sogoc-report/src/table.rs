//! Tables of text: columns aligned by what a terminal shows, which for Vietnamese is not the number of bytes.
//!
//! Lines are drawn only where a person looks at a terminal; elsewhere columns are parted by two spaces, so that `cut`,
//! `awk` and a diff have an easy life. Widths are those of the cells; where a terminal is too narrow, the columns that
//! may wrap do.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// How a table is drawn.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Style {
    /// Whether lines are drawn around the cells.
    pub lines: Lines,
    /// Columns of the terminal; none where nothing limits the width.
    pub width: Option<usize>,
}

/// Whether lines are drawn.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Lines {
    /// Two spaces between columns and nothing else.
    #[default]
    None,
    /// Box drawing characters.
    Box,
}

/// How the cells of a column stand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Align {
    Left,
    Right,
}

#[derive(Clone, Debug)]
struct Column {
    heading: String,
    align: Align,
    wraps: bool,
}

/// A table being filled.
#[derive(Clone, Debug, Default)]
pub struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<String>>,
}

/// Least width of a column that wraps.
const WRAPPED_MIN: usize = 16;

impl Table {
    /// A table without columns.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a column of text.
    #[must_use]
    pub fn text(self, heading: impl Into<String>) -> Self {
        self.column(heading, Align::Left, false)
    }

    /// Adds a column of longer text, which wraps where the terminal is narrow.
    #[must_use]
    pub fn prose(self, heading: impl Into<String>) -> Self {
        self.column(heading, Align::Left, true)
    }

    /// Adds a column of numbers.
    #[must_use]
    pub fn number(self, heading: impl Into<String>) -> Self {
        self.column(heading, Align::Right, false)
    }

    fn column(mut self, heading: impl Into<String>, align: Align, wraps: bool) -> Self {
        self.columns.push(Column { heading: heading.into(), align, wraps });
        self
    }

    /// Adds a row: a cell a column, in their order.
    pub fn row<I, S>(&mut self, cells: I)
    where
        I: IntoIterator<Item = S>,
        S: Into<String>,
    {
        let cells: Vec<String> = cells.into_iter().map(|cell| one_line(&cell.into())).collect();
        debug_assert_eq!(cells.len(), self.columns.len(), "a cell a column");
        self.rows.push(cells);
    }

    /// True where no row was added.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Draws the table, each line ended.
    #[must_use]
    pub fn render(&self, style: Style) -> String {
        let widths = self.widths(style);
        let mut out = String::new();
        let headings: Vec<String> = self.columns.iter().map(|column| column.heading.clone()).collect();
        rule(&mut out, style, &widths, ['┌', '┬', '┐']);
        self.line(&mut out, style, &widths, &headings);
        rule(&mut out, style, &widths, ['├', '┼', '┤']);
        for row in &self.rows {
            self.line(&mut out, style, &widths, row);
        }
        rule(&mut out, style, &widths, ['└', '┴', '┘']);
        out
    }

    /// The width of each column: its widest cell, less where the terminal is narrow and the column may wrap.
    fn widths(&self, style: Style) -> Vec<usize> {
        let mut widths: Vec<usize> = self.columns.iter().map(|column| column.heading.width()).collect();
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.width());
            }
        }
        let around = match style.lines {
            Lines::None => 2 * widths.len().saturating_sub(1),
            Lines::Box => 3 * widths.len() + 1,
        };
        let Some(limit) = style.width else { return widths };
        loop {
            let excess = (widths.iter().sum::<usize>() + around).saturating_sub(limit);
            let widest = widths
                .iter_mut()
                .zip(&self.columns)
                .filter(|(width, column)| column.wraps && **width > WRAPPED_MIN)
                .map(|(width, _)| width)
                .max();
            match widest {
                // By at most a quarter a step, so that two long columns give way together.
                Some(width) if excess > 0 => {
                    *width -= excess.min(width.div_ceil(4)).min(*width - WRAPPED_MIN);
                }
                _ => return widths,
            }
        }
    }

    fn line(&self, out: &mut String, style: Style, widths: &[usize], cells: &[String]) {
        let wrapped: Vec<Vec<&str>> = cells.iter().zip(widths).map(|(cell, width)| wrap(cell, *width)).collect();
        let height = wrapped.iter().map(Vec::len).max().unwrap_or(0);
        for nth in 0..height {
            let mut line = String::new();
            for (index, ((cell, width), column)) in wrapped.iter().zip(widths).zip(&self.columns).enumerate() {
                let text = cell.get(nth).copied().unwrap_or("");
                let gap = " ".repeat(width.saturating_sub(text.width()));
                line.push_str(match (style.lines, index) {
                    (Lines::None, 0) => "",
                    (Lines::None, _) => "  ",
                    (Lines::Box, 0) => "│ ",
                    (Lines::Box, _) => " │ ",
                });
                match column.align {
                    Align::Left => line.extend([text, &gap]),
                    Align::Right => line.extend([gap.as_str(), text]),
                }
            }
            match style.lines {
                Lines::None => out.push_str(line.trim_end()),
                Lines::Box => out.extend([line.as_str(), " │"]),
            }
            out.push('\n');
        }
    }
}

fn rule(out: &mut String, style: Style, widths: &[usize], [left, middle, right]: [char; 3]) {
    if style.lines == Lines::None {
        return;
    }
    out.push(left);
    for (index, width) in widths.iter().enumerate() {
        if index > 0 {
            out.push(middle);
        }
        out.extend(std::iter::repeat_n('─', width + 2));
    }
    out.push(right);
    out.push('\n');
}

/// A text as it stands in a cell: line breaks and tabs would break the table, other control characters the terminal.
#[must_use]
pub fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect::<String>().trim_end().to_owned()
}

/// Breaks a text into lines of at most so many columns, at spaces where there are any.
#[must_use]
pub fn wrap(text: &str, width: usize) -> Vec<&str> {
    let mut lines = Vec::new();
    let mut rest = text;
    while rest.width() > width.max(1) {
        let mut taken = 0;
        let mut end = 0;
        let mut space = None;
        for (at, c) in rest.char_indices() {
            let next = taken + c.width().unwrap_or(0);
            if c == ' ' {
                space = Some(at);
            }
            if next > width && end > 0 {
                break;
            }
            taken = next;
            end = at + c.len_utf8();
        }
        // A space just past the end lets the whole line stand.
        let cut = space.filter(|at| *at > 0).unwrap_or(end);
        lines.push(rest[..cut].trim_end());
        rest = rest[cut..].trim_start();
    }
    if !rest.is_empty() || lines.is_empty() {
        lines.push(rest);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Table {
        let mut table = Table::new().number("Hạng").text("Cơ quan").number("Điểm");
        table.row(["1", "Sở Nội vụ", "95.39"]);
        table.row(["10", "Hội Cựu chiến binh", "8"]);
        table
    }

    #[test]
    fn numbers_stand_right_and_vietnamese_is_measured_as_shown() {
        assert_eq!(
            sample().render(Style::default()),
            "Hạng  Cơ quan              Điểm\n   1  Sở Nội vụ           95.39\n  10  Hội Cựu chiến binh      8\n"
        );
    }

    #[test]
    fn a_terminal_gets_lines_of_one_width() {
        let text = sample().render(Style { lines: Lines::Box, width: Some(80) });
        let widths: Vec<_> = text.lines().map(UnicodeWidthStr::width).collect();
        assert!(widths.windows(2).all(|pair| pair[0] == pair[1]), "{text}");
        assert!(text.starts_with('┌') && text.ends_with("┘\n"), "{text}");
    }

    #[test]
    fn prose_wraps_at_spaces_where_the_terminal_is_narrow() {
        assert_eq!(wrap("một hai ba bốn", 8), ["một hai", "ba bốn"]);
        assert_eq!(wrap("abcdefgh", 3), ["abc", "def", "gh"]);
        assert_eq!(wrap("", 3), [""]);
        let mut table = Table::new().text("a").prose("lý do");
        table.row(["x", &"từ ".repeat(40)]);
        let text = table.render(Style { lines: Lines::None, width: Some(40) });
        assert!(text.lines().all(|line| line.width() <= 40), "{text}");
    }

    #[test]
    fn a_cell_cannot_break_the_table_or_the_terminal() {
        let mut table = Table::new().text("a");
        table.row(["x\n\u{1b}[31my"]);
        assert_eq!(table.render(Style::default()), "a\nx  [31my\n");
    }
}
