//! Files made to do harm, by their names, sizes and bytes; and files that are judged by themselves.

use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use serde_json::json;

use crate::support::binary::workspace;
use crate::support::evidence::{
    adopt, altered, anchors, attach, attaching, attaching_in, blob, digest, fsck, listing, now, sha256, unsigned, valid,
};
use crate::support::{Sogoc, Store, on_sqlite, pilot, stores::Kind};

on_sqlite!(
    what_a_season_does_not_take_in_is_refused_with_its_limit,
    hostile_names_and_places_are_refused,
    a_malformed_file_ends_with_a_verdict_on_record,
    a_file_is_judged_by_itself_offline,
    a_gibibyte_is_stored_within_64_mib,
    what_a_virus_scan_says_is_recorded_and_a_virus_is_not_taken_in
);

/// With a real clamd where `SOGOC_TEST_CLAMD` names one.
fn what_a_virus_scan_says_is_recorded_and_a_virus_is_not_taken_in(kind: Kind) {
    const OPEN: &str = "pilot-2029";
    let Ok(clamd) = std::env::var("SOGOC_TEST_CLAMD") else {
        assert!(std::env::var_os("SOGOC_TEST_ALL").is_none(), "SOGOC_TEST_CLAMD names no clamd");
        return;
    };
    let store = Store::pilot(kind);
    let sogoc = store.sogoc();
    let rules = json!({"media": ["other"], "bytes_max": 30_000, "active_content": "note", "invalid": "reviewer_judges",
        "indeterminate": "reviewer_judges", "signed_by": "anyone"});
    sogoc.accepted(&pilot::season_with_evidence(OPEN, &rules));
    let attached = |scanner: &str, file: &Path, leaf: &str| {
        sogoc.with(&["--json", "--clamd", scanner]).run(&attaching_in(OPEN, file, "so-y-te", leaf))
    };
    let clean = attached(&clamd, &store.write("sach.txt", "Xin chào"), "1.1.1").ends(0).document();
    let scan = &clean["evidence"]["scan"];
    assert_eq!(scan["state"], "clean");
    assert!(scan["engine"].as_str().unwrap().starts_with("ClamAV "), "{scan}");
    // The text that every scanner knows (eicar.org), in pieces, so that none knows this file.
    let virus = ["X5O!P%@AP[4\\PZX54(P^)7CC)7}$", "EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"].concat();
    let virus = store.write("vi-rut.txt", virus);
    let refused = attached(&clamd, &virus, "1.1.2").ends(1).document();
    let told = (&refused["refusal"]["code"], &refused["refusal"]["rule"]);
    assert_eq!(told, (&json!("evidence-not-taken"), &json!("scan")), "{refused}");
    // A scanner that is away keeps nobody from their deadline, and is on record.
    let away = format!("unix:{}", store.folder().join("no-clamd").display());
    let unscanned = attached(&away, &store.write("khac.txt", "Chào"), "1.1.3").ends(0).document();
    assert_eq!(unscanned["evidence"]["scan"]["state"], "not-scanned");
}

/// A document that runs a script when it is opened.
const SCRIPT: &str = "%PDF-1.4
1 0 obj
<</Type/Catalog/Pages 2 0 R/OpenAction<</S/JavaScript/JS(app.alert(1))>>>>
endobj
2 0 obj
<</Type/Pages/Kids[]/Count 0>>
endobj
trailer
<</Size 3/Root 1 0 R>>
startxref
0
%%EOF
";

fn what_a_season_does_not_take_in_is_refused_with_its_limit(kind: Kind) {
    const SMALL: &str = "pilot-2028";
    let store = Store::pilot(kind);
    let sogoc = store.sogoc();
    let rules = json!({"media": ["pdf"], "bytes_max": 30_000, "active_content": "refuse", "invalid": "reviewer_judges",
        "indeterminate": "reviewer_judges", "signed_by": "anyone"});
    sogoc.accepted(&pilot::season_with_evidence(SMALL, &rules));
    let size = sogoc.size();
    let attached = |file: &Path| sogoc.with(&["--json"]).run(&attaching_in(SMALL, file, "so-y-te", "1.1.1"));
    // By what it is and not by its name.
    let mut zip = b"PK\x05\x06".to_vec();
    zip.resize(22, 0);
    for (name, bytes, rule) in [
        ("tep.pdf", zip, "media"),
        ("chuong-trinh.pdf", b"MZ\x90\0\x03\0\0\0\x04\0\0\0\xff\xff".to_vec(), "media"),
        ("van-ban.pdf", b"Xin chao".to_vec(), "media"),
        ("kich-ban.pdf", SCRIPT.into(), "active_content"),
    ] {
        let refused = attached(&store.write(name, bytes)).ends(1).document();
        let told = (&refused["refusal"]["code"], &refused["refusal"]["rule"]);
        assert_eq!(told, (&json!("evidence-not-taken"), &json!(rule)), "{name}: {refused}");
    }
    let empty = attached(&store.write("trong.pdf", "")).ends(1);
    assert!(empty.stderr.contains("trong.pdf") && empty.stderr.contains("empty"), "{}", empty.said());
    // Five gibibytes that are not there: refused by their size alone.
    let huge = store.folder().join("lon.pdf");
    std::fs::File::create(&huge).unwrap().set_len(5 << 30).unwrap();
    let begun = now();
    for file in [&huge, &valid()] {
        let refused = attached(file).ends(1);
        assert!(refused.stderr.contains("30000"), "{}", refused.said());
    }
    let refused = sogoc.run(&["evidence", "put", huge.to_str().unwrap()]).ends(1);
    assert!(refused.stderr.contains("4294967296"), "{}", refused.said());
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    // Stored by another way, it is the season that refuses it.
    let named = sogoc.ok(&["evidence", "put", valid().to_str().unwrap()]).stdout[..64].to_owned();
    let command = |digest: &str| {
        let fields = json!({"season": SMALL, "agency": "so-y-te", "leaf": "1.1.1", "digest": digest, "name": "x.pdf",
            "media": "pdf", "signature": "not-judged", "purpose": "submitted"});
        pilot::by("officer-yt", "attach-evidence", &fields)
    };
    let refusal = sogoc.refused(&command(&named));
    assert_eq!((&refusal["code"], &refusal["rule"]), (&json!("evidence-not-taken"), &json!("bytes_max")));
    assert_eq!(sogoc.refused(&command(&sha256("nowhere")))["code"], "evidence-not-stored");
    let recorded = sogoc.entries(&["--from", &size.to_string()]);
    assert!(recorded.iter().all(|entry| entry["kind"] != "evidence-attached"), "{recorded:?}");
    assert_eq!(fsck(&sogoc, 0)["whole"], 0);
    sogoc.ok(&attaching_in(SMALL, &unsigned(), "so-y-te", "1.1.1"));
}

fn hostile_names_and_places_are_refused(kind: Kind) {
    let store = Store::pilot(kind);
    let sogoc = store.sogoc();
    let file = unsigned();
    let named = |name: &str| {
        let mut command = attaching(&file, "so-y-te", "1.1.1");
        command.extend(["--name".to_owned(), name.to_owned()]);
        command
    };
    let size = sogoc.size();
    for name in ["a\u{7}b", "a\u{1b}[31mb", "", &"x".repeat(10_000)] {
        let refused = sogoc.run(&named(name));
        assert_eq!(refused.code, Some(1), "{}: {}", &name[..name.len().min(20)], refused.said());
        assert!(!refused.said().contains('\u{1b}'), "it does not reach the terminal");
    }
    let missing = store.folder().join("khong-co.pdf");
    for file in [store.folder(), &missing] {
        let refused = sogoc.run(&attaching(file, "so-y-te", "1.1.1")).ends(1);
        assert!(refused.stderr.contains(file.to_str().unwrap()), "{}", refused.said());
        let get =
            ["evidence", "get", pilot::SEASON, "so-y-te", "1", "--account", "officer-yt", "-o", file.to_str().unwrap()];
        sogoc.run(&get).ends(1);
    }
    sogoc.run(&attaching(Path::new("-"), "so-y-te", "1.1.1")).ends(2);
    sogoc.run(&["evidence", "show", "../../etc/passwd"]).ends(2);
    assert_eq!(sogoc.size(), size);
    // A path is a name like any other: files are kept by their digests.
    let before = listing(store.folder()).len();
    sogoc.ok(&named("../../x.pdf"));
    assert_eq!(listing(store.folder()).len(), before, "nothing new lies anywhere");
    assert_eq!(sogoc.json(&["evidence", "list", pilot::SEASON])[0]["name"], "../../x.pdf");
    // From stdin, with a name.
    let mut command = attaching(Path::new("-"), "so-y-te", "1.2");
    command.extend(["--name", "tu-stdin.pdf"].map(str::to_owned));
    sogoc.run_with(&command, &std::fs::read(valid()).unwrap()).ends(0);
    assert_eq!(digest(&blob(&store, &digest(&valid()))), digest(&valid()));
    sogoc.run_with(&["evidence", "put", "-"], b"").ends(1);
}

/// Files that a fuzzer once found interesting.
fn corpus(name: &str) -> Vec<Vec<u8>> {
    let bytes = std::fs::read(workspace().join(format!("fuzz/corpus/{name}.corpus"))).unwrap();
    let (mut inputs, mut rest) = (Vec::new(), bytes.as_slice());
    while let Some((length, after)) = rest.split_first_chunk::<4>() {
        let (input, after) = after.split_at(u32::from_be_bytes(*length) as usize);
        inputs.push(input.to_vec());
        rest = after;
    }
    inputs
}

fn a_malformed_file_ends_with_a_verdict_on_record(kind: Kind) {
    let store = Store::pilot(kind);
    let sogoc = store.sogoc();
    adopt(&sogoc, pilot::SEASON, &anchors()).ends(0);
    let whole = std::fs::read(valid()).unwrap();
    let pdf = |body: &[u8]| {
        [b"%PDF-1.7\n1 0 obj\n", body, b"\nendobj\ntrailer\n<</Root 1 0 R>>\nstartxref\n9\n%%EOF\n"].concat()
    };
    // A stream of 256 MiB of zeros, told to hold objects.
    let mut zeros = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    (0..256).for_each(|_| zeros.write_all(&[b' '; 1 << 20]).unwrap());
    let zeros = zeros.finish().unwrap();
    let header = format!("<</Type/ObjStm/N 99999999/First 9/Filter/FlateDecode/Length {}>>\nstream\n", zeros.len());
    let mut files = vec![
        pdf(&b"[".repeat(200_000)),
        pdf(&b"<</A ".repeat(100_000)),
        pdf(&[header.as_bytes(), &zeros, b"\nendstream"].concat()),
        pdf(b"<</Type/Catalog/AcroForm 1 0 R/Fields[1 0 R]/Kids[1 0 R]/Parent 1 0 R>>"),
        b"%PDF-1.7\nstartxref\n18446744073709551616\n%%EOF\n".to_vec(),
        b"%PDF-1.7\nxref\n0 4294967295\n".to_vec(),
        whole[..whole.len() / 2].to_vec(),
        [&whole[..], &whole[..]].concat(),
        [&whole[..], &b"\0".repeat(100_000)[..]].concat(),
    ];
    let found = corpus("pdf_signature");
    files.extend(found.iter().filter(|input| input.starts_with(b"%PDF-")).take(6).cloned());
    let leaves = ["1.1.1", "1.1.2", "1.1.3", "1.2"];
    let mut outcomes = Vec::new();
    for (number, bytes) in files.iter().enumerate() {
        let file = store.write(&format!("{number}.pdf"), bytes);
        let begun = now();
        let receipt = attach(&sogoc, &file, "so-y-te", leaves[number % leaves.len()]);
        assert!(begun.elapsed() < Duration::from_secs(10), "{number}: {:?}", begun.elapsed());
        outcomes.push(receipt["evidence"]["verdict"]["outcome"].as_str().unwrap().to_owned());
    }
    assert!(outcomes[6..].iter().take(3).all(|outcome| outcome != "valid"), "{outcomes:?}");
    assert_eq!(sogoc.json(&["evidence", "list", pilot::SEASON]).as_array().unwrap().len(), files.len());
    fsck(&sogoc, 0);
}

fn a_file_is_judged_by_itself_offline(kind: Kind) {
    let store = Store::empty(kind);
    let bare = Sogoc::bare();
    let judged = |options: &[&str], file: &Path, anchors: Option<&Path>, more: &[&str]| {
        let mut words = [options, &["evidence", "verify", file.to_str().unwrap()], more].concat();
        if let Some(anchors) = anchors {
            words.extend(["--anchors", anchors.to_str().unwrap()]);
        }
        bare.run(&words)
    };
    let anchors = anchors();
    for (file, with, outcome, words, code) in [
        (valid(), Some(&*anchors), "valid-but", "sau khi ký có bổ sung", 0),
        (altered(), Some(&anchors), "invalid", "chữ ký KHÔNG hợp lệ", 1),
        (unsigned(), Some(&anchors), "unsigned", "chưa ký số", 1),
        (valid(), None, "indeterminate", "chưa xác định được chữ ký", 1),
    ] {
        let told = judged(&["--json"], &file, with, &[]).ends(code).document();
        assert_eq!(
            (&told["outcome"], &told["digest"], &told["media"]),
            (&json!(outcome), &json!(digest(&file)), &json!("pdf"))
        );
        assert_eq!(told["anchors"], json!(with.map(digest)));
        let vi = judged(&["--lang", "vi"], &file, with, &[]).ends(code).stdout;
        assert!(vi.contains(words), "{outcome}: {vi}");
    }
    let told = judged(&["--json"], &valid(), Some(&anchors), &["--at", "2022-12-01T00:00:00+07:00"]).ends(0).document();
    assert_eq!(told["judged_at"], "2022-11-30T17:00:00.000000Z");
    assert_eq!(told["signatures"][0]["signer"]["organisation"], "Sở Xây dựng");
    assert!(told["signatures"][0]["reasons"][0]["text"].is_string(), "{told}");
    // A signature in a file of its own, over this file and no other.
    let files = workspace().join("crates/sogoc-evidence/tests/files");
    let (minutes, signature) = (files.join("minutes.txt"), files.join("minutes.p7s"));
    let detached = ["--detached", signature.to_str().unwrap()];
    let theirs = files.join("anchors.pem");
    let right = judged(&["--json"], &minutes, Some(&theirs), &detached).document();
    assert_ne!(right["outcome"], "invalid", "{right}");
    let other = store.write("other.txt", "Some other minutes");
    assert_eq!(judged(&["--json"], &other, Some(&theirs), &detached).ends(1).document()["outcome"], "invalid");
    // What cannot be read is said.
    for (file, anchors) in
        [(store.folder().join("nowhere"), &anchors), (valid(), &store.folder().join("nowhere")), (valid(), &minutes)]
    {
        let refused = judged(&[], &file, Some(anchors), &[]).ends(1);
        assert!(refused.stdout.is_empty() && !refused.stderr.is_empty(), "{}", refused.said());
    }
}

fn a_gibibyte_is_stored_within_64_mib(kind: Kind) {
    let store = Store::pilot(kind);
    let mut child =
        store.sogoc().command(&["evidence", "put", "-"]).stdin(std::process::Stdio::piped()).spawn().unwrap();
    let mut pipe = child.stdin.take().unwrap();
    let zeros = vec![0; 1 << 20];
    (0..1024).for_each(|_| pipe.write_all(&zeros).unwrap());
    // Its peak so far, which the kernel keeps; elsewhere it is only stored.
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
    drop(pipe);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.stdout.starts_with(b"49bc20df15e412a64472421e13fe86ff1c5165e18b2afccf160d4dc19fe68a14"));
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    if let Some(kib) = peak.and_then(|rest| rest.trim().strip_suffix(" kB")) {
        let kib: u64 = kib.trim().parse().unwrap();
        assert!(kib < 64 << 10, "{kib} KiB");
    } else {
        assert_ne!(std::env::consts::OS, "linux", "no peak in {status}");
    }
}
