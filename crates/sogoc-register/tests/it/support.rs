//! A log in memory: commands are decided on a register, and what they lead to is written out as entries and folded.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex};

use serde_json::json;
use sogoc_app::import::embedded::HANAM_2022;
use sogoc_app::import::season_folder::{self, Founding};
use sogoc_app::import::{Plan, Source as _};
use sogoc_domain::command::{Command, Envelope};
use sogoc_domain::event::Event;
use sogoc_domain::evidence::{AnchorsFound, FileFound, Found, Outcome, Scan, SignatureFound, SignerFound};
use sogoc_domain::refusal::Refusal;
use sogoc_domain::stream::Stream;
use sogoc_domain::values::{AccountId, Digest, Sealed, Sealer, Text, Timestamp};
use sogoc_domain::{Context, decide};
use sogoc_log::{Entry, SealedText};
use sogoc_register::{Cut, Printed, Register};
use uuid::Uuid;

/// Texts by their commitments; a salt is the number of its text.
#[derive(Default)]
pub(crate) struct Texts(Mutex<HashMap<Digest, ([u8; 32], String)>>);

impl Sealer for Texts {
    fn seal(&self, text: &Text) -> Sealed {
        let mut texts = self.0.lock().unwrap();
        let mut salt = [0; 32];
        salt[..8].copy_from_slice(&u64::try_from(texts.len()).unwrap().to_be_bytes());
        let commitment = Digest(SealedText::commitment(&salt, &text.to_string()));
        texts.insert(commitment, (salt, text.to_string()));
        commitment
    }
}

impl Texts {
    pub(crate) fn text(&self, sealed: &Sealed) -> Option<String> {
        Some(self.opened(sealed)?.1)
    }

    pub(crate) fn opened(&self, sealed: &Sealed) -> Option<([u8; 32], String)> {
        self.0.lock().unwrap().get(sealed).cloned()
    }
}

/// A log in memory with its register.
#[derive(Default)]
pub(crate) struct Memory {
    pub(crate) entries: Vec<String>,
    pub(crate) register: Register,
    pub(crate) texts: Texts,
    pub(crate) commands: u64,
}

pub(crate) fn t(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

/// What an examination finds of every file: a PDF with one valid signature.
fn found(command: &Command, register: &Register, at: Timestamp) -> Found {
    let anchors = command.season().and_then(|season| register.world().seasons.get(season)?.anchors);
    let digest = match command {
        Command::AdoptTrustAnchors(c) => return Found::Anchors(AnchorsFound { digest: c.anchors, certificates: 1 }),
        Command::AttachEvidence(c) => c.digest,
        Command::JudgeEvidence(c) => {
            let card = register.world().scorecard(&c.season, &c.agency);
            card.and_then(|card| card.evidence.get(&c.number)?.evidence.digest)
        }
        _ => None,
    };
    let Some(digest) = digest else { return Found::Nothing };
    let signer = SignerFound {
        identity: Text::try_new(r#"{"name":"Văn thư"}"#).unwrap(),
        organisation: None,
        certificate: Digest([7; 32]),
    };
    let signature = SignatureFound {
        outcome: Outcome::Valid,
        reasons: Vec::new(),
        level: "b-lt".to_owned(),
        signer: Some(signer),
        claimed: Some(at),
        proven: Some(at),
        covers_whole_file: true,
    };
    Found::File(Box::new(FileFound {
        digest,
        bytes: 12_345,
        media: "pdf".to_owned(),
        members: Vec::new(),
        active: Vec::new(),
        scan: Scan::NotScanned,
        outcome: Outcome::Valid,
        reasons: Vec::new(),
        signatures: vec![signature],
        anchors,
        rules: 1,
        judged_at: at,
    }))
}

impl Memory {
    /// When the n-th command is recorded: one a second.
    fn at(&self) -> Timestamp {
        t("2026-01-01T00:00:00Z").plus_micros(i64::try_from(self.commands).unwrap() * 1_000_000)
    }

    pub(crate) fn execute(&mut self, envelope: &Envelope) -> Result<u64, Refusal> {
        self.commands += 1;
        let at = self.at();
        let decision = {
            let context = Context {
                world: self.register.world(),
                record: &self.register,
                received: at,
                sealer: &self.texts,
                found: &found(&envelope.command, &self.register, at),
            };
            decide(envelope, &context)?
        };
        let role = decision.role.map(|r| r.to_string());
        for (index, (stream, event)) in decision.events.iter().enumerate() {
            self.record(
                stream,
                event,
                &envelope.account,
                role.as_deref(),
                envelope.occurred,
                envelope.command_id,
                index,
            );
        }
        Ok(self.register.size() - 1)
    }

    #[expect(clippy::too_many_arguments, reason = "the fields of an entry")]
    pub(crate) fn record(
        &mut self,
        stream: &Stream,
        event: &Event,
        account: &AccountId,
        role: Option<&str>,
        occurred: Option<Timestamp>,
        command: Uuid,
        index: usize,
    ) {
        let data: serde_json::Value = serde_json::from_str(&event.data()).unwrap();
        self.record_raw(&stream.to_string(), event.kind(), &data, account, role, occurred, command, index);
    }

    #[expect(clippy::too_many_arguments, reason = "the fields of an entry")]
    pub(crate) fn record_raw(
        &mut self,
        stream: &str,
        kind: &str,
        data: &serde_json::Value,
        account: &AccountId,
        role: Option<&str>,
        occurred: Option<Timestamp>,
        command: Uuid,
        index: usize,
    ) {
        let version = match Stream::parse(stream) {
            Ok(stream) => self.register.stream_version(&stream) + 1,
            Err(_) => 1,
        };
        let at = self.at();
        let mut entry = json!({
            "actor": {"account": account.as_str()}, "at": at, "command": command,
            "command_digest": "0".repeat(64), "command_index": index, "data": data, "kind": kind,
            "kind_version": 1, "log": "test", "position": self.register.size(), "received": at,
            "stream": stream, "v": 1, "version": version,
        });
        if let Some(role) = role {
            entry["actor"]["role"] = role.into();
        }
        if let Some(occurred) = occurred {
            entry["occurred"] = json!(occurred);
        }
        let text = entry.to_string();
        self.register.apply(&Entry::parse(&text).unwrap_or_else(|e| panic!("{e}: {text}"))).unwrap();
        self.entries.push(text);
    }

    pub(crate) fn run(&mut self, plan: &Plan) {
        for command in &plan.commands {
            if let Err(refusal) = self.execute(&command.envelope) {
                assert!(command.optional, "{}: {refusal}", command.row);
            }
        }
    }
}

/// The Hà Nam season, imported once for all tests.
pub(crate) fn hanam() -> &'static Memory {
    static HANAM: LazyLock<Memory> = LazyLock::new(|| {
        let plan = season_folder::plan(&HANAM_2022, &Founding::ByThisImport).unwrap_or_else(|e| panic!("{e}"));
        let mut memory = Memory::default();
        memory.run(&plan);
        memory
    });
    &HANAM
}

/// A claim with the verdict that somebody worked out.
pub(crate) fn claims() -> Vec<(Printed, String)> {
    let bytes = HANAM_2022.read("claims.csv").unwrap().unwrap();
    let mut reader = csv::Reader::from_reader(&bytes[..]);
    let headers = reader.headers().unwrap().clone();
    let column = |name: &str| headers.iter().position(|h| h == name).unwrap();
    let (id, figure, published, verdict) =
        (column("claim_id"), column("figure"), column("published"), column("expected_verdict"));
    reader
        .records()
        .map(|row| {
            let row = row.unwrap();
            let printed =
                Printed { claim_id: row[id].into(), figure: row[figure].into(), published: row[published].into() };
            (printed, row[verdict].to_owned())
        })
        .collect()
}

pub(crate) fn shown(register: &Register, address: &str, cut: Cut) -> String {
    register.value(address, cut).unwrap_or_else(|e| panic!("{e}")).display
}
