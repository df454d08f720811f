//! `sogoc import results`: any province's or ministry's printed table of a past season.

use num_bigint::BigInt;
use serde_json::{Value, json};

use crate::support::exact::{decimal, rounded};
use crate::support::{Exact, Sogoc, Store, exact, on_both_stores, on_sqlite, stores::Kind};

on_both_stores!(tables_of_several_shapes_go_in_and_equal_what_they_print, a_second_year_is_compared_with_the_first);
on_sqlite!(
    a_printed_figure_that_does_not_follow_is_told,
    the_same_table_twice_is_one_table,
    a_season_takes_a_table_for_each_group,
    a_table_goes_into_a_register_that_has_begun,
    a_line_that_cannot_be_read_is_refused_with_line_and_column_and_nothing_is_recorded,
    a_season_of_made_up_agencies_answers_like_the_real_one
);

fn import(
    store: &Store,
    name: &str,
    table: impl AsRef<[u8]>,
    season: &str,
    year: u16,
    group: &str,
    more: &[&str],
) -> Value {
    let path = store.write(name, table);
    let year = year.to_string();
    let mut arguments =
        vec!["import", "results", path.to_str().unwrap(), "--season", season, "--year", &year, "--group", group];
    arguments.extend(more);
    store.sogoc().json(&arguments)
}

fn verdicts(imported: &Value) -> Vec<(String, String)> {
    let list = imported["reconciliation"].as_array().expect("an import reconciles the printed figures");
    let text = |v: &Value| v.as_str().unwrap().to_owned();
    list.iter().map(|r| (text(&r["figure"]), text(&r["verdict"]))).collect()
}

/// A made-up agency: id, name, appraised, survey, max, and what is printed of it.
struct Row {
    id: &'static str,
    name: &'static str,
    appraised: &'static str,
    survey: Option<&'static str>,
    max: &'static str,
    index: &'static str,
    rank: u32,
    class: &'static str,
}

impl Row {
    fn total(&self) -> Exact {
        let survey = self.survey.map_or_else(|| decimal("0").unwrap(), |s| decimal(s).unwrap());
        decimal(self.appraised).unwrap() + survey
    }
}

/// Made up to hit the corners: a tie, an unsurveyed agency, maxima that are no round numbers, an index that has no finite
/// decimal, one that rounds up into a class.
const ROWS: [Row; 6] = [
    Row {
        id: "so-a",
        name: "Sở An toàn",
        appraised: "88.5",
        survey: Some("9.5"),
        max: "100",
        index: "98.00",
        rank: 1,
        class: "Xuất sắc",
    },
    Row {
        id: "so-b",
        name: "Sở Bưu điện, Báo chí",
        appraised: "49.40",
        survey: Some("3.6"),
        max: "55.80",
        index: "94.98",
        rank: 3,
        class: "Tốt",
    },
    Row {
        id: "so-c",
        name: "Sở \"Công\"",
        appraised: "28.4985",
        survey: None,
        max: "30",
        index: "95.00",
        rank: 2,
        class: "Xuất sắc",
    },
    Row {
        id: "so-d",
        name: "Sở Đất đai",
        appraised: "70",
        survey: Some("5"),
        max: "100",
        index: "75.00",
        rank: 4,
        class: "Khá",
    },
    Row {
        id: "so-e", name: "Sở Ê", appraised: "45", survey: None, max: "60", index: "75.00", rank: 4, class: "Khá"
    },
    Row {
        id: "so-g",
        name: "Sở Gạo",
        appraised: "20.1",
        survey: Some("0"),
        max: "30",
        index: "67.00",
        rank: 6,
        class: "Yếu",
    },
];

fn english(point: &str) -> String {
    let mut text = "agency,name,appraised_points,survey_points,applicable_max,printed_total,printed_index,printed_rank,printed_class\n".to_owned();
    for row in &ROWS {
        let name = row.name.replace('"', "\"\"");
        let number = |n: &str| format!("\"{}\"", n.replace('.', point));
        let total = match row.id {
            "so-a" => "98",
            "so-b" => "53",
            "so-c" => "28.4985",
            "so-d" => "75",
            "so-e" => "45",
            _ => "20.1",
        };
        text += &format!(
            "{},\"{name}\",{},{},{},{},{},{},{}\n",
            row.id,
            number(row.appraised),
            row.survey.map_or_else(String::new, number),
            number(row.max),
            number(total),
            number(row.index),
            row.rank,
            row.class
        );
    }
    text
}

fn vietnamese() -> String {
    let mut text =
        "\u{feff}Tên cơ quan;Điểm thẩm định;Điểm khảo sát;Thang điểm;Chỉ số (%);Xếp hạng;Xếp loại\r\n".to_owned();
    for row in &ROWS {
        let number = |n: &str| n.replace('.', ",");
        text += &format!(
            "\"{}\";{};{};{};{}%;{:02};Đơn vị {}\r\n",
            row.name.replace('"', "\"\""),
            number(row.appraised),
            row.survey.map_or_else(|| "x".to_owned(), number),
            number(row.max),
            number(row.index),
            row.rank,
            row.class
        );
    }
    text + ";;;;;;\r\n"
}

fn tabbed() -> String {
    let mut text = "AGENCY\tName\tApplicable_Max\tSurvey_Points\tAppraised_Points\n".to_owned();
    for row in &ROWS {
        text += &format!(
            "{}\t{}\t{}\t{}\t{}\n\n",
            row.id,
            row.name.replace('"', ""),
            row.max,
            row.survey.unwrap_or("X"),
            row.appraised
        );
    }
    text
}

#[track_caller]
fn check(sogoc: &Sogoc, season: &str, group: &str, id_of: impl Fn(&Row) -> String) {
    let ranking = sogoc.json(&["ranking", season, group]);
    assert_eq!(ranking.as_array().unwrap().len(), ROWS.len());
    for row in &ROWS {
        let id = id_of(row);
        let found = ranking
            .as_array()
            .unwrap()
            .iter()
            .find(|r| r["agency"] == id.as_str())
            .unwrap_or_else(|| panic!("{id}: {ranking:#}"));
        assert_eq!(found["rank"], row.rank, "{found}");
        assert_eq!(found["index_display"], row.index, "{found}");
        let hundred = Exact::from(BigInt::from(100));
        assert_eq!(exact(&found["index"]), row.total() * hundred / decimal(row.max).unwrap(), "{found}");
        assert_eq!(found["survey_points"].is_null(), row.survey.is_none(), "{found}");
        assert_eq!(exact(&found["applicable_max"]), decimal(row.max).unwrap());
    }
    let mean = sogoc.json(&["figure", &format!("{season}/{group}/mean_index")]);
    let indices: Vec<_> = ranking.as_array().unwrap().iter().map(|r| exact(&r["index"])).collect();
    let sum = indices.iter().fold(Exact::from(BigInt::from(0)), |sum, i| sum + i);
    assert_eq!(exact(&mean["value"]), sum / Exact::from(BigInt::from(ROWS.len())));
    assert_eq!(decimal(mean["display"].as_str().unwrap()).unwrap(), rounded(&exact(&mean["value"])));
}

fn tables_of_several_shapes_go_in_and_equal_what_they_print(kind: Kind) {
    let store = Store::empty(kind);
    let sogoc = store.sogoc();
    let made_of_name = |row: &Row| {
        match row.id {
            "so-a" => "so-an-toan",
            "so-b" => "so-buu-dien-bao-chi",
            "so-c" => "so-cong",
            "so-d" => "so-dat-dai",
            "so-e" => "so-e",
            _ => "so-gao",
        }
        .to_owned()
    };
    let imported = import(&store, "en.csv", english("."), "bac-2021", 2021, "departments", &[]);
    assert_eq!(verdicts(&imported).len(), ROWS.len() * 4);
    assert!(verdicts(&imported).iter().all(|(_, verdict)| verdict == "match"), "{imported:#}");
    check(&sogoc, "bac-2021", "departments", |row| row.id.to_owned());

    let imported =
        import(&store, "vi.csv", vietnamese(), "trung-2021", 2021, "so", &["--title", "Chỉ số CCHC năm 2021"]);
    assert!(verdicts(&imported).iter().all(|(_, verdict)| verdict == "match"), "{imported:#}");
    check(&sogoc, "trung-2021", "so", made_of_name);
    assert_eq!(sogoc.json(&["season", "show", "trung-2021"])["title"], "Chỉ số CCHC năm 2021");

    let imported = import(&store, "comma.csv", english(","), "nam-2021", 2021, "so", &[]);
    assert!(verdicts(&imported).iter().all(|(_, verdict)| verdict == "match"), "{imported:#}");
    import(&store, "tab.txt", tabbed(), "tay-2021", 2021, "so", &[]);
    check(&sogoc, "tay-2021", "so", |row| row.id.to_owned());
    sogoc.ok(&["log", "verify"]);
    let text = sogoc.ok(&["ranking", "bac-2021"]).stdout;
    assert!(text.contains("98.00") && text.contains("Sở Gạo"), "{text}");
}

fn a_second_year_is_compared_with_the_first(kind: Kind) {
    let store = Store::empty(kind);
    let sogoc = store.sogoc();
    import(
        &store,
        "2021.csv",
        "agency,name,appraised_points,survey_points,applicable_max\nso-a,A,80,9,100\nso-b,B,70.5,8,100\n",
        "tinh-2021",
        2021,
        "so",
        &[],
    );
    import(
        &store,
        "2022.csv",
        "agency,name,appraised_points,survey_points,applicable_max\nso-a,A,75,9,100\nso-b,B,85,8.25,100\nso-c,C,60,x,80\n",
        "tinh-2022",
        2022,
        "so",
        &["--previous", "tinh-2021"],
    );
    let value = |address: &str| sogoc.json(&["figure", &format!("tinh-2022/{address}")])["value"].clone();
    assert_eq!(value("so/so-a/index_change"), "-5");
    assert_eq!(value("so/so-b/index_change"), "14.75");
    assert_eq!(value("so/so-b/rank_change"), "1");
    assert_eq!(value("so/so-c/index_change"), Value::Null, "what was not there before has no change");
    import(
        &store,
        "again.csv",
        "agency,name,appraised_points,survey_points,applicable_max\nso-a,A,75,9,100\nso-b,B,85,8.25,100\n",
        "tinh-2022b",
        2022,
        "so",
        &["--previous", "tinh-2021"],
    );
    assert_eq!(sogoc.json(&["figure", "tinh-2022b/so/largest_index_rise_agency"])["value"], "so-b");
    let refused =
        store.write("2023.csv", "agency,name,appraised_points,survey_points,applicable_max\nso-a,A,75,9,100\n");
    let answer = sogoc
        .run(&[
            "import",
            "results",
            refused.to_str().unwrap(),
            "--season",
            "tinh-2023",
            "--year",
            "2023",
            "--group",
            "so",
            "--previous",
            "tinh-1999",
        ])
        .ends(1);
    assert!(answer.stderr.contains("tinh-1999"), "{}", answer.stderr);
    sogoc.run(&["season", "show", "tinh-2023"]).ends(1);
}

fn a_printed_figure_that_does_not_follow_is_told(kind: Kind) {
    let store = Store::empty(kind);
    let table = "agency,name,appraised_points,survey_points,applicable_max,printed_total,printed_index,printed_rank,printed_class\n\
        so-a,A,80,9,100,89,89.00,1,Tốt\n\
        so-b,B,56.75,x,60,56.75,56.75,3,Yếu\n\
        so-c,C,70,8,100,79,78.00,2,Khá\n";
    let imported = import(&store, "in.csv", table, "tinh-2021", 2021, "so", &[]);
    let wrong: Vec<_> =
        verdicts(&imported).into_iter().filter(|(_, v)| v == "mismatch").map(|(figure, _)| figure).collect();
    assert_eq!(
        wrong,
        ["so/so-a/rank", "so/so-b/index", "so/so-b/rank", "so/so-b/class", "so/so-c/total_points", "so/so-c/rank"]
    );
    let of = |figure: &str| {
        imported["reconciliation"].as_array().unwrap().iter().find(|r| r["figure"] == figure).unwrap().clone()
    };
    let cause = of("so/so-b/index")["cause"].as_str().unwrap_or_default().to_owned();
    assert!(cause.contains("60") || cause.contains("denominator") || cause.contains("applicable"), "{cause}");
    assert_eq!(of("so/so-c/total_points")["computed"], "78.00");
}

fn the_same_table_twice_is_one_table(kind: Kind) {
    let store = Store::empty(kind);
    let sogoc = store.sogoc();
    let first = import(&store, "in.csv", english("."), "tinh-2021", 2021, "so", &[]);
    let again = import(&store, "renamed.csv", english("."), "tinh-2021", 2021, "so", &[]);
    assert_eq!(again["receipts"]["recorded"], 0, "{again}");
    assert_eq!(again["head"], first["head"]);
    // A corrected table is refused visibly.
    let path = store.write("in.csv", english(".").replace("88.5", "88.6"));
    let answer = sogoc
        .run(&["import", "results", path.to_str().unwrap(), "--season", "tinh-2021", "--year", "2021", "--group", "so"])
        .ends(1);
    assert!(answer.said().contains("in.csv") && answer.said().contains('2'), "the line is named: {}", answer.said());
    assert_eq!(sogoc.size(), first["head"]["size"].as_u64().unwrap());
}

fn a_season_takes_a_table_for_each_group(kind: Kind) {
    let store = Store::empty(kind);
    let sogoc = store.sogoc();
    let header = "agency,name,appraised_points,survey_points,applicable_max\n";
    import(&store, "so.csv", format!("{header}so-a,A,80,9,100\nso-b,B,81,9,100\n"), "tinh-2021", 2021, "so", &[]);
    import(
        &store,
        "huyen.csv",
        format!("{header}huyen-a,A,70,9,100\nhuyen-b,B,90,9,100\n"),
        "tinh-2021",
        2021,
        "huyen",
        &[],
    );
    let ranking = sogoc.json(&["ranking", "tinh-2021"]);
    let told: Vec<_> = ranking
        .as_array()
        .unwrap()
        .iter()
        .map(|r| (r["group"].as_str().unwrap(), r["rank"].as_u64().unwrap(), r["agency"].as_str().unwrap()))
        .collect();
    assert_eq!(told, [("huyen", 1, "huyen-b"), ("huyen", 2, "huyen-a"), ("so", 1, "so-b"), ("so", 2, "so-a")]);
    // Either table again records nothing new.
    for (name, group) in [("so.csv", "so"), ("huyen.csv", "huyen")] {
        let bytes = std::fs::read(store.folder().join(name)).unwrap();
        assert_eq!(import(&store, name, bytes, "tinh-2021", 2021, group, &[])["receipts"]["recorded"], 0);
    }
}

fn a_table_goes_into_a_register_that_has_begun(kind: Kind) {
    let store = Store::demo(kind);
    let sogoc = store.sogoc();
    let before = sogoc.figures(&["hanam-2022"]).digest();
    let table = "agency,name,appraised_points,survey_points,applicable_max,printed_index\nso-noi-vu,Sở Nội vụ,84,9,100,93.00\nso-moi,Sở Mới,50,,60,83.33\n";
    let imported = import(&store, "in.csv", table, "hanam-2021", 2021, "departments", &[]);
    assert!(verdicts(&imported).iter().all(|(_, verdict)| verdict == "match"), "{imported:#}");
    assert_eq!(sogoc.figures(&["hanam-2022"]).digest(), before, "another season moves no figure");
    assert_eq!(sogoc.json(&["figure", "hanam-2021/departments/so-moi/rank"])["value"], "2");
    // Into a season that was not a table, none goes.
    let path = store.write("in.csv", table);
    sogoc
        .run(&[
            "import",
            "results",
            path.to_str().unwrap(),
            "--season",
            "hanam-2022",
            "--year",
            "2022",
            "--group",
            "departments",
        ])
        .ends(1);
    assert_eq!(sogoc.figures(&["hanam-2022"]).digest(), before);
}

fn a_line_that_cannot_be_read_is_refused_with_line_and_column_and_nothing_is_recorded(kind: Kind) {
    let header = "agency,name,appraised_points,survey_points,applicable_max";
    let good = "so-a,A,80,9,100";
    let rows = |row: &str| format!("{header}\n{good}\n{row}\n").into_bytes();
    let mut cases: Vec<(Vec<u8>, Option<u32>, &str)> = vec![
        (Vec::new(), None, ""),
        (b"\xef\xbb\xbf".to_vec(), None, ""),
        (format!("{header}\n").into_bytes(), None, ""),
        (b"agency,name,survey_points,applicable_max\nso-a,A,9,100\n".to_vec(), Some(1), "appraised_points"),
        (format!("{header},colour\n{good},red\n").into_bytes(), Some(1), "colour"),
        (format!("{header},name\n{good},B\n").into_bytes(), Some(1), "name"),
        (rows("so-b,B,80,9"), Some(3), ""),
        (rows("so-b,B,80,9,100,7"), Some(3), ""),
        (rows("so-a,A again,80,9,100"), Some(3), "agency"),
        (rows("so-b,B,\"80,9,100"), Some(3), ""),
        (rows("Sở Bê,B,80,9,100"), Some(3), "agency"),
        (rows(",B,80,9,100"), Some(3), "agency"),
        (rows("so-b,B,80,9,0"), Some(3), "applicable_max"),
        (rows("so-b,B,80,9,85"), Some(3), "applicable_max"),
        (rows("so-b,B,,9,100"), Some(3), "appraised_points"),
        (rows("so-b,B,80,-,100"), Some(3), "survey_points"),
        (rows("so-b,B,1.234.5,9,100"), Some(3), "appraised_points"),
        (rows("so-b,\u{0}B,80,9,100"), Some(3), ""),
        ([rows("so-b,B,80,9,100"), b"so-c,C,\xff,9,100\n".to_vec()].concat(), Some(4), ""),
        ("agency,name\n".repeat(3).into_bytes(), Some(1), ""),
        (vec![0xff, 0xfe, b'a', 0, b'g', 0], Some(1), ""),
        (b"SQLite format 3\0rest".to_vec(), None, ""),
        (rows(&format!("so-b,{},80,9,100", "B".repeat(2 << 20))), Some(3), ""),
    ];
    for number in [
        "NaN",
        "inf",
        "1e2",
        "-1",
        "+1",
        "80.1234567890123456789012345678",
        "999999999999999999999999999999",
        "8O",
        "80 %",
        "１２",
    ] {
        cases.push((rows(&format!("so-b,B,{number},9,100")), Some(3), "appraised_points"));
    }
    for (table, line, column) in cases {
        let store = Store::empty(kind);
        let path = store.write("in.csv", &table);
        let shown = String::from_utf8_lossy(&table[..table.len().min(300)]).into_owned();
        let answer = store.sogoc().run(&[
            "import",
            "results",
            path.to_str().unwrap(),
            "--season",
            "tinh-2021",
            "--year",
            "2021",
            "--group",
            "so",
        ]);
        assert_eq!(answer.code, Some(1), "{shown}: {}", answer.said());
        let said = &answer.stderr;
        assert!(said.contains("in.csv"), "{shown}: {said}");
        assert!(said.len() < 2_000, "{shown}: {} bytes are said", said.len());
        if let Some(line) = line {
            assert!(said.contains(&line.to_string()), "{shown}: line {line} is not named: {said}");
        }
        assert!(said.contains(column), "{shown}: column {column} is not named: {said}");
        assert!(!store.file().exists(), "{shown}: a table that cannot be read makes no store");
    }
    let store = Store::empty(kind);
    let path = store.write("in.csv", format!("{header}\n{good}\n"));
    let path = path.to_str().unwrap();
    for arguments in [
        &["--season", "Not An Id", "--year", "2021", "--group", "so"][..],
        &["--season", "s", "--year", "twenty", "--group", "so"],
        &["--season", "s", "--year", "2021"],
        &["--year", "2021", "--group", "so"],
    ] {
        store.sogoc().run(&[&["import", "results", path], arguments].concat()).ends(2);
    }
}

fn a_season_of_made_up_agencies_answers_like_the_real_one(kind: Kind) {
    let store = Store::empty(kind);
    let sogoc = store.sogoc();
    import(&store, "in.csv", english("."), "tinh-2021", 2021, "so", &[]);
    let trace = sogoc.json(&["trace", "tinh-2021/so/so-b/index"]);
    assert!(trace.to_string().contains("result-transcribed"), "{trace:#}");
    assert!(trace.to_string().contains("importer-1"), "{trace:#}");
    let history = sogoc.json(&["history", "tinh-2021", "so-b"]);
    assert!(!history.as_array().unwrap().is_empty());
    assert_eq!(sogoc.json(&["season", "show", "tinh-2021"])["mode"], "imported");
    let figures = sogoc.figures(&["tinh-2021"]);
    assert_eq!(*figures.value("so/max_index_agency"), "so-a");
    assert_eq!(*figures.value("so/class/fair/count"), json!("2"));
    let why = sogoc.json(&["why", "tinh-2021/so/so-b/index", "--from", "0", "--to", &(sogoc.size() - 1).to_string()]);
    let moved: Vec<_> = why["contributions"].as_array().unwrap().iter().filter(|c| c["before"] != c["after"]).collect();
    assert_eq!(moved.len(), 1, "{why:#}");
    assert_eq!(moved[0]["kind"], "result-transcribed");
}
