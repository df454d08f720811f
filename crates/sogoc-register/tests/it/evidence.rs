//! Evidence files of the Hà Nam season: where they are attached and what their entries show.

use sogoc_domain::evidence::Outcome;
use sogoc_proof::Hash;
use sogoc_register::Register;

use crate::support::hanam;

#[test]
fn a_file_is_found_by_its_digest_also_in_a_register_from_a_snapshot() {
    let memory = hanam();
    let register = &memory.register;
    let root = Hash([7; 32]);
    let restored = Register::from_snapshot(&register.to_snapshot(&root), &root).unwrap();
    let season = "hanam-2022".parse().unwrap();
    let attached: Vec<_> = register.evidence_of_season(&season, None, None).collect();
    assert_eq!(attached.len(), 238, "every row of evidence.csv");
    assert!(attached.is_sorted_by_key(|(agency, number, _)| (*agency, *number)));
    let mut files = 0;
    for (at, (agency, number, position)) in attached.iter().copied().enumerate() {
        let mut behind = register.evidence_of_season(&season, None, Some((agency.clone(), number)));
        assert_eq!(behind.next(), attached.get(at + 1).copied());
        let view = register.entry(position).unwrap();
        let evidence = view.evidence.clone().unwrap();
        let Some(digest) = evidence.digest else { continue };
        files += 1;
        assert_eq!(register.evidence_entries(&digest), [position]);
        assert_eq!(restored.uses_of(&digest), register.uses_of(&digest));
        assert_eq!(restored.uses_of(&digest).len(), 1);
        assert_eq!(restored.entry(position), Some(view));
        assert!(evidence.also.is_empty() && !evidence.file_erased);
    }
    assert_eq!(files, 6, "the rows that have a file");
    let named = register.evidence_files();
    assert_eq!((named.stored.len(), named.stated.len()), (7, 0), "the files and the anchors");
    assert_eq!(restored.evidence_files(), named);
}

#[test]
fn an_entry_shows_the_verdict_that_it_gave_and_no_other() {
    let register = &hanam().register;
    let season = "hanam-2022".parse().unwrap();
    let agency = "so-xay-dung".parse().unwrap();
    let views: Vec<_> = register
        .evidence_of_season(&season, Some(&agency), None)
        .map(|(.., position)| register.entry(position).unwrap().evidence.unwrap())
        .collect();
    let judged: Vec<_> = views.iter().filter_map(|view| Some((view.number, view.verdict.as_ref()?.outcome))).collect();
    assert_eq!(judged, [(3, Outcome::Valid), (9, Outcome::Valid), (10, Outcome::Valid)]);
    let file = views.iter().find(|view| view.number == 3).unwrap();
    let signature = &file.verdict.as_ref().unwrap().signatures[0];
    assert!(signature.commitment.is_some() && signature.signer.is_none(), "who signed is fetched by its commitment");
    assert_eq!(file.bytes, Some(12_345));
}
