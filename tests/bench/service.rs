//! The service over its protocols: `sogoc serve` as a process of its own, asked over loopback by this one.
//!
//! Client, node and server share the machine: what a client costs is in the rates. A caller is a connection that sends its
//! next call when the last one was answered. Tokens are put into the table of tokens directly, one an account: making
//! thousands of them would be most of a run. All else goes through the front door, authority and limits included; limits
//! are set out of the way.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command as Process, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use futures_util::future::try_join_all;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use sogoc_domain::command::{Command, NewPoints};
use sogoc_domain::scoring::Inputs;
use sqlx::AssertSqlSafe;
use sqlx::postgres::{PgPool, PgPoolOptions};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::Bench;
use crate::commands::{Live, scorecard};
use crate::country::{CHAIR, REVIEWERS, SECRETARY, Season};
use crate::http2::Grpc;
use crate::random::mix;
use crate::report::{median, number};
use crate::writer::uuid_of;

/// What is wanted (issue 5).
const COMMANDS_RATIO: f64 = 0.7;
const QUESTIONS_RATIO: f64 = 20.0;
const TWO_NODES_RATIO: f64 = 0.8;
const P99_SECONDS: f64 = 0.010;
const READY_SECONDS: f64 = 1.0;
const IDLE_MIB: f64 = 100.0;
/// Connections that ask questions.
const ASKERS: usize = 64;
/// Nodes of a trace that shows the figures under an index and no entries.
const FIGURES: usize = 66;
/// Rows of a ranking on its first page, and so of its peer.
const PAGE: usize = 200;

// ---- a node -------------------------------------------------------------------------------------------------------

/// `sogoc serve`, killed when dropped.
struct Node {
    child: Child,
    address: SocketAddr,
    operator: SocketAddr,
    /// From the start of the process until it said that it is ready.
    ready: Duration,
}

impl Node {
    async fn start(store: &str, folder: &Path) -> anyhow::Result<Self> {
        let sogoc = std::env::var_os("SOGOC_BIN").context("SOGOC_BIN names no sogoc: run this by tests/bench/run")?;
        let start = Instant::now();
        let mut child = Process::new(sogoc)
            .args(["--store", store, "--json", "serve", "--listen", "127.0.0.1:0", "--operator-listen", "127.0.0.1:0"])
            .env("SOGOC_KEY_FILE", folder.join("node.key"))
            .env("SOGOC_LIMITS_REQUESTS_PER_SECOND", "100000")
            .env("SOGOC_LIMITS_BURST", "100000")
            .env("SOGOC_LIMITS_IN_FLIGHT", "1024")
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()?;
        let mut lines = BufReader::new(child.stderr.take().context("piped")?).lines().map_while(Result::ok);
        let said = lines
            .by_ref()
            .filter_map(|line| serde_json::from_str::<Value>(&line).ok())
            .find(|line| line["listening"].is_string())
            .context("the node did not start")?;
        // So that it never waits for somebody to read.
        std::thread::spawn(move || lines.for_each(drop));
        let address = |name: &str| said[name].as_str().context("an address")?.parse().context("an address");
        let mut node =
            Self { child, address: address("listening")?, operator: address("operator")?, ready: start.elapsed() };
        loop {
            if let Ok(mut http) = Http::connect(node.operator).await
                && http.get("/readyz", "").await.is_ok()
            {
                node.ready = start.elapsed();
                return Ok(node);
            }
            ensure!(start.elapsed() < Duration::from_secs(300), "the node was never ready");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// Resident memory, in MiB.
    fn resident_mib(&self) -> anyhow::Result<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find(|line| line.starts_with("VmRSS")).context("no VmRSS")?;
        Ok(line.split_whitespace().nth(1).context("no number")?.parse::<f64>()? / 1_024.0)
    }

    /// SIGTERM, and its end.
    fn stop(mut self) -> anyhow::Result<()> {
        Process::new("kill").args(["-TERM", &self.child.id().to_string()]).status()?;
        let ended = self.child.wait()?;
        ensure!(ended.success(), "the node ended with {ended}");
        Ok(())
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The token of an account.
fn token(account: &str) -> String {
    format!("sogoc_{account:0>43}")
}

/// Puts a token for each account into a log's table.
async fn grant(pool: &PgPool, schema: &str, accounts: &[String]) -> anyhow::Result<()> {
    let digests: Vec<Vec<u8>> = accounts.iter().map(|account| Sha256::digest(token(account)).to_vec()).collect();
    let sql = format!(
        "insert into {schema}.api_token (id, digest, account, name, scopes, second_factor, created_at_us, expires_at_us)
         select 'tok-' || account, digest, account, 'bench',
                'read command:record-self-score command:submit-scorecard command:adjust-score', 1,
                0, 4102444800000000
         from unnest($1::text[], $2::bytea[]) as given (account, digest)
         on conflict do nothing"
    );
    sqlx::query(AssertSqlSafe(sql)).bind(accounts).bind(digests).execute(pool).await?;
    Ok(())
}

// ---- gRPC ---------------------------------------------------------------------------------------------------------

/// A field of a message: its number and its bytes.
fn field(message: &mut Vec<u8>, number: u8, bytes: &[u8]) {
    let mut varint = |mut value: usize| {
        while value >= 0x80 {
            message.push(u8::try_from(value & 0x7f).expect("7 bits") | 0x80);
            value >>= 7;
        }
        message.push(u8::try_from(value).expect("7 bits"));
    };
    varint(usize::from(number) << 3 | 2);
    varint(bytes.len());
    message.extend_from_slice(bytes);
}

fn inputs(inputs: &Inputs) -> anyhow::Result<Vec<u8>> {
    let Inputs::Ratio { numerator, denominator } = inputs else { bail!("a live season has ratios only") };
    let (mut ratio, mut message) = (Vec::new(), Vec::new());
    field(&mut ratio, 1, denominator.to_string().as_bytes());
    field(&mut ratio, 2, numerator.to_string().as_bytes());
    field(&mut message, 2, &ratio);
    Ok(message)
}

/// A command as its method and its request.
fn request(id: u128, command: &Command) -> anyhow::Result<(&'static str, Vec<u8>)> {
    let mut message = Vec::with_capacity(512);
    field(&mut message, 1, uuid_of(id).to_string().as_bytes());
    let mut head = |season: &str, agency: &str| {
        field(&mut message, 10, season.as_bytes());
        field(&mut message, 11, agency.as_bytes());
    };
    #[expect(clippy::wildcard_enum_match_arm, reason = "three kinds are measured")]
    let called = match command {
        Command::RecordSelfScore(score) => {
            head(score.season.as_str(), score.agency.as_str());
            field(&mut message, 12, score.leaf.as_bytes());
            field(&mut message, 13, &inputs(&score.inputs)?);
            ("sogoc.v1.ScorecardsService/RecordSelfScore", message)
        }
        Command::SubmitScorecard(submit) => {
            head(submit.season.as_str(), submit.agency.as_str());
            ("sogoc.v1.ScorecardsService/SubmitScorecard", message)
        }
        Command::AdjustScore(adjust) => {
            head(adjust.season.as_str(), adjust.agency.as_str());
            let NewPoints::Inputs(to) = &adjust.points else { bail!("a live season has inputs only") };
            let mut points = Vec::new();
            field(&mut points, 1, &inputs(to)?);
            field(&mut message, 12, adjust.leaf.as_bytes());
            field(&mut message, 13, &points);
            field(&mut message, 14, adjust.reason_code.as_bytes());
            field(&mut message, 15, adjust.reason.as_str().as_bytes());
            ("sogoc.v1.ScorecardsService/AdjustScore", message)
        }
        other => bail!("{} is not measured", other.kind()),
    };
    Ok(called)
}

impl Live {
    /// As [`Live::score`], over gRPC: so many connections, spread over the nodes.
    async fn score_over_grpc(
        &mut self,
        pool: &PgPool,
        schema: &str,
        nodes: usize,
        connections: u32,
        lasting: Duration,
        folder: &Path,
    ) -> anyhow::Result<f64> {
        let season = Arc::new(self.season().await?);
        let mut accounts: Vec<String> = Vec::new();
        for agency in 0..season.agencies {
            accounts.extend([season.officer(agency).to_string(), season.leader(agency).to_string()]);
        }
        for domain in 0..crate::country::DOMAINS {
            accounts.extend((0..REVIEWERS).map(|number| Season::reviewer(domain, number).to_string()));
        }
        grant(pool, schema, &accounts).await?;
        let url = self.app.log().clone();
        let before = url.head().await?.size;
        let mut running = Vec::new();
        for number in 0..nodes {
            let folder = folder.join(format!("node-{number}"));
            std::fs::create_dir_all(&folder)?;
            running.push(Node::start(&self.url, &folder).await?);
        }
        let mut callers = Vec::new();
        for number in 0..connections {
            callers.push(Grpc::connect(running[number as usize % nodes].address).await?);
        }
        let (done, taken, salt) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU32::new(0)), mix(self.salt ^ before));
        let start = Instant::now();
        let until = start + lasting;
        let tasks = callers.into_iter().map(|mut grpc| {
            let (season, done, taken) = (Arc::clone(&season), Arc::clone(&done), Arc::clone(&taken));
            tokio::spawn(async move {
                loop {
                    let agency = taken.fetch_add(1, Ordering::Relaxed);
                    ensure!(agency < season.agencies, "all scorecards were used up");
                    for (account, command) in scorecard(&season, agency) {
                        if Instant::now() >= until {
                            return anyhow::Ok(Instant::now());
                        }
                        let number = done.fetch_add(1, Ordering::Relaxed);
                        let id = u128::from(mix(salt ^ number)) << 64 | u128::from(mix(!salt ^ mix(number)));
                        let (method, message) = request(id, &command)?;
                        grpc.call(method, &token(account.as_str()), &message).await?;
                    }
                }
            })
        });
        let mut last = start;
        for finished in try_join_all(tasks).await? {
            last = last.max(finished?);
        }
        for node in running {
            node.stop()?;
        }
        let (commands, after) = (done.load(Ordering::Relaxed), url.head().await?.size);
        ensure!(after - before == commands, "{commands} commands were acked, {} entries are there", after - before);
        self.app.catch_up().await?;
        Ok(commands as f64 / (last - start).as_secs_f64())
    }
}

/// Calls that do nothing, by so many connections, a second: what gRPC and this client leave of the machine.
async fn empty_calls(node: &Node, connections: u32, lasting: Duration) -> anyhow::Result<f64> {
    let mut callers = Vec::new();
    for _ in 0..connections {
        callers.push(Grpc::connect(node.address).await?);
    }
    let start = Instant::now();
    let until = start + lasting;
    let tasks = callers.into_iter().map(|mut grpc| {
        tokio::spawn(async move {
            let mut done = 0_u64;
            while Instant::now() < until {
                grpc.call("grpc.health.v1.Health/Check", "", &[]).await?;
                done += 1;
            }
            anyhow::Ok(done)
        })
    });
    let done: u64 = try_join_all(tasks).await?.into_iter().sum::<anyhow::Result<u64>>()?;
    Ok(done as f64 / start.elapsed().as_secs_f64())
}

// ---- plain HTTP ---------------------------------------------------------------------------------------------------

/// A connection of HTTP/1.1 that is kept.
struct Http {
    stream: tokio::io::BufReader<TcpStream>,
    address: SocketAddr,
}

impl Http {
    async fn connect(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream: tokio::io::BufReader::with_capacity(1 << 16, stream), address })
    }

    /// The bytes of an answer, which must be 200.
    async fn get(&mut self, path: &str, token: &str) -> anyhow::Result<Vec<u8>> {
        let head = format!("GET {path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {token}\r\n\r\n", self.address);
        let head =
            if token.is_empty() { format!("GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n", self.address) } else { head };
        self.stream.write_all(head.as_bytes()).await?;
        let (mut status, mut length, mut line) = (String::new(), None, String::new());
        loop {
            line.clear();
            ensure!(self.stream.read_line(&mut line).await? > 0, "the connection ended");
            let text = line.trim_end();
            if status.is_empty() {
                text.clone_into(&mut status);
            } else if text.is_empty() {
                break;
            } else if let Some(value) = text.to_ascii_lowercase().strip_prefix("content-length:") {
                length = Some(value.trim().parse::<usize>()?);
            }
        }
        let mut body = vec![0; length.unwrap_or(0)];
        self.stream.read_exact(&mut body).await?;
        ensure!(status.split(' ').nth(1) == Some("200"), "{path}: {status} {}", String::from_utf8_lossy(&body));
        Ok(body)
    }
}

/// A question: its path for the n-th asker's m-th time.
type Question = Arc<dyn Fn(u64) -> String + Send + Sync>;

/// As many questions as are answered in that time, a second.
async fn peak(nodes: &[SocketAddr], ask: &Question, lasting: Duration) -> anyhow::Result<f64> {
    let (done, until) = (Arc::new(AtomicU64::new(0)), Instant::now() + lasting);
    let start = Instant::now();
    let mut tasks = Vec::new();
    for number in 0..ASKERS {
        let mut http = Http::connect(nodes[number % nodes.len()]).await?;
        let (done, ask, token) = (Arc::clone(&done), Arc::clone(ask), token(SECRETARY));
        tasks.push(tokio::spawn(async move {
            while Instant::now() < until {
                http.get(&ask(done.fetch_add(1, Ordering::Relaxed)), &token).await?;
            }
            anyhow::Ok(())
        }));
    }
    for task in try_join_all(tasks).await? {
        task?;
    }
    Ok(done.load(Ordering::Relaxed) as f64 / start.elapsed().as_secs_f64())
}

/// The 99th of a hundred answers in seconds, each from when it was due, at so many questions a second.
async fn p99(node: SocketAddr, ask: &Question, rate: f64, lasting: Duration) -> anyhow::Result<f64> {
    let each = Duration::from_secs_f64(ASKERS as f64 / rate);
    let start = Instant::now() + Duration::from_millis(50);
    let mut tasks = Vec::new();
    for number in 0..ASKERS {
        let mut http = Http::connect(node).await?;
        let (ask, token) = (Arc::clone(ask), token(SECRETARY));
        let mut due = start + each.mul_f64(number as f64 / ASKERS as f64);
        tasks.push(tokio::spawn(async move {
            let mut taken = Vec::new();
            let mut count = number as u64;
            while due < start + lasting {
                tokio::time::sleep_until(due.into()).await;
                http.get(&ask(count), &token).await?;
                taken.push(due.elapsed().as_secs_f64());
                count += ASKERS as u64;
                due += each;
            }
            anyhow::Ok(taken)
        }));
    }
    let mut all = Vec::new();
    for taken in try_join_all(tasks).await? {
        all.extend(taken?);
    }
    all.sort_by(f64::total_cmp);
    let at = (all.len() * 99).div_ceil(100).clamp(1, all.len().max(1)) - 1;
    all.get(at).copied().context("no answers")
}

/// As many statements as are answered in that time, a second, by as many connections.
async fn statements(pool: &PgPool, sql: &str, season: &Season, lasting: Duration) -> anyhow::Result<f64> {
    let (done, until) = (Arc::new(AtomicU64::new(0)), Instant::now() + lasting);
    let start = Instant::now();
    let tasks = (0..ASKERS).map(|_| {
        let (done, pool, sql, season) = (Arc::clone(&done), pool.clone(), sql.to_owned(), season.clone());
        tokio::spawn(async move {
            let mut connection = pool.acquire().await?;
            while Instant::now() < until {
                let number = done.fetch_add(1, Ordering::Relaxed);
                let agency = agency_of(&season, number);
                let rows = sqlx::query(AssertSqlSafe(sql.clone()))
                    .bind(season.id.as_str())
                    .bind(agency)
                    .fetch_all(&mut *connection)
                    .await?;
                ensure!(!rows.is_empty(), "the mirror has no rows: {sql}");
            }
            anyhow::Ok(())
        })
    });
    for task in try_join_all(tasks).await? {
        task?;
    }
    Ok(done.load(Ordering::Relaxed) as f64 / start.elapsed().as_secs_f64())
}

fn agency_of(season: &Season, number: u64) -> String {
    let agency = u32::try_from(mix(number) % u64::from(season.agencies)).expect("below a u32");
    season.agency(agency).to_string()
}

// ---- measurements -------------------------------------------------------------------------------------------------

impl Bench {
    fn service_folder(&self, name: &str) -> anyhow::Result<PathBuf> {
        let folder = self.folder.path().join(name);
        std::fs::create_dir_all(&folder)?;
        Ok(folder)
    }

    async fn pool(&self) -> anyhow::Result<PgPool> {
        let url = self.url.as_ref().context("which database? give --url")?;
        Ok(PgPoolOptions::new().max_connections(u32::try_from(ASKERS)? + 2).connect(url).await?)
    }

    /// Score commands over gRPC and through the app in this process, in turn, on one PostgreSQL; then by two nodes.
    pub(crate) async fn service_commands(&mut self) -> anyhow::Result<()> {
        let (url, schema) = (self.postgres("service")?, format!("{}_service", self.schemas));
        let (pool, folder) = (self.pool().await?, self.service_folder("service")?);
        let mut live = Live::open(&url, self.scorecards()).await?;
        for connections in [1, 64, 256] {
            let (mut ours, mut theirs, mut empty) = (Vec::new(), Vec::new(), Vec::new());
            for _ in 0..self.repetitions {
                ours.push(live.score_over_grpc(&pool, &schema, 1, connections, self.duration, &folder).await?);
                theirs.push(live.score(connections, self.duration).await?.per_second);
                let node = Node::start(&live.url, &folder).await?;
                empty.push(empty_calls(&node, connections, self.duration).await?);
                node.stop()?;
            }
            let (ours, theirs, empty) = (median(ours), median(theirs), median(empty));
            let what = format!("score commands over gRPC, PostgreSQL, connections: {connections}");
            self.report.rate(&what, ours, theirs, "app in process", Some(COMMANDS_RATIO));
            // Where every command costs what it costs the app, and the call what it costs when it does nothing.
            let limit = 1.0 / (1.0 / theirs + 1.0 / empty);
            let peer = format!("limit: the app, and an empty call at {}/s", number(empty));
            self.report.rate(what, ours, limit, &peer, None);
        }
        let (mut two, mut one) = (Vec::new(), Vec::new());
        for _ in 0..self.repetitions {
            one.push(live.score_over_grpc(&pool, &schema, 1, 64, self.duration, &folder).await?);
            two.push(live.score_over_grpc(&pool, &schema, 2, 64, self.duration, &folder).await?);
        }
        let what = "score commands over gRPC, two nodes, connections: 64";
        self.report.rate(what, median(two), median(one), "one node", Some(TWO_NODES_RATIO));
        live.close().await;
        Ok(())
    }

    /// Rankings and traces over HTTP with JSON on the country's season, against SQL on its mirror.
    pub(crate) async fn service_questions(&mut self) -> anyhow::Result<()> {
        let country = self.country().await?;
        let (pool, folder) = (self.pool().await?, self.service_folder("questions")?);
        grant(&pool, &country.schema, &[SECRETARY.to_owned(), CHAIR.to_owned()]).await?;
        let sogoc = std::env::var_os("SOGOC_BIN").context("SOGOC_BIN names no sogoc")?;
        let start = Instant::now();
        let rebuilt = Process::new(sogoc)
            .args(["--store", &country.url, "mirror", "rebuild"])
            .env("SOGOC_KEY_FILE", folder.join("node.key"))
            .stdout(Stdio::null())
            .status()?;
        ensure!(rebuilt.success(), "sogoc mirror rebuild: {rebuilt}");
        eprintln!("  the mirror was built in {:.0} s", start.elapsed().as_secs_f64());
        sqlx::query("analyze").execute(&pool).await?;
        let season = Season::country(self.agencies, 1);
        let node = Node::start(&country.url, &folder).await?;
        let read = format!("{}_read", country.schema);
        // Sums and places of all, the rows of a page; survey points stand elsewhere, and are left out.
        let ranking = format!(
            "select agency, total, place
             from (
               select agency, sum(appraised_micro) as total, rank() over (order by sum(appraised_micro) desc) as place
               from {read}.current_score
               where season = $1 and ranking_group = 'xa' and $2 <> ''
               group by agency
             ) as placed
             order by place, agency
             limit {PAGE}"
        );
        // An agency's leaves with the sums of its domains and of all; who, when and why stand elsewhere, and are left out.
        let trace = format!(
            "select code, self_points, appraised_points, position,
                    sum(appraised_micro) over (partition by split_part(code, '.', 1)), sum(appraised_micro) over ()
             from {read}.current_score
             where season = $1 and agency = $2
             order by code"
        );
        // The same with who, when and why: the entries as they are, and their texts.
        let schema = &country.schema;
        let whole = format!(
            "select code, appraised_points, sum(appraised_micro) over (partition by split_part(code, '.', 1)), position
             from {read}.current_score
             where season = $1 and agency = $2
             union all
             select e.entry, t.text, 0, e.position
             from {schema}.entry e left join {schema}.sealed_text t on t.position = e.position
             where e.stream = 'scorecard/' || $1 || '/' || $2"
        );
        let id = season.id.to_string();
        let ranked: Question = Arc::new(move |_| format!("/v1/seasons/{id}/ranking?group=xa&page_size={PAGE}"));
        let of = season.clone();
        let traced: Question =
            Arc::new(move |number| format!("/v1/traces/{}/xa/{}/index", of.id, agency_of(&of, number)));
        let whole_of = Arc::clone(&traced);
        // The index, its sums and the leaves: what the peer's rows say.
        let figures: Question = Arc::new(move |number| format!("{}?nodes_max={FIGURES}", whole_of(number)));
        let cases = [
            ("ranking over HTTP/JSON", &ranked, &ranking, "SQL on current_score", Some(QUESTIONS_RATIO)),
            ("trace over HTTP/JSON, figures alone", &figures, &trace, "SQL on current_score", Some(QUESTIONS_RATIO)),
            ("trace over HTTP/JSON", &traced, &whole, "SQL on current_score, entries and texts", Some(QUESTIONS_RATIO)),
        ];
        for (what, ask, sql, peer, target) in cases {
            let (mut ours, mut theirs, mut late) = (Vec::new(), Vec::new(), Vec::new());
            for _ in 0..self.repetitions {
                let rate = peak(&[node.address], ask, self.duration).await?;
                theirs.push(statements(&pool, sql, &season, self.duration).await?);
                if target.is_some() {
                    late.push(p99(node.address, ask, rate / 2.0, self.duration).await?);
                }
                ours.push(rate);
            }
            let what = format!("{what}, {} agencies, connections: {ASKERS}", self.agencies);
            self.report.rate(&what, median(ours), median(theirs), peer, target);
            if target.is_some() {
                self.report.time(format!("{what}: p99 at half of that rate"), median(late), Some(P99_SECONDS));
            }
        }
        let mut http = Http::connect(node.address).await?;
        for (what, path) in [("ranking", ranked(0)), ("trace", traced(0)), ("trace of figures alone", figures(0))] {
            let bytes = http.get(&path, &token(SECRETARY)).await?.len();
            self.report.note(format!("The answer to a {what} has {} bytes of JSON.", number(bytes as f64)));
        }
        let fixed: Question = Arc::new(|_| "/".to_owned());
        let mut answered = Vec::new();
        for _ in 0..self.repetitions {
            answered.push(peak(&[node.address], &fixed, self.duration).await?);
        }
        let answered = number(median(answered));
        self.report
            .note(format!("A fixed answer over HTTP, connections: {ASKERS}: {answered}/s, the limit of any question."));
        let second = folder.join("second");
        std::fs::create_dir_all(&second)?;
        let other = Node::start(&country.url, &second).await?;
        let (mut two, mut one) = (Vec::new(), Vec::new());
        for _ in 0..self.repetitions {
            one.push(peak(&[node.address], &ranked, self.duration).await?);
            two.push(peak(&[node.address, other.address], &ranked, self.duration).await?);
        }
        let what = format!("ranking over HTTP/JSON, two nodes, connections: {ASKERS}");
        self.report.rate(what, median(two), median(one), "one node", None);
        self.report.note(format!("A node of that season takes {} MiB.", number(node.resident_mib()?)));
        other.stop()?;
        node.stop()
    }

    /// Start and memory of a node with Hà Nam's season on an embedded store.
    pub(crate) async fn service_start(&mut self) -> anyhow::Result<()> {
        let folder = self.service_folder("start")?;
        let store = format!("sqlite:{}", folder.join("register.db").display());
        let sogoc = std::env::var_os("SOGOC_BIN").context("SOGOC_BIN names no sogoc")?;
        let demo = Process::new(sogoc)
            .args(["--store", &store, "demo"])
            .env("SOGOC_KEY_FILE", folder.join("node.key"))
            .stdout(Stdio::null())
            .status()?;
        ensure!(demo.success(), "sogoc demo: {demo}");
        let (mut ready, mut resident) = (Vec::new(), Vec::new());
        for _ in 0..self.repetitions {
            let node = Node::start(&store, &folder).await?;
            ready.push(node.ready.as_secs_f64());
            tokio::time::sleep(Duration::from_secs(3)).await;
            resident.push(node.resident_mib()?);
            node.stop()?;
        }
        self.report.time("start of a node to ready, Hà Nam's season, SQLite", median(ready), Some(READY_SECONDS));
        let resident = median(resident);
        self.report.row(crate::report::Row {
            what: "resident memory of that node, idle".to_owned(),
            ours: format!("{} MiB", number(resident)),
            peer: String::new(),
            ratio: String::new(),
            target: format!("< {IDLE_MIB} MiB"),
            reached: Some(resident < IDLE_MIB),
        });
        Ok(())
    }
}
