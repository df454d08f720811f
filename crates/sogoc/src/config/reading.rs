//! From file, environment and flags to values: what is said later in this order holds, and where each value came from is
//! kept. Everything that is wrong is gathered, not only the first.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::fault::{Fault, Source, Text};
use super::settings::{Form, SETTINGS, Setting, TABLES, VALUE_BYTES_MAX, Value, nearest, setting};

/// Largest configuration file, in bytes.
const FILE_BYTES_MAX: u64 = 1 << 20;
/// Characters of a wrong value that are quoted.
const QUOTED_CHARACTERS_MAX: usize = 60;

/// What was said, by key.
#[derive(Debug, Default)]
pub(super) struct Reading {
    pub(super) values: BTreeMap<&'static str, (Value, Source)>,
    pub(super) faults: Vec<Fault>,
}

/// Flags that were given, by their names.
pub(super) type Flags = Vec<(&'static str, String)>;

impl Reading {
    /// Reads everything: defaults, `file`, the environment, flags.
    pub(super) fn of(file: Option<&Path>, variable: impl Fn(&str) -> Option<OsString>, flags: &Flags) -> Self {
        let mut reading = Self::default();
        reading.defaults();
        if let Some(path) = file {
            reading.file(path);
        }
        reading.environment(variable);
        for setting in SETTINGS {
            let given = setting.flag.and_then(|flag| flags.iter().find(|(name, _)| *name == flag));
            if let Some((flag, text)) = given {
                reading.take_text(setting, text, Source::Flag(flag));
            }
        }
        reading.store_file();
        reading
    }

    fn defaults(&mut self) {
        for setting in SETTINGS {
            let Some(default) = setting.default else { continue };
            let value = DeValue::parse(default).expect("defaults are TOML");
            let value = from_toml(value.get_ref()).expect("defaults have a form");
            self.values.insert(setting.key, (value, Source::Default));
        }
    }

    fn file(&mut self, path: &Path) {
        let mut text = Vec::new();
        let read = File::open(path).and_then(|file| file.take(FILE_BYTES_MAX + 1).read_to_end(&mut text));
        let whole = |what, remedy| Fault { source: Source::Flag("--config"), key: None, what, remedy };
        if let Err(error) = read {
            self.faults.push(whole(
                Text::same(format!("{}: {error}", path.display())),
                Text::new(
                    "kiểm tra --config hoặc SOGOC_CONFIG, và quyền đọc tệp; `sogoc config show-default` in một tệp mẫu",
                    "check --config or SOGOC_CONFIG, and that the file may be read; `sogoc config show-default` prints a sample",
                ),
            ));
            return;
        }
        let text = match String::from_utf8(text) {
            Ok(text) if text.len() as u64 <= FILE_BYTES_MAX => text,
            Ok(_) | Err(_) => {
                self.faults.push(whole(
                    Text::new(
                        format!("{}: không phải tệp UTF-8 dưới {FILE_BYTES_MAX} byte", path.display()),
                        format!("{}: not a file of UTF-8 below {FILE_BYTES_MAX} bytes", path.display()),
                    ),
                    Text::new("chỉ đúng tệp cấu hình", "name the configuration file"),
                ));
                return;
            }
        };
        let text = InFile { path, text: &text };
        let (table, errors) = DeTable::parse_recoverable(text.text);
        for error in errors {
            self.faults.push(Fault {
                source: text.source(error.span().map_or(0, |span| span.start)),
                key: None,
                // The library's own words; they quote nothing of the file.
                what: Text::new(
                    format!("không phải TOML: {}", error.message()),
                    format!("not TOML: {}", error.message()),
                ),
                remedy: Text::new(
                    "chữ viết trong nháy kép: khóa = \"giá trị\"; số và true/false thì không",
                    "write texts in quotes: key = \"value\"; numbers and true/false without",
                ),
            });
        }
        for (key, value) in table.get_ref() {
            let name = key.get_ref().as_ref();
            if TABLES.iter().any(|(table, ..)| *table == name) {
                let Some(table) = value.get_ref().as_table() else {
                    self.faults.push(Fault {
                        source: text.source(key.span().start),
                        key: Some(name.to_owned()),
                        what: Text::new("là một bảng, không phải một giá trị", "is a table, not a value"),
                        remedy: Text::new(
                            format!("viết [{name}] rồi các khóa của nó bên dưới"),
                            format!("write [{name}] and its keys below it"),
                        ),
                    });
                    continue;
                };
                for (key, value) in table {
                    self.file_value(&text, Some(name), key, value);
                }
            } else {
                self.file_value(&text, None, key, value);
            }
        }
    }

    fn file_value(
        &mut self,
        text: &InFile<'_>,
        table: Option<&str>,
        key: &Spanned<std::borrow::Cow<'_, str>>,
        value: &Spanned<DeValue<'_>>,
    ) {
        let name = match table {
            Some(table) => format!("{table}.{}", key.get_ref()),
            None => key.get_ref().clone().into_owned(),
        };
        let source = text.source(key.span().start);
        // `a.b` quoted at the top level is not the key b of the table a.
        let known = setting(&name).filter(|setting| setting.table_and_key() == (table_name(table), setting_key(&name)));
        let Some(known) = known.filter(|_| table.is_some() || !name.contains('.')) else {
            self.faults.push(unknown(source, name, table, value.get_ref().is_table()));
            return;
        };
        match from_toml(value.get_ref()) {
            Some(value) if known.form.admits(&value) => self.put(known, value, source),
            Some(value) => self.faults.push(wrong(known, source, Some(&shown(&value)))),
            None => self.faults.push(wrong(known, source, None)),
        }
    }

    fn environment(&mut self, variable: impl Fn(&str) -> Option<OsString>) {
        for setting in SETTINGS {
            // A variable that is empty says nothing: that is how compose files leave one out.
            let mut given =
                setting.variables.iter().filter_map(|name| Some((*name, variable(name).filter(|v| !v.is_empty())?)));
            let Some((name, value)) = given.next() else { continue };
            let source = Source::Variable(name);
            if let Some((other, other_value)) = given.next()
                && other_value != value
            {
                self.faults.push(Fault {
                    source,
                    key: Some(setting.key.to_owned()),
                    what: Text::new(format!("{other} nói khác"), format!("{other} says otherwise")),
                    remedy: Text::new(format!("bỏ {other}"), format!("leave {other} out")),
                });
                continue;
            }
            match value.into_string() {
                Ok(text) => self.take_text(setting, &text, source),
                Err(_) => self.faults.push(wrong(setting, source, None)),
            }
        }
    }

    fn take_text(&mut self, setting: &'static Setting, text: &str, source: Source) {
        match setting.form.read_text(text) {
            Some(value) => self.put(setting, value, source),
            None => self.faults.push(wrong(setting, source, Some(&format!("{text:?}")))),
        }
    }

    /// Puts a value in the place of an earlier one. `store` and `store_file` say the same thing in two ways: the later
    /// one holds, and both in one place is a mistake.
    fn put(&mut self, setting: &'static Setting, value: Value, source: Source) {
        let other = match setting.key {
            "store" => "store_file",
            "store_file" => "store",
            _ => {
                self.values.insert(setting.key, (value, source));
                return;
            }
        };
        if let Some((_, before)) = self.values.get(other)
            && same_place(before, &source)
        {
            self.faults.push(Fault {
                source,
                key: Some(setting.key.to_owned()),
                what: Text::new(format!("{other} cũng được ghi"), format!("{other} is given too")),
                remedy: Text::new(
                    format!("chỉ giữ {} hoặc {other}", setting.key),
                    format!("keep {} or {other}", setting.key),
                ),
            });
            return;
        }
        self.values.remove(other);
        self.values.insert(setting.key, (value, source));
    }

    /// Reads the store's address from the file that is named for it.
    fn store_file(&mut self) {
        let Some((Value::Text(path), named)) = self.values.get("store_file").cloned() else { return };
        let path = PathBuf::from(path);
        let setting = setting("store").expect("the table has it");
        match secret_line(&path) {
            Ok(text) => match setting.form.read_text(&text) {
                Some(value) => {
                    let source = Source::Secret { path, named: Box::new(named) };
                    self.values.insert("store", (value, source));
                }
                None => {
                    let source = Source::Secret { path, named: Box::new(named) };
                    self.faults.push(wrong(setting, source, None));
                }
            },
            Err(error) => self.faults.push(Fault {
                source: named,
                key: Some("store_file".to_owned()),
                what: Text::same(format!("{}: {error}", path.display())),
                remedy: Text::new(
                    "kiểm tra đường dẫn và quyền đọc; tệp có một dòng",
                    "check the path and that it may be read; the file has one line",
                ),
            }),
        }
    }
}

/// The one line of a file that holds a secret.
pub(super) fn secret_line(path: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(VALUE_BYTES_MAX as u64 + 2).read_to_string(&mut text)?;
    let line = text.trim_end_matches(['\r', '\n']);
    if line.is_empty() || line.contains('\n') || line.len() > VALUE_BYTES_MAX {
        return Err(std::io::Error::other(format!("not one line of 1 to {VALUE_BYTES_MAX} bytes")));
    }
    Ok(line.to_owned())
}

/// The file's text, to tell lines from places.
struct InFile<'a> {
    path: &'a Path,
    text: &'a str,
}

impl InFile<'_> {
    fn source(&self, at: usize) -> Source {
        let before = &self.text.as_bytes()[..at.min(self.text.len())];
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
        Source::File { path: self.path.to_owned(), line }
    }
}

fn table_name(table: Option<&str>) -> Option<&'static str> {
    TABLES.iter().map(|(name, ..)| *name).find(|name| Some(*name) == table)
}

fn setting_key(name: &str) -> &str {
    name.split_once('.').map_or(name, |(_, key)| key)
}

/// Whether two values were given in the same way.
fn same_place(one: &Source, other: &Source) -> bool {
    matches!(
        (one, other),
        (Source::File { .. }, Source::File { .. })
            | (Source::Variable(_), Source::Variable(_))
            | (Source::Flag(_), Source::Flag(_))
    )
}

/// A value of the file; none where no setting has such a value.
fn from_toml(value: &DeValue<'_>) -> Option<Value> {
    match value {
        DeValue::String(text) => Some(Value::Text(text.clone().into_owned())),
        DeValue::Integer(number) => {
            let digits = number.as_str().replace('_', "");
            u64::from_str_radix(digits.trim_start_matches('+'), number.radix()).ok().map(Value::Whole)
        }
        DeValue::Boolean(on) => Some(Value::Switch(*on)),
        DeValue::Array(items) => {
            let words = items.iter().map(|item| item.get_ref().as_str().map(str::to_owned));
            words.collect::<Option<_>>().map(Value::Words)
        }
        DeValue::Float(_) | DeValue::Datetime(_) | DeValue::Table(_) => None,
    }
}

/// A value as the file would write it.
pub(super) fn shown(value: &Value) -> String {
    match value {
        Value::Text(text) => format!("{text:?}"),
        Value::Whole(number) => number.to_string(),
        Value::Switch(on) => on.to_string(),
        Value::Words(words) => format!("{words:?}"),
    }
}

fn wrong(setting: &Setting, source: Source, value: Option<&str>) -> Fault {
    let form = setting.form.text();
    let quoted: String = match value {
        Some(value) if !setting.form.may_hold_secret() && setting.form != Form::SecretFile => {
            let mut short: String = value.chars().take(QUOTED_CHARACTERS_MAX).collect();
            if short.len() < value.len() {
                short.push('…');
            }
            short
        }
        Some(_) | None => String::new(),
    };
    let what = if quoted.is_empty() {
        Text::new("giá trị không đúng dạng", "the value is not of its form")
    } else {
        Text::new(format!("{quoted} không đúng dạng"), format!("{quoted} is not of its form"))
    };
    Fault {
        source,
        key: Some(setting.key.to_owned()),
        what,
        remedy: Text::new(format!("ghi {}", form.vi), format!("give {}", form.en)),
    }
}

fn unknown(source: Source, name: String, table: Option<&str>, is_table: bool) -> Fault {
    let near = match table {
        Some(table) => {
            let keys = SETTINGS.iter().filter(|setting| setting.table_and_key().0 == Some(table));
            nearest(setting_key(&name), keys.map(|setting| setting.table_and_key().1)).map(str::to_owned)
        }
        None if is_table => nearest(&name, TABLES.iter().map(|(table, ..)| *table)).map(|table| format!("[{table}]")),
        None => {
            let keys = SETTINGS.iter().filter(|setting| setting.table_and_key().0.is_none());
            nearest(&name, keys.map(|setting| setting.key)).map(str::to_owned)
        }
    };
    // The key is right, the table is not: `listen` at the top of the file.
    let elsewhere = || {
        let key = setting_key(&name);
        let mut there = SETTINGS.iter().filter(|setting| setting.table_and_key().1 == key);
        there.next().map(|setting| match setting.table_and_key() {
            (Some(table), key) => (format!("{key} trong bảng [{table}]"), format!("{key} in the table [{table}]")),
            (None, key) => {
                (format!("{key} ở đầu tệp, trước mọi bảng"), format!("{key} at the top of the file, before all tables"))
            }
        })
    };
    let remedy = match near.map(|near| (near.clone(), near)).or_else(elsewhere) {
        Some((vi, en)) => Text::new(format!("có phải ý là {vi}?"), format!("did you mean {en}?")),
        None => Text::new(
            "bỏ đi; mọi thiết lập có trong `sogoc config show-default`",
            "leave it out; `sogoc config show-default` has every setting",
        ),
    };
    let what = if is_table {
        Text::new("không có bảng này", "there is no such table")
    } else {
        Text::new("không có thiết lập này", "there is no such setting")
    };
    Fault { source, key: Some(name), what, remedy }
}
