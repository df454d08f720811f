//! Every step of an append fails once, in two modes: nothing acked is lost, nothing is doubled, and the same command id
//! gets the receipt.

use std::collections::HashMap;

use futures_util::future::join_all;
use sogoc_log::{Faulty, LogError, Mode, Options, Position, Step};

use super::appending::check_whole;
use super::stage::{Stage, append, fill, on_both_stores, stream};

on_both_stores!(
    every_step_fails_in_both_modes_and_a_retry_gets_the_receipt,
    under_random_faults_what_is_acked_is_recorded_once,
    a_caller_that_goes_away_does_not_undo_its_append,
    losers_of_a_batch_that_fails_are_not_told_of_what_never_was,
);

fn with(faulty: &Faulty) -> Options {
    Options { faulty: faulty.clone(), ..Options::default() }
}

async fn every_step_fails_in_both_modes_and_a_retry_gets_the_receipt(stage: Stage) {
    let faulty = Faulty::default();
    let log = stage.log_with(with(&faulty)).await;
    let mut size = 1;
    fill(&log, "a/x", 1).await;
    for step in Step::ALL {
        for mode in Mode::ALL {
            let one = append("a/x", size);
            faulty.fail_next(step, mode);
            let answer = log.append(one.clone()).await;
            assert!(faulty.is_spent());
            assert!(matches!(answer, Err(LogError::Unavailable { .. })), "{step:?} {mode:?}: {answer:?}");
            let persisted = step == Step::Commit && mode == Mode::PersistedButFailed;
            assert_eq!(check_whole(&log).await, size + u64::from(persisted), "{step:?} {mode:?}");
            let receipt = log.append(one.clone()).await.expect("a retry goes through");
            assert_eq!(receipt.repeated, persisted, "{step:?} {mode:?}");
            assert_eq!(receipt.positions, [Position(size)]);
            size += 1;
            assert_eq!(check_whole(&log).await, size);
            assert_eq!(log.append(one).await.map(|receipt| receipt.repeated), Ok(true));
        }
    }
    let report = log.verify(sogoc_log::Frontier::new(), |_, _| ()).await.expect("readable");
    assert_eq!(report.fault, None);
}

async fn under_random_faults_what_is_acked_is_recorded_once(stage: Stage) {
    let faulty = Faulty::default();
    let logs = [stage.log_with(with(&faulty)).await, stage.log().await];
    let seed = u64::from(std::process::id());
    #[expect(clippy::print_stdout, reason = "shown when the test fails")]
    {
        println!("seed {seed}");
    }
    let writers = (0..12).map(|n| {
        let log = logs[n % 2].clone();
        tokio::spawn(async move {
            let name = format!("a/{n}");
            let mut acked = Vec::new();
            for version in 0..15 {
                let one = append(&name, version);
                let receipt = loop {
                    match log.append(one.clone()).await {
                        Ok(receipt) => break receipt,
                        Err(LogError::Unavailable { .. }) => tokio::task::yield_now().await,
                        Err(other) => panic!("{other}"),
                    }
                };
                acked.push((one.command, receipt.positions));
            }
            acked
        })
    });
    let writers: Vec<_> = writers.collect();
    let mut random = seed | 1;
    while !writers.iter().all(tokio::task::JoinHandle::is_finished) {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let step = Step::ALL[(random >> 33) as usize % Step::ALL.len()];
        let mode = Mode::ALL[(random >> 40) as usize % Mode::ALL.len()];
        faulty.fail_next(step, mode);
        tokio::task::yield_now().await;
    }
    let mut acked = HashMap::new();
    for writer in join_all(writers).await {
        acked.extend(writer.expect("no panic"));
    }
    assert_eq!(check_whole(&logs[0]).await, 12 * 15);
    for (command, positions) in acked {
        let (_, receipt) = logs[1].receipt(command).await.expect("readable").expect("acked, so recorded");
        assert_eq!(receipt.positions, positions);
    }
}

async fn a_caller_that_goes_away_does_not_undo_its_append(stage: Stage) {
    let log = stage.log().await;
    let one = append("a/x", 0);
    {
        let mut sent = Box::pin(log.append(one.clone()));
        // Polled once it is queued; then its caller is gone.
        std::future::poll_fn(|context| {
            let _ = sent.as_mut().poll(context);
            std::task::Poll::Ready(())
        })
        .await;
    }
    let receipt = log.append(one).await.expect("recorded then or now");
    assert_eq!(receipt.positions, [Position(0)]);
    assert_eq!(check_whole(&log).await, 1);
}

async fn losers_of_a_batch_that_fails_are_not_told_of_what_never_was(stage: Stage) {
    let faulty = Faulty::default();
    let log = stage.log_with(with(&faulty)).await;
    for mode in [Mode::Failed, Mode::Failed] {
        let version = log.stream_version(&stream("a/x")).await.expect("readable").0;
        faulty.fail_next(Step::Commit, mode);
        let answers = join_all((0..30).map(|_| log.append(append("a/x", version)))).await;
        let now = log.stream_version(&stream("a/x")).await.expect("readable").0;
        for answer in answers {
            match answer {
                Ok(_) | Err(LogError::Unavailable { .. }) => {}
                // Only a version that was really reached may be reported.
                Err(LogError::Conflict { actual, .. }) => assert!(actual.0 <= now && now > version),
                Err(other) => panic!("{other}"),
            }
        }
    }
    check_whole(&log).await;
}
