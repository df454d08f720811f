//! `sogoc scorecard import`: one scorecard as agencies keep it in a spreadsheet.

use crate::support::{Store, on_both_stores, on_sqlite, pilot, stores::Kind};

on_both_stores!(a_sheet_declares_the_leaves_that_it_fills_in);
on_sqlite!(
    the_same_sheet_again_records_nothing_until_a_leaf_has_moved,
    a_row_that_cannot_be_read_is_refused_and_nothing_of_the_sheet_is_recorded,
    a_sheet_is_declared_by_who_may
);

const SHEET: &str = "\u{feff}Mã tiêu chí;Tên tiêu chí;Có/Không;Tử số;Mẫu số;Phương án;Điểm tự chấm;Ghi chú\r\n\
    1.1.1;;Có;;;;1;\r\n\
    1.1.2;;;9;10;;1,8;\r\n\
    1.1.3;;;3;;;;ba sản phẩm\r\n\
    1.2;;;95;100;;;\r\n\
    1.3;;;1;;;0,75;một lỗi\r\n\
    2.1;;;;;1;;\r\n\
    2.2;;;;;;2,5;\r\n\
    2.3;;;12;;;;\r\n\
    2.4;;;;;;;chưa có số liệu\r\n";

fn a_sheet_declares_the_leaves_that_it_fills_in(kind: Kind) {
    let store = Store::pilot(kind);
    let sogoc = store.sogoc();
    let size = sogoc.size();
    let path = store.write("phieu.csv", SHEET);
    let answer = sogoc.json(&["scorecard", "import", pilot::SEASON, "so-y-te", path.to_str().unwrap()]);
    assert_eq!(answer["receipt"]["positions"].as_array().unwrap().len(), 8, "{answer}");
    let figures = sogoc.figures(&[pilot::SEASON, "--under", "so/so-y-te/leaf"]);
    for (leaf, _, points) in pilot::declared() {
        let value = figures.value(&format!("so/so-y-te/leaf/{leaf}/self_points"));
        if leaf == "2.4" {
            assert!(value.is_null(), "what is not filled in is not declared");
        } else {
            assert_eq!(*value, points, "{leaf}");
        }
    }
    let entries = sogoc.entries(&["--from", &size.to_string()]);
    for entry in &entries {
        assert_eq!(entry["kind"], "self-scored");
        assert_eq!(entry["actor"]["agency"], "so-y-te", "{entry}");
    }
}

fn the_same_sheet_again_records_nothing_until_a_leaf_has_moved(kind: Kind) {
    let store = Store::pilot(kind);
    let sogoc = store.sogoc();
    let path = store.write("phieu.csv", SHEET);
    let import = ["scorecard", "import", pilot::SEASON, "so-y-te", path.to_str().unwrap()];
    let first = sogoc.json(&import);
    let head = sogoc.head();
    let again = sogoc.json(&import);
    assert_eq!(sogoc.head(), head);
    assert_eq!(again["receipt"]["positions"], first["receipt"]["positions"]);
    assert!(sogoc.ok(&import).said().contains("nothing new"), "it says so");
    // Somebody declared a leaf otherwise: the sheet is declared anew.
    sogoc.accepted(&[pilot::declares("so-y-te", "1.1.1", &serde_json::json!({"yes_no": false}))]);
    sogoc.json(&import);
    assert_eq!(sogoc.json(&["figure", "pilot-2026/so/so-y-te/leaf/1.1.1/self_points"])["value"], "1");
}

fn a_row_that_cannot_be_read_is_refused_and_nothing_of_the_sheet_is_recorded(kind: Kind) {
    let store = Store::pilot(kind);
    let sogoc = store.sogoc();
    let head = sogoc.head();
    let header = "leaf,yes,numerator,denominator,option,points,note\n1.1.1,yes,,,,,\n";
    for (row, column) in [
        ("9.9,yes,,,,,", "leaf"),
        ("1.1.1,no,,,,,", "leaf"),
        ("3.1,,,,,4,", "leaf"),
        ("2.4,maybe,,,,,", "yes"),
        ("1.1.2,,9,,,,", "denominator"),
        ("1.1.2,,11,10,,,", ""),
        ("1.1.2,,9,0,,,", ""),
        ("1.1.2,,9,10,,1.7,", "points"),
        ("1.1.3,,NaN,,,,", "numerator"),
        ("1.1.3,,1.000.000,,,,", "numerator"),
        ("2.1,,,,4,,", "option"),
        ("2.2,,,,,2.6,", "points"),
        ("2.2,,,,,30,", "points"),
        ("2.2,,,,,-1,", "points"),
    ] {
        let path = store.write("phieu.csv", format!("{header}{row}\n"));
        let answer = sogoc.run(&["scorecard", "import", pilot::SEASON, "so-y-te", path.to_str().unwrap()]).ends(1);
        let said = &answer.stderr;
        assert!(said.contains("phieu.csv") && said.contains('3') && said.contains(column), "{row}: {said}");
        assert_eq!(sogoc.head(), head, "{row}");
    }
}

fn a_sheet_is_declared_by_who_may(kind: Kind) {
    let store = Store::pilot(kind);
    let sogoc = store.sogoc();
    let path = store.write("phieu.csv", SHEET);
    let path = path.to_str().unwrap();
    let answer = sogoc
        .with(&["--json"])
        .run(&["scorecard", "import", pilot::SEASON, "so-y-te", path, "--account", "officer-ln"])
        .ends(1);
    assert_eq!(answer.document()["refusal"]["code"], "not-own-agency");
    let receipt = sogoc.json(&["scorecard", "import", pilot::SEASON, "so-y-te", path, "--account", "officer-yt"]);
    let position = receipt["receipt"]["positions"][0].to_string();
    assert_eq!(sogoc.entries(&["--from", &position, "--limit", "1"])[0]["actor"]["account"], "officer-yt");
    for (season, agency, named) in [("pilot-1999", "so-y-te", "pilot-1999"), (pilot::SEASON, "so-nao-do", "so-nao-do")]
    {
        let answer = sogoc.run(&["scorecard", "import", season, agency, path]).ends(1);
        assert!(answer.stderr.contains(named), "{}", answer.stderr);
    }
    // After the submission the sheet comes too late, and says why.
    sogoc.accepted(&[
        pilot::declares("so-y-te", "2.4", &serde_json::json!({"yes_no": true})),
        pilot::submits("so-y-te"),
    ]);
    let late = store.write(
        "muon.csv",
        SHEET.replace("Có", "Không").replace(";1;\r", ";0;\r").replacen("Không/Không", "Có/Không", 1),
    );
    let answer = sogoc.run(&["scorecard", "import", pilot::SEASON, "so-y-te", late.to_str().unwrap()]).ends(1);
    assert!(answer.stderr.contains("so-y-te"), "{}", answer.stderr);
}
