//! Frozen samples: `golden/{Kind}.v{version}.json` is an event as logs in the field hold it, its personal part opened.
//! Each must decode for ever. See `support/frozen.rs` for `NOVA_BLESS`, which writes new ones.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "support/frozen.rs"]
mod frozen;
#[path = "support/keys.rs"]
mod keys;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use bytes::Bytes;
use frozen::{Bless, Frozen};
use nova_eventlog::{Kind, Recorded};
use nova_events::codec::sealed_part;
use nova_events::{Codec, Event, Meta, samples, seal};
use serde_json::{Value, json};

/// The folder, after it was compared with (and, if wanted, completed from) today's samples; and what was wrong.
static GOLDEN: LazyLock<(Frozen, Vec<String>)> = LazyLock::new(|| {
    let (golden, bless) = (Frozen::new("golden"), Bless::from_environment());
    let current = |kind: &str, sample: &Event| {
        let (clear, personal) = keys::parts(sample);
        json!({ "kind": kind, "version": sample.version(), "clear": clear, "personal": personal })
    };
    let check = |(kind, sample): (&&str, &Event)| {
        golden.check(kind, sample.version(), &current(kind, sample), bless).err()
    };
    let wrong = first_samples().iter().filter_map(check).collect();
    (golden, wrong)
});

/// The frozen sample of each kind: the first.
fn first_samples() -> BTreeMap<&'static str, Event> {
    let mut first = BTreeMap::new();
    for sample in samples::all() {
        first.entry(sample.kind()).or_insert(sample);
    }
    first
}

/// A golden file's record: its clear part as it is, its personal part sealed anew for the sample's owner.
fn stored(codec: &Codec, kind: &str, version: u16, golden: &Value) -> Recorded {
    let like = keys::recorded(codec, &first_samples()[kind]);
    let mut data = golden["clear"].to_string().into_bytes();
    let meta: Meta = serde_json::from_slice(&like.meta).unwrap();
    let meta = Meta { schema_version: version, ..meta };
    if !golden["personal"].is_null() {
        let sealed = sealed_part(&like.data).expect("an event that once had a personal part has one still");
        let (subject, class) = seal::owner(sealed).unwrap();
        let personal = golden["personal"].to_string();
        let place = keys::place(&like, version);
        let sealed = keys::key(codec, subject, class).seal(subject, class, &place, personal.as_bytes());
        data.push(0);
        data.extend_from_slice(&sealed.unwrap());
    }
    Recorded {
        data: Bytes::from(data),
        meta: Bytes::from(serde_json::to_vec(&meta).unwrap()),
        kind: Kind::new(kind).unwrap(),
        ..like
    }
}

#[test]
fn every_kind_has_a_sample_with_all_its_parts() {
    let first = first_samples();
    for (kind, _, _, personal_schema) in Event::schemas() {
        let sample = first.get(kind).unwrap_or_else(|| panic!("{kind} has no sample in src/samples.rs"));
        let (_, personal) = keys::parts(sample);
        assert_eq!(personal.is_some(), personal_schema.is_some(), "{kind}: the personal part of its sample");
    }
}

#[test]
fn todays_encoding_is_the_frozen_one() {
    let (_, wrong) = &*GOLDEN;
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_version_that_was_ever_written_is_frozen_and_no_other() {
    let files = GOLDEN.0.files();
    let kinds: BTreeMap<_, _> = Event::kinds().collect();
    for (kind, version) in files.keys() {
        let known = kinds.get(kind.as_str()).unwrap_or_else(|| panic!("{kind} is frozen but unknown"));
        assert!(version <= known, "{kind} version {version} is frozen, but the program knows up to {known}");
    }
    for (kind, current) in kinds {
        for version in 1..=current {
            assert!(
                files.contains_key(&(kind.to_owned(), version)),
                "golden/{kind}.v{version}.json is missing"
            );
        }
    }
}

#[test]
fn every_frozen_event_decodes() {
    let codec = keys::codec();
    for ((kind, version), golden) in GOLDEN.0.files() {
        let recorded = stored(&codec, &kind, version, &golden);
        let envelope = keys::decode(&codec, &recorded)
            .unwrap_or_else(|error| panic!("{kind} version {version} no longer decodes: {error}"));
        assert_eq!(envelope.meta.schema_version, version);
        let sample = &first_samples()[kind.as_str()];
        if version == sample.version() {
            assert_eq!(envelope.event, *sample, "{kind} version {version}");
        }
    }
}

#[test]
fn a_frozen_file_is_never_replaced_by_accident() {
    let folder = std::env::temp_dir().join(format!("nova-golden-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let golden = Frozen::at(folder.clone());
    let event = |clear: u8| json!({ "kind": "Moved", "version": 1, "clear": clear, "personal": null });
    let frozen = || golden.files()[&("Moved".to_owned(), 1)]["clear"].clone();

    assert!(golden.check("Moved", 1, &event(1), Bless::No).unwrap_err().contains("missing"));
    golden.check("Moved", 1, &event(1), Bless::Missing).unwrap();
    golden.check("Moved", 1, &event(1), Bless::No).unwrap();
    for bless in [Bless::No, Bless::Missing] {
        assert!(golden.check("Moved", 1, &event(2), bless).unwrap_err().contains("differs"));
        assert_eq!(frozen(), 1);
    }
    golden.check("Moved", 1, &event(2), Bless::Overwrite).unwrap();
    assert_eq!(frozen(), 2);
    std::fs::remove_dir_all(folder).unwrap();
}
