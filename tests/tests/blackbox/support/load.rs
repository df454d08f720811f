//! Many writers at once over HTTP, who believe nothing but an ack: what was not acked they send again under the same id,
//! to another node where one does not answer, and no sooner than they were told.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::{Value, json};
use uuid::Uuid;

use super::nats::Nats;
use super::serving::{Reply, try_call};
use super::{Sogoc, pilot};

/// Longest wait of a writer for an answer before it asks elsewhere. Shorter than the longest that a call may take: an
/// answer that nobody waits for may be an ack all the same.
const ANSWER: Duration = Duration::from_secs(4);
/// Pause of a writer that was told nothing, because nobody answered.
const UNANSWERED: Duration = Duration::from_millis(100);
/// Longest pause that a writer may be told.
const RETRY_MS_MAX: u64 = 5_000;
/// How long anything may take here before it counts as hung.
const PATIENCE: Duration = Duration::from_secs(30);
/// What has no hint. Whether what took longer than it may was recorded is asked again at once; and who was overtaken at the
/// other node by a colleague at the same leaf wants the same as before.
const UNHINTED: [&str; 2] = ["deadline", "leaf-changed"];
const CALL: &str = "POST /v1/commands/record-self-score";

/// What was acked.
#[derive(Clone, Debug)]
pub(crate) struct Ack {
    pub(crate) command: String,
    pub(crate) positions: Vec<u64>,
    /// Times that the command was sent.
    pub(crate) tries: usize,
    /// The number of the node that acked it.
    pub(crate) node: usize,
}

/// Writers at work.
#[derive(Debug)]
pub(crate) struct Load {
    shared: Arc<Shared>,
    writers: Vec<JoinHandle<()>>,
    /// Entries before the first command.
    before: u64,
}

#[derive(Debug)]
struct Shared {
    nodes: Vec<SocketAddr>,
    told: Mutex<Told>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Told {
    acks: Vec<Ack>,
    /// Acks of each writer.
    each: Vec<usize>,
    /// What came instead of an ack, how often.
    unacked: BTreeMap<String, usize>,
    /// What a writer should never have met.
    broken: Option<String>,
    stop: bool,
}

impl Told {
    fn unacked(&self) -> usize {
        self.unacked.values().sum()
    }
}

/// A token for each agency's officer, who may record self scores and read by it.
pub(crate) fn tokens(sogoc: &Sogoc) -> Vec<String> {
    let token = |(agency, _): &(&str, &str)| {
        let officer = pilot::officer(agency);
        let scope = "command:record-self-score";
        let scopes = ["--scope", scope, "--scope", "read"];
        let made = sogoc.json(&[&["account", "token", &officer, "--name", "Phần mềm"], &scopes[..]].concat());
        made["token"].as_str().expect("it is shown once").to_owned()
    };
    pilot::AGENCIES.iter().map(token).collect()
}

impl Load {
    /// So many writers. Each begins every command at a node of its own, and goes on at any.
    pub(crate) fn start(sogoc: &Sogoc, nodes: &[SocketAddr], tokens: &[String], writers: usize) -> Self {
        let before = sogoc.size();
        let told = Told { each: vec![0; writers], ..Told::default() };
        let shared = Arc::new(Shared { nodes: nodes.to_vec(), told: Mutex::new(told), changed: Condvar::new() });
        let writers = (0..writers).map(|number| {
            let shared = Arc::clone(&shared);
            let token = tokens[number % tokens.len()].clone();
            std::thread::spawn(move || shared.write(number, &token))
        });
        let writers = writers.collect();
        Self { shared, writers, before }
    }

    /// Waits until every writer has so many more acks.
    #[track_caller]
    pub(crate) fn until_each_acked(&self, more: usize) {
        let wanted: Vec<_> = self.shared.told().each.iter().map(|acks| acks + more).collect();
        self.until("acks for all", |told| told.each.iter().zip(&wanted).all(|(acks, wanted)| acks >= wanted));
    }

    /// Waits until a node has acked so many more commands.
    #[track_caller]
    pub(crate) fn until_acked_by(&self, node: usize, more: usize) {
        let by = |told: &Told| told.acks.iter().filter(|ack| ack.node == node).count();
        let wanted = by(&self.shared.told()) + more;
        self.until("acks of a node", |told| by(told) >= wanted);
    }

    /// Waits until so many more commands were sent and not acked.
    #[track_caller]
    pub(crate) fn until_unacked(&self, more: usize) {
        let wanted = self.shared.told().unacked() + more;
        self.until("failures", |told| told.unacked() >= wanted);
    }

    #[track_caller]
    fn until(&self, what: &str, holds: impl Fn(&Told) -> bool) {
        let told = self.shared.told();
        let waits = |told: &mut Told| told.broken.is_none() && !holds(told);
        let waited = self.shared.changed.wait_timeout_while(told, PATIENCE, waits);
        let (told, waited) = waited.unwrap_or_else(PoisonError::into_inner);
        assert_eq!(told.broken, None);
        assert!(!waited.timed_out(), "no {what}: {} acks, {:?}", told.acks.len(), told.unacked);
    }

    /// Lets every writer bring its last command to an ack; gives what was acked.
    #[track_caller]
    pub(crate) fn end(mut self) -> Acked {
        self.shared.told().stop = true;
        for writer in self.writers.drain(..) {
            writer.join().expect("a writer ends");
        }
        let mut told = self.shared.told();
        assert_eq!(told.broken, None);
        let (acks, unacked) = (std::mem::take(&mut told.acks), std::mem::take(&mut told.unacked));
        Acked { before: self.before, acks, unacked }
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        // After a failure nobody goes on.
        let mut told = self.shared.told();
        told.stop = true;
        told.broken.get_or_insert_with(|| "the test is over".to_owned());
    }
}

impl Shared {
    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A writer: one command after the other, each until it is acked.
    fn write(&self, writer: usize, token: &str) {
        let agency = pilot::AGENCIES[writer % pilot::AGENCIES.len()].0;
        let home = writer / pilot::AGENCIES.len() % self.nodes.len();
        for number in 0_usize.. {
            if self.told().stop {
                return;
            }
            // What nobody else declares: the same again would be nothing to record.
            let numerator = number * 1_000 + writer;
            let inputs = json!({"ratio": {"numerator": numerator.to_string(), "denominator": "10000000"}});
            let id = Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("writer {writer} {number}").as_bytes());
            let command =
                json!({"command_id": id, "season": pilot::SEASON, "agency": agency, "leaf": "1.1.2", "inputs": inputs});
            let mut node = home;
            for tries in 1.. {
                let answered = try_call(self.nodes[node], CALL, token, Some(&command), ANSWER);
                let pause = match answered.map(|reply| judge(&reply)) {
                    Ok(Judged::Acked(positions)) => {
                        let mut told = self.told();
                        told.acks.push(Ack { command: id.to_string(), positions, tries, node });
                        told.each[writer] += 1;
                        drop(told);
                        self.changed.notify_all();
                        break;
                    }
                    Ok(Judged::Later { code, pause }) => {
                        self.unacked(code);
                        pause
                    }
                    Ok(Judged::Never(why)) => {
                        self.told().broken = Some(format!("{command}: {why}"));
                        UNANSWERED
                    }
                    Err(error) => {
                        self.unacked(format!("{:?}", error.kind()));
                        UNANSWERED
                    }
                };
                self.changed.notify_all();
                // Another node may have more luck.
                node = (node + 1) % self.nodes.len();
                if self.told().broken.is_some() {
                    return;
                }
                std::thread::sleep(pause);
            }
        }
    }

    fn unacked(&self, why: String) {
        *self.told().unacked.entry(why).or_default() += 1;
    }
}

/// What an answer means to a writer.
enum Judged {
    Acked(Vec<u64>),
    Later { code: String, pause: Duration },
    Never(String),
}

fn judge(reply: &Reply) -> Judged {
    let never = || Judged::Never(format!("{} {}", reply.status, String::from_utf8_lossy(&reply.body)));
    let Ok(body) = serde_json::from_slice::<Value>(&reply.body) else { return never() };
    if reply.status == 200 {
        let positions = body["receipt"]["positions"].as_array().expect("a receipt has positions");
        return Judged::Acked(positions.iter().map(|position| position.as_u64().expect("a position")).collect());
    }
    let code = body["code"].as_str().unwrap_or_default().to_owned();
    let unhinted = UNHINTED.contains(&code.as_str());
    let hint = if unhinted { Some(0) } else { body["retry_after_ms"].as_u64() };
    match hint.filter(|ms| *ms <= RETRY_MS_MAX) {
        Some(_) if !unhinted && !reply.headers.contains_key("retry-after") => never(),
        Some(ms) => Judged::Later { code, pause: Duration::from_millis(ms).max(UNANSWERED) },
        None => never(),
    }
}

/// What writers were promised.
#[derive(Debug)]
pub(crate) struct Acked {
    before: u64,
    pub(crate) acks: Vec<Ack>,
    /// What came instead of an ack, how often.
    pub(crate) unacked: BTreeMap<String, usize>,
}

impl Acked {
    /// The log is whole, holds every ack at its positions and nothing besides, and no command twice.
    #[track_caller]
    pub(crate) fn assert_recorded(&self, sogoc: &Sogoc) {
        sogoc.ok(&["log", "verify"]);
        let mut recorded: BTreeMap<String, Vec<u64>> = BTreeMap::new();
        for (position, entry) in (0..).zip(sogoc.entries(&[])) {
            assert_eq!(entry["position"], position, "positions are dense");
            if position >= self.before {
                let command = entry["command"].as_str().expect("an entry names its command").to_owned();
                recorded.entry(command).or_default().push(position);
            }
        }
        let mut seen = BTreeSet::new();
        for ack in &self.acks {
            assert!(seen.insert(&ack.command), "{ack:?}: acked twice");
            assert_eq!(recorded.get(&ack.command), Some(&ack.positions), "{ack:?}");
        }
        // Each writer went on until it had its ack: whatever is there beside the acks was recorded twice.
        recorded.retain(|command, _| !seen.contains(command));
        assert_eq!(recorded, BTreeMap::new(), "recorded and never acked");
    }

    /// Every position of the log reached the bus, and the first time in order.
    #[track_caller]
    pub(crate) fn assert_relayed(&self, sogoc: &Sogoc, nats: &Nats, tenant: &str) {
        let size = sogoc.size();
        let mut seen = BTreeSet::new();
        let first: Vec<_> =
            nats.delivered(tenant, size).into_iter().filter(|position| seen.insert(*position)).collect();
        assert_eq!(first, (0..size).collect::<Vec<_>>());
    }

    /// Commands that were acked after they had been sent more than once.
    pub(crate) fn sent_again(&self) -> usize {
        self.acks.iter().filter(|ack| ack.tries > 1).count()
    }
}
