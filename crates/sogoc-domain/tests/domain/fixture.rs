//! A small season in memory: two ranking groups on one criteria set with all eight rules, four agencies of which two lead
//! a domain, three bodies, every role, overlapping phases.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock};

use serde_json::{Value, json};
use sogoc_domain::command::{Command, Envelope};
use sogoc_domain::decide::{AnnouncementFacts, EditionFacts, LeafMark, TextMark};
use sogoc_domain::event::{AppealTarget, Event, FigureChange, ScorecardEvent};
use sogoc_domain::evidence::{AnchorsFound, EvidenceUse, FileFound, Found, Outcome, Scan, SignatureFound, SignerFound};
use sogoc_domain::policy::Policy;
use sogoc_domain::refusal::{Code, Language, Refusal};
use sogoc_domain::scorecard::{Leaf, Scorecard};
use sogoc_domain::stream::Stream;
use sogoc_domain::values::{AccountId, AgencyId, Digest, LeafId, Sealed, Sealer, SeasonId, Text, Timestamp};
use sogoc_domain::{Context, Decision, Record, World, decide};

use crate::invariants;

pub(crate) const SEASON: &str = "s-2026";
pub(crate) const SET: &str = "bo-2026";
/// An instrument that is registered from the beginning.
pub(crate) const DECISION: &str = "qd-1";

/// Appraised agencies with their ranking groups. The first leads domain 1, the second domain 2.
pub(crate) const AGENCIES: [(&str, &str); 4] =
    [("so-noi-vu", "so"), ("so-tu-phap", "so"), ("so-y-te", "so"), ("ly-nhan", "huyen")];
const BODIES: [&str; 3] = ["buu-dien", "mat-tran", "bao-tinh"];

/// Accounts with agency or body and roles. `admin` and `chair` come from the founding.
pub(crate) const ACCOUNTS: [(&str, &str, &[&str]); 26] = [
    ("secretary", "ubnd-tinh", &["secretariat"]),
    ("secretary-yt", "so-y-te", &["secretariat"]),
    ("member-nv", "so-noi-vu", &["council-member"]),
    ("member-tp", "so-tu-phap", &["council-member"]),
    ("member-ub", "ubnd-tinh", &["council-member"]),
    ("reviewer-nv", "so-noi-vu", &["reviewer"]),
    ("confirmer-nv", "so-noi-vu", &["confirmer"]),
    ("both-nv", "so-noi-vu", &["reviewer", "confirmer"]),
    ("reviewer-tp", "so-tu-phap", &["reviewer"]),
    ("confirmer-tp", "so-tu-phap", &["confirmer"]),
    ("officer-nv", "so-noi-vu", &["agency-officer"]),
    ("leader-nv", "so-noi-vu", &["agency-leader"]),
    ("officer-tp", "so-tu-phap", &["agency-officer"]),
    ("leader-tp", "so-tu-phap", &["agency-leader"]),
    ("officer-yt", "so-y-te", &["agency-officer"]),
    ("leader-yt", "so-y-te", &["agency-leader"]),
    ("officer-ln", "ly-nhan", &["agency-officer"]),
    ("leader-ln", "ly-nhan", &["agency-leader"]),
    ("operator", "buu-dien", &["survey-operator"]),
    ("operator-2", "buu-dien", &["survey-operator"]),
    ("monitor", "mat-tran", &["survey-monitor"]),
    ("monitor-2", "bao-tinh", &["survey-monitor"]),
    ("inspector", "ubnd-tinh", &["inspector"]),
    ("idle", "trung-tam", &[]),
    ("idle-ub", "ubnd-tinh", &[]),
    ("admin-2", "trung-tam", &["administrator"]),
];

/// Leaves that people score, with what every agency declares and the points that follow.
pub(crate) fn declared() -> [(&'static str, Value, &'static str); 9] {
    [
        ("1.1.1", json!({"yes_no": true}), "1"),
        ("1.1.2", json!({"ratio": {"numerator": "9", "denominator": "10"}}), "1.8"),
        ("1.1.3", json!({"count": "3"}), "1.5"),
        ("1.2", json!({"ratio": {"numerator": "95", "denominator": "100"}}), "2"),
        ("1.3", json!({"count": "1"}), "0.75"),
        ("2.1", json!({"option": 1}), "2"),
        ("2.2", json!({"judged": "2.5"}), "2.5"),
        ("2.3", json!({"count": "12"}), "2"),
        ("2.4", json!({"yes_no": true}), "1"),
    ]
}

/// Who appraises a leaf of an agency: its domain's lead agency, or the other one for the lead agency's own.
pub(crate) fn reviewer(agency: &str, leaf: &str) -> &'static str {
    let by_home_affairs = leaf.starts_with('1') != (agency == leader_of(leaf));
    if by_home_affairs { "reviewer-nv" } else { "reviewer-tp" }
}

/// Who confirms it.
pub(crate) fn confirmer(agency: &str, leaf: &str) -> &'static str {
    if reviewer(agency, leaf) == "reviewer-nv" { "confirmer-nv" } else { "confirmer-tp" }
}

fn leader_of(leaf: &str) -> &'static str {
    if leaf.starts_with('1') { "so-noi-vu" } else { "so-tu-phap" }
}

/// Midnight UTC so many days after the season's first instant.
pub(crate) fn day(n: i64) -> Timestamp {
    Timestamp::parse("2026-11-01T00:00:00Z").unwrap().plus_micros(n * 86_400_000_000)
}

pub(crate) fn id<T: std::str::FromStr<Err = sogoc_domain::values::ValueError>>(text: &str) -> T {
    text.parse().unwrap()
}

/// What the register knows: positions, and which entry each leaf rests on.
#[derive(Clone, Default)]
struct Book {
    position: u64,
    marks: BTreeMap<(SeasonId, AgencyId, LeafId), LeafMark>,
    /// Entries that may hold texts: stream, payload, and who recorded them.
    entries: Vec<(Stream, String, Vec<AccountId>)>,
    uses: BTreeMap<Digest, Vec<EvidenceUse>>,
}

impl Record for Book {
    fn leaf_mark(&self, season: &SeasonId, agency: &AgencyId, leaf: &LeafId) -> Option<LeafMark> {
        self.marks.get(&(season.clone(), agency.clone(), leaf.clone())).cloned()
    }

    fn text_marks(&self, texts: &[Sealed]) -> Vec<Option<TextMark>> {
        let mark = |text: &Sealed| {
            let text = text.to_string();
            let holding: Vec<_> = self.entries.iter().filter(|(_, data, _)| data.contains(&text)).collect();
            (!holding.is_empty()).then(|| TextMark {
                streams: holding.iter().map(|(stream, ..)| stream.clone()).collect(),
                accounts: holding.iter().flat_map(|(.., by)| by.iter().cloned()).collect(),
            })
        };
        texts.iter().map(mark).collect()
    }

    fn evidence_uses(&self, digest: &Digest) -> Vec<EvidenceUse> {
        self.uses.get(digest).cloned().unwrap_or_default()
    }

    fn announcement(&self, _: &SeasonId) -> AnnouncementFacts {
        AnnouncementFacts { as_of: self.position - 1, streams_root: digest(&self.position.to_string()), streams: 9 }
    }

    fn edition(&self, _: &SeasonId, as_of: u64, before: Option<u64>) -> EditionFacts {
        let changed: Vec<_> = before
            .map(|before| FigureChange {
                address: format!("{SEASON}/so/so-y-te/total_points"),
                before: Some(before.to_string()),
                after: Some(as_of.to_string()),
            })
            .into_iter()
            .collect();
        EditionFacts {
            table_digest: digest(&format!("table {as_of}")),
            rows: 4,
            figures_digest: digest(&format!("figures {as_of}")),
            figures: 100,
            changed_count: u32::try_from(changed.len()).unwrap(),
            changed,
        }
    }
}

/// A stand-in for SHA-256: the same text always has the same digest.
pub(crate) fn digest(text: &str) -> Digest {
    let mut out = [0_u8; 32];
    text.bytes().enumerate().for_each(|(i, b)| out[i % 32] = out[i % 32].rotate_left(3) ^ b);
    Digest(out)
}

/// Seals without salt, and remembers what it was given.
#[derive(Default)]
struct Sealing(Mutex<Vec<String>>);

impl Sealer for Sealing {
    fn seal(&self, text: &Text) -> Sealed {
        self.0.lock().unwrap().push(text.as_str().to_owned());
        digest(text.as_str())
    }
}

/// A season, or what is there before it: the world with the log that it follows from.
#[derive(Clone)]
pub(crate) struct Season {
    pub(crate) world: World,
    pub(crate) log: Vec<(Stream, Event)>,
    /// When the next command is taken in.
    pub(crate) now: Timestamp,
    /// What an examination finds of a file; of others that they are PDFs with a valid signature.
    pub(crate) files: BTreeMap<Digest, Found>,
    book: Book,
    commands: u128,
}

/// One command by one account.
pub(crate) struct Turn<'s> {
    season: &'s mut Season,
    account: String,
    on_behalf_of: Option<String>,
    instrument: Option<String>,
    occurred: Option<Timestamp>,
}

impl Season {
    /// Nothing recorded yet.
    pub(crate) fn empty() -> Self {
        Self {
            world: World::default(),
            log: Vec::new(),
            now: day(-30),
            files: BTreeMap::new(),
            book: Book::default(),
            commands: 0,
        }
    }

    /// Founded, with every account and a criteria set that can be used.
    pub(crate) fn founded() -> Self {
        static MADE: OnceLock<Season> = OnceLock::new();
        MADE.get_or_init(|| {
            let mut s = Self::empty();
            s.by("admin").does("found-register", founding());
            for agency in AGENCIES.map(|(agency, _)| agency) {
                s.by("admin").does("register-agency", json!({"agency": agency, "name": {"vi": agency}}));
            }
            for body in BODIES {
                s.by("admin").does("register-agency", json!({"agency": body, "name": {"vi": body}, "body": true}));
            }
            for (account, agency, roles) in ACCOUNTS {
                s.open_account(account, agency, roles);
            }
            s.by("secretary").does("draft-criteria-set", criteria());
            s.by("secretary").does("activate-criteria-set", json!({"set": SET}));
            s
        })
        .clone()
    }

    /// The season set up, not activated.
    pub(crate) fn prepared() -> Self {
        static MADE: OnceLock<Season> = OnceLock::new();
        MADE.get_or_init(|| {
            let mut s = Self::founded();
            s.by("secretary").does("open-season", json!({"year": 2026, "title": "Đợt đánh giá 2026"}));
            s.by("secretary").does("set-season-policy", json!({"policy": policy()}));
            for group in ["so", "huyen"] {
                s.by("secretary").does("define-ranking-group", group_of(group, Some(SET)));
            }
            for (phase, from, until, admits) in PHASES {
                s.by("secretary").does("schedule-phase", phase_of(phase, from, until, admits));
            }
            for (agency, group) in AGENCIES {
                let council = agency == "so-noi-vu" || agency == "so-tu-phap";
                let entry = json!({"agency": agency, "group": group, "council_member": council});
                s.by("secretary").does("enter-agency", entry);
            }
            for group in ["so", "huyen"] {
                s.by("secretary").does("assign-reviewers", json!({"assignment": assignment(group, "d-1")}));
                s.by("secretary").does("assign-reviewers", json!({"assignment": assignment(group, "d-2")}));
            }
            for (line, kind, cap) in [("thuong", "bonus", "2"), ("phat", "penalty", "3")] {
                s.by("secretary")
                    .does("define-line", json!({"line": line, "name": {"vi": line}, "kind": kind, "cap": cap}));
            }
            let bodies = json!({"operator": "buu-dien", "monitors": ["mat-tran", "bao-tinh"]});
            s.by("secretary").does("open-survey", bodies);
            s
        })
        .clone()
    }

    /// Day 1: it runs, nothing is scored.
    pub(crate) fn running() -> Self {
        static MADE: OnceLock<Season> = OnceLock::new();
        MADE.get_or_init(|| {
            let mut s = Self::prepared();
            s.by("secretary").does("activate-season", json!({}));
            s.now = day(1);
            s
        })
        .clone()
    }

    /// Day 6: all agencies scored every leaf and submitted.
    pub(crate) fn submitted() -> Self {
        static MADE: OnceLock<Season> = OnceLock::new();
        MADE.get_or_init(|| {
            let mut s = Self::running();
            for (agency, _) in AGENCIES {
                s.score_all(agency);
                s.by(&leader(agency)).does("submit-scorecard", json!({"agency": agency}));
            }
            s.now = day(6);
            s
        })
        .clone()
    }

    /// Day 15: all leaves accepted and confirmed, survey results accepted.
    pub(crate) fn appraised() -> Self {
        static MADE: OnceLock<Season> = OnceLock::new();
        MADE.get_or_init(|| {
            let mut s = Self::submitted();
            for (agency, _) in AGENCIES {
                for domain in ["1", "2"] {
                    let turn = s.by(reviewer(agency, domain));
                    turn.does("accept-unchanged", json!({"agency": agency, "node": domain}));
                    let turn = s.by(confirmer(agency, domain));
                    turn.does("confirm-leaves", json!({"agency": agency, "nodes": [domain]}));
                }
            }
            let results: Vec<_> = AGENCIES.iter().map(|(agency, _)| surveyed(agency, "90", "80")).collect();
            s.by("operator").does("import-survey", json!({"results": results}));
            s.by("monitor").does("accept-survey", json!({}));
            s.now = day(15);
            s
        })
        .clone()
    }

    /// Day 21: announced and approved by two.
    pub(crate) fn announced() -> Self {
        static MADE: OnceLock<Season> = OnceLock::new();
        MADE.get_or_init(|| {
            let mut s = Self::appraised();
            s.now = day(21);
            s.announce(1);
            s
        })
        .clone()
    }

    /// Day 21: the provisional edition is published.
    pub(crate) fn published() -> Self {
        static MADE: OnceLock<Season> = OnceLock::new();
        MADE.get_or_init(|| {
            let mut s = Self::announced();
            s.by("secretary").does("publish-edition", json!({"announcement": 1, "kind": "provisional"}));
            s
        })
        .clone()
    }

    /// Announces and has two council members approve.
    pub(crate) fn announce(&mut self, number: u32) {
        self.by("secretary").does("announce-results", json!({}));
        self.by("member-nv").does("approve-results", json!({"number": number}));
        self.by("member-tp").does("approve-results", json!({"number": number}));
    }

    pub(crate) fn open_account(&mut self, account: &str, agency: &str, roles: &[&str]) {
        let new = json!({"account": account, "agency": agency, "name": format!("Người giữ {account}")});
        self.by("admin").does("open-account", json!({"account": new}));
        for role in roles {
            self.give_role(account, role, json!({}));
        }
    }

    /// As if the season had been prepared with another policy.
    pub(crate) fn with_policy(mut self, change: impl FnOnce(&mut Policy)) -> Self {
        let season = Arc::make_mut(self.world.seasons.get_mut(SEASON).unwrap());
        change(season.policy.as_mut().unwrap());
        self
    }

    /// Gives a role, by two where it needs two.
    pub(crate) fn give_role(&mut self, account: &str, role: &str, scope: Value) {
        let fields = json!({"account": account, "role": role, "scope": scope});
        if role.parse::<sogoc_domain::roles::Role>().unwrap().needs_two() {
            self.by("admin").does("propose-role", fields.clone());
            self.by("chair").does("approve-role", fields);
        } else {
            self.by("admin").does("grant-role", fields);
        }
    }

    /// Every leaf as in [`declared`].
    pub(crate) fn score_all(&mut self, agency: &str) {
        let rows: Vec<_> = declared().iter().map(|(leaf, inputs, _)| json!({"leaf": leaf, "inputs": inputs})).collect();
        self.by(&officer(agency)).does("import-scorecard", json!({"agency": agency, "rows": rows}));
    }

    pub(crate) fn link(&mut self, one: &str, other: &str) {
        self.by("admin").does("link-accounts", json!({"account": one, "with": other}));
    }

    /// One account acts for another from now on, for thirty days.
    pub(crate) fn delegate(&mut self, from: &str, to: &str) {
        let (start, end) = (self.now, self.now.plus_micros(30 * 86_400_000_000));
        self.by(from).does("delegate", json!({"to": to, "from": start, "until": end, "reason": "Nghỉ phép"}));
    }

    pub(crate) fn by<'s>(&'s mut self, account: &str) -> Turn<'s> {
        Turn { season: self, account: account.to_owned(), on_behalf_of: None, instrument: None, occurred: None }
    }

    pub(crate) fn card(&self, agency: &str) -> &Scorecard {
        self.card_in(SEASON, agency)
    }

    pub(crate) fn card_in(&self, season: &str, agency: &str) -> &Scorecard {
        self.world.scorecard(&id(season), &id(agency)).expect("something is recorded of the agency")
    }

    /// What is recorded of a leaf, by its code.
    pub(crate) fn leaf(&self, agency: &str, code: &str) -> Leaf {
        self.card(agency).leaf(&id(&leaf_id(code))).cloned().unwrap_or_default()
    }

    /// Appraised points of a leaf; none where it has none.
    pub(crate) fn points(&self, agency: &str, code: &str) -> Option<String> {
        self.leaf(agency, code).appraised.map(|a| a.points.to_string())
    }

    /// Position of the entry that a leaf rests on.
    pub(crate) fn mark(&self, agency: &str, code: &str) -> u64 {
        self.book.leaf_mark(&id(SEASON), &id(agency), &id(&leaf_id(code))).expect("something is recorded").position
    }

    pub(crate) fn has_mark(&self, agency: &str, code: &str) -> bool {
        self.book.leaf_mark(&id(SEASON), &id(agency), &id(&leaf_id(code))).is_some()
    }

    /// Position of the next entry.
    pub(crate) fn next_position(&self) -> u64 {
        self.book.position
    }

    /// What an examination would find of the files that a command names.
    fn found(&self, envelope: &Envelope) -> Found {
        let digest = match &envelope.command {
            Command::AttachEvidence(c) => c.digest,
            Command::AdoptTrustAnchors(c) => Some(c.anchors),
            Command::JudgeEvidence(c) => {
                let attached = self.world.scorecard(&c.season, &c.agency).and_then(|card| card.evidence.get(&c.number));
                attached.and_then(|attached| attached.evidence.digest)
            }
            _ => None,
        };
        let Some(digest) = digest else { return Found::Nothing };
        if matches!(envelope.command, Command::AdoptTrustAnchors(_)) {
            return Found::Anchors(AnchorsFound { digest, certificates: 2 });
        }
        let anchors = envelope.command.season().and_then(|id| self.world.seasons.get(id)).and_then(|s| s.anchors);
        match self.files.get(&digest) {
            Some(Found::File(file)) => Found::File(Box::new(FileFound { anchors, ..FileFound::clone(file) })),
            Some(found) => found.clone(),
            None => Found::File(Box::new(FileFound { anchors, ..signed(digest) })),
        }
    }

    /// Decides without recording anything.
    pub(crate) fn decide(&self, envelope: &Envelope) -> (Result<Decision, Refusal>, Vec<String>) {
        let sealing = Sealing::default();
        let found = self.found(envelope);
        let context =
            Context { world: &self.world, record: &self.book, received: self.now, sealer: &sealing, found: &found };
        let result = decide(envelope, &context);
        (result, sealing.0.into_inner().unwrap())
    }

    /// Decides, and records what follows: each event as the log would give it back.
    pub(crate) fn send(&mut self, envelope: &Envelope) -> Result<Decision, Refusal> {
        let (result, texts) = self.decide(envelope);
        assert_eq!(self.decide(envelope).0, result, "the same command on the same state is decided equally");
        let decision = result.inspect_err(said_whole)?;
        let before = self.world.clone();
        for (stream, event) in &decision.events {
            let data = event.data();
            let read =
                Event::decode(stream, event.kind(), event.kind_version(), &data).expect("what is recorded is read");
            assert_eq!(read.data(), data);
            assert_eq!(&read, event);
            self.note(stream, &read, envelope);
            self.world.apply(stream, &read);
            self.log.push((stream.clone(), read));
        }
        invariants::hold(&before, &self.world, envelope, &decision, &texts);
        Ok(decision)
    }

    fn note(&mut self, stream: &Stream, event: &Event, envelope: &Envelope) {
        let position = self.book.position;
        self.book.position += 1;
        // What names an account stands with the account.
        if event.kind() != "account-opened" {
            let by = std::iter::once(&envelope.account).chain(&envelope.on_behalf_of).cloned().collect();
            self.book.entries.push((stream.clone(), event.data(), by));
        }
        let (Stream::Scorecard(season, agency), Event::Scorecard(event)) = (stream, event) else { return };
        if let ScorecardEvent::EvidenceAttached(e) = &**event
            && let Some(digest) = e.evidence.digest
        {
            let used = EvidenceUse { season: season.clone(), agency: agency.clone(), number: e.evidence.number };
            self.book.uses.entry(digest).or_default().push(used);
        }
        let card = self.world.scorecard(season, agency);
        for leaf in leaves_of(event, card.map(AsRef::as_ref)) {
            let mark = LeafMark { position, at: self.now, account: envelope.account.clone() };
            self.book.marks.insert((season.clone(), agency.clone(), leaf), mark);
        }
    }

    /// A new envelope of this account with the next command id.
    pub(crate) fn envelope(&mut self, account: &str, kind: &str, fields: &Value) -> Value {
        self.commands += 1;
        let mut command = fields.clone();
        let object = command.as_object_mut().expect("the fields of a command");
        object.insert("type".to_owned(), kind.into());
        if !REGISTER_KINDS.contains(&kind) && !object.contains_key("season") {
            object.insert("season".to_owned(), SEASON.into());
        }
        json!({"account": account, "command_id": uuid::Uuid::from_u128(self.commands), "command": command})
    }
}

impl Turn<'_> {
    /// Rests the act on the fixture's instrument.
    pub(crate) fn on_instrument(mut self) -> Self {
        self.instrument = Some(DECISION.to_owned());
        self
    }

    pub(crate) fn on(mut self, instrument: &str) -> Self {
        self.instrument = Some(instrument.to_owned());
        self
    }

    pub(crate) fn on_behalf_of(mut self, delegator: &str) -> Self {
        self.on_behalf_of = Some(delegator.to_owned());
        self
    }

    pub(crate) fn occurred(mut self, at: Timestamp) -> Self {
        self.occurred = Some(at);
        self
    }

    pub(crate) fn tries(self, kind: &str, fields: Value) -> Result<Decision, Refusal> {
        let mut envelope = self.season.envelope(&self.account, kind, &fields);
        if let Some(delegator) = &self.on_behalf_of {
            envelope["on_behalf_of"] = delegator.as_str().into();
        }
        if let Some(instrument) = &self.instrument {
            envelope["instrument"] = json!({"id": instrument});
        }
        if let Some(occurred) = self.occurred {
            envelope["occurred"] = json!(occurred);
        }
        let envelope: Envelope = serde_json::from_value(envelope).unwrap_or_else(|e| panic!("{kind} {fields}: {e}"));
        self.season.send(&envelope)
    }

    /// The command must be accepted.
    #[track_caller]
    pub(crate) fn does(self, kind: &str, fields: Value) -> Decision {
        let account = self.account.clone();
        match self.tries(kind, fields) {
            Ok(decision) => decision,
            Err(refusal) => panic!("{kind} by {account} is refused: {refusal}"),
        }
    }

    /// The command must be refused by this rule.
    #[track_caller]
    pub(crate) fn refused(self, kind: &str, fields: Value, code: Code) -> Refusal {
        match self.tries(kind, fields) {
            Ok(decision) => panic!("{kind} is accepted: {:?}", kinds(&decision)),
            Err(refusal) => {
                assert_eq!(refusal.code, code, "{kind}: {refusal}");
                refusal
            }
        }
    }
}

/// Both languages say the values, the limit and the remedy.
fn said_whole(refusal: &Refusal) {
    for language in [Language::English, Language::Vietnamese] {
        let (message, remedy) = (refusal.message(language), refusal.remedy(language));
        assert!(!message.contains('?') && !remedy.contains('?'), "a value is not filled in: {message}: {remedy}");
    }
}

/// The leaves whose points, state or applicability an event decides about.
fn leaves_of(event: &ScorecardEvent, card: Option<&Scorecard>) -> Vec<LeafId> {
    use ScorecardEvent as E;
    match event {
        E::SelfScored(e) => vec![e.leaf.clone()],
        E::ScoreAccepted(e) => vec![e.leaf.clone()],
        E::ScoreAdjusted(e) => vec![e.change.leaf.clone()],
        E::ScoreUpheld(e) => vec![e.leaf.clone()],
        E::ExplanationRequested(e) => vec![e.leaf.clone()],
        E::LeavesConfirmed(e) => e.leaves.clone(),
        E::LeavesReturned(e) => e.leaves.clone(),
        E::ApplicabilityDecided(e) => vec![e.leaf.clone()],
        E::ScoreDeemed(e) => vec![e.leaf.clone()],
        E::ScoreCorrected(e) => vec![e.change.leaf.clone()],
        E::ResolutionApplied(e) => vec![e.change.leaf.clone()],
        E::ScoreRecomputed(e) => vec![e.leaf.clone()],
        E::LeafReopened(e) => vec![e.leaf.clone()],
        E::AppealItemDecided(e) => {
            let item = card.and_then(|c| c.appeals.get(&e.appeal)).and_then(|a| a.items.get(e.item as usize - 1));
            match item.map(|i| &i.target) {
                Some(AppealTarget::Leaf(leaf) | AppealTarget::Applicability(leaf)) => vec![leaf.clone()],
                _ => Vec::new(),
            }
        }
        _ => Vec::new(),
    }
}

pub(crate) fn kinds(decision: &Decision) -> Vec<String> {
    decision.events.iter().map(|(stream, event)| format!("{stream} {}", event.kind())).collect()
}

pub(crate) fn leader(agency: &str) -> String {
    format!("leader-{}", short(agency))
}

pub(crate) fn officer(agency: &str) -> String {
    format!("officer-{}", short(agency))
}

fn short(agency: &str) -> &'static str {
    match agency {
        "so-noi-vu" => "nv",
        "so-tu-phap" => "tp",
        "so-y-te" => "yt",
        _ => "ln",
    }
}

pub(crate) fn leaf_id(code: &str) -> String {
    format!("l-{}", code.replace('.', "-"))
}

// ---- commands -----------------------------------------------------------------------------------------------------

/// Kinds that are about no season.
const REGISTER_KINDS: [&str; 26] = [
    "found-register",
    "register-agency",
    "rename-agency",
    "merge-agency",
    "split-agency",
    "dissolve-agency",
    "register-instrument",
    "attach-instrument-document",
    "open-account",
    "grant-role",
    "propose-role",
    "approve-role",
    "revoke-role",
    "delegate",
    "revoke-delegation",
    "transfer-account",
    "link-accounts",
    "close-account",
    "erase-texts",
    "erase-evidence",
    "record-restore",
    "register-signer",
    "withdraw-signer",
    "draft-criteria-set",
    "activate-criteria-set",
    "amend-criteria-set",
];

pub(crate) fn founding() -> Value {
    json!({
        "administrator_agency": {"vi": "Trung tâm Tin học"},
        "administrator": {"account": "admin", "agency": "trung-tam", "name": "Quản trị viên"},
        "approver_agency": {"vi": "Ủy ban nhân dân tỉnh"},
        "approver": {"account": "chair", "agency": "ubnd-tinh", "name": "Chủ tịch Hội đồng"},
        "approver_role": "council-chair",
        "approver_body": true,
        "instrument": {"id": DECISION, "number": "1952/QĐ-UBND", "date": "2026-10-01", "issuer": "UBND tỉnh"},
    })
}

fn node(code: &str, max: &str, children: Vec<Value>) -> Value {
    let id = if code.len() == 1 { format!("d-{code}") } else { format!("c-{}", code.replace('.', "-")) };
    json!({"id": id, "code": code, "name": format!("Mục {code}"), "max_points": max, "children": children})
}

pub(crate) fn leaf(code: &str, max: &str, rule: Value) -> Value {
    let mut rule = rule;
    rule["version"] = 1.into();
    json!({"id": leaf_id(code), "code": code, "name": format!("Tiêu chí {code}"), "max_points": max, "leaf": {"rule": rule}})
}

/// The domains of the set: 8 + 8 points by people, 4 by the survey.
pub(crate) fn domains() -> Vec<Value> {
    let mut first = vec![
        node(
            "1.1",
            "5",
            vec![
                leaf("1.1.1", "1", json!({"type": "yes_no"})),
                leaf("1.1.2", "2", json!({"type": "proportional", "floor_pct": "50"})),
                leaf("1.1.3", "2", json!({"type": "per_unit", "points_per_unit": "0.5"})),
            ],
        ),
        leaf(
            "1.2",
            "2",
            json!({"type": "tiers", "by": "percentage", "tiers": [
            {"at_least": "90", "points": "2"}, {"at_least": "70", "points": "1"}]}),
        ),
        leaf("1.3", "1", json!({"type": "deduction", "per_unit": "0.25"})),
    ];
    let second = vec![
        leaf(
            "2.1",
            "2",
            json!({"type": "choice", "options": [
            {"label": "Đúng hạn", "points": "2"}, {"label": "Trễ", "points": "1"}, {"label": "Không", "points": "0"}]}),
        ),
        leaf("2.2", "3", json!({"type": "judged", "step": "0.25"})),
        leaf(
            "2.3",
            "2",
            json!({"type": "tiers", "by": "count", "tiers": [
            {"at_least": "10", "points": "2"}, {"at_least": "5", "points": "1"}]}),
        ),
        leaf("2.4", "1", json!({"type": "yes_no"})),
    ];
    first[1]["leaf"]["evidence_required"] = true.into();
    vec![
        node("1", "8", first),
        node("2", "8", second),
        node("3", "4", vec![leaf("3.1", "4", json!({"type": "survey"}))]),
    ]
}

pub(crate) fn criteria() -> Value {
    json!({"set": SET, "title": "Bộ tiêu chí 2026", "max_points": "20", "domains": domains()})
}

pub(crate) fn policy() -> Value {
    let code = |code: &str, kind: &str| json!({"code": code, "label": format!("Lý do {code}"), "kind": kind});
    json!({
        "leaf_decimals": 2, "display_decimals": 2, "rounding": "half_up", "appraisal_rounds": 2,
        "class_by": "rounded_index", "ties": "competition", "unsurveyed": "leave_out",
        "unsigned_evidence": "reviewer_judges", "late_submission": "by_acceptance", "appeal_may_lower": false,
        "approvals": 2, "instrument_required": [],
        "reason_codes": [
            code("evidence_missing", "deduction"), code("underclaimed", "raise"), code("data_mismatch", "either"),
            code("not_submitted", "deduction"), code("clerical_error", "either"), code("appeal_decided", "either"),
            code("standard_amended", "either"),
        ],
        "survey_factors": ["access", "results"],
    })
}

pub(crate) fn group_of(group: &str, set: Option<&str>) -> Value {
    let band = |code: &str, lower: &str, upper: &str, upper_inclusive: bool| {
        json!({"code": code, "label": format!("Hạng {code}"), "lower": lower, "lower_inclusive": true,
            "upper": upper, "upper_inclusive": upper_inclusive})
    };
    let classes =
        json!([band("tot", "80", "100", true), band("kha", "50", "80", false), band("yeu", "0", "50", false)]);
    let mut out = json!({"group": group, "name": {"vi": format!("Khối {group}")}, "classes": classes});
    if let Some(set) = set {
        out["set"] = set.into();
    }
    out
}

type PhaseRow = (&'static str, i64, i64, &'static [&'static str]);

pub(crate) const PHASES: [PhaseRow; 6] = [
    (
        "self-scoring",
        0,
        10,
        &["record-self-score", "import-scorecard", "attach-evidence", "submit-scorecard", "withdraw-submission"],
    ),
    (
        "appraisal",
        5,
        20,
        &[
            "record-missed-submission",
            "accept-score",
            "accept-unchanged",
            "adjust-score",
            "uphold-score",
            "request-explanation",
            "confirm-leaves",
            "return-leaves",
            "decide-applicability",
            "deem-score",
            "score-line",
        ],
    ),
    ("survey", 0, 20, &["import-survey", "record-not-surveyed", "record-recheck", "accept-survey"]),
    ("council", 5, 100, &["open-session", "adopt-resolution", "cap-class"]),
    ("appeals", 20, 30, &["lodge-appeal", "decide-appeal"]),
    ("publication", 20, 100, &["announce-results", "approve-results", "publish-edition", "decide-appeal"]),
];

pub(crate) fn phase_of(phase: &str, from: i64, until: i64, admits: &[&str]) -> Value {
    json!({"phase": phase, "name": {"vi": format!("Giai đoạn {phase}")}, "start": day(from), "end": day(until),
        "admits": admits})
}

/// Domain 1 is led by so-noi-vu, domain 2 by so-tu-phap; each takes over the other's own leaves.
pub(crate) fn assignment(group: &str, node: &str) -> Value {
    let home = json!({"agency": "so-noi-vu", "reviewers": ["reviewer-nv", "both-nv"], "confirmers": ["confirmer-nv", "both-nv"]});
    let justice = json!({"agency": "so-tu-phap", "reviewers": ["reviewer-tp"], "confirmers": ["confirmer-tp"]});
    let (lead, alternate) = if node == "d-1" { (home, justice) } else { (justice, home) };
    json!({"group": group, "node": node, "lead_agency": lead["agency"], "reviewers": lead["reviewers"],
        "confirmers": lead["confirmers"], "alternate": alternate})
}

pub(crate) fn surveyed(agency: &str, access: &str, results: &str) -> Value {
    json!({"agency": agency, "forms": 40, "factors": [access, results]})
}

pub(crate) fn on_leaf(agency: &str, leaf: &str) -> Value {
    json!({"agency": agency, "leaf": leaf})
}

pub(crate) fn self_score(agency: &str, leaf: &str, inputs: Value) -> Value {
    json!({"agency": agency, "leaf": leaf, "inputs": inputs})
}

/// An override with a deduction's code, or a raise's where it says so.
pub(crate) fn adjust(agency: &str, leaf: &str, points: &str, code: &str) -> Value {
    json!({"agency": agency, "leaf": leaf, "points": {"override": points}, "reason_code": code,
        "reason": "Đối chiếu số liệu của hệ thống"})
}

pub(crate) fn uphold(agency: &str, leaf: &str, case: Option<&str>) -> Value {
    let mut out =
        json!({"agency": agency, "leaf": leaf, "reason_code": "data_mismatch", "reason": "Giữ số liệu hệ thống"});
    if let Some(case) = case {
        out["case"] = case.into();
    }
    out
}

pub(crate) fn request(agency: &str, leaf: &str, case: &str, due: Timestamp) -> Value {
    json!({"agency": agency, "leaf": leaf, "case": case, "request": "Đề nghị giải trình số liệu", "due": due})
}

pub(crate) fn evidence(agency: &str, leaf: &str, file: &str) -> Value {
    json!({"agency": agency, "leaf": leaf, "digest": digest(file), "name": file, "media": "pdf",
        "signature": "not-judged", "purpose": "submitted"})
}

/// A PDF with one signature that is valid, by somebody whom the register does not know.
pub(crate) fn signed(digest: Digest) -> FileFound {
    let signer = SignerFound {
        identity: Text::try_new(r#"{"name":"Văn thư"}"#).unwrap(),
        organisation: Some("Đơn vị khác".to_owned()),
        certificate: Digest([7; 32]),
    };
    FileFound {
        digest,
        bytes: 12_345,
        media: "pdf".to_owned(),
        members: Vec::new(),
        active: Vec::new(),
        scan: Scan::NotScanned,
        outcome: Outcome::Valid,
        reasons: Vec::new(),
        signatures: vec![SignatureFound {
            outcome: Outcome::Valid,
            reasons: Vec::new(),
            level: "b-lt".to_owned(),
            signer: Some(signer),
            claimed: Some(day(-3)),
            proven: Some(day(-2)),
            covers_whole_file: true,
        }],
        anchors: None,
        rules: 1,
        judged_at: day(0),
    }
}

pub(crate) fn applicability(agency: &str, leaves: &[&str], what: &str) -> Value {
    json!({"agency": agency, "leaves": leaves, "applicability": what, "ground": "Cơ quan không có thủ tục hành chính"})
}

pub(crate) fn appeal(agency: &str, case: &str, items: Value) -> Value {
    json!({"agency": agency, "appeal": case, "items": items})
}

pub(crate) fn against_leaf(leaf: &str, requested: &str) -> Value {
    json!({"target": {"leaf": leaf}, "requested": requested, "ground": "Tài liệu đã nộp đúng hạn"})
}

pub(crate) fn vote(members: &[(&str, &str)]) -> Value {
    members.iter().map(|(member, vote)| json!({"member": member, "vote": vote})).collect()
}
