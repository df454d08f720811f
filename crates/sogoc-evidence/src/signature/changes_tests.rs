//! What may be appended to a signed file and what may not, on small files: the signature itself does not matter here.

use super::changes::compare;
use super::permission::{Lock, Permission};
use crate::Reason;
use crate::pdf::build::{append, file, stream};
use crate::pdf::{Fault, Pdf, View};

const ROOT: &str = "/Root 1 0 R /Info 9 0 R";
const SIGNED: [(u32, &str); 10] = [
    (1, "<< /Type /Catalog /Pages 2 0 R /AcroForm 4 0 R /Metadata 8 0 R >>"),
    (2, "<< /Type /Pages /Kids [3 0 R] /Count 1 >>"),
    (3, "<< /Type /Page /Parent 2 0 R /Contents 7 0 R /Annots [5 0 R 6 0 R] >>"),
    (4, "<< /Fields [5 0 R 6 0 R] /SigFlags 3 >>"),
    (5, "<< /FT /Sig /T (one) /V 10 0 R /Subtype /Widget /Rect [0 0 0 0] >>"),
    (6, "<< /FT /Tx /T (note) /V (empty) /Subtype /Widget /AP << /N 11 0 R >> >>"),
    (7, "<< /Length 1 >>\nstream\nq\nendstream"),
    (8, "<< /Type /Metadata /Length 1 >>\nstream\nm\nendstream"),
    (9, "<< /Title (a) /ModDate (b) >>"),
    (10, "<< /Type /Sig >>"),
];
const APPEARANCE: (u32, &str) = (11, "<< /Subtype /Form /Length 1 >>\nstream\nq\nendstream");

/// What is said of a file with a revision appended.
fn said_of(
    signed: &[u8],
    objects: &[(u32, &str)],
    trailer: &str,
    permission: &Permission,
) -> Result<Vec<Reason>, Fault> {
    let whole = append(signed, objects, trailer);
    let pdf = Pdf::open(&whole).expect("a file");
    compare(View { pdf: &pdf, from: 1, end: signed.len() }, pdf.now(), permission)
}

fn signed() -> Vec<u8> {
    file(&[&SIGNED[..], &[APPEARANCE]].concat(), ROOT)
}

fn said(objects: &[(u32, &str)]) -> Vec<Reason> {
    said_of(&signed(), objects, ROOT, &Permission::default()).expect("small enough")
}

const CHANGED: [Reason; 1] = [Reason::ChangedAfterSigning];
const EXTENDED: [Reason; 1] = [Reason::ExtendedAfterSigning];
const FILLED: [Reason; 1] = [Reason::FormFilledAfterSigning];

#[test]
fn nothing_new_extends() {
    assert_eq!(said(&[]), EXTENDED);
    assert_eq!(said(&[SIGNED[2]]), EXTENDED, "the same page again is no change");
}

#[test]
fn a_security_store_extends() {
    let certificate = stream("", "c");
    let catalog = "<< /Type /Catalog /Pages 2 0 R /AcroForm 4 0 R /Metadata 8 0 R /DSS 20 0 R >>";
    let store = [(1, catalog), (20, "<< /Certs [21 0 R] >>"), (21, certificate.as_str())];
    assert_eq!(said(&store), EXTENDED);
    let more = format!("{} /Extensions << /ESIC 1 >> >>", &catalog[..catalog.len() - 3]);
    assert_eq!(said(&[(1, &more), store[1], store[2]]), EXTENDED);
}

#[test]
fn a_further_signature_extends_unless_certification_forbids_it() {
    let update = [
        (3, "<< /Type /Page /Parent 2 0 R /Contents 7 0 R /Annots [5 0 R 6 0 R 20 0 R] >>"),
        (4, "<< /Fields [5 0 R 6 0 R 20 0 R] /SigFlags 3 >>"),
        (
            20,
            "<< /FT /Sig /T (two) /V 21 0 R /Type /Annot /Subtype /Widget /P 3 0 R /Rect [0 0 9 9] /AP << /N 22 0 R >> >>",
        ),
        (21, "<< /Type /Sig >>"),
        (22, "<< /Subtype /Form /Length 1 >>\nstream\nq\nendstream"),
    ];
    assert_eq!(said(&update), EXTENDED);
    let certified = Permission { nothing: true, locks: Vec::new() };
    assert_eq!(said_of(&signed(), &update, ROOT, &certified), Ok(CHANGED.to_vec()));
    let mut stamped = update;
    stamped[3].1 = "<< /Type /DocTimeStamp >>";
    assert_eq!(said(&stamped), CHANGED, "a time stamp shows nothing: anybody can ask for one");
    stamped[2].1 =
        "<< /FT /Sig /T (two) /V 21 0 R /Type /Annot /Subtype /Widget /P 3 0 R /Rect [0 0 0 0] /AP << /N 22 0 R >> >>";
    assert_eq!(
        said_of(&signed(), &stamped, ROOT, &certified),
        Ok(EXTENDED.to_vec()),
        "a time stamp is nobody's signature"
    );
}

#[test]
fn a_new_field_that_shows_something_without_a_signature_or_acts_or_could_be_a_page_changes() {
    let with = |field: &str| {
        said(&[
            (3, "<< /Type /Page /Parent 2 0 R /Contents 7 0 R /Annots [5 0 R 6 0 R 20 0 R] >>"),
            (4, "<< /Fields [5 0 R 6 0 R 20 0 R] /SigFlags 3 >>"),
            (20, field),
            (22, "<< /Subtype /Form /Length 1 >>\nstream\nq\nendstream"),
        ])
    };
    assert_eq!(with("<< /FT /Sig /T (two) /Subtype /Widget /Rect [0 0 0 0] /AP << /N 22 0 R >> >>"), EXTENDED);
    for field in [
        "<< /FT /Sig /T (two) /Subtype /Widget /Rect [0 0 9 9] /AP << /N 22 0 R >> >>",
        "<< /FT /Sig /T (two) /Subtype /Widget /Rect [0 0 0 0] /A << /S /URI >> /MK 22 0 R >>",
        "<< /FT /Sig /T (two) /Type /Page /Contents 22 0 R >>",
        "<< /FT /Tx /T (two) /V 22 0 R >>",
        "<< /FT /Sig /T (two) /V 10 0 R /MK 22 0 R >>",
    ] {
        assert_eq!(with(field), CHANGED, "{field}");
    }
}

#[test]
fn filling_in_a_form_is_told_and_refused_where_it_is_locked() {
    let update = [
        (6, "<< /FT /Tx /T (note) /V (filled) /Subtype /Widget /AP << /N 20 0 R >> >>"),
        (20, "<< /Subtype /Form /Length 1 >>\nstream\nQ\nendstream"),
    ];
    assert_eq!(said(&update), FILLED);
    let names = |name: &str| vec![name.as_bytes().to_vec()];
    for (permission, expected) in [
        (Permission { nothing: true, locks: Vec::new() }, CHANGED),
        (Permission { nothing: false, locks: vec![Lock::All] }, CHANGED),
        (Permission { nothing: false, locks: vec![Lock::Include(names("note"))] }, CHANGED),
        (Permission { nothing: false, locks: vec![Lock::Include(names("no"))] }, FILLED),
        (Permission { nothing: false, locks: vec![Lock::Exclude(names("note"))] }, FILLED),
    ] {
        assert_eq!(said_of(&signed(), &update, ROOT, &permission), Ok(expected.to_vec()));
    }
    let in_place = [(11, "<< /Subtype /Form /Length 1 >>\nstream\nQ\nendstream")];
    assert_eq!(said(&in_place), FILLED, "an appearance may be replaced in place");
    assert_eq!(said(&[(6, "<< /FT /Tx /T (note) /V (filled) /Subtype /Widget /AP << /N 11 0 R >> /AA 1 >>")]), CHANGED);
}

#[test]
fn metadata_extends() {
    assert_eq!(said(&[(8, "<< /Type /Metadata /Length 1 >>\nstream\nn\nendstream")]), EXTENDED);
    assert_eq!(said(&[(9, "<< /Title (a) /ModDate (c) >>")]), EXTENDED);
    assert_eq!(said(&[(9, "<< /Title (a) /ModDate (b) /Kids [7 0 R] >>")]), CHANGED);
    assert_eq!(said(&[(8, "<< /Length 1 >>\nstream\nn\nendstream")]), CHANGED);
}

#[test]
fn what_is_shown_must_stay() {
    for object in [
        (7, "<< /Length 1 >>\nstream\nQ\nendstream"),
        (3, "<< /Type /Page /Parent 2 0 R /Contents 20 0 R /Annots [5 0 R 6 0 R] >>"),
        (3, "<< /Type /Page /Parent 2 0 R /Contents 7 0 R /Annots [5 0 R 6 0 R 9 0 R] >>"),
        (3, "<< /Type /Page /Parent 2 0 R /Contents 7 0 R /Annots [5 0 R] >>"),
        (2, "<< /Type /Pages /Kids [3 0 R 3 0 R] /Count 2 >>"),
        (1, "<< /Type /Catalog /Pages 2 0 R /AcroForm 4 0 R /Metadata 8 0 R /OpenAction 3 0 R >>"),
        (4, "<< /Fields [6 0 R] /SigFlags 3 >>"),
        (5, "<< /FT /Sig /T (one) /V 20 0 R /Subtype /Widget /Rect [0 0 0 0] >>"),
        (10, "<< /Type /Sig /M (now) >>"),
        (20, "<< /Type /Annot >>"),
    ] {
        assert_eq!(said(&[object]), CHANGED, "{object:?}");
    }
    let catalog = "/Root 20 0 R /Info 9 0 R";
    let another = [(20, "<< /Type /Catalog /Pages 2 0 R /AcroForm 4 0 R /Metadata 8 0 R >>")];
    assert_eq!(said_of(&signed(), &another, catalog, &Permission::default()), Ok(CHANGED.to_vec()));
}

#[test]
fn what_is_replaced_freely_must_not_be_shown_as_well() {
    let mut twice = SIGNED.to_vec();
    twice[2].1 = "<< /Type /Page /Parent 2 0 R /Contents 8 0 R /Annots [5 0 R 6 0 R] >>";
    let signed = file(&[&twice[..], &[APPEARANCE]].concat(), ROOT);
    let update = [(8, "<< /Type /Metadata /Length 1 >>\nstream\nn\nendstream")];
    assert_eq!(said_of(&signed, &update, ROOT, &Permission::default()), Ok(CHANGED.to_vec()));
}

#[test]
fn a_reference_to_what_was_not_there_must_not_be_fulfilled() {
    let mut dangling = SIGNED.to_vec();
    dangling[2].1 = "<< /Type /Page /Parent 2 0 R /Contents [7 0 R 21 0 R] /Annots [5 0 R 6 0 R] >>";
    let signed = file(&[&dangling[..], &[APPEARANCE]].concat(), ROOT);
    let certificate = stream("", "c");
    let update = [
        (1, "<< /Type /Catalog /Pages 2 0 R /AcroForm 4 0 R /Metadata 8 0 R /DSS 20 0 R >>"),
        (20, "<< /Certs [21 0 R] >>"),
        (21, certificate.as_str()),
    ];
    assert_eq!(said_of(&signed, &update, ROOT, &Permission::default()), Ok(CHANGED.to_vec()));
}

#[test]
fn an_object_that_goes_on_behind_the_signed_bytes_changes() {
    // A string that is open where the signed bytes end is closed by a comment in what is appended.
    let signed = file(&[&SIGNED[..], &[APPEARANCE, (12, "(open")]].concat(), ROOT);
    let said = |between: &[u8]| {
        let whole = append(&[&signed, between].concat(), &[], ROOT);
        let pdf = Pdf::open(&whole).expect("a file");
        compare(View { pdf: &pdf, from: 1, end: signed.len() }, pdf.now(), &Permission::default())
    };
    assert_eq!(said(b"% nothing\n"), Ok(EXTENDED.to_vec()));
    assert_eq!(said(b"%) endobj\n"), Ok(CHANGED.to_vec()));
}

/// What is said where other objects were signed, or more.
fn said_where(prepared: &[(u32, &str)], update: &[(u32, &str)]) -> Vec<Reason> {
    let mut objects = [&SIGNED[..], &[APPEARANCE]].concat();
    objects.retain(|(number, _)| prepared.iter().all(|(other, _)| other != number));
    objects.extend(prepared);
    said_of(&file(&objects, ROOT), update, ROOT, &Permission::default()).expect("small enough")
}

#[test]
fn a_page_that_the_security_store_or_an_appearance_leads_to_is_a_page_all_the_same() {
    let catalog = "<< /Type /Catalog /Pages 2 0 R /AcroForm 4 0 R /Metadata 8 0 R /DSS << /X 3 0 R >> >>";
    let page = "<< /Type /Page /Parent 2 0 R /Contents 20 0 R /Annots [5 0 R 6 0 R] >>";
    let content = (20, "<< /Length 1 >>\nstream\nQ\nendstream");
    assert_eq!(said_where(&[(1, catalog)], &[(3, page), content]), CHANGED);
    let appearance = (11, "<< /Subtype /Form /X 3 0 R /Length 1 >>\nstream\nq\nendstream");
    let content = (7, "<< /Length 1 >>\nstream\nQ\nendstream");
    assert_eq!(said_where(&[appearance], &[content]), CHANGED);
}

#[test]
fn an_object_stream_is_no_appearance() {
    let packed = |content: &str| stream("/Type /ObjStm /N 1 /First 5", &format!("30 0 {content}"));
    let (before, after) = (packed("(a)"), packed("(b)"));
    assert_eq!(said_where(&[(11, &before)], &[(11, &after)]), CHANGED);
}

#[test]
fn what_says_two_things_is_explained_by_neither() {
    let update = [
        (1, "<< /Type /Catalog /Pages 2 0 R /AcroForm 4 0 R /Metadata 8 0 R /Extensions << /X 20 0 R >> >>"),
        (3, "<< /Type /Page /Parent 2 0 R /Contents 7 0 R /Annots [5 0 R 6 0 R] /Annots 20 0 R >>"),
        (20, "[<< /Type /Annot /Subtype /FreeText >>]"),
    ];
    assert_eq!(said(&update), CHANGED);
}

#[test]
fn an_empty_signature_field_shows_nothing_without_a_signature() {
    let form = (4, "<< /Fields [5 0 R 6 0 R 12 0 R] /SigFlags 3 >>");
    let empty = (12, "<< /FT /Sig /T (two) /Subtype /Widget /Rect [0 0 9 9] >>");
    let with = |field: &str, value: &str| {
        said_where(&[form, empty], &[(12, field), (20, "<< /Length 1 >>\nstream\nQ\nendstream"), (21, value)])
    };
    let (bare, signed) = ("/AP << /N 20 0 R >>", "/V 21 0 R /AP << /N 20 0 R >>");
    let field = |more: &str| format!("<< /FT /Sig /T (two) /Subtype /Widget /Rect [0 0 9 9] {more} >>");
    assert_eq!(with(&field(bare), "<< /Type /Sig >>"), CHANGED);
    assert_eq!(with(&field(signed), "<< /Type /DocTimeStamp >>"), CHANGED);
    assert_eq!(with(&field(signed), "<< /Type /Sig >>"), EXTENDED);
}

#[test]
fn what_a_signed_field_shows_in_its_places_stays() {
    let parent = (5, "<< /FT /Sig /T (one) /V 10 0 R /Kids [12 0 R] >>");
    let place = (12, "<< /Parent 5 0 R /Subtype /Widget /Rect [0 0 9 9] >>");
    let update = [
        (12, "<< /Parent 5 0 R /Subtype /Widget /Rect [0 0 9 9] /AP << /N 20 0 R >> >>"),
        (20, "<< /Length 1 >>\nstream\nQ\nendstream"),
    ];
    assert_eq!(said_where(&[parent, place], &update), CHANGED);
}

#[test]
fn what_is_no_value_is_not_filled_in() {
    let button = |shown: &str| format!("<< /FT /Btn /Ff 65536 /T (note) /Subtype /Widget /AP << /N {shown} >> >>");
    let (before, after) = (button("11 0 R"), button("20 0 R"));
    let appearance = (20, "<< /Length 1 >>\nstream\nQ\nendstream");
    assert_eq!(said_where(&[(6, &before)], &[(6, &after), appearance]), CHANGED);
    let prepared = (12, "<< /FT /Tx /T (two) /V (b) /Subtype /Widget >>");
    assert_eq!(said_where(&[prepared], &[(4, "<< /Fields [5 0 R 6 0 R 12 0 R] /SigFlags 3 >>")]), CHANGED);
}

#[test]
fn appearances_are_not_made_anew_where_nothing_may_be_filled_in() {
    let update = [(4, "<< /Fields [5 0 R 6 0 R] /SigFlags 3 /NeedAppearances true >>")];
    assert_eq!(said(&update), FILLED);
    for permission in [
        Permission { nothing: true, locks: Vec::new() },
        Permission { nothing: false, locks: vec![Lock::Include(vec![b"note".to_vec()])] },
    ] {
        assert_eq!(said_of(&signed(), &update, ROOT, &permission), Ok(CHANGED.to_vec()));
    }
}

#[test]
fn a_locked_field_is_locked_however_its_name_is_encoded() {
    let field = |value: &str| format!("<< /FT /Tx /T <FEFF006E006F00740065> /V ({value}) /Subtype /Widget >>");
    let (before, after) = (field("a"), field("b"));
    let mut objects = [&SIGNED[..], &[APPEARANCE]].concat();
    objects[5].1 = &before;
    let locked = Permission { nothing: false, locks: vec![Lock::Include(vec![b"note".to_vec()])] };
    assert_eq!(said_of(&file(&objects, ROOT), &[(6, &after)], ROOT, &locked), Ok(CHANGED.to_vec()));
}
