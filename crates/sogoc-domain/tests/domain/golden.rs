//! Golden files: what was once recorded is read, and written again byte for byte, for ever.
//!
//! `SOGOC_GOLDEN=write cargo test -p sogoc-domain golden` writes the files that are missing. It never changes one: a
//! payload that no longer reads or writes its file needs a new kind version beside the old one.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};
use sogoc_domain::event::*;
use sogoc_domain::evidence::{Capacity, Outcome, SignatureVerdict, SignedFor, Verdict};
use sogoc_domain::policy::{Applicability, Basis, DeadlineScope, LineKind, Mode, Policy, Treatment};
use sogoc_domain::roles::{By, Role, Scope};
use sogoc_domain::scoring::Inputs;
use sogoc_domain::stream::Stream;
use sogoc_domain::values::{Points, Text};

use crate::fixture::*;

/// Examples of a stream's events, one a kind. A variant without one does not compile.
macro_rules! examples {
    ($events:ident in $stream:literal { $($variant:ident => $example:expr,)* }) => {{
        let _every = |event: &$events| match event {
            $($events::$variant(_) => {})*
        };
        let stream = Stream::parse($stream).unwrap();
        vec![$((stream.clone(), Event::from($events::from($example)))),*]
    }};
}

fn text(text: &str) -> Text {
    Text::try_new(text).unwrap()
}

fn points(points: &str) -> Points {
    id(points)
}

fn name() -> Name {
    Name { vi: text("Sở Nội vụ"), en: Some(text("Department of Home Affairs")), short: Some(text("SNV")) }
}

fn by() -> By {
    By { account: id("acc-1"), on_behalf_of: Some(id("acc-2")) }
}

fn read<T: serde::de::DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

/// A policy from before every policy had to hold `standard_amended`: what was recorded is read for ever.
fn recorded_policy() -> Policy {
    let mut policy: Policy = read(policy());
    policy.reason_codes.retain(|r| r.code != "standard_amended");
    policy
}

fn change() -> ScoreChange {
    ScoreChange {
        leaf: id("l-2-2"),
        old: Some(points("2.5")),
        new: points("1.75"),
        inputs: Some(Inputs::Judged(points("1.75"))),
        reason_code: "data_mismatch".to_owned(),
        reason: digest("reason"),
    }
}

fn verdict() -> Verdict {
    Verdict {
        outcome: Outcome::Invalid,
        reasons: vec!["changed-after-signing".to_owned()],
        signatures: vec![SignatureVerdict {
            outcome: Outcome::Invalid,
            reasons: vec!["changed-after-signing".to_owned()],
            level: "b-lta".to_owned(),
            signer: Some(digest("signer")),
            signed_for: SignedFor::Agency,
            claimed: Some(day(1)),
            proven: Some(day(2)),
            covers_whole_file: false,
        }],
        anchors: Some(digest("anchors")),
        rules: 1,
        judged_at: day(3),
    }
}

fn scope() -> Scope {
    Scope { season: Some(id("s-2026")), from: Some(day(0)), until: Some(day(9)) }
}

/// One example of every kind, with every optional field.
fn examples() -> Vec<(Stream, Event)> {
    let reason = digest("reason");
    let code = || "data_mismatch".to_owned();
    [
        examples!(AgencyEvent in "agency/so-noi-vu" {
            AgencyRegistered => AgencyRegistered { name: name(), body: false },
            AgencyRenamed => AgencyRenamed { name: name(), from: day(1) },
            AgencyMerged => AgencyMerged { into: id("so-y-te"), from: day(1) },
            AgencySplit => AgencySplit { into: vec![id("so-tu-phap"), id("so-y-te")], from: day(1) },
            AgencyDissolved => AgencyDissolved { from: day(1) },
            SignerRegistered => SignerRegistered { certificate: digest("certificate"), capacity: Capacity::Leader },
            SignerWithdrawn => SignerWithdrawn { certificate: digest("certificate"), reason },
        }),
        examples!(InstrumentEvent in "instrument/qd-1" {
            InstrumentRegistered => InstrumentRegistered {
                number: text("1952/QĐ-UBND"),
                date: "2026-10-21".to_owned(),
                issuer: text("UBND tỉnh"),
                title: Some(text("Kế hoạch cải cách hành chính")),
                document: Some(digest("document")),
            },
            InstrumentDocumentAttached => InstrumentDocumentAttached { document: digest("document") },
            TextsErased => TextsErased {
                texts: vec![digest("one"), digest("two")], ground_code: ErasureGround::RequestOfPerson,
                ground: digest("ground"), by: by(),
            },
            EvidenceErased => EvidenceErased {
                digest: digest("file"), ground_code: ErasureGround::Ordered, ground: digest("ground"), by: by(),
            },
        }),
        examples!(AccountEvent in "account/acc-3" {
            AccountOpened => AccountOpened { agency: id("so-noi-vu"), name: digest("name") },
            RoleProposed => RoleProposed { role: Role::CouncilMember, scope: scope(), by: by() },
            RoleGranted => RoleGranted {
                role: Role::CouncilMember,
                scope: scope(),
                by: by(),
                proposed_by: Some(By { account: id("acc-4"), on_behalf_of: None }),
                founding: true,
            },
            RoleRevoked => RoleRevoked { role: Role::Reviewer, season: Some(id("s-2026")), reason, by: by() },
            DelegationGranted => DelegationGranted { to: id("acc-4"), from: day(0), until: day(9), reason },
            DelegationRevoked => DelegationRevoked { to: id("acc-4") },
            AccountTransferred => AccountTransferred {
                old: id("so-noi-vu"), new: id("so-y-te"), from: day(1), by: by(),
            },
            AccountLinked => AccountLinked { with: id("acc-4"), by: by() },
            AccountClosed => AccountClosed { reason, by: by() },
        }),
        examples!(CriteriaEvent in "criteria/bo-2026" {
            CriteriaSetDrafted => CriteriaSetDrafted {
                title: text("Bộ tiêu chí"),
                title_en: Some(text("Criteria set")),
                predecessor: Some(id("bo-2025")),
                max_points: points("20"),
                domains: 3,
            },
            // Between them the two trees hold every scoring rule.
            CriteriaDomainRecorded => CriteriaDomainRecorded { domain: read(whole_domain()), criteria_follow: 0 },
            CriteriaCriterionRecorded => CriteriaCriterionRecorded {
                domain: id("d-2"),
                criterion: read(domains()[1].clone()),
            },
            CriteriaSetActivated => CriteriaSetActivated { leaves: 10, by: by() },
            CriteriaDomainAmended => CriteriaDomainAmended { domain: read(domains()[2].clone()) },
            CriteriaSetAmended => CriteriaSetAmended {
                version: 2,
                treatments: read(json!([
                    {"leaf": "l-1", "treatment": "kept"}, {"leaf": "l-2", "treatment": "redeclared"},
                    {"leaf": "l-3", "treatment": "recomputed"}, {"leaf": "l-4", "treatment": "void"}])),
                reason,
                by: by(),
            },
        }),
        examples!(SeasonEvent in "season/s-2026" {
            SeasonOpened => SeasonOpened {
                year: 2026, title: text("Đợt đánh giá"), title_en: Some(text("Season")), mode: Mode::Imported,
            },
            SeasonPolicySet => SeasonPolicySet { policy: recorded_policy() },
            RankingGroupDefined => RankingGroupDefined {
                group: id("so"),
                name: name(),
                set: Some(id("bo-2026")),
                classes: read(group_of("so", None)["classes"].clone()),
                letters: read(json!([{"code": "A", "label": "A", "label_en": "A", "lower": "85",
                    "lower_inclusive": true, "upper": "100", "upper_inclusive": true}])),
            },
            PhaseScheduled => PhaseScheduled {
                phase: id("appraisal"),
                name: name(),
                start: day(5),
                end: day(20),
                admits: vec!["accept-score".to_owned(), "adjust-score".to_owned()],
            },
            AgencyEntered => AgencyEntered {
                agency: id("so-y-te"), group: id("so"), council_member: true, from: Some(day(3)),
            },
            ReviewersAssigned => ReviewersAssigned { assignment: read(assignment("so", "d-1")) },
            ComparisonSet => ComparisonSet { season: id("s-2025") },
            ReferenceFigureRecorded => ReferenceFigureRecorded {
                address: "so/mean_index".to_owned(),
                year: 2025,
                value: "88.99".to_owned(),
                basis: Basis::Implied,
                source: Some(text("Báo cáo 12/BC-SNV, mục II.1")),
            },
            LineDefined => LineDefined {
                line: id("thuong"), name: name(), kind: LineKind::Penalty, cap: points("2"),
            },
            CriteriaVersionAdopted => CriteriaVersionAdopted { group: id("so"), set: id("bo-2026"), version: 2 },
            SeasonActivated => SeasonActivated { rules_version: 1, by: by() },
            DeadlineMoved => DeadlineMoved {
                scope: DeadlineScope::Leaf { agency: id("so-y-te"), leaf: id("l-1-2") },
                phase: Some(id("appraisal")),
                old: day(20),
                new: day(22),
                reason,
                by: by(),
            },
            AgencyTreated => AgencyTreated {
                agency: id("so-y-te"),
                treatment: Treatment::SuccessorAnswers,
                successor: Some(id("so-noi-vu")),
                from: day(3),
                reason,
                by: by(),
            },
            TrustAnchorsAdopted => TrustAnchorsAdopted {
                anchors: digest("anchors"), certificates: 2, old: Some(digest("before")), reason, by: by(),
            },
        }),
        examples!(ScorecardEvent in "scorecard/s-2026/so-y-te" {
            SelfScored => SelfScored {
                leaf: id("l-1-1-2"),
                set_version: 1,
                inputs: Inputs::Ratio { numerator: id("9"), denominator: id("10") },
                points: points("1.8"),
                by: by(),
            },
            EvidenceAttached => EvidenceAttached {
                leaf: id("l-1-2"),
                evidence: Evidence {
                    number: 1,
                    digest: Some(digest("file")),
                    name: digest("name"),
                    media: "pdf".to_owned(),
                    signature: SignatureState::StatedAltered,
                    purpose: EvidencePurpose::Supplement,
                    case: Some(id("gt-1")),
                    // From before files were examined; the form with an examination is beside the test of it.
                    detached: None,
                    examined: None,
                },
                by: by(),
            },
            EvidenceJudged => EvidenceJudged { number: 1, verdict: verdict(), reason, by: by() },
            EvidenceWithdrawn => EvidenceWithdrawn { number: 1, reason, by: by() },
            ScorecardSubmitted => ScorecardSubmitted { leaves: 9, self_points: points("14.55"), by: by() },
            SubmissionWithdrawn => SubmissionWithdrawn { reason, by: by() },
            SubmissionMissed => SubmissionMissed { by: by() },
            LateSubmissionAccepted => LateSubmissionAccepted { reason, by: by() },
            ScoreAccepted => ScoreAccepted { leaf: id("l-1-2"), round: 1, points: points("2"), by: by() },
            ScoreAdjusted => ScoreAdjusted { change: change(), round: 2, case: Some(id("gt-1")), by: by() },
            ScoreUpheld => ScoreUpheld {
                leaf: id("l-2-2"),
                round: 2,
                points: points("1.75"),
                reason_code: code(),
                reason,
                case: Some(id("gt-1")),
                by: by(),
            },
            ExplanationRequested => ExplanationRequested {
                case: id("gt-1"), leaf: id("l-2-2"), request: digest("request"), due: day(9), by: by(),
            },
            ExplanationGiven => ExplanationGiven { case: id("gt-1"), answer: digest("answer"), by: by() },
            LeavesConfirmed => LeavesConfirmed { leaves: vec![id("l-1-2"), id("l-1-3")], by: by() },
            LeavesReturned => LeavesReturned { leaves: vec![id("l-1-2")], reason, by: by() },
            ApplicabilityDecided => ApplicabilityDecided {
                leaf: id("l-1-2"), applicability: Applicability::AwardedInFull, ground: digest("ground"), by: by(),
            },
            ScoreDeemed => ScoreDeemed { leaf: id("l-1-2"), reason_code: code(), reason, by: by() },
            ScoreCorrected => ScoreCorrected { corrects: 1_234, change: change(), by: by() },
            ResolutionApplied => ResolutionApplied {
                session: id("phien-1"),
                resolution: id("nq-1"),
                change: change(),
                voters: vec![id("acc-5"), id("acc-6")],
            },
            ScorecardReopened => ScorecardReopened { announcement: 1, leaves: vec![id("l-1-2")], reason, by: by() },
            ReviewerRecused => ReviewerRecused { account: id("acc-5"), reason, by: by() },
            AppealLodged => AppealLodged {
                appeal: id("kn-1"),
                items: [
                    AppealTarget::Leaf(id("l-2-2")),
                    AppealTarget::Applicability(id("l-1-2")),
                    AppealTarget::SurveyPoints,
                    AppealTarget::Class,
                ]
                .map(|target| AppealItem { target, requested: Some("2.5".to_owned()), ground: digest("ground") })
                .into(),
                late: true,
                by: by(),
            },
            LateAppealAccepted => LateAppealAccepted { appeal: id("kn-1"), reason, by: by() },
            AppealOpinionGiven => AppealOpinionGiven {
                appeal: id("kn-1"), item: 1, opinion: digest("opinion"), by: by(),
            },
            AppealItemDecided => AppealItemDecided {
                appeal: id("kn-1"),
                item: 1,
                outcome: AppealOutcome::Partly,
                effect: Some(AppealEffect::Points {
                    old: Some(points("1")), new: points("2"), inputs: Some(Inputs::Judged(points("2"))),
                }),
                reason_code: code(),
                reason,
                voters: vec![id("acc-5"), id("acc-6")],
                by: by(),
            },
            AppealItemWithdrawn => AppealItemWithdrawn { appeal: id("kn-1"), item: 2, by: by() },
            LineScored => LineScored {
                line: id("thuong"),
                old: Some(points("1")),
                new: points("1.5"),
                reason_code: code(),
                reason,
                by: by(),
            },
            ClassCapped => ClassCapped { class: Some("kha".to_owned()), reason, by: by() },
            ScoreRecomputed => ScoreRecomputed {
                leaf: id("l-1-2"),
                set_version: 2,
                self_points: Some(points("1")),
                appraised_points: Some(points("0.5")),
                reason_code: "standard_amended".to_owned(),
                reason,
                by: by(),
            },
            LeafReopened => LeafReopened {
                leaf: id("l-1-2"), set_version: 2, reason_code: "standard_amended".to_owned(), reason, by: by(),
            },
            ResultTranscribed => ResultTranscribed {
                appraised_points: points("80.25"),
                survey_points: Some(points("9.5")),
                applicable_max: points("100"),
                by: by(),
            },
        }),
        examples!(SurveyEvent in "survey/s-2026" {
            SurveyOpened => SurveyOpened {
                operator: id("buu-dien"),
                monitors: vec![id("mat-tran")],
                factors: vec!["access".to_owned(), "results".to_owned()],
                by: by(),
            },
            SurveyImported => SurveyImported { forms_file: Some(digest("forms")), forms: 40, agencies: 1, by: by() },
            SurveyResultRecorded => SurveyResultRecorded {
                agency: id("so-y-te"),
                forms: 40,
                factors: vec![id("90"), id("80.5")],
                points: points("3.41"),
                reason_code: Some(code()),
                reason: Some(reason),
                by: by(),
            },
            AgencyNotSurveyed => AgencyNotSurveyed { agency: id("so-y-te"), ground: digest("ground"), by: by() },
            SurveyRechecked => SurveyRechecked {
                agency: id("so-y-te"),
                sample: 10,
                confirmed: 8,
                voided: 2,
                replaced: 1,
                finding: digest("finding"),
                by: by(),
            },
            SurveyAccepted => SurveyAccepted { agencies: vec![id("ly-nhan"), id("so-y-te")], by: by() },
        }),
        examples!(CouncilEvent in "council/s-2026" {
            SessionOpened => SessionOpened {
                session: id("phien-1"), present: vec![id("acc-5"), id("acc-6")], by: by(),
            },
            MemberRecused => MemberRecused {
                session: id("phien-1"), member: id("acc-5"), agency: Some(id("so-y-te")), reason,
            },
            ResolutionAdopted => ResolutionAdopted {
                session: id("phien-1"),
                resolution: id("nq-1"),
                text: digest("text"),
                votes: read(vote(&[("acc-5", "for"), ("acc-6", "against"), ("acc-7", "abstained")])),
                changes: 2,
                by: by(),
            },
            SessionClosed => SessionClosed { session: id("phien-1"), by: by() },
        }),
        examples!(ResultsEvent in "results/s-2026" {
            ResultsAnnounced => ResultsAnnounced {
                number: 1, as_of: 1_234, streams_root: digest("root"), streams: 9, by: by(),
            },
            ResultsApproved => ResultsApproved { number: 1, by: by() },
            EditionPublished => EditionPublished {
                edition: 2,
                kind: EditionKind::Correcting,
                announcement: 2,
                as_of: 1_300,
                table_digest: digest("table"),
                rows: 4,
                figures_digest: digest("figures"),
                figures: 100,
                changed: vec![FigureChange {
                    address: "s-2026/so/so-y-te/total_points".to_owned(),
                    before: Some("17.95".to_owned()),
                    after: Some("18.95".to_owned()),
                }],
                changed_count: 1,
                reason: Some(reason),
                by: by(),
            },
            EditionInstrumentAttached => EditionInstrumentAttached { edition: 2, instrument: id("qd-2"), by: by() },
            EditionAnnulled => EditionAnnulled { edition: 1, reason, by: by() },
            AgenciesNotified => AgenciesNotified {
                edition: 2, agencies: vec![id("ly-nhan"), id("so-y-te")], until: day(45), by: by(),
            },
        }),
        examples!(RefusalsEvent in "refusals/acc-1" {
            RefusalRecorded => RefusalRecorded {
                code: "phase-closed".to_owned(),
                command: "record-self-score".to_owned(),
                target: "scorecard/s-2026/so-y-te".to_owned(),
                uncounted: Some(3),
            },
        }),
        examples!(DownloadsEvent in "downloads/acc-1" {
            EvidenceDownloaded => EvidenceDownloaded {
                season: id("s-2026"), agency: id("so-y-te"), number: 1, digest: digest("file"),
            },
        }),
        examples!(SignInEvent in "sign-in/acc-1" {
            SignInLocked => SignInLocked { failures: 5, until: day(1) },
            SignInUnlocked => SignInUnlocked { by: Hand::Console },
            CredentialSet => CredentialSet {
                credential: Credential::Token,
                change: CredentialChange::Set,
                by: Hand::Account(id("acc-1")),
                token: Some("tok-1a2b3c4d".to_owned()),
            },
        }),
        examples!(RestoresEvent in "operation/restore" {
            StoreRestored => StoreRestored {
                size: 1200,
                root: digest("restored"),
                known_size: 1234,
                known_root: Some(digest("known")),
                reason,
                by: by(),
            },
        }),
    ]
    .concat()
}

/// Domain 1 with every optional field of a node.
fn whole_domain() -> Value {
    let mut domain = domains()[0].clone();
    domain["name_en"] = "Direction and administration".into();
    domain["lead_agency"] = "so-noi-vu".into();
    domain["predecessor"] = "d-1".into();
    domain["children"][1]["leaf"]["evidence_required"] = true.into();
    domain["children"][1]["leaf"]["evidence_hint"] = "Báo cáo có ký số".into();
    domain
}

fn folder() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "tests", "golden"].iter().collect()
}

fn file_of(kind: &str, version: u32) -> String {
    format!("{kind}.{version}.json")
}

/// Every kind and kind version that is known, with a stream that may hold it.
fn known() -> BTreeMap<(&'static str, u32), &'static str> {
    let streams: [(&[(&'static str, u32)], &'static str); 13] = [
        (AgencyEvent::KINDS, "agency/a"),
        (InstrumentEvent::KINDS, "instrument/a"),
        (AccountEvent::KINDS, "account/a"),
        (CriteriaEvent::KINDS, "criteria/a"),
        (SeasonEvent::KINDS, "season/a"),
        (ScorecardEvent::KINDS, "scorecard/a/a"),
        (SurveyEvent::KINDS, "survey/a"),
        (CouncilEvent::KINDS, "council/a"),
        (ResultsEvent::KINDS, "results/a"),
        (RefusalsEvent::KINDS, "refusals/a"),
        (DownloadsEvent::KINDS, "downloads/a"),
        (SignInEvent::KINDS, "sign-in/a"),
        (RestoresEvent::KINDS, "operation/restore"),
    ];
    streams.into_iter().flat_map(|(kinds, stream)| kinds.iter().map(move |kind| (*kind, stream))).collect()
}

#[test]
fn every_golden_file_is_read_and_written_again_byte_for_byte() {
    if std::env::var("SOGOC_GOLDEN").is_ok_and(|v| v == "write") {
        write_missing();
    }
    for ((kind, version), stream) in known() {
        let file = file_of(kind, version);
        let text = fs::read_to_string(folder().join(&file)).unwrap_or_else(|e| panic!("{file}: {e}"));
        let data = text.strip_suffix('\n').unwrap_or(&text);
        let event = Event::decode(&Stream::parse(stream).unwrap(), kind, version, data)
            .unwrap_or_else(|e| panic!("{file} is no longer read: {e}"));
        assert_eq!(event.data(), data, "{file} is written in another way");
        assert_eq!((event.kind(), event.kind_version()), (kind, version));
    }
}

fn write_missing() {
    fs::create_dir_all(folder()).unwrap();
    for (_, event) in examples() {
        let path = folder().join(file_of(event.kind(), event.kind_version()));
        if !path.exists() {
            fs::write(path, format!("{}\n", event.data())).unwrap();
        }
    }
}

#[test]
fn no_golden_file_is_missing_or_left_over() {
    let files: BTreeSet<_> =
        fs::read_dir(folder()).unwrap().map(|f| f.unwrap().file_name().into_string().unwrap()).collect();
    let wanted: BTreeSet<_> = known().keys().map(|(kind, version)| file_of(kind, *version)).collect();
    assert_eq!(files, wanted);
}

#[test]
fn the_examples_are_what_the_golden_files_hold() {
    let mut kinds = BTreeSet::new();
    for (stream, event) in examples() {
        assert!(kinds.insert((event.kind(), event.kind_version())), "{} has two examples", event.kind());
        let file = fs::read_to_string(folder().join(file_of(event.kind(), event.kind_version()))).unwrap();
        let read = Event::decode(&stream, event.kind(), event.kind_version(), file.trim_end()).unwrap();
        assert_eq!(read, event);
    }
    assert_eq!(kinds, known().into_keys().collect());
}

/// Words inside payloads are as fixed as kinds are; a golden file shows one of each only.
#[test]
fn the_words_inside_payloads_stay() {
    fn stays<T: serde::Serialize + serde::de::DeserializeOwned + PartialEq + std::fmt::Debug>(written: &[Value]) {
        for value in written {
            let read: T = serde_json::from_value(value.clone()).unwrap_or_else(|e| panic!("{value}: {e}"));
            assert_eq!(serde_json::to_value(&read).unwrap(), *value);
        }
    }
    stays::<Inputs>(&[
        json!({"yes_no": true}),
        json!({"ratio": {"numerator": "1", "denominator": "2"}}),
        json!({"count": "3"}),
        json!({"option": 1}),
        json!({"judged": "0.5"}),
    ]);
    stays::<DeadlineScope>(&[
        json!("season"),
        json!({"group": "so"}),
        json!({"agency": "a"}),
        json!({"leaf": {"agency": "a", "leaf": "l"}}),
        json!({"request": {"agency": "a", "case": "gt-1"}}),
    ]);
    stays::<AppealEffect>(&[
        json!({"points": {"new": "1"}}),
        json!({"applicability": "left-out"}),
        json!({"survey_points": {"old": "1", "new": "2"}}),
        json!({"class_cap": {"class": "kha"}}),
        json!({"class_cap": {}}),
    ]);
    stays::<Applicability>(&["applies", "left-out", "awarded-in-full"].map(Value::from));
    stays::<Treatment>(&["scored-until", "scored-separately", "successor-answers", "not-ranked"].map(Value::from));
    stays::<Mode>(&["live", "imported"].map(Value::from));
    stays::<Basis>(&["printed", "implied"].map(Value::from));
    stays::<LineKind>(&["bonus", "penalty"].map(Value::from));
    stays::<AppealOutcome>(&["upheld", "partly", "rejected"].map(Value::from));
    stays::<EditionKind>(&["provisional", "official", "correcting"].map(Value::from));
    stays::<EvidencePurpose>(&["submitted", "supplement"].map(Value::from));
    stays::<Ballot>(&["for", "against", "abstained"].map(Value::from));
    stays::<Credential>(&["password", "second-factor", "subject", "token"].map(Value::from));
    stays::<CredentialChange>(&["set", "removed"].map(Value::from));
    stays::<Hand>(&[json!({"account": "acc-1"}), json!("console")]);
    let signatures = ["stated-valid", "stated-unsigned", "stated-altered", "not-judged"];
    stays::<SignatureState>(&signatures.map(Value::from));
    let roles = [
        "agency-officer",
        "agency-leader",
        "reviewer",
        "confirmer",
        "council-member",
        "council-chair",
        "secretariat",
        "administrator",
        "inspector",
        "survey-operator",
        "survey-monitor",
    ];
    stays::<Role>(&roles.map(Value::from));
    assert_eq!(roles.len(), Role::ALL.len());
}
