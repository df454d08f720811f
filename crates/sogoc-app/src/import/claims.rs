//! Printed figures (claims): what a report says, to be compared with what the register computes.

use super::ImportError;
use super::csv::{self, Column, Row};

/// A printed figure.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Claim {
    /// Its id within the file.
    pub claim_id: String,
    /// Its address without the season, such as `departments/so-noi-vu/index`.
    pub figure: String,
    /// The printed value, normalised: a decimal with a point, an id, or ids joined by `;`.
    pub published: String,
    /// The wording in print.
    pub published_as_printed: Option<String>,
    /// What the value is: `points`, `pct`, `rank`, `class` and the like.
    pub unit: Option<String>,
    /// The verdict that a recomputation should give, where somebody worked that out.
    pub expected_verdict: Option<String>,
    /// Section of the report.
    pub section: Option<String>,
    /// Anything else.
    pub note: Option<String>,
    /// The line of the file, from 1.
    pub line: u64,
}

const COLUMNS: &[Column<'_>] = &[
    Column::required("claim_id"),
    Column::required("figure"),
    Column::required("published"),
    Column::optional("section"),
    Column::optional("published_as_printed"),
    Column::optional("unit"),
    Column::optional("expected_verdict"),
    Column::optional("note"),
];

/// Reads claims from a CSV file with the columns `claim_id,figure,published` and optionally
/// `section,published_as_printed,unit,expected_verdict,note`. Other columns are passed over: nothing is recorded of it.
///
/// # Errors
/// At the first row that cannot be read.
pub fn read(file: &str, bytes: &[u8]) -> Result<Vec<Claim>, ImportError> {
    let table = csv::read_some(file, bytes, COLUMNS)?;
    let claims = table.rows().map(|row| claim(&row)).collect::<Result<Vec<_>, _>>()?;
    table.check_unique(("the claim", "số liệu này"), |row| row.get("claim_id"))?;
    Ok(claims)
}

fn claim(row: &Row<'_>) -> Result<Claim, ImportError> {
    let cell = |column| Some(row.get(column)).filter(|c| !c.is_empty()).map(str::to_owned);
    let figure = row.needed("figure")?;
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'.' | b'-' | b'_');
    if figure.len() > 200 || !figure.bytes().all(plain) {
        let reason = ("it is not a figure's address", "không phải địa chỉ số liệu");
        let remedy = ("write it like departments/so-noi-vu/index", "ghi như departments/so-noi-vu/index");
        return Err(row.bad("figure", reason, remedy));
    }
    Ok(Claim {
        claim_id: row.needed("claim_id")?.to_owned(),
        figure: figure.to_owned(),
        published: row.needed("published")?.to_owned(),
        published_as_printed: cell("published_as_printed"),
        unit: cell("unit"),
        expected_verdict: cell("expected_verdict"),
        section: cell("section"),
        note: cell("note"),
        line: row.line,
    })
}

/// Writes claims in the form that [`read`] takes, so that the printed figures of an imported table can be kept beside it.
///
/// # Panics
/// Never: writing to memory cannot fail.
#[must_use]
pub fn write(claims: &[Claim]) -> String {
    let mut writer = ::csv::Writer::from_writer(Vec::new());
    let mut put = |cells: [&str; 8]| writer.write_record(cells).expect("writing to memory");
    put(["claim_id", "section", "figure", "published", "published_as_printed", "unit", "expected_verdict", "note"]);
    for c in claims {
        let text = |cell: &'_ Option<String>| cell.clone().unwrap_or_default();
        put([
            &c.claim_id,
            &text(&c.section),
            &c.figure,
            &c.published,
            &text(&c.published_as_printed),
            &text(&c.unit),
            &text(&c.expected_verdict),
            &text(&c.note),
        ]);
    }
    let bytes = writer.into_inner().expect("flushing to memory");
    String::from_utf8(bytes).expect("texts are UTF-8")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_are_read_as_they_were_written() {
        let bytes =
            crate::import::embedded::HANAM_2022.files().iter().find(|(name, _)| *name == "claims.csv").unwrap().1;
        let claims = read("claims.csv", bytes).unwrap();
        assert_eq!(claims.len(), 219);
        let again = read("again.csv", write(&claims).as_bytes()).unwrap();
        assert_eq!(again, claims);
    }

    #[test]
    fn a_claim_names_a_figure_and_a_value_once() {
        let check = |rows: &str, reason: &str| {
            let error = read("c.csv", format!("claim_id,figure,published\n{rows}").as_bytes()).unwrap_err();
            assert!(error.reason.to_string().contains(reason), "{error}");
        };
        check("C1,a/b,\n", "empty");
        check("C1,a b,1\n", "not a figure's address");
        check("C1,a/b,1\nC1,a/c,2\n", "in line 2 already");
    }
}
