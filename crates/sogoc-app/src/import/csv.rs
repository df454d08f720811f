//! Reading CSV: strict about what it means, tolerant about how spreadsheets write it.
//!
//! Accepted without a word: a byte order mark, CRLF, comma, semicolon or tab as delimiter (found out from the header),
//! quoted fields with line breaks, blank lines, rows of empty cells (spreadsheets leave them at the end), white space
//! around a cell, and a header in any case. Refused, with the line, the column and what to do: bytes that are not UTF-8,
//! control characters, an unclosed quote, a missing, unknown or repeated column, a row of another length than the header,
//! a repeated row, a number that could mean two things. The first fault ends the reading.

use std::collections::HashMap;
use std::str::FromStr;

use sogoc_domain::refusal::Said;
use sogoc_domain::said;
use sogoc_domain::values::{Text, ValueError};
use unicode_normalization::UnicodeNormalization;

use super::{FILE_BYTES_MAX, ImportError, LINE_BYTES_MAX, reason_and_remedy, shown};

/// A column that a file may or must have.
#[derive(Clone, Copy, Debug)]
pub struct Column<'s> {
    /// Its name, in lower case.
    pub name: &'s str,
    /// Other names that mean the same, in lower case.
    pub aliases: &'static [&'static str],
    /// Whether the file must have it.
    pub required: bool,
}

impl<'s> Column<'s> {
    /// A column that must be there.
    #[must_use]
    pub const fn required(name: &'s str) -> Self {
        Self { name, aliases: &[], required: true }
    }

    /// A column that may be missing; its cells are empty then.
    #[must_use]
    pub const fn optional(name: &'s str) -> Self {
        Self { name, aliases: &[], required: false }
    }

    /// The same column under other names too.
    #[must_use]
    pub const fn or(self, aliases: &'static [&'static str]) -> Self {
        Self { aliases, ..self }
    }

    fn is_called(&self, header: &str) -> bool {
        self.name == header || self.aliases.contains(&header)
    }
}

/// A file that was read, with its rows.
#[derive(Clone, Debug)]
pub struct Table<'s> {
    file: String,
    schema: &'s [Column<'s>],
    /// Where each column of the schema stands in a row, if the file has it.
    places: Vec<Option<usize>>,
    /// The header as the file writes it.
    header: Vec<String>,
    rows: Vec<(u64, ::csv::StringRecord)>,
}

/// One row of a table.
#[derive(Clone, Copy, Debug)]
pub struct Row<'t> {
    table: &'t Table<'t>,
    /// The line on which the row begins, from 1.
    pub line: u64,
    cells: &'t ::csv::StringRecord,
}

const IS_IT_A_TABLE: (&str, &str) = ("check that the file is a table", "kiểm tra tệp có phải là bảng không");
/// What to do about two rows that say the same.
pub(crate) const DELETE_ONE: (&str, &str) = ("delete one of the two rows", "xóa một trong hai dòng");

/// The text of a file: UTF-8 without byte order mark, within the limits, without control characters.
///
/// # Errors
/// When it is none, with the line of the first bad byte.
pub fn text_of<'b>(file: &str, bytes: &'b [u8]) -> Result<&'b str, ImportError> {
    if bytes.len() > FILE_BYTES_MAX {
        let length = bytes.len();
        let reason = said!(
            "the file has {length} bytes, the limit is {FILE_BYTES_MAX}",
            "tệp có {length} byte, tối đa {FILE_BYTES_MAX}"
        );
        return Err(ImportError::of_file(file, reason, ("split it into several files", "chia thành nhiều tệp")));
    }
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        let reason = ("the file is UTF-16, not UTF-8", "tệp là UTF-16, không phải UTF-8");
        return Err(ImportError::of_line(file, 1, reason, ("save it as \"CSV UTF-8\"", "lưu dạng \"CSV UTF-8\"")));
    }
    let bytes = bytes.strip_prefix(&[0xef, 0xbb, 0xbf]).unwrap_or(bytes);
    let text = std::str::from_utf8(bytes).map_err(|e| {
        let bad = bytes.get(e.valid_up_to()).copied().unwrap_or_default();
        let reason = said!("the byte 0x{bad:02x} is not UTF-8", "byte 0x{bad:02x} không phải UTF-8");
        let remedy = ("save the file as UTF-8 (\"CSV UTF-8\")", "lưu tệp dạng UTF-8 (\"CSV UTF-8\")");
        ImportError::of_line(file, line_at(bytes, e.valid_up_to()), reason, remedy)
    })?;
    if let Some((at, c)) = text.char_indices().find(|(_, c)| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
        let c = u32::from(c);
        let reason = said!("it holds the control character U+{c:04X}", "có ký tự điều khiển U+{c:04X}");
        return Err(ImportError::of_line(file, line_at(bytes, at), reason, ("remove the character", "xóa ký tự đó")));
    }
    if let Some((index, line)) = text.split('\n').enumerate().find(|(_, line)| line.len() > LINE_BYTES_MAX) {
        let length = line.len();
        let reason = said!(
            "the line has {length} bytes, the limit is {LINE_BYTES_MAX}",
            "dòng dài {length} byte, tối đa {LINE_BYTES_MAX}"
        );
        return Err(ImportError::of_line(file, index as u64 + 1, reason, IS_IT_A_TABLE));
    }
    Ok(text)
}

/// The line, from 1, on which a byte stands.
fn line_at(bytes: &[u8], at: usize) -> u64 {
    bytes.iter().take(at).filter(|b| **b == b'\n').count() as u64 + 1
}

/// Reads a table whose columns are those of the schema, in any order.
///
/// # Errors
/// At the first fault of the file's form.
pub fn read<'s>(file: &str, bytes: &[u8], schema: &'s [Column<'s>]) -> Result<Table<'s>, ImportError> {
    read_table(file, bytes, schema, Unknown::Refused)
}

/// As [`read`], passing over columns that the schema does not have: for files of which nothing is recorded.
///
/// # Errors
/// As [`read`].
pub fn read_some<'s>(file: &str, bytes: &[u8], schema: &'s [Column<'s>]) -> Result<Table<'s>, ImportError> {
    read_table(file, bytes, schema, Unknown::PassedOver)
}

/// What becomes of a column that the schema does not have.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Unknown {
    Refused,
    PassedOver,
}

fn read_table<'s>(
    file: &str,
    bytes: &[u8],
    schema: &'s [Column<'s>],
    unknown: Unknown,
) -> Result<Table<'s>, ImportError> {
    let text = text_of(file, bytes)?;
    let delimiter = delimiter_of(text, schema);
    check_quotes(file, text, delimiter)?;
    let mut reader = ::csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .has_headers(false)
        .flexible(true)
        .trim(::csv::Trim::All)
        .from_reader(text.as_bytes());
    let mut lines = Lines { bytes: text.as_bytes(), at: 0, line: 1 };
    let mut records = reader.records().map(|record| {
        // The text is UTF-8 and rows may be of any length here, so that reading from memory cannot fail.
        let record = record.map_err(|e| ImportError::of_file(file, e.to_string(), IS_IT_A_TABLE))?;
        let start = record.position().map_or(0, ::csv::Position::byte);
        Ok((lines.of(usize::try_from(start).unwrap_or(usize::MAX)), record))
    });
    let filled = |record: &::csv::StringRecord| record.iter().any(|cell| !cell.is_empty());
    let (line, header) = loop {
        match records.next() {
            None => {
                let remedy = ("give a header line and rows", "cần dòng tiêu đề và các dòng dữ liệu");
                return Err(ImportError::of_file(file, ("the file is empty", "tệp trống"), remedy));
            }
            Some(Err(e)) => return Err(e),
            Some(Ok((line, record))) if filled(&record) => break (line, record),
            Some(Ok(_)) => {}
        }
    };
    let places = places_of(file, line, &header, schema, unknown)?;
    let mut rows = Vec::new();
    for record in records {
        let (line, record) = record?;
        if !filled(&record) {
            continue;
        }
        if record.len() != header.len() {
            let (cells, columns) = (record.len(), header.len());
            let reason =
                said!("the row has {cells} cells, the header has {columns}", "dòng có {cells} ô, tiêu đề có {columns}");
            let remedy = (
                "give one cell a column; put a cell that holds the delimiter in double quotes",
                "mỗi cột một ô; đặt ô có dấu phân cách trong ngoặc kép",
            );
            return Err(ImportError::of_line(file, line, reason, remedy));
        }
        rows.push((line, record));
    }
    let header = header.iter().map(str::to_owned).collect();
    Ok(Table { file: file.to_owned(), schema, places, header, rows })
}

/// Counts lines up to offsets that only grow. The CSV reader's own count is not used: it takes a line break that belongs to
/// CRLF or to a blank line for the beginning of the next row.
struct Lines<'b> {
    bytes: &'b [u8],
    at: usize,
    line: u64,
}

impl Lines<'_> {
    fn of(&mut self, start: usize) -> u64 {
        while let Some(byte) = self.bytes.get(self.at) {
            if self.at >= start && !matches!(byte, b'\r' | b'\n') {
                break;
            }
            self.line += u64::from(*byte == b'\n');
            self.at += 1;
        }
        self.line
    }
}

/// A header as it is compared: NFC, lower case, one underscore for any run of spaces and underscores.
fn header_key(header: &str) -> String {
    let lower: String = header.nfc().flat_map(char::to_lowercase).collect();
    let words: Vec<_> = lower.split(|c: char| c.is_whitespace() || c == '_').filter(|w| !w.is_empty()).collect();
    words.join("_")
}

/// The delimiter under which the first line holds most of the known columns.
fn delimiter_of(text: &str, schema: &[Column<'_>]) -> u8 {
    let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let known = |delimiter: u8| {
        first
            .split(char::from(delimiter))
            .filter(|cell| {
                let key = header_key(cell.trim().trim_matches('"'));
                schema.iter().any(|column| column.is_called(&key))
            })
            .count()
    };
    // The first of equals wins `max_by_key` from the back, so the comma stands last.
    [b'\t', b';', b','].into_iter().max_by_key(|d| known(*d)).unwrap_or(b',')
}

/// That every quote that opens is closed, with nothing but a delimiter behind it: otherwise a stray quote swallows the rest
/// of the file in silence.
fn check_quotes(file: &str, text: &str, delimiter: u8) -> Result<(), ImportError> {
    let mut line = 1;
    let mut opened: Option<u64> = None;
    let mut field_begins = true;
    let mut bytes = text.bytes().peekable();
    while let Some(byte) = bytes.next() {
        if byte == b'\n' {
            line += 1;
        }
        match (opened, byte) {
            (Some(_), b'"') if bytes.peek() == Some(&b'"') => {
                bytes.next();
            }
            (Some(_), b'"') => {
                opened = None;
                while bytes.peek() == Some(&b' ') {
                    bytes.next();
                }
                if bytes.peek().is_some_and(|next| *next != delimiter && !matches!(next, b'\r' | b'\n')) {
                    let reason = ("there is text behind a closing quote", "có chữ sau dấu ngoặc kép đóng");
                    let remedy = (
                        "write a quote inside a quoted cell twice (\"\")",
                        "viết đôi dấu ngoặc kép bên trong ô (\"\")",
                    );
                    return Err(ImportError::of_line(file, line, reason, remedy));
                }
                field_begins = false;
            }
            (Some(_), _) => {}
            (None, b'"') if field_begins => opened = Some(line),
            // The reader takes a quote for an opening one at the very beginning of a cell only.
            (None, b' ') if field_begins => field_begins = bytes.peek() == Some(&b' '),
            (None, b'\r' | b'\n') => field_begins = true,
            (None, _) => field_begins = byte == delimiter,
        }
    }
    match opened {
        Some(line) => {
            let reason = ("a quote is opened and never closed", "dấu ngoặc kép mở mà không đóng");
            Err(ImportError::of_line(file, line, reason, ("close the quote", "đóng dấu ngoặc kép")))
        }
        None => Ok(()),
    }
}

fn places_of(
    file: &str,
    line: u64,
    header: &::csv::StringRecord,
    schema: &[Column<'_>],
    unknown: Unknown,
) -> Result<Vec<Option<usize>>, ImportError> {
    let known = || schema.iter().map(|c| c.name).collect::<Vec<_>>().join(",");
    let mut places: Vec<Option<usize>> = vec![None; schema.len()];
    for (place, name) in header.iter().enumerate() {
        let key = header_key(name);
        let found = schema.iter().position(|column| column.is_called(&key));
        let Some(found) = found else {
            if unknown == Unknown::PassedOver {
                continue;
            }
            let error = if name.is_empty() {
                let number = place + 1;
                let reason = said!("column {number} has no name", "cột {number} không có tên");
                ImportError::of_line(file, line, reason, ("name it, or delete it", "đặt tên cột, hoặc xóa cột"))
            } else {
                let known = known();
                let remedy =
                    said!("rename or delete it; the columns are {known}", "đổi tên hoặc xóa; các cột gồm {known}");
                let reason = ("the column is not known", "không có cột này trong mẫu");
                ImportError::of_line(file, line, reason, remedy).in_column(&shown(name))
            };
            return Err(error);
        };
        let (Some(slot), Some(column)) = (places.get_mut(found), schema.get(found)) else { continue };
        if slot.is_some() {
            let column = column.name;
            let reason = said!("the column {column} is there twice", "cột {column} có hai lần");
            let remedy = ("delete one of them", "xóa bớt một cột");
            return Err(ImportError::of_line(file, line, reason, remedy).in_column(&shown(name)));
        }
        *slot = Some(place);
    }
    let missing: Vec<_> =
        schema.iter().zip(&places).filter(|(c, p)| c.required && p.is_none()).map(|(c, _)| c.name).collect();
    if let Some(first) = missing.first() {
        let (known, missing) = (known(), missing.join(", "));
        let remedy = said!("the first line must name the columns {known}", "dòng đầu phải ghi tên các cột {known}");
        let reason = said!("the header lacks {missing}", "tiêu đề thiếu {missing}");
        return Err(ImportError::of_line(file, line, reason, remedy).in_column(first));
    }
    Ok(places)
}

impl Table<'_> {
    /// The rows in order.
    pub fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        self.rows.iter().map(|(line, cells)| Row { table: self, line: *line, cells })
    }

    /// The file's name.
    #[must_use]
    pub fn file(&self) -> &str {
        &self.file
    }

    /// Whether the file has the column.
    #[must_use]
    pub fn has(&self, column: &str) -> bool {
        self.place(column).is_some()
    }

    /// That no two rows have the same key.
    ///
    /// # Errors
    /// At the second of two such rows, naming the line of the first.
    pub fn check_unique<'t, K: std::hash::Hash + Eq>(
        &'t self,
        what: (&str, &str),
        key: impl Fn(&Row<'t>) -> K,
    ) -> Result<(), ImportError> {
        let mut seen = HashMap::new();
        for row in self.rows() {
            if let Some(first) = seen.insert(key(&row), row.line) {
                let (en, vi) = what;
                let reason = said!("{en} is in line {first} already", "{vi} đã có ở dòng {first}");
                return Err(ImportError::of_line(&self.file, row.line, reason, DELETE_ONE));
            }
        }
        Ok(())
    }

    fn place(&self, column: &str) -> Option<usize> {
        let index = self.schema.iter().position(|c| c.name == column);
        debug_assert!(index.is_some(), "{column} is not in the schema of {}", self.file);
        self.places.get(index?).copied().flatten()
    }
}

impl<'t> Row<'t> {
    /// The cell, without white space around it; empty where the file lacks the column.
    #[must_use]
    pub fn get(&self, column: &str) -> &'t str {
        self.table.place(column).and_then(|place| self.cells.get(place)).unwrap_or_default()
    }

    /// A fault in this row.
    #[must_use]
    pub fn fault(&self, reason: impl Into<Said>, remedy: impl Into<Said>) -> ImportError {
        ImportError::of_line(&self.table.file, self.line, reason, remedy)
    }

    /// A fault in one cell of this row: names the column as the file does, and the value.
    #[must_use]
    pub fn bad(&self, column: &str, reason: impl Into<Said>, remedy: impl Into<Said>) -> ImportError {
        let header = self.table.place(column).and_then(|place| self.table.header.get(place));
        self.fault(reason, remedy).in_column(header.map_or(column, String::as_str)).with_value(self.get(column))
    }

    /// The cell, which must not be empty.
    ///
    /// # Errors
    /// When it is.
    pub fn needed(&self, column: &str) -> Result<&'t str, ImportError> {
        match self.get(column) {
            "" => Err(self.bad(column, ("the cell is empty", "ô trống"), ("fill it in", "điền vào"))),
            value => Ok(value),
        }
    }

    /// The cell as a value of the domain.
    ///
    /// # Errors
    /// When it is empty or no such value.
    pub fn value<T: FromStr<Err = ValueError>>(&self, column: &str) -> Result<T, ImportError> {
        let text = self.needed(column)?;
        text.parse().map_err(|e| self.not_a_value(column, &e))
    }

    /// The cell as a value of the domain, or none where it is empty.
    ///
    /// # Errors
    /// When it is no such value.
    pub fn value_if_any<T: FromStr<Err = ValueError>>(&self, column: &str) -> Result<Option<T>, ImportError> {
        if self.get(column).is_empty() { Ok(None) } else { self.value(column).map(Some) }
    }

    /// The cell as text.
    ///
    /// # Errors
    /// When it is empty.
    pub fn text(&self, column: &str) -> Result<Text, ImportError> {
        Text::try_new(self.needed(column)?).map_err(|e| self.not_a_value(column, &e))
    }

    /// The cell as text, or none where it is empty.
    ///
    /// # Errors
    /// When it holds a control character.
    pub fn text_if_any(&self, column: &str) -> Result<Option<Text>, ImportError> {
        if self.get(column).is_empty() { Ok(None) } else { self.text(column).map(Some) }
    }

    /// The cell as a number that is written with a decimal point or a decimal comma.
    ///
    /// # Errors
    /// When it is empty, no number of the domain, or written with thousands separators.
    pub fn number<T: FromStr<Err = ValueError>>(&self, column: &str) -> Result<T, ImportError> {
        let text = self.needed(column)?;
        let plain = plain_number(text).map_err(|(reason, remedy)| self.bad(column, reason, remedy))?;
        plain.parse().map_err(|e| self.not_a_value(column, &e))
    }

    /// Such a number, or none where the cell is empty.
    ///
    /// # Errors
    /// When it is neither.
    pub fn number_if_any<T: FromStr<Err = ValueError>>(&self, column: &str) -> Result<Option<T>, ImportError> {
        if self.get(column).is_empty() { Ok(None) } else { self.number(column).map(Some) }
    }

    /// A whole number from 1, such as a rank; leading zeros are dropped.
    ///
    /// # Errors
    /// When the cell is empty or none.
    pub fn ordinal(&self, column: &str) -> Result<u32, ImportError> {
        let text = self.needed(column)?;
        let digits = text.bytes().all(|b| b.is_ascii_digit());
        match text.parse::<u32>() {
            Ok(n) if n > 0 && digits => Ok(n),
            _ => {
                let reason = ("it is not a whole number from 1", "không phải số nguyên từ 1");
                Err(self.bad(column, reason, ("write digits only", "chỉ ghi chữ số")))
            }
        }
    }

    fn not_a_value(&self, column: &str, error: &ValueError) -> ImportError {
        let (reason, remedy) = reason_and_remedy(error);
        self.bad(column, reason, remedy)
    }
}

/// A number with a decimal point, from one with a decimal point or a decimal comma. One separator is always a decimal
/// one; a second one could only be for thousands, as could a space.
fn plain_number(text: &str) -> Result<String, (Said, Said)> {
    let separators = text.chars().filter(|c| matches!(c, '.' | ',')).count();
    let spaced = |c: char| c.is_whitespace() || matches!(c, '\'' | '’');
    let of_digits = text.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | ',' | '-') || spaced(c));
    if of_digits && (separators > 1 || text.contains(spaced)) {
        return Err((
            Said::new("thousands separators are not read", "không nhận dấu phân cách hàng nghìn"),
            Said::new(
                "write digits with one point or comma before the decimals, such as 1234.5 or 1234,5",
                "ghi chữ số với một dấu chấm hoặc phẩy trước phần thập phân, như 1234.5 hoặc 1234,5",
            ),
        ));
    }
    Ok(text.replace(',', "."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use sogoc_domain::values::Points;

    const SCHEMA: &[Column<'_>] = &[
        Column::required("agency").or(&["mã"]),
        Column::required("points").or(&["điểm_thẩm_định"]),
        Column::optional("note"),
    ];

    fn read_all(bytes: &[u8]) -> Result<Vec<(u64, String, String)>, ImportError> {
        let table = read("t.csv", bytes, SCHEMA)?;
        table
            .rows()
            .map(|r| Ok((r.line, r.get("agency").to_owned(), r.number::<Points>("points")?.to_string())))
            .collect()
    }

    #[test]
    fn spreadsheets_habits_are_accepted() {
        let want = vec![(2, "a".to_owned(), "1.5".to_owned()), (3, "b".to_owned(), "2".to_owned())];
        for text in [
            "agency,points\na,1.5\nb,2\n",
            "agency,points\r\na,1.5\r\nb,2",
            "\u{feff}agency,points\na,1.5\nb,2\n",
            "Agency;Points\na;1,5\nb;2\n",
            "POINTS\tagency\n1,5\ta\n2,0\tb\n",
            "agency,points,note\na,\"1,5\",\nb,2,\"x, \"\"y\"\"\"\n",
            "Mã;Điểm thẩm định\r\na;1,5\r\nb;2\r\n;\r\n;\r\n",
            "Ma\u{303};ĐIỂM  THẨM ĐỊNH\na;1,5\nb;2\n",
            " agency , points \n a , 1.5 \n b , 2 \n",
        ] {
            assert_eq!(read_all(text.as_bytes()).unwrap(), want, "{text:?}");
        }
    }

    #[test]
    fn lines_are_those_of_an_editor() {
        let text = "agency,points,note\r\n\r\na,1,\"two\r\nlines\"\r\n\r\n\r\nb,2,\r\n";
        let lines: Vec<_> = read_all(text.as_bytes()).unwrap().into_iter().map(|r| r.0).collect();
        assert_eq!(lines, [3, 7]);
    }

    #[test]
    fn a_fault_is_told_in_the_readers_language() {
        let error = read_all(b"agency,points\na,\n").unwrap_err();
        let vi = "t.csv, dòng 2, cột points, giá trị \"\": ô trống; điền vào. Chưa ghi gì từ tệp này";
        assert_eq!(error.text(sogoc_domain::refusal::Language::Vietnamese), vi);
        let en =
            "t.csv, line 2, column points, value \"\": the cell is empty; fill it in. Nothing of the file was recorded";
        assert_eq!(error.to_string(), en);
    }

    #[test]
    fn every_fault_names_its_line_and_what_is_wrong() {
        let long = format!("agency,points\na,{}\n", "1".repeat(LINE_BYTES_MAX));
        let cases: &[(&[u8], u64, &str)] = &[
            (b"agency,points\na,1\nb,\xff\n", 3, "not UTF-8"),
            (b"\xff\xfea\0", 1, "UTF-16"),
            (b"agency,points\na\x00,1\n", 2, "U+0000"),
            (b"agency\na\n", 1, "lacks points"),
            (b"agency,points,pionts\na,1,2\n", 1, "not known"),
            (b"agency,points,Points\na,1,2\n", 1, "twice"),
            (b"agency,points,\na,1,2\n", 1, "column 3 has no name"),
            (b"agency,points\na,1\nb,1,2\n", 3, "3 cells"),
            (b"agency,points\na\n", 2, "1 cells"),
            (b"agency,points\na,\"1\nb,2\nc,3\n", 2, "never closed"),
            (b"agency,points\n\"a\"b,1\n", 2, "behind a closing quote"),
            (b"agency,points\na,NaN\n", 2, "not a number"),
            (b"agency,points\na,1e5\n", 2, "not a number"),
            (b"agency,points\na,-1\n", 2, "negative"),
            (b"agency,points\na,0.123456789012345678901234567890\n", 2, "out of range"),
            (b"agency;points\na;1.234,5\n", 2, "thousands"),
            (b"agency;points\na;1 234\n", 2, "thousands"),
            (b"agency,points\na,\n", 2, "empty"),
            (long.as_bytes(), 2, "the limit is 1048576"),
        ];
        for (bytes, line, reason) in cases {
            let error = read_all(bytes).expect_err("refused");
            assert_eq!(error.line, Some(*line), "{error}");
            assert!(error.reason.to_string().contains(reason), "{error}");
            assert!(!error.remedy.to_string().is_empty() && error.to_string().len() < 600, "{error}");
        }
        for empty in ["", "\n\n", "\u{feff}", ",,\n"] {
            assert!(read_all(empty.as_bytes()).unwrap_err().reason.to_string().contains("empty"), "{empty:?}");
        }
        assert!(read_all(&vec![b'a'; FILE_BYTES_MAX + 1]).unwrap_err().reason.to_string().contains("limit"));
    }

    #[test]
    fn a_repeated_row_names_the_first() {
        let table = read("t.csv", b"agency,points\na,1\nb,2\na,3\n", SCHEMA).unwrap();
        let error = table.check_unique(("agency a", "cơ quan a"), |r| r.get("agency")).unwrap_err();
        assert_eq!((error.line, error.reason.to_string().as_str()), (Some(4), "agency a is in line 2 already"));
    }
}
