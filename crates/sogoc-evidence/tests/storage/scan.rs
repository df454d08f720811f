//! The virus scanner: a real clamd where `SOGOC_TEST_CLAMD` names one, and everything that a wrong one may do.

use std::time::Duration;

use sogoc_evidence::{Scan, ScanError, Scanner};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::noise;

const VERSION: &[u8] = b"ClamAV 1.4.3/27000/Mon Nov 23 09:00:00 2026\0";

/// The text that every scanner knows (eicar.org), in pieces, so that none knows this file.
fn eicar() -> Vec<u8> {
    ["X5O!P%@AP[4\\PZX54(P^)7CC)7}$", "EICAR-STANDARD-", "ANTIVIRUS-TEST-FILE!", "$H+H*"].concat().into_bytes()
}

#[tokio::test]
async fn a_real_clamd_knows_the_test_virus_and_nothing_against_other_files() {
    let Ok(socket) = std::env::var("SOGOC_TEST_CLAMD") else {
        assert!(std::env::var_os("SOGOC_TEST_ALL").is_none(), "SOGOC_TEST_CLAMD names no clamd");
        return;
    };
    let scanner = Scanner::parse(&socket).unwrap();
    let version = scanner.version().await.unwrap();
    assert!(version.starts_with("ClamAV "), "{version}");
    let clean = noise(3_000_000, 1);
    for bytes in [&b"x"[..], &clean] {
        assert_eq!(scanner.scan(bytes).await.unwrap(), Scan::Clean { engine: version.clone() });
    }
    let Scan::Infected { name, engine } = scanner.scan(&*eicar()).await.unwrap() else { panic!("called clean") };
    assert!(name.to_lowercase().contains("eicar"), "{name}");
    assert_eq!(engine, version);
    // More than the 4 MiB that this clamd takes: it says so and hangs up.
    match scanner.scan(&*noise(30_000_000, 2)).await {
        Err(ScanError::TooLarge { limit }) => assert!(limit.contains("StreamMaxLength"), "{limit}"),
        Err(ScanError::Unreachable { .. }) => {}
        other => panic!("{other:?}"),
    }
    let small = scanner.with_bytes_max(1_000);
    assert!(matches!(small.scan(&*clean).await, Err(ScanError::TooLarge { .. })));
}

/// What a clamd does with a scan, after it told its version.
#[derive(Clone, Copy)]
enum Fake {
    /// Takes all in and answers so.
    Answers(&'static [u8]),
    /// Answers so after as many bytes, and hangs up.
    HangsUpAfter(usize, &'static [u8]),
    /// Takes all in and says nothing more.
    Silent,
    /// Takes nothing in and says nothing.
    Deaf,
}

async fn until_nul(connection: &mut TcpStream) -> Vec<u8> {
    let mut command = Vec::new();
    while command.last() != Some(&0) {
        command.push(connection.read_u8().await.unwrap());
    }
    command
}

/// A fake on loopback; it says how many bytes of file it was sent.
async fn fake(version: &'static [u8], fake: Fake) -> (Scanner, tokio::sync::mpsc::Receiver<Option<usize>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let scanner = Scanner::parse(&format!("tcp:{}", listener.local_addr().unwrap())).unwrap();
    let (sender, receiver) = tokio::sync::mpsc::channel(1);
    tokio::spawn(async move {
        let (mut connection, _) = listener.accept().await.unwrap();
        assert_eq!(until_nul(&mut connection).await, b"zVERSION\0");
        connection.write_all(version).await.unwrap();
        drop(connection);
        let Ok((mut connection, _)) = listener.accept().await else { return };
        if matches!(fake, Fake::Deaf) {
            std::future::pending::<()>().await;
        }
        assert_eq!(until_nul(&mut connection).await, b"zINSTREAM\0");
        let mut size = 0;
        let whole = loop {
            if let Fake::HangsUpAfter(limit, answer) = fake
                && size >= limit
            {
                connection.write_all(answer).await.unwrap();
                break None;
            }
            let Ok(length) = connection.read_u32().await else { break None };
            if length == 0 {
                break Some(size);
            }
            let mut piece = vec![0; length as usize];
            connection.read_exact(&mut piece).await.unwrap();
            size += piece.len();
        };
        match fake {
            Fake::Answers(answer) if whole.is_some() => connection.write_all(answer).await.unwrap(),
            Fake::Silent => std::future::pending().await,
            Fake::Answers(_) | Fake::HangsUpAfter(..) | Fake::Deaf => {}
        }
        sender.send(whole).await.unwrap();
    });
    (scanner.with_patience(Duration::from_millis(300), Duration::from_millis(300)), receiver)
}

#[tokio::test]
async fn all_of_a_file_is_sent_and_the_answer_is_what_clamd_said() {
    let engine = || String::from_utf8(VERSION[..VERSION.len() - 1].to_vec()).unwrap();
    let name = || "Win.Test.EICAR_HDB-1".to_owned();
    let cases = [
        (&b"stream: OK\0"[..], Scan::Clean { engine: engine() }),
        (b"stream: Win.Test.EICAR_HDB-1 FOUND\0", Scan::Infected { name: name(), engine: engine() }),
    ];
    for (answer, scan) in cases {
        for size in [1, 65_536, 1_000_000] {
            let (scanner, mut sent) = fake(VERSION, Fake::Answers(answer)).await;
            assert_eq!(scanner.scan(&*noise(size, 1)).await.unwrap(), scan);
            assert_eq!(sent.recv().await.unwrap(), Some(size));
        }
    }
}

#[tokio::test]
async fn what_is_no_answer_is_never_clean() {
    let bytes = noise(200_000, 1);
    let no_answers: [&[u8]; 12] = [
        b"",
        b"OK",
        b"stream: OK",
        b"stream: OK\n\0",
        b"stream: OKAY\0",
        b"stream: not OK\0",
        b"stream:  FOUND\0",
        b"stream: lstat() failed: No such file or directory. ERROR\0",
        b"UNKNOWN COMMAND\0",
        b"\xff\xfe\0",
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        &[b'x'; 10_000],
    ];
    for answer in no_answers {
        let (scanner, _sent) = fake(VERSION, Fake::Answers(answer)).await;
        let scan = scanner.scan(&*bytes).await;
        assert!(
            matches!(scan, Err(ScanError::NoAnswer { .. } | ScanError::Unreachable { .. })),
            "{answer:?}: {scan:?}"
        );
    }
    for version in [&b""[..], b"OK\0", b"SSH-2.0-OpenSSH_9.2\r\n", b"ClamAV 1.4"] {
        let (scanner, _sent) = fake(version, Fake::Silent).await;
        let scan = scanner.scan(&*bytes).await;
        assert!(matches!(scan, Err(ScanError::NoAnswer { .. })), "{version:?}: {scan:?}");
    }
}

#[tokio::test]
async fn a_clamd_that_hangs_up_early_is_asked_why_and_never_believed_to_have_seen_it_all() {
    let bytes = noise(20_000_000, 1);
    let (scanner, _sent) = fake(VERSION, Fake::HangsUpAfter(100_000, b"INSTREAM size limit exceeded. ERROR\0")).await;
    let scan = scanner.scan(&*bytes).await;
    // Whether what it said still arrives is the network's to decide once it has hung up.
    let told = matches!(&scan, Err(ScanError::TooLarge { limit }) if limit.contains("StreamMaxLength"));
    assert!(told || matches!(scan, Err(ScanError::Unreachable { .. })), "{scan:?}");
    for answer in [&b"stream: OK\0"[..], b""] {
        let (scanner, _sent) = fake(VERSION, Fake::HangsUpAfter(100_000, answer)).await;
        let scan = scanner.scan(&*bytes).await;
        assert!(matches!(scan, Err(ScanError::NoAnswer { .. } | ScanError::Unreachable { .. })), "{scan:?}");
    }
}

#[tokio::test]
async fn a_silent_clamd_is_waited_for_only_so_long() {
    let bytes = noise(20_000_000, 1);
    for silent in [Fake::Silent, Fake::Deaf] {
        let (scanner, _sent) = fake(VERSION, silent).await;
        let scan = scanner.scan(&*bytes).await;
        assert!(matches!(scan, Err(ScanError::Silent { .. })), "{scan:?}");
    }
}

#[tokio::test]
async fn a_file_over_the_limit_or_broken_off_is_not_scanned() {
    let (scanner, mut sent) = fake(VERSION, Fake::Answers(b"stream: OK\0")).await;
    let scan = scanner.with_bytes_max(100_000).scan(&*noise(100_001, 1)).await;
    assert!(matches!(&scan, Err(ScanError::TooLarge { limit }) if limit.contains("100000")), "{scan:?}");
    assert_eq!(sent.recv().await.unwrap(), None, "the end was never said");

    let (scanner, mut sent) = fake(VERSION, Fake::Answers(b"stream: OK\0")).await;
    let broken = cut_off(&noise(100_000, 1));
    let scan = scanner.scan(broken).await;
    assert!(matches!(scan, Err(ScanError::Source(_))), "{scan:?}");
    assert_eq!(sent.recv().await.unwrap(), None, "the end was never said");
}

/// Some bytes and then an error.
fn cut_off(bytes: &[u8]) -> impl tokio::io::AsyncRead + Send + use<> {
    let pieces = [Ok(bytes::Bytes::copy_from_slice(bytes)), Err(std::io::Error::other("cut off"))];
    tokio_util::io::StreamReader::new(futures_util::stream::iter(pieces))
}

#[tokio::test]
async fn a_scanner_that_is_not_there_is_said_to_be_unreachable() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("tcp:{}", listener.local_addr().unwrap());
    drop(listener);
    for address in [&*address, "unix:/nowhere/clamd.ctl"] {
        let scan = Scanner::parse(address).unwrap().scan(&b"x"[..]).await;
        let error = scan.unwrap_err();
        assert!(matches!(error, ScanError::Unreachable { .. }) && error.to_string().contains(address), "{error}");
    }
    for text in [
        "",
        "clamd",
        "unix:",
        "unix:relative",
        "tcp:",
        "tcp:host",
        "tcp::3310",
        "tcp:host:0",
        "tcp:host:99999",
        "udp:a:1",
    ] {
        let error = Scanner::parse(text).unwrap_err();
        assert!(error.to_string().contains("unix:/path"), "{error}");
    }
}
