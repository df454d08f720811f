//! The sample file: every setting with what it is for, its bounds, and what holds where nothing is said.

use std::fmt::Write as _;

use super::settings::{SETTINGS, Setting, TABLES};

/// `deploy/sogoc.toml`, as `sogoc config show-default` prints it. Everything is commented out: read as it is, it changes
/// nothing.
pub(crate) fn sample() -> String {
    let mut text = String::from(
        "\
# Cấu hình của sogoc. Mọi dòng đều là chú thích: tệp này như nó vốn có không thay đổi gì. Bỏ dấu # ở dòng muốn đặt.
# Chỉ tệp được nêu mới được đọc: --config TỆP hoặc SOGOC_CONFIG. Biến môi trường đi trước tệp, tham số đi trước cả hai.
# Khóa k của bảng [t] là SOGOC_T_K trong môi trường. Kiểm tra: sogoc --config TỆP config check --connect
#
# The configuration of sogoc. Every line is a comment: as it is, this file changes nothing. Take the # off what you set.
# Only a file that is named is read: --config FILE or SOGOC_CONFIG. The environment goes before the file, flags before both.
# The key k of the table [t] is SOGOC_T_K in the environment. To check: sogoc --config FILE config check --connect
",
    );
    for setting in SETTINGS.iter().filter(|setting| setting.table_and_key().0.is_none()) {
        one(&mut text, setting);
    }
    for (table, vi, en) in TABLES {
        let _ = write!(text, "\n# {vi}. {en}.\n[{table}]\n");
        for setting in SETTINGS.iter().filter(|setting| setting.table_and_key().0 == Some(table)) {
            one(&mut text, setting);
        }
    }
    text
}

fn one(text: &mut String, setting: &Setting) {
    let form = setting.form.text();
    let (_, key) = setting.table_and_key();
    let _ = write!(text, "\n# {}\n# {}\n", setting.vi, setting.en);
    if setting.form.has_bounds() {
        let _ = writeln!(text, "# ({} · {})", form.vi, form.en);
    }
    let _ = writeln!(text, "#{key} = {}", setting.default.unwrap_or(setting.example));
}
